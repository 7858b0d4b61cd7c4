"""Operators as processes that are killed and started again quickly: forks of one that has loaded the code."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from .control_plane import wait_for


@dataclass
class Operator:
    """A running operator."""

    pid: int
    log: Path

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return Path(f"/proc/{self.pid}").exists() if Path("/proc/self").exists() else _alive(self.pid)

    def kill(self) -> None:
        """SIGKILL; return when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        wait_for(lambda: not self.running, every=0.01)

    def rounds(self) -> int:
        """Return how many rounds it has done, by its metrics."""
        found = re.search(r"listening on (\S+)", self.text())
        if not found:
            return 0
        content = httpx2.get(f"{found[1]}/metrics", timeout=10, trust_env=False).text
        counts = re.findall(r'^webviewer_operator_reconciles_total\{outcome="done"\} (\S+)', content, re.MULTILINE)
        return int(float(counts[0])) if counts else 0

    def text(self) -> str:
        """Return its log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Operators:
    """Starts operators."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Operator] = []
        self._count = 0
        self._parent = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("forks.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, kubeconfig: Path, arguments: Sequence[str], capacity: Path | None = None) -> Operator:
        """Start one with these arguments, as `webviewer` takes them; its port is a free one.

        ``capacity`` is a folder with control's answers, see forks.py.
        """
        self._count += 1
        log = self._folder / f"operator-{self._count}.log"
        own = ["--host=127.0.0.1", "--port=0"]
        wish = {
            "kubeconfig": f"{kubeconfig}",
            "arguments": [*arguments, *own],
            "log": f"{log}",
            "capacity": f"{capacity or ''}",
        }
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.write(json.dumps(wish) + "\n")
        self._parent.stdin.flush()
        operator = Operator(int(self._parent.stdout.readline()), log)
        self._started.append(operator)
        return operator

    def stop(self) -> None:
        """Kill all that run."""
        while self._started:
            self._started.pop().kill()

    def close(self) -> None:
        """Stop all, and their parent."""
        self.stop()
        self._parent.communicate()


def _alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@contextlib.contextmanager
def operators(folder: Path) -> Iterator[Operators]:
    """Give a way to start operators; all are stopped at the end."""
    found = Operators(folder)
    try:
        yield found
    finally:
        found.close()
