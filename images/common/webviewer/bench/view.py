"""``webviewer bench view``: stack images through the WebSocket, beside trame-rca without one."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from webviewer.bench import machine, peer_process, phantoms, process_tree, report
from webviewer.bench.server import Tab, Viewport, running_server
from webviewer.bench.table import Row, compared, limited, markdown
from webviewer.domain.view import Quality

SIDES = (512, 1024)
_WARM_FRAMES = 5
_OPENINGS = 5
_HEAD = ("action", "side", "WebViewer, server CPU ms", "trame-rca, CPU ms", "ratio", "target", "verdict")
_TARGETS = {512: 2.0}
"""How many times less than the peer a slice of this side must cost."""


def run(*, series: Path | None, frames: int, no_browser: bool, no_peer: bool, out: Path | None) -> int:
    """Measure and report; returns the exit status."""
    figures: dict[str, Any] = {"machine": machine.describe()}
    with phantoms.files_of(series, phantoms.STACK) as files, running_server() as server:
        tab = Tab(server)
        opened = tab.upload(files)
        server.wait_idle()
        figures["first image ms"] = _first_image(tab, *opened)
        for side in SIDES:
            figures[str(side)] = _frames(tab, *opened, side, frames)
        if not no_browser:
            from webviewer.bench import scrolling  # noqa: PLC0415 - Playwright is not always there

            path = "/viewer/image?s={}&series={}".format(*opened)
            found = scrolling.measure(tab, path, slices=len(files), notches=frames)
            figures["scrolling"] = found.figures()
        figures["server resident MB"] = process_tree.resident_bytes(server.pid) / 1e6
        tab.close()
    if not no_peer:
        figures["trame-rca"] = peer_process.figures_of("trame_peer", str(frames), "slice")
    report.deliver("view", figures, _report(figures), out)
    return 0


def _first_image(tab: Tab, study: str, series: str) -> dict[str, float]:
    """Time from ``open`` to the first picture: the first opening decodes, later ones find the series warm."""
    times = []
    for _ in range(_OPENINGS):
        with tab.socket() as socket:
            viewport = Viewport(socket, study, series, SIDES[0])
            header = viewport.frame().header
            times.append((time.perf_counter() - viewport.started) * 1000)
            if header.quality is not Quality.LOSSLESS:
                viewport.frame_of(header.sequence, Quality.LOSSLESS)
            viewport.close()
    return {"cold": times[0], "warm": statistics.median(times[1:])}


def _frames(tab: Tab, study: str, series: str, side: int, count: int) -> dict[str, float]:
    with tab.socket() as socket:
        viewport = Viewport(socket, study, series, side)
        positions = [piece["position"] for piece in viewport.opened["slices"]]
        for position in reversed(positions):  # every slice is decoded before the clock starts
            viewport.frame_of(viewport.change(active=True, position=position))
        figures = {}
        for name, patches in {
            "scroll": [{"position": positions[k % len(positions)]} for k in range(count + _WARM_FRAMES)],
            "window": [{"window": {"center": 40 + k % 50, "width": 400}} for k in range(count + _WARM_FRAMES)],
        }.items():
            size = 0
            started = front = 0.0
            for number, patch in enumerate(patches):
                if number == _WARM_FRAMES:
                    started, front, size = tab.server.cpu_seconds(), tab.server.front_cpu_seconds(), 0
                size += len(viewport.frame_of(viewport.change(active=True, **patch)).payload)
            figures[f"{name} front CPU ms"] = (tab.server.front_cpu_seconds() - front) / count * 1000
            figures[f"{name} CPU ms"] = (tab.server.cpu_seconds() - started) / count * 1000
            figures[f"{name} kB"] = size / count / 1000
        started = tab.server.cpu_seconds()
        for number in range(count):
            window = {"center": 41.5 + number, "width": 397}
            viewport.frame_of(viewport.change(active=False, window=window), Quality.LOSSLESS)
        figures["final CPU ms"] = (tab.server.cpu_seconds() - started) / count * 1000
        viewport.close()
    return figures


def _report(figures: dict[str, Any]) -> str:
    rows: list[Row] = []
    for side in SIDES:
        ours = figures[str(side)]
        peers = figures.get("trame-rca", {}).get(str(side), {})
        rows += [
            compared(action, side, ours[f"{action} CPU ms"], peers.get(action), _TARGETS.get(side))
            for action in ("scroll", "window")
        ]
        rows.append(compared("lossless final", side, ours["final CPU ms"], None, None))
    lines = [markdown(_HEAD, rows)]
    first = figures["first image ms"]
    inside = figures[str(SIDES[0])]["scroll front CPU ms"]
    lines.append(f"Of a scrolled slice at {SIDES[0]}, {inside:.2f} ms are spent in the process with the sockets.")
    lines.append(f"First image: {first['cold']:.0f} ms cold, {first['warm']:.0f} ms warm.")
    if found := figures.get("scrolling"):
        lines += ["", markdown(("in Chromium", "figure", "target", "verdict"), scrolling_rows(found)), ""]
    lines.append(f"Server: {figures['server resident MB']:.0f} MB resident over all its processes.")
    return "\n".join(lines)


def scrolling_rows(found: dict[str, float]) -> list[Row]:
    """Return the rows of the report on the wheel in Chromium."""
    return [
        limited("notches", found["notches"], None),
        limited("wheel to picture, median ms", found["median"], None),
        limited("wheel to picture, p95 ms", found["p95"], 80),
        limited("page main thread per frame, CPU ms", found["page main thread per frame"], 8),
        limited("server per frame, CPU ms", found["server CPU per frame"], 3),
        limited("pictures out of order", found["out of order"], 0),
    ]
