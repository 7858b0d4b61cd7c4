"""Processes that end with the tests that started them, also when those are killed."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

STOP_SECONDS = 10


def tied(command: Sequence[Path | str]) -> list[str]:
    """Return the command as one that the kernel kills as soon as its parent has died (Linux)."""
    program = shutil.which("setpriv")
    words = [f"{word}" for word in command]
    return [program, "--pdeathsig", "KILL", "--", *words] if program else words


@contextlib.contextmanager
def process(
    command: Sequence[Path | str], folder: Path, prefix: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that logs into ``<folder>/<its name>.log``; ``prefix`` is a command that becomes the program."""
    with (folder / f"{Path(command[0]).name}.log").open("ab") as log:
        started = subprocess.Popen([*prefix, *tied(command)], stdout=log, stderr=log, cwd=folder)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
