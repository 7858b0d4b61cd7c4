"""A series of thousands of slices: opening it, and the memory of server and page while all of it goes by."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import Browser

from webviewer.bench import memory, opening, phantoms, process_tree
from webviewer.bench.browser import WatchedPage, chromium, middle
from webviewer.bench.raw_series import decode_seconds, read_files
from webviewer.bench.server import Server, Tab, running_server
from webviewer.sample.series import PhantomSeries

_NOTCH_PX = 120
_RATE = 40.0
_SAMPLE_SECONDS = 1.0
_MEGA = 1e6
_LENGTH_MM = 1500.0


def measure(slices: int) -> dict[str, Any]:
    """Make the series, store it, open it and scroll through it; everything is removed afterwards."""
    phantom = replace(phantoms.VOLUME, slices=slices, step=_LENGTH_MM / slices, name=f"bench {slices}")
    with TemporaryDirectory(prefix="webviewer-bench-long-") as scratch:
        files = _write(phantom, Path(scratch))
        raw = decode_seconds(read_files(files))
        with running_server() as server:
            tab = Tab(server)
            begun = time.perf_counter()
            opened = tab.upload(files)
            figures: dict[str, Any] = {"slices": slices, "raw": raw, "upload": time.perf_counter() - begun}
            figures["before"] = _server_memory(server)
            figures |= asyncio.run(_scroll(tab, opened, slices))
            figures["first MPR"], figures["complete MPR"] = opening.first_picture(tab, opened, "mpr")
            figures["after MPR"] = _server_memory(server)
            tab.close()
    return figures


def _write(phantom: PhantomSeries, folder: Path) -> list[Path]:
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        write = partial(phantoms.write_slice, phantom, folder=folder)
        return list(processes.map(write, range(phantom.slices), chunksize=16))


async def _scroll(tab: Tab, opened: tuple[str, str], slices: int) -> dict[str, Any]:
    async with chromium() as browser:
        begun = time.perf_counter()
        watched = await WatchedPage.open(browser, tab, "/viewer/image?s={}&series={}".format(*opened))
        page = watched.page
        viewport = page.get_by_test_id("viewport").first
        await page.locator("[data-quality=lossless]").first.wait_for()
        first_image = time.perf_counter() - begun
        renderer = await _renderer(browser)
        await page.mouse.move(*await middle(viewport))
        samples = [await _sample(watched, renderer, tab.server, 0.0)]
        begun = time.perf_counter()
        for number in range(1, slices):
            await page.mouse.wheel(0, _NOTCH_PX)
            if time.perf_counter() - begun > _SAMPLE_SECONDS * len(samples):
                samples.append(await _sample(watched, renderer, tab.server, time.perf_counter() - begun))
            await asyncio.sleep(max(0.0, begun + number / _RATE - time.perf_counter()))
        await page.locator(f"[data-slice='{slices}']").wait_for()
        await watched.settled()
        samples.append(await _sample(watched, renderer, tab.server, time.perf_counter() - begun))
        pictures = await watched.pictures()
        return {
            "page to lossless image": first_image,
            "scrolling": time.perf_counter() - begun,
            "pictures": len(pictures.drawn),
            "out of order": pictures.out_of_order(),
            "samples": samples,
        }


async def _renderer(browser: Browser) -> int:
    """Return the pid of the page's process: the largest renderer."""
    devtools = await browser.new_browser_cdp_session()
    found = await devtools.send("SystemInfo.getProcessInfo")
    pids = [int(process["id"]) for process in found["processInfo"] if process["type"] == "renderer"]
    return max(pids, key=lambda pid: memory.of([pid]).resident)


async def _sample(watched: WatchedPage, renderer: int, server: Server, seconds: float) -> dict[str, float]:
    """Return MB of the page and the server; garbage of the page is no growth, so it is collected before."""
    heap = await watched.heap_bytes()
    page = memory.of([renderer])
    shown = await watched.page.get_by_test_id("viewport").first.get_attribute("data-slice")
    return {
        "seconds": seconds,
        "slice": float(shown or 0),
        "page resident": page.resident / _MEGA,
        "page own": page.own / _MEGA,
        "page heap": heap / _MEGA,
        **_server_memory(server),
    }


def _server_memory(server: Server) -> dict[str, float]:
    pids = process_tree.members(server.pid)
    used = memory.of(pids)
    return {
        "server resident": used.resident / _MEGA,
        "server own": used.own / _MEGA,
        "server pixels": memory.memory_files(pids) / _MEGA,
    }
