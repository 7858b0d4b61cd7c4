"""Starts operators as forks of a process that has loaded the code: ``python forks.py``, a wish as JSON per line of input.

A fork is an operator as the command line starts it. Where the wish names a folder for ``capacity``, control is not asked
over the network, as there is none: the answer is in that folder, and orders to drain are written there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from webviewer import cli
from webviewer.domain.load import NodeLoad
from webviewer_operator import command
from webviewer_operator.scaling.capacity import CapacityAnswer

ANSWER = "answer.json"


class FolderCapacity:
    """Control's answers and orders as files; implements the port of scaling."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, *_: object) -> CapacityAnswer | None:
        """Return what the test has said; null if it says nothing."""
        try:
            found = json.loads((self._folder / ANSWER).read_text())
        except FileNotFoundError:
            return None
        loads = {
            address: None if load is None else NodeLoad(**load, draining=(self._folder / f"drain-{address}").exists())
            for address, load in found.items()
        }
        return CapacityAnswer(loads, 0)

    async def set_draining(self, *orders: object, draining: bool, move: bool = False) -> bool:
        """Note the order; the address is the last thing that is said."""
        mark = self._folder / f"drain-{orders[-1]}"
        if draining:
            mark.touch()
        else:
            mark.unlink(missing_ok=True)
        if move:
            (self._folder / f"move-{orders[-1]}").touch()
        return True

    async def aclose(self) -> None:
        """Nothing is open."""


def _become_operator(wish: dict) -> int:
    os.environ["KUBECONFIG"] = wish["kubeconfig"]
    log = os.open(wish["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(log, number)
    if wish["capacity"]:
        command.HttpCapacity = lambda *_: FolderCapacity(Path(wish["capacity"]))  # type: ignore[assignment,misc]
    return cli.main(wish["arguments"])


def main() -> None:
    """Fork for every line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever was killed is gone at once
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os._exit(_become_operator(json.loads(line)))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
