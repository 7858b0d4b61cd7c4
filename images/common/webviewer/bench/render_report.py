"""The tables and pictures of ``webviewer bench render``. Pictures need the bench's requirements."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from webviewer.bench.appearance import SIDES, Style
from webviewer.bench.table import Row, limited, markdown, number, verdict

Figures = dict[str, Any]
_PEERS = {"trame-rca": "trame-rca", "processor": "VTK on the processor", "opengl": "VTK's GPU mapper by OSMesa"}
_TARGETS: dict[tuple[str, int], tuple[str, float]] = {
    ("oblique preview", 512): ("trame-rca", 5.0),
    ("oblique preview", 1024): ("trame-rca", 3.0),
    ("composite preview", 512): ("trame-rca", 5.0),
    ("mip preview", 512): ("processor", 2.0),
    ("mip final", 512): ("processor", 2.0),
}
"""The peer of a figure, and how many times as much it is to cost."""
_SHEET_SIDE = 512
FRONT = ", first process"
"""Ends the names of figures that are a part of another: the server's process with the sockets, without its workers."""


def text(figures: Figures) -> str:
    """Return the report as Markdown."""
    rows = [
        _row(figures, action, side, figures["WebViewer"][str(side)][action])
        for side in SIDES
        for action in _actions(figures, side)
    ]
    head = ("action", "side", "WebViewer", *_PEERS.values(), "target", "verdict")
    return "\n".join(
        [
            "CPU ms per frame; in brackets, how many times as much as ours.",
            "",
            markdown(head, rows),
            markdown(("what", "figure", "target", "verdict"), _more(figures)),
        ]
    )


def _actions(figures: Figures, side: int) -> list[str]:
    return [name for name in figures["WebViewer"][str(side)] if not name.endswith(FRONT)]


def _row(figures: Figures, action: str, side: int, ours: float) -> Row:
    peers = {peer: _peer(figures, peer, action, side) for peer in _PEERS}
    theirs = ("-" if cost is None else f"{number(cost)} ({cost / ours:.1f}x)" for cost in peers.values())
    cells = (number(ours), *theirs)
    peer, wanted = _TARGETS.get((action, side), ("", 0.0))
    cost = peers.get(peer)
    if cost is None:
        return action, str(side), *cells, "-", "-"
    return action, str(side), *cells, f">= {wanted:g}x {_PEERS[peer]}", verdict(met=cost / ours >= wanted)


def _peer(figures: Figures, peer: str, action: str, side: int) -> float | None:
    names = ("reslice", "fixed-point") if peer == "processor" else (peer,)
    found = (figures.get(name, {}).get(str(side), {}).get(action) for name in names)
    return next((cost for cost in found if cost is not None), None)


def _more(figures: Figures) -> list[Row]:
    users = figures["users"]
    ours = figures["WebViewer"][str(SIDES[0])]
    rows = [limited(f"users at {users['frames per second']:g} MPR frames/s each, per core", users["users per core"])]
    if peer := _peer(figures, "trame-rca", "oblique preview", SIDES[0]):
        theirs = 1000 / (users["frames per second"] * peer)
        rows += [
            limited("the same of trame-rca, a process each, at most", theirs),
            limited("times as many users as trame-rca", users["users per core"] / theirs, least=5),
        ]
    rows += [
        limited(f"{action} at 512: of it in the process with the sockets, CPU ms", ours[action + FRONT])
        for action in ("oblique preview", "oblique final")
        if action + FRONT in ours
    ]
    rows.append(limited("composite preview at 512, CPU ms", ours["composite preview"], 60))
    rows += [
        limited(f"{name}: preview to final, PSNR dB", value, least=30 if name.startswith("composite") else None)
        for name, value in figures["psnr"].items()
    ]
    rows.append(limited("server resident, all processes, MB", figures["server resident MB"]))
    return rows


def psnr(pictures: Path, style: Style, side: int) -> float:
    """Return how near a preview, enlarged as a browser does, is to the final picture, dB."""
    import numpy as np  # noqa: PLC0415 - as below
    from PIL import Image  # noqa: PLC0415 - tables need no pictures

    final = Image.open(pictures / f"{style}-final-{side}-webviewer.jpg").convert("RGB")
    preview = Image.open(pictures / f"{style}-preview-{side}-webviewer.jpg").convert("RGB")
    enlarged = preview.resize(final.size, Image.Resampling.BILINEAR)
    error = np.mean((np.asarray(enlarged, float) - np.asarray(final, float)) ** 2)
    return float(10 * math.log10(255**2 / error)) if error else math.inf


def plot(figures: Figures, path: Path) -> None:
    """Draw the CPU times of all as bars."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - tables need no plots

    figure = Figure(figsize=(11, 9), layout="constrained")
    series = {"WebViewer (through the WebSocket)": None, **{label: peer for peer, label in _PEERS.items()}}
    for place, side in enumerate(SIDES):
        axes = figure.add_subplot(len(SIDES), 1, place + 1)
        actions = _actions(figures, side)
        for index, (label, peer) in enumerate(series.items()):
            costs = [
                figures["WebViewer"][str(side)][action]
                if peer is None
                else _peer(figures, peer, action, side) or math.nan
                for action in actions
            ]
            axes.bar([k + (index - 1.5) / 5 for k in range(len(actions))], costs, 1 / 5, label=label)
        axes.set_xticks(range(len(actions)), [action.replace(" ", "\n") for action in actions])
        axes.set_yscale("log")
        axes.set_ylabel("CPU ms per frame")
        axes.set_title(f"{side} x {side} pixels")
        axes.grid(axis="y", alpha=0.3)
    axes.legend()
    figure.savefig(path)


def sheet(pictures: Path, path: Path) -> None:
    """Put the final pictures of all side by side: they must show the same."""
    from PIL import Image  # noqa: PLC0415 - as above

    rows = [
        [
            f"{style}-final-512-webviewer",
            f"{style}-512-reslice",
            f"{style}-final-512-fixed-point",
            f"{style}-final-512-opengl",
        ]
        for style in ("oblique", "slab", "composite", "shaded", "mip")
    ]
    found = [[file for stem in row for file in sorted(pictures.glob(f"{stem}.*"))] for row in rows]
    width = max(len(row) for row in found)
    whole = Image.new("RGB", (width * _SHEET_SIDE, len(found) * _SHEET_SIDE))
    for y, row in enumerate(found):
        for x, file in enumerate(row):
            whole.paste(Image.open(file).convert("RGB"), (x * _SHEET_SIDE, y * _SHEET_SIDE))
    whole.save(path)
