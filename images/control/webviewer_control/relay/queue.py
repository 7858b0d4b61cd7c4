"""Who waits for a free slot of the render node, in order of arrival."""

from __future__ import annotations


class WaitingRoom:
    """Places from 1; within one process, as the node itself decides who gets a slot."""

    def __init__(self) -> None:
        self._waiting: dict[object, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def place(self, who: object) -> int:
        """Join if not yet waiting, and return the place."""
        self._waiting.setdefault(who)
        return list(self._waiting).index(who) + 1

    def leave(self, who: object) -> None:
        """Give the place up; leaving twice is no error."""
        self._waiting.pop(who, None)
