"""``webviewer bench open``: from ``open`` to the first image and the first plane, beside reading and decoding alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from webviewer.bench import machine, opening_report, phantoms, report
from webviewer.bench.raw_series import decode_seconds, read_files
from webviewer.bench.series_copy import copied
from webviewer.bench.server import Tab, Viewport, running_server
from webviewer.domain.view import Quality

_SIDE = 512
_TIMES = 3
"""Copies that are opened in each window; a series is new to the server only once."""


def run(*, series: Path | None, slices: int, out: Path | None) -> int:
    """Measure and report; returns the exit status. ``slices`` of the long series, 0 leaves it out."""
    figures: dict[str, Any] = {"machine": machine.describe(), "series": {}}
    with running_server() as server:
        tab = Tab(server)
        _warm_up(tab)
        if series is not None:
            with phantoms.files_of(series, phantoms.STACK) as files:
                figures["series"]["given"] = _opening(tab, files)
        with phantoms.files_of(None, phantoms.UNCOMPRESSED) as files:
            figures["series"]["uncompressed"] = _opening(tab, files)
        tab.close()
    if slices:
        from webviewer.bench import long_series  # noqa: PLC0415 - Playwright is not always there

        figures["long"] = long_series.measure(slices)
    report.deliver("open", figures, opening_report.text(figures), out)
    if out and slices:
        opening_report.plot(figures["long"], out / "open-memory.svg")
        opening_report.plot(figures["long"], out / "open-memory.png")
    return 0


def _warm_up(tab: Tab) -> None:
    """Let the workers have opened something before: the server is not the one that has just been started."""
    with phantoms.files_of(None, phantoms.STACK) as files:
        opened = tab.upload(files)
    for window in ("image", "mpr"):
        first_picture(tab, opened, window)


def _opening(tab: Tab, files: Sequence[Path]) -> dict[str, float]:
    images = read_files(files)
    raw: list[float] = []
    found: dict[str, list[float]] = {"first image": [], "lossless image": [], "first MPR": [], "complete MPR": []}
    for number in range(2 * _TIMES):
        with copied(files, number) as copies:
            opened = tab.upload(copies)
        window, names = (
            ("image", ("first image", "lossless image")) if number < _TIMES else ("mpr", ("first MPR", "complete MPR"))
        )
        raw.append(decode_seconds(images))  # in turns with the openings: what else the machine does hits both
        for name, seconds in zip(names, first_picture(tab, opened, window), strict=True):
            found[name].append(seconds * 1000)
    medians = {name: statistics.median(values) for name, values in found.items()}
    return {"slices": len(files), "raw": statistics.median(raw) * 1000, **medians}


def first_picture(tab: Tab, opened: tuple[str, str], window: str) -> tuple[float, float]:
    """Return seconds from ``open`` to the first picture, and to the lossless one (a plane: of all slices)."""
    with tab.socket() as socket:
        viewport = Viewport(socket, *opened, _SIDE, window=window)
        frame = viewport.frame()
        first = time.perf_counter() - viewport.started
        if frame.header.quality is not Quality.LOSSLESS:
            viewport.frame_of(0, Quality.LOSSLESS)
        complete = time.perf_counter() - viewport.started
        viewport.close()
        return first, complete
