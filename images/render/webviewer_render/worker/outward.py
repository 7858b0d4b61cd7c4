"""The order in which slices are loaded: from where people look, outwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class Outward:
    """Walks from each focus in both directions, taking turns; every slice comes once at most.

    ``count`` slices exist; ``wanted`` says whether one still has to be loaded.
    """

    def __init__(self, count: int, focus: Sequence[int], wanted: Callable[[int], bool]) -> None:
        self._count = count
        self._wanted = wanted
        # Per focus: the next slice above, the next one below, and whose turn it is.
        self._walks = [[slot, slot - 1, 0] for slot in focus]
        self._turn = 0

    def next(self) -> int | None:
        """Return the next slice to load, None if there is none."""
        for _ in range(len(self._walks)):
            walk = self._walks[self._turn]
            self._turn = (self._turn + 1) % len(self._walks)
            for _ in range(2):
                direction, walk[2] = walk[2], 1 - walk[2]
                slot = self._up(walk) if direction == 0 else self._down(walk)
                if slot is not None:
                    return slot
        return None

    def _up(self, walk: list[int]) -> int | None:
        while walk[0] < self._count:
            slot = walk[0]
            walk[0] += 1
            if self._wanted(slot):
                return slot
        return None

    def _down(self, walk: list[int]) -> int | None:
        while walk[1] >= 0:
            slot = walk[1]
            walk[1] -= 1
            if self._wanted(slot):
                return slot
        return None
