"""Where the columns (or rows) of an upright picture come from: worked out once per picture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from webviewer_render.scene.kernels import CUBIC, NEAREST

_SNAP = 1e-6
_CUBIC_TAPS = 4

Indices = npt.NDArray[np.int32]
Weights = npt.NDArray[np.float32]


class Line(NamedTuple):
    """``length`` output pixels whose centres lie at ``start + i * step`` of the source.

    ``extent`` is the source's size in its own pixels, ``pixels`` how many there are (more than ``extent`` if the last
    one is a block cut by the edge).
    """

    step: float
    start: float
    length: int
    extent: float
    pixels: int


class Axis(NamedTuple):
    """Output pixels ``begin``..``end`` lie in the source, between its pixels ``left`` and ``right``.

    ``part`` is the share of ``right``; where it is 0, ``right`` equals ``left``.
    """

    begin: int
    end: int
    left: Indices
    right: Indices
    part: Weights


class Taps(NamedTuple):
    """As :class:`Axis`, with ``indices`` and ``weights`` of shape (taps, length)."""

    begin: int
    end: int
    indices: Indices
    weights: Weights


def axis(line: Line, mode: int) -> Axis:
    """Return the axis of ``line``; coordinates are clamped to the outermost centres."""
    begin, end, places = _places(line)
    if mode == NEAREST:
        left = np.clip(np.floor(places + 0.5), 0, line.pixels - 1).astype(np.int32)
        return Axis(begin, end, left, left, np.zeros(line.length, np.float32))
    left = np.floor(places).astype(np.int32)
    part = (places - left).astype(np.float32)
    right = np.where(part > 0, np.minimum(left + 1, line.pixels - 1), left).astype(np.int32)
    return Axis(begin, end, left, right, part)


def taps(line: Line, mode: int) -> Taps:
    """As :func:`axis` with separate weights: four of Catmull-Rom for cubic, else two."""
    if mode != CUBIC:
        begin, end, left, right, part = axis(line, mode)
        return Taps(begin, end, np.stack([left, right]), np.stack([1 - part, part]))
    begin, end, places = _places(line)
    left = np.floor(places).astype(np.int32)
    t = places - left
    weights = np.stack(
        [
            ((2 - t) * t - 1) * t / 2,
            ((3 * t - 5) * t * t + 2) / 2,
            ((4 - 3 * t) * t + 1) * t / 2,
            (t - 1) * t * t / 2,
        ]
    )
    indices = np.clip(left + np.arange(-1, _CUBIC_TAPS - 1)[:, None], 0, line.pixels - 1)
    return Taps(begin, end, indices.astype(np.int32), weights.astype(np.float32))


def _places(line: Line) -> tuple[int, int, npt.NDArray[np.float64]]:
    places = np.arange(line.length) * line.step + line.start
    whole = np.rint(places)
    places = np.where(np.abs(places - whole) < _SNAP, whole, places)
    inside = np.flatnonzero((places + 0.5 >= 0) & (places + 0.5 < line.extent))
    begin, end = (int(inside[0]), int(inside[-1]) + 1) if inside.size else (0, 0)
    return begin, end, np.clip(places, 0, line.pixels - 1)
