"""Sessions on render pods, as control would tell them: people come, stay and leave; orders to drain are obeyed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from .control_plane import wait_for
from .forks import ANSWER
from .nodes import Nodes, Pod

SLOTS = 4


@dataclass
class Sessions:
    """``used`` are sessions by name of the pod, ``deaf`` pods that do not answer; ``known`` False = control does not.

    ``lost`` are pods that were taken away with sessions on them.
    """

    folder: Path
    nodes: Nodes
    used: dict[str, int] = field(default_factory=dict)
    deaf: set[str] = field(default_factory=set)
    known: bool = True
    lost: list[str] = field(default_factory=list)
    looks: int = 0
    _seen: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Look at the pods: told by the nodes whenever they have looked."""
        pods = {each["metadata"]["name"]: each for each in self.nodes.pods("render")}
        self.lost += [name for name in self._seen - pods.keys() if self.used.pop(name, 0)]
        self._seen = set(pods)
        addresses = {name: _address(pod) for name, pod in pods.items() if _address(pod)}
        for name, address in addresses.items():
            drained = (self.folder / f"drain-{address}").exists()
            (self.nodes.unready.add if drained else self.nodes.unready.discard)(name)
            if (self.folder / f"move-{address}").exists():
                self._move(name, addresses)
        self._answer(addresses)
        self.looks += 1

    def are(self, **used: int) -> None:
        """Say how many there are on which pod, and wait until control tells it."""
        self.used = used
        seen = self.looks
        wait_for(lambda: self.looks > seen + 1)

    def _move(self, name: str, addresses: dict[str, str]) -> None:
        others = sorted(other for other in addresses if other not in {name, *self.nodes.unready})
        if others:
            self.used[others[0]] = self.used.get(others[0], 0) + self.used.pop(name, 0)

    def _answer(self, addresses: dict[str, str]) -> None:
        file = self.folder / ANSWER
        if not self.known:
            file.unlink(missing_ok=True)
            return
        loads = {
            address: None if name in self.deaf else {"slots": SLOTS, "used": self.used.get(name, 0)}
            for name, address in addresses.items()
        }
        new = file.with_suffix(".new")
        new.write_text(json.dumps(loads))
        new.rename(file)


def _address(pod: Pod) -> str:
    address: str = (pod.get("status") or {}).get("podIP") or ""
    return address
