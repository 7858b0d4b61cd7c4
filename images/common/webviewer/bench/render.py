"""``webviewer bench render``: planes and projections through the WebSocket, beside trame-rca and VTK without one."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from webviewer.bench import appearance, machine, peer_process, phantoms, process_tree, render_report, report
from webviewer.bench.appearance import SIDES, Style
from webviewer.bench.raw_series import read_files
from webviewer.bench.render_report import FRONT
from webviewer.bench.server import Frame, Tab, Viewport, running_server
from webviewer.bench.turntable import Turntable
from webviewer.bench.volume_file import BenchVolume
from webviewer.domain.view import Quality

_WARM_FRAMES = 3
_ELSEWHERE = -50
"""A picture that no measurement draws: one that was drawn before comes from the server's cache."""
_USERS = 4
_USER_RATE = 10.0
_USER_SECONDS = 8.0
_VOLUME_SHARE = 5
"""Projections are measured over fewer frames than planes by this factor."""
_FEWEST = 4
STYLES: dict[Style, str] = {"oblique": "mpr", "slab": "mpr", "composite": "volume", "shaded": "volume", "mip": "volume"}
"""Styles and their windows."""
_PEERS = {
    "trame-rca": ("trame_peer", "{frames}", "volume", "{volume}"),
    "reslice": ("vtk_peer", "{volume}", "{frames}", "reslice", "{pictures}"),
    "fixed-point": ("vtk_peer", "{volume}", "{few}", "fixed-point", "{pictures}"),
    "opengl": ("vtk_peer", "{volume}", "{few}", "opengl", "{pictures}"),
}


