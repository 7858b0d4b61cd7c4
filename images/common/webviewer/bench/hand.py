"""A hand that drags: along curves that never come to the same place twice, sixty times a second."""

from __future__ import annotations

import asyncio
import math
import time

from playwright.async_api import Page

_RATE = 60.0
_REACH = 0.25
"""Part of the shorter side of a pane that the hand goes to each side."""


def place(seconds: float, phase: float, reach: float) -> tuple[float, float]:
    """Return where the hand is, px from where it began; ``phase`` makes hands differ."""
    across = math.sin((2.1 + 0.13 * phase) * seconds)
    down = math.sin((1.3 + 0.11 * phase) * seconds)
    return reach * across, reach * down


async def drag(  # noqa: PLR0913 - where, how far, how long and how
    page: Page, start: tuple[float, float], side: float, seconds: float, phase: float, *, back: bool
) -> float:
    """Press, drag for so long, let go (``back`` where it began); returns how many seconds it was."""
    await page.mouse.move(*start)
    await page.mouse.down()
    begun = time.perf_counter()
    number = 0
    while (passed := time.perf_counter() - begun) < seconds:
        dx, dy = place(passed, phase, _REACH * side)
        await page.mouse.move(start[0] + dx, start[1] + dy)
        number += 1
        # A hand does not make up for moves that the browser was too slow for.
        number = max(number, math.floor((time.perf_counter() - begun) * _RATE))
        await asyncio.sleep(max(0.0, begun + number / _RATE - time.perf_counter()))
    if back:
        await page.mouse.move(*start)
    await page.mouse.up()
    return time.perf_counter() - begun
