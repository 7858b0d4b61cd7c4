"""Drags in several Chromium browsers at once: what one run of them showed and cost."""

from __future__ import annotations

import asyncio
import math
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from webviewer.bench import hand
from webviewer.bench.browser import WatchedPage, chromium, middle
from webviewer.bench.drawn_pictures import DrawnPictures
from webviewer.bench.percentile import percentile
from webviewer.bench.server import Tab

_WARM_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Gesture:
    """What is dragged: in which window, and in which of its panes."""

    name: str
    window: str
    pane: str


CROSSHAIR = Gesture("MPR crosshair", "mpr", "axial")
ROTATION = Gesture("3D rotation", "3d", "model")


@dataclass(frozen=True, slots=True)
class Dragged:
    """One browser's part of a run."""

    pictures: DrawnPictures
    seconds: float
    page_seconds: float


@dataclass(frozen=True, slots=True)
class DragRun:
    """All browsers of a run."""

    dragged: list[Dragged]
    server_seconds: float

    def figures(self) -> dict[str, float]:
        """Return the figures of the report: ms and counts."""
        delays = [delay for one in self.dragged for delay in one.pictures.input_to_picture()]
        frames = sum(one.pictures.received for one in self.dragged)
        drawn = sum(len(one.pictures.drawn) for one in self.dragged)
        return {
            "previews per second": min(one.pictures.previews() / one.seconds / _planes(one) for one in self.dragged),
            "median": percentile(delays, 0.5),
            "p95": percentile(delays, 0.95),
            "last input to final": max(one.pictures.last_to_final() for one in self.dragged),
            "server CPU per frame": self.server_seconds / frames * 1000 if frames else math.nan,
            "page main thread per frame": sum(one.page_seconds for one in self.dragged) / drawn * 1000,
            "kB per frame": sum(one.pictures.size for one in self.dragged) / frames / 1000 if frames else math.nan,
            "frames held": max(one.pictures.most_held for one in self.dragged),
            "out of order": sum(one.pictures.out_of_order() for one in self.dragged),
            "frames": frames,
        }


def _planes(one: Dragged) -> int:
    """Return how many viewports the hand changed: a crosshair moves two planes."""
    return len({asked.viewport for asked in one.pictures.asked}) or 1


def measure(  # noqa: PLR0913 - what is measured, and for how long
    tab: Tab, opened: tuple[str, str], gesture: Gesture, browsers: int, seconds: float, screenshot: Path | None
) -> DragRun:
    """Drag in so many browsers at once; a picture of the first one is taken while its hand moves."""
    return asyncio.run(_measure(tab, opened, gesture, browsers, seconds, screenshot))


async def _measure(  # noqa: PLR0913 - as above
    tab: Tab, opened: tuple[str, str], gesture: Gesture, browsers: int, seconds: float, screenshot: Path | None
) -> DragRun:
    path = f"/viewer/{gesture.window}?s={opened[0]}&series={opened[1]}"
    async with AsyncExitStack() as stack:
        pages = []
        for _ in range(browsers):
            browser = await stack.enter_async_context(chromium())
            pages.append(await WatchedPage.open(browser, tab, path))
        for page in pages:
            await page.all_final()
            await page.clear()
        await asyncio.gather(
            *(_drag(page, gesture, _WARM_SECONDS, number + 0.5, back=True) for number, page in enumerate(pages))
        )
        if screenshot is not None:
            await pages[0].page.screenshot(path=screenshot)
        started = tab.server.cpu_seconds()
        dragged = await asyncio.gather(
            *(_drag(page, gesture, seconds, float(number)) for number, page in enumerate(pages))
        )
        return DragRun(list(dragged), tab.server.cpu_seconds() - started)


async def _drag(watched: WatchedPage, gesture: Gesture, seconds: float, phase: float, *, back: bool = False) -> Dragged:
    """Drag from the middle of the pane, where the centre of the crosshair is; ``back`` leaves it there."""
    pane = watched.page.locator(f"[data-pane={gesture.pane}]")
    box = await pane.bounding_box()
    side = min(box["width"], box["height"]) if box else 0.0
    await watched.clear()
    page_seconds = await watched.main_thread_seconds()
    spent = await hand.drag(watched.page, await middle(pane), side, seconds, phase, back=back)
    await watched.settled()
    return Dragged(await watched.pictures(), spent, await watched.main_thread_seconds() - page_seconds)
