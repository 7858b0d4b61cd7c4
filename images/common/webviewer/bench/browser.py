"""Chromium as the reader has it, at 1280x720, with a probe in every page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import Self

from playwright.async_api import Browser, CDPSession, Locator, Page, async_playwright

from webviewer.bench.drawn_pictures import DrawnPictures
from webviewer.bench.server import Tab

CHROMIUM = "/usr/bin/chromium"
_ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"]
_PATIENCE_MS = 60_000
_CLEAR = """() => {
  Object.assign(window.__probe, { asked: [], drawn: [], received: 0, bytes: 0, mostHeld: 0, lastInput: 0 });
}"""
_SETTLED = """() => {
  const newest = new Map(window.__probe.asked.map(([viewport, ...asked]) => [viewport, asked]));
  const answered = ([viewport, [sequence, active]]) => !active && window.__probe.drawn.some(
    ([where, what, quality]) => where === viewport && what >= sequence && quality > 0);
  return newest.size > 0 && [...newest].every(answered);
}"""
_ALL_FINAL = """() => {
  const panes = [...document.querySelectorAll('[data-pane]')];
  return panes.length > 0 && panes.every((pane) => pane.dataset.settled === 'true');
}"""
_GLANCE_MS = 100


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start a browser of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


class WatchedPage:
    """A page of a logged-in user that says when what was drawn, and what that cost."""

    def __init__(self, page: Page, devtools: CDPSession) -> None:
        self.page = page
        self._devtools = devtools

    @classmethod
    async def open(cls, browser: Browser, tab: Tab, path: str) -> Self:
        """Open a page in the session of ``tab``."""
        context = await browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-US")
        url = tab.server.url
        await context.add_cookies([{"name": name, "value": value, "url": url} for name, value in tab.cookies.items()])
        await context.add_init_script(_probe())
        page = await context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        devtools = await context.new_cdp_session(page)
        await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        await page.goto(f"{url}{path}")
        return cls(page, devtools)

    async def close(self) -> None:
        """Close the page."""
        await self.page.context.close()

    async def clear(self) -> None:
        """Forget what was recorded so far."""
        await self.page.evaluate(_CLEAR)

    async def all_final(self) -> None:
        """Wait until all panes of a volume window show their final picture."""
        await self.page.wait_for_function(_ALL_FINAL, polling=_GLANCE_MS)

    async def settled(self) -> None:
        """Wait until the hand rests and all that it changed since ``clear`` shows its final picture."""
        # A glance at every animation frame would be work of the page that is measured.
        await self.page.wait_for_function(_SETTLED, polling=_GLANCE_MS)

    async def pictures(self) -> DrawnPictures:
        """Read what was recorded."""
        return DrawnPictures.of(await self.page.evaluate("() => window.__probe"))

    async def main_thread_seconds(self) -> float:
        """Return how long the page's main thread has worked so far: scripts, styles, layout and painting."""
        return await self._metric("TaskDuration")

    async def heap_bytes(self) -> float:
        """Collect the page's garbage and return what its scripts still use."""
        await self._devtools.send("HeapProfiler.collectGarbage")
        return await self._metric("JSHeapUsedSize")

    async def _metric(self, name: str) -> float:
        answer = await self._devtools.send("Performance.getMetrics")
        return float(next(metric["value"] for metric in answer["metrics"] if metric["name"] == name))


async def middle(place: Locator) -> tuple[float, float]:
    """Return the middle of an element in CSS px of the page."""
    box = await place.bounding_box()
    if box is None:
        text = "the element is not visible"
        raise RuntimeError(text)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _probe() -> str:
    return resources.files("webviewer.bench").joinpath("picture_probe.js").read_text(encoding="utf-8")
