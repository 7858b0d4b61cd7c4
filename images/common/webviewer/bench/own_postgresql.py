"""A PostgreSQL server of our own on a scratch folder, for measurements."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webviewer.errors import PeerUnavailableError

_PLACES = Path("/usr/lib/postgresql")


@contextmanager
def running_postgresql() -> Iterator[str]:
    """Yield the URL of an empty database; settings are PostgreSQL's own, so that a commit is on the disk."""
    folder = Path(tempfile.mkdtemp(prefix="webviewer-bench-pg-", dir="/tmp"))
    # The server refuses to run as root, so root hands it to the user postgres.
    other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if other:
        shutil.chown(folder, "postgres")
    data, log = folder / "data", folder / "log"

    def run(program: str, *arguments: str) -> None:
        # A file, not a pipe: the server inherits it and would keep a pipe open.
        with log.open("ab") as file:
            subprocess.run([*other, _program(program), *arguments], check=True, stdout=file, stderr=file, cwd="/")  # noqa: S603 - named above

    try:
        run("initdb", "-D", f"{data}", "-U", "webviewer", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        run("pg_ctl", "-D", f"{data}", "-w", "-o", f"-c listen_addresses= -k {folder}", "start")
        run("createdb", "-h", f"{folder}", "-U", "webviewer", "bench")
        yield f"postgresql+asyncpg://webviewer@/bench?host={folder}"
    finally:
        if (data / "postmaster.pid").exists():
            run("pg_ctl", "-D", f"{data}", "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    """Return the path of a program of the newest release. Raises PeerUnavailableError."""
    found = shutil.which(name) or next((str(path) for path in sorted(_PLACES.glob(f"*/bin/{name}"), reverse=True)), "")
    if not found:
        text = "PostgreSQL is not installed: apt-get install postgresql, or name a server by --database-url"
        raise PeerUnavailableError(text)
    return found
