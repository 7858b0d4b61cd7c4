"""Which slices of a series stay in memory where it may not keep all of them."""

from __future__ import annotations

from collections.abc import Sequence

from webviewer_render.worker.outward import Outward

_MARGIN = 4
"""The choice is renewed when somebody comes nearer to its edge than this part of it."""


def residence(
    capacities: Sequence[int], quota: int, focus: Sequence[int], current: Sequence[tuple[int, int]]
) -> Sequence[tuple[int, int]]:
    """Return half-open ranges of slices that fit into ``quota`` bytes, around the ``focus`` slices.

    ``current`` is returned as long as everybody is well inside of it, so that small moves change nothing. The slice somebody
    looks at is always in, whatever the quota.
    """
    count = len(capacities)
    if sum(capacities) <= quota:
        return ((0, count),)
    focus = focus or (0,)
    if current and current != ((0, count),) and all(_is_inside(slot, current, count) for slot in focus):
        return current
    chosen = bytearray(count)
    used = 0
    walk = Outward(count, focus, lambda slot: not chosen[slot])
    while (slot := walk.next()) is not None:
        used += capacities[slot]
        if used > quota and slot not in focus:
            break
        chosen[slot] = 1
    return _ranges(chosen)


def _is_inside(slot: int, ranges: Sequence[tuple[int, int]], count: int) -> bool:
    for first, end in ranges:
        if first <= slot < end:
            margin = (end - first) // _MARGIN
            return (first == 0 or slot - first >= margin) and (end == count or end - 1 - slot >= margin)
    return False


def _ranges(chosen: bytearray) -> tuple[tuple[int, int], ...]:
    found, position = [], 0
    while (start := chosen.find(1, position)) >= 0:
        end = chosen.find(0, start)
        position = end if end >= 0 else len(chosen)
        found.append((start, position))
    return tuple(found)
