"""A hand on the wheel in Chromium: how late the pictures are, and what they cost page and server."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from playwright.async_api import Browser

from webviewer.bench.browser import WatchedPage, chromium, middle
from webviewer.bench.percentile import percentile
from webviewer.bench.server import Tab

_NOTCH_PX = 120
_NOTCHES_PER_SECOND = 25.0
_WARM_NOTCHES = 20


@dataclass
class Scrolling:
    """What was measured while slices went by that the page had not seen before."""

    delays: list[float] = field(default_factory=list)
    """Milliseconds from a wheel notch to the picture that answers it."""
    frames: int = 0
    out_of_order: int = 0
    page_seconds: float = 0.0
    server_seconds: float = 0.0

    def figures(self) -> dict[str, float]:
        """Return the figures for the report, ms and counts."""
        return {
            "notches": len(self.delays),
            "median": percentile(self.delays, 0.5),
            "p95": percentile(self.delays, 0.95),
            "page main thread per frame": self.page_seconds / self.frames * 1000,
            "server CPU per frame": self.server_seconds / self.frames * 1000,
            "out of order": self.out_of_order,
        }


def measure(tab: Tab, path: str, *, slices: int, notches: int) -> Scrolling:
    """Scroll through a series at the pace of a hand until there were so many notches."""
    return asyncio.run(_measure(tab, path, slices, notches))


async def _measure(tab: Tab, path: str, slices: int, notches: int) -> Scrolling:
    result = Scrolling()
    async with chromium() as browser:
        await _pass(Scrolling(), browser, tab, path, min(slices - 1, _WARM_NOTCHES))
        while len(result.delays) < notches:
            await _pass(result, browser, tab, path, min(slices - 1, notches - len(result.delays)))
    return result


async def _pass(result: Scrolling, browser: Browser, tab: Tab, path: str, notches: int) -> None:
    """Go once through the stack in a new page: one that was there before has the pictures in its own cache."""
    watched = await WatchedPage.open(browser, tab, path)
    page = watched.page
    await page.locator("[data-quality=lossless]").first.wait_for()
    await page.mouse.move(*await middle(page.get_by_test_id("viewport").first))
    await watched.clear()
    page_seconds, server_seconds = await watched.main_thread_seconds(), tab.server.cpu_seconds()
    begun = time.perf_counter()
    for number in range(notches):
        await asyncio.sleep(max(0.0, begun + number / _NOTCHES_PER_SECOND - time.perf_counter()))
        await page.mouse.wheel(0, _NOTCH_PX)
    await watched.settled()
    result.page_seconds += await watched.main_thread_seconds() - page_seconds
    result.server_seconds += tab.server.cpu_seconds() - server_seconds
    pictures = await watched.pictures()
    result.delays += pictures.input_to_picture()
    result.frames += len(pictures.drawn)
    result.out_of_order += pictures.out_of_order()
    await watched.close()