class Run:
    """One run: the volume and the camera of all, and where pictures go."""

    def __init__(self, files: list[Path], frames: int, pictures: Path) -> None:
        self.files = files
        self.frames = frames
        self.pictures = pictures
        self.volume = BenchVolume.of(read_files(files))

    def camera(self, style: Style) -> Turntable:
        """Return the camera of a style."""
        return Turntable.around(self.volume, style)

    @property
    def few(self) -> int:
        """Frames of a projection."""
        return max(_FEWEST, self.frames // _VOLUME_SHARE)


def run(*, series: Path | None, frames: int, no_peer: bool, out: Path | None) -> int:
    """Measure and report; returns the exit status."""
    figures: dict[str, Any] = {"machine": machine.describe()}
    with phantoms.files_of(series, phantoms.VOLUME) as files, tempfile.TemporaryDirectory() as scratch:
        pictures = out or Path(scratch)
        pictures.mkdir(parents=True, exist_ok=True)
        this = Run(files, frames, pictures)
        figures |= _ours(this)
        if not no_peer:
            figures |= _peers(this, Path(scratch) / "volume.npz")
        report.deliver("render", figures, render_report.text(figures), out)
        if out:
            render_report.plot(figures, out / "render.svg")
            render_report.sheet(pictures, out / "render-pictures.png")
    return 0


def _ours(this: Run) -> dict[str, Any]:
    figures: dict[str, Any] = {"WebViewer": {}, "psnr": {}}
    with running_server() as server:
        tab = Tab(server)
        opened = tab.upload(this.files)
        _prepare(tab, opened)
        for side in SIDES:
            figures["WebViewer"][str(side)] = {}
            for style, window in STYLES.items():
                figures["WebViewer"][str(side)] |= _frames(this, tab, opened, side, style)
                if window == "volume":
                    figures["psnr"][f"{style} {side}"] = render_report.psnr(this.pictures, style, side)
        figures["users"] = _users(this, tab, opened)
        figures["server resident MB"] = process_tree.resident_bytes(server.pid) / 1e6
        tab.close()
    return figures


def _prepare(tab: Tab, opened: tuple[str, str]) -> None:
    """Wait until what rays need has been made of the volume: that is the cost of opening it and of no frame."""
    with tab.socket() as socket:
        viewport = Viewport(socket, *opened, SIDES[0], window="volume")
        viewport.frame_of(0, Quality.FINAL)
        tab.server.wait_idle()
        viewport.close()


def _frames(this: Run, tab: Tab, opened: tuple[str, str], side: int, style: Style) -> dict[str, float]:
    """Measure previews and finals of one style, and keep picture 0 of each."""
    window = STYLES[style]
    count, final = (this.frames, Quality.LOSSLESS) if window == "mpr" else (this.few, Quality.FINAL)
    figures: dict[str, float] = {}
    with tab.socket() as socket:
        viewport = Viewport(socket, *opened, side, window=window)
        viewport.frame_of(
            viewport.change(active=False, **appearance.patch(style), **this.camera(style).patch(_ELSEWHERE)), final
        )
        for quality in (Quality.PREVIEW, final):
            name = "preview" if quality is Quality.PREVIEW else "final"
            cost, front, first = _cost(this.camera(style), tab, viewport, count, quality)
            figures |= {f"{style} {name}": cost, f"{style} {name}{FRONT}": front}
            suffix = "png" if quality is Quality.LOSSLESS else "jpg"
            (this.pictures / f"{style}-{name}-{side}-webviewer.{suffix}").write_bytes(first.payload)
        viewport.close()
    return figures


def _cost(camera: Turntable, tab: Tab, viewport: Viewport, count: int, quality: Quality) -> tuple[float, float, Frame]:
    """Return server CPU ms per frame, those of its first process, and picture 0."""
    for number in range(-_WARM_FRAMES, 0):
        _drawn(camera, viewport, number, quality)
    started, front = tab.server.cpu_seconds(), tab.server.front_cpu_seconds()
    frames = [_drawn(camera, viewport, number, quality) for number in range(count)]
    spent, front = tab.server.cpu_seconds() - started, tab.server.front_cpu_seconds() - front
    return spent / count * 1000, front / count * 1000, frames[0]


def _drawn(camera: Turntable, viewport: Viewport, number: float, quality: Quality) -> Frame:
    """Ask for picture ``number``. When the hand rests the server may send a preview before the final one, as in life."""
    sequence = viewport.change(active=quality is Quality.PREVIEW, **camera.patch(number))
    return viewport.frame_of(sequence, quality)


def _users(this: Run, tab: Tab, opened: tuple[str, str]) -> dict[str, float]:
    """Several users turn a plane at ten frames a second each; returns how many one core carries."""
    threads = [threading.Thread(target=_user, args=(this, tab, opened, k / _USERS)) for k in range(_USERS)]
    started, begun = tab.server.cpu_seconds(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    share = (tab.server.cpu_seconds() - started) / seconds / _USERS
    return {"users": _USERS, "frames per second": _USER_RATE, "cores per user": share, "users per core": 1 / share}


def _user(this: Run, tab: Tab, opened: tuple[str, str], offset: float) -> None:
    """Turn a plane; the pictures of another user would come from the server's cache, hence ``offset``."""
    with tab.socket() as socket:
        viewport = Viewport(socket, *opened, SIDES[0], window="mpr")
        viewport.change(active=True, **appearance.patch("oblique"))
        for number in _ticks():
            _drawn(this.camera("oblique"), viewport, number + offset, Quality.PREVIEW)
        viewport.close()


def _ticks() -> Iterator[int]:
    begun = time.perf_counter()
    for number in range(round(_USER_RATE * _USER_SECONDS)):
        time.sleep(max(0.0, begun + number / _USER_RATE - time.perf_counter()))
        yield number


def _peers(this: Run, volume: Path) -> dict[str, Any]:
    this.volume.save(volume)
    figures = {}
    for name, (module, *parts) in _PEERS.items():
        values = [
            part.format(frames=this.frames, few=this.few, volume=volume, pictures=this.pictures) for part in parts
        ]
        figures[name] = peer_process.figures_of(module, *values)
    return figures
