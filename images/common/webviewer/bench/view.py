"""``webviewer bench view``: stack images through the WebSocket, beside trame-rca without one."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from webviewer.bench import process_tree
from webviewer.bench.server import Tab, Viewport, read_series, running_server
from webviewer.domain.view import Quality

SIDES = (512, 1024)
_WARM_FRAMES = 5
_OPENINGS = 5


def run(*, data: Path | None, frames: int, no_browser: bool, no_peer: bool, output: Path | None) -> int:
    """Measure and print; returns the exit status."""
    figures: dict[str, Any] = {}
    with running_server() as (url, pid):
        tab = Tab(url)
        study, series = tab.upload(read_series(data))
        figures["first image ms"] = _first_image(tab, study, series)
        for side in SIDES:
            figures[str(side)] = _frames(tab, study, series, side, frames, pid)
        if not no_browser:
            from webviewer.bench import browser  # noqa: PLC0415 - Playwright is not always there

            found = browser.measure(url, tab, study, series, frames)
            figures["input to picture ms"] = {"median": found.median, "p95": found.p95, "count": found.count}
        figures["server resident MB"] = process_tree.resident_bytes(pid) / 1e6
        tab.close()
    if not no_peer:
        command = [sys.executable, "-m", "webviewer.bench.trame_peer", str(frames), "slice"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
        figures["trame-rca"] = json.loads(answer.stdout.splitlines()[-1])
    _report(figures)
    if output:
        output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def _first_image(tab: Tab, study: str, series: str) -> dict[str, float]:
    """Time from ``open`` to the first picture: the first opening decodes, later ones find the series warm."""
    times = []
    for _ in range(_OPENINGS):
        with tab.socket() as socket:
            viewport = Viewport(socket, study, series, SIDES[0])
            header, _ = viewport.frame()
            times.append((time.perf_counter() - viewport.started) * 1000)
            if header.quality is not Quality.LOSSLESS:
                viewport.frame_of(header.sequence, Quality.LOSSLESS)
            viewport.close()
    return {"cold": times[0], "warm": statistics.median(times[1:])}


def _frames(  # noqa: PLR0913 - what is measured, and where
    tab: Tab, study: str, series: str, side: int, count: int, pid: int
) -> dict[str, float]:
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
            started = 0.0
            for number, patch in enumerate(patches):
                if number == _WARM_FRAMES:
                    started, size = process_tree.cpu_seconds(pid), 0
                size += viewport.frame_of(viewport.change(active=True, **patch))[1]
            figures[f"{name} CPU ms"] = (process_tree.cpu_seconds(pid) - started) / count * 1000
            figures[f"{name} kB"] = size / count / 1000
        started = process_tree.cpu_seconds(pid)
        for number in range(count):
            window = {"center": 41.5 + number, "width": 397}
            viewport.frame_of(viewport.change(active=False, window=window), Quality.LOSSLESS)
        figures["final CPU ms"] = (process_tree.cpu_seconds(pid) - started) / count * 1000
        viewport.close()
    return figures


def _report(figures: dict[str, Any]) -> None:
    lines = [
        "| action | side | WebViewer, server CPU ms (through the WebSocket) | trame-rca, CPU ms (in process) | ratio |"
    ]
    lines.append("|---|---|---|---|---|")
    for side in SIDES:
        for action in ("scroll", "window"):
            ours = figures[str(side)][f"{action} CPU ms"]
            peer = figures.get("trame-rca", {}).get(str(side), {}).get(action)
            theirs, ratio = (f"{peer:.2f}", f"{peer / ours:.1f}") if peer else ("-", "-")
            lines.append(f"| {action} | {side} | {ours:.2f} | {theirs} | {ratio} |")
        lines.append(f"| lossless final | {side} | {figures[str(side)]['final CPU ms']:.2f} | - | - |")
    first = figures["first image ms"]
    lines.append(f"\nFirst image: {first['cold']:.0f} ms cold, {first['warm']:.0f} ms warm.")
    if found := figures.get("input to picture ms"):
        lines.append(f"Wheel to picture in Chromium: median {found['median']:.0f} ms, p95 {found['p95']:.0f} ms.")
    lines.append(f"Server: {figures['server resident MB']:.0f} MB resident over all its processes.")
    print("\n".join(lines))  # noqa: T201 - the result of the command
