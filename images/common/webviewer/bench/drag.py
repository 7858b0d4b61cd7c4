"""``webviewer bench drag``: planes and projections under the hands of one reader, of two and of four."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from webviewer.bench import machine, phantoms, process_tree, report
from webviewer.bench.server import Tab, running_server
from webviewer.bench.table import Row, limited, markdown, number

_LIMITS: dict[str, dict[str, tuple[float | None, float | None]]] = {
    "MPR crosshair": {"previews per second": (None, 30), "p95": (80, None), "last input to final": (300, None)},
    "3D rotation": {
        "previews per second": (None, 12),
        "last input to final": (800, None),
        "server CPU per frame": (60, None),
    },
}
"""Highest and lowest values, of one reader on two cores."""
_ALWAYS: dict[str, tuple[float | None, float | None]] = {"out of order": (0, None), "frames held": (6, None)}
_NAMES = {
    "previews per second": "previews/s in each picture",
    "median": "input to picture, median ms",
    "p95": "input to picture, p95 ms",
    "last input to final": "last input to final, ms",
    "server CPU per frame": "server CPU per frame, ms",
    "page main thread per frame": "page main thread per frame, CPU ms",
    "kB per frame": "kB per frame",
    "frames held": "frames waiting in a page, at most",
    "out of order": "pictures out of order",
    "frames": "frames",
}


def run(*, series: Path | None, browsers: list[int], seconds: float, out: Path | None) -> int:
    """Measure and report; returns the exit status."""
    from webviewer.bench import dragging  # noqa: PLC0415 - Playwright is not always there

    figures: dict[str, Any] = {"machine": machine.describe(), "seconds": seconds, "runs": {}}
    if out:
        out.mkdir(parents=True, exist_ok=True)
    with phantoms.files_of(series, phantoms.VOLUME) as files, running_server() as server:
        tab = Tab(server)
        opened = tab.upload(files)
        server.wait_idle()
        for gesture in (dragging.CROSSHAIR, dragging.ROTATION):
            figures["runs"][gesture.name] = {}
            for count in browsers:
                picture = out / f"drag-{gesture.window}.png" if out and count == browsers[0] else None
                found = dragging.measure(tab, opened, gesture, count, seconds, picture)
                figures["runs"][gesture.name][str(count)] = found.figures()
        figures["server resident MB"] = process_tree.resident_bytes(server.pid) / 1e6
        tab.close()
    report.deliver("drag", figures, text(figures), out)
    return 0


def text(figures: dict[str, Any]) -> str:
    """Return the report as Markdown: the verdicts are on one reader."""
    parts = [f"{figures['seconds']:g} seconds of each; server and browsers on the same machine.\n"]
    for name, runs in figures["runs"].items():
        head = (name, *(_readers(int(count)) for count in runs), "target", "verdict on the first")
        parts.append(markdown(head, [_row(name, key, runs) for key in _NAMES]))
    return "\n".join(parts)


def _readers(count: int) -> str:
    return "1 browser" if count == 1 else f"{count} browsers"


def _row(gesture: str, key: str, runs: dict[str, dict[str, float]]) -> Row:
    most, least = (_LIMITS[gesture] | _ALWAYS).get(key, (None, None))
    first = next(iter(runs.values()))
    _, _, target, judged = limited(key, first[key], most, least=least)
    return _NAMES[key], *(number(figures[key]) for figures in runs.values()), target, judged
