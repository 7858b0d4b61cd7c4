"""``webviewer bench render``: planes and projections through the WebSocket, beside trame-rca and VTK without one."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from webviewer.bench import process_tree
from webviewer.bench.server import Tab, Viewport, read_series, running_server
from webviewer.bench.trame_peer import BONE, SIDES, VOLUME
from webviewer.domain.view import Quality

_WARM_FRAMES = 3
_TURN = math.radians(3)
_TILT = math.radians(20)
_USERS = 4
_USER_RATE = 10.0
_USER_SECONDS = 8.0
_VOLUME_SHARE = 10
"""Projections are measured over fewer frames than planes by this factor."""
Patch = dict[str, Any]


def run(*, data: Path | None, frames: int, no_peer: bool, output: Path | None) -> int:
    """Measure and print; returns the exit status."""
    figures: dict[str, Any] = {}
    with running_server() as server:
        tab = Tab(server)
        study, series = tab.upload(read_series(data) if data else list(VOLUME.instances()))
        figures["opening ms"] = _opening(tab, study, series)
        for side in SIDES:
            figures[str(side)] = _frames(tab, study, series, side, frames)
        figures["users"] = _users(tab, study, series)
        figures["server resident MB"] = process_tree.resident_bytes(server.pid) / 1e6
        tab.close()
    if not no_peer:
        command = [sys.executable, "-m", "webviewer.bench.trame_peer", str(frames), "volume"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
        figures["peer"] = json.loads(answer.stdout.splitlines()[-1])
    _report(figures)
    if output:
        output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def turned(number: int) -> Patch:
    """Return the axes of a screen that goes round the patient in steps, looking 20 degrees down."""
    angle = number * _TURN
    row = (math.cos(angle), math.sin(angle), 0.0)
    ahead = (-math.sin(angle) * math.cos(_TILT), math.cos(angle) * math.cos(_TILT), -math.sin(_TILT))
    column = (
        ahead[1] * row[2] - ahead[2] * row[1],
        ahead[2] * row[0] - ahead[0] * row[2],
        ahead[0] * row[1] - ahead[1] * row[0],
    )
    return {"row": row, "column": column}


def _opening(tab: Tab, study: str, series: str) -> dict[str, float]:
    """Time from ``open`` to the first plane and to the first complete one: nothing is decoded at first, then all is."""
    figures = {}
    for name in ("cold", "warm"):
        with tab.socket() as socket:
            viewport = Viewport(socket, study, series, SIDES[0], window="mpr")
            header, _ = viewport.frame()
            figures[f"first plane, {name}"] = (time.perf_counter() - viewport.started) * 1000
            if header.quality is not Quality.LOSSLESS:
                viewport.frame_of(0, Quality.LOSSLESS)
            figures[f"complete plane, {name}"] = (time.perf_counter() - viewport.started) * 1000
            viewport.close()
    return figures


def _frames(tab: Tab, study: str, series: str, side: int, count: int) -> dict[str, float]:
    few = max(3, count // _VOLUME_SHARE)
    bone: Patch = {
        "mode": "composite",
        "light": None,
        "transfer": [{"value": value, "opacity": alpha, "colour": colour} for value, alpha, colour in BONE],
    }
    lit: Patch = bone | {"light": {}}
    figures: dict[str, float] = {}
    for name, window, setting, frames, final in (
        ("oblique", "mpr", {}, count, Quality.LOSSLESS),
        ("slab 20 mm", "mpr", {"slab": 20.0}, count, Quality.LOSSLESS),
        ("composite", "volume", bone, few, Quality.FINAL),
        ("shaded", "volume", lit, few, Quality.FINAL),
        ("mip", "volume", {"mode": "mip", "window": {"center": 500, "width": 1500}}, few, Quality.FINAL),
    ):
        with tab.socket() as socket:
            viewport = Viewport(socket, study, series, side, window=window)
            viewport.frame_of(viewport.change(active=False, **setting), final)
            figures[f"{name} preview"] = _cost(tab, viewport, frames, None)
            figures[f"{name} final"] = _cost(tab, viewport, frames, final)
            viewport.close()
    return figures


def _cost(tab: Tab, viewport: Viewport, count: int, quality: Quality | None) -> float:
    """Return server CPU ms per frame; a final one is preceded by a preview where it is slow, as in life."""
    started = 0.0
    for number in range(-_WARM_FRAMES, count):
        if number == 0:
            started = tab.server.cpu_seconds()
        viewport.frame_of(viewport.change(active=quality is None, **turned(number)), quality)
    return (tab.server.cpu_seconds() - started) / count * 1000


def _users(tab: Tab, study: str, series: str) -> dict[str, float]:
    """Several users turn a plane at ten frames a second each; returns how many one core carries."""
    started = tab.server.cpu_seconds()
    threads = [threading.Thread(target=_user, args=(tab, study, series)) for _ in range(_USERS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    share = (tab.server.cpu_seconds() - started) / seconds / _USERS
    return {"users": _USERS, "cores per user": share, "users per core": 1 / share}


def _user(tab: Tab, study: str, series: str) -> None:
    with tab.socket() as socket:
        viewport = Viewport(socket, study, series, SIDES[0], window="mpr")
        for number in _ticks():
            viewport.frame_of(viewport.change(active=True, **turned(number)))
        viewport.close()


def _ticks() -> Iterator[int]:
    begun = time.perf_counter()
    for number in range(round(_USER_RATE * _USER_SECONDS)):
        time.sleep(max(0.0, begun + number / _USER_RATE - time.perf_counter()))
        yield number


_PEERS = {
    "oblique preview": "oblique",
    "composite preview": "composite",
    "composite final": "composite",
    "mip preview": "mip preview",
    "mip final": "mip still",
}


def _report(figures: dict[str, Any]) -> None:
    lines = ["| action | side | WebViewer, server CPU ms | peer, CPU ms | ratio |", "|---|---|---|---|---|"]
    for side in SIDES:
        for action, ours in figures[str(side)].items():
            peer = figures.get("peer", {}).get(str(side), {}).get(_PEERS.get(action, ""))
            theirs, ratio = (f"{peer:.1f}", f"{peer / ours:.1f}") if peer else ("-", "-")
            lines.append(f"| {action} | {side} | {ours:.1f} | {theirs} | {ratio} |")
    lines.append("")
    lines += [f"{name}: {value:.0f} ms" for name, value in figures["opening ms"].items()]
    users = figures["users"]
    lines.append(f"{users['users']} users at {_USER_RATE:.0f} planes a second: {users['users per core']:.1f} per core.")
    if peer := figures.get("peer"):
        theirs = 1000 / (_USER_RATE * peer[str(SIDES[0])]["oblique"])
        lines.append(f"trame-rca, a process each: at most {theirs:.1f} per core.")
    lines.append(f"Server: {figures['server resident MB']:.0f} MB resident over all its processes.")
    print("\n".join(lines))  # noqa: T201 - the result of the command
