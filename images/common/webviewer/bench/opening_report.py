"""The tables and the plot of ``webviewer bench open``. The plot needs the bench's requirements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from webviewer.bench.table import Row, limited, markdown, number, verdict

_GROWTH_MB = 50.0
_FACTOR = 1.5
_IMAGE_MS = 150.0
_COLUMNS = ("page resident", "page own", "page heap", "server resident", "server own", "server pixels")
_TABLE_ROWS = 8


def text(figures: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    parts = [_of_series(name, found) for name, found in figures["series"].items()]
    if found := figures.get("long"):
        parts.append(_of_long(found))
    return "\n".join(parts)


def _of_series(name: str, found: dict[str, float]) -> str:
    title = f"{name} series, {found['slices']:.0f} slices"
    raw = found["raw"]
    rows = [
        limited("read and decode alone, all cores, ms", raw),
        limited("first image, ms", found["first image"], _IMAGE_MS),
        limited("lossless image, ms", found["lossless image"]),
        limited("first plane (of the slices that are there), ms", found["first MPR"]),
        _factor("plane of all slices", found["complete MPR"], raw),
    ]
    return markdown((title, "figure", "target", "verdict"), rows)


def _factor(name: str, value: float, raw: float) -> Row:
    wanted = f"<= {_FACTOR:g}x reading and decoding"
    return f"{name}, ms", f"{number(value)} ({value / raw:.2f}x)", wanted, verdict(met=value <= _FACTOR * raw)


def _of_long(found: dict[str, Any]) -> str:
    samples = found["samples"]
    growth = samples[-1]["page resident"] - samples[0]["page resident"]
    rows = [
        limited("read and decode alone, all cores, ms", found["raw"] * 1000),
        limited("upload, s", found["upload"]),
        limited("page to lossless first image, ms", found["page to lossless image"] * 1000),
        limited("plane of all slices, after the scroll, ms", found["complete MPR"] * 1000),
        limited("scroll through all slices, s", found["scrolling"]),
        limited("pictures drawn meanwhile", found["pictures"]),
        limited("pictures out of order", found["out of order"], 0),
        limited("page grew from first to last slice, MB", growth, _GROWTH_MB),
        limited("server own memory after it, MB", samples[-1]["server own"]),
        limited("server pixels after it, MB", samples[-1]["server pixels"]),
    ]
    head = ("s", "slice", *(f"{name}, MB" for name in _COLUMNS))
    step = max(1, len(samples) // _TABLE_ROWS)
    kept = [*samples[:-1:step], samples[-1]]
    lines = [tuple(f"{sample[key]:.0f}" for key in ("seconds", "slice", *_COLUMNS)) for sample in kept]
    return "\n".join(
        [markdown((f"{found['slices']} slices", "figure", "target", "verdict"), rows), markdown(head, lines)]
    )


def plot(found: dict[str, Any], path: Path) -> None:
    """Draw memory over time."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - tables need no plots

    figure = Figure(figsize=(10, 7), layout="constrained")
    seconds = [sample["seconds"] for sample in found["samples"]]
    for place, who in enumerate(("page", "server")):
        axes = figure.add_subplot(2, 1, place + 1)
        for name in (column for column in _COLUMNS if column.startswith(who)):
            axes.plot(seconds, [sample[name] for sample in found["samples"]], label=name)
        slices = axes.twinx()
        slices.plot(
            seconds, [sample["slice"] for sample in found["samples"]], color="grey", linestyle=":", label="slice"
        )
        slices.set_ylabel("slice shown")
        axes.set_ylabel("MB")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend(loc="center right")
    axes.set_xlabel(f"seconds of scrolling through {found['slices']} slices")
    figure.savefig(path)
