"""Percentiles of modality values, for windows that go by the picture: pure functions of stored pixels.

Padding and what is no finite number is left out; of colour pictures the luminance counts. Values are those of numpy's
``percentile`` (linear between neighbours).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from webviewer.domain.image import ImageDescription
from webviewer_render.scene.measure import frame_values

Values = npt.NDArray[np.float64]
Point = tuple[float, float]
MAX_VALUES = 1 << 20
"""Of larger slices and series a regular sample of so many is taken."""


def slice_values(pixels: npt.NDArray[Any], image: ImageDescription, frame: int, budget: int = MAX_VALUES) -> Values:
    """Return the values of a decoded frame, or of every n-th row and column of it so that there are at most ``budget``."""
    rows, columns = pixels.shape[:2]
    step = max(1, math.ceil(math.sqrt(rows * columns / max(1, budget))))
    first = min(step // 2, rows - 1), min(step // 2, columns - 1)
    return _finite(frame_values(pixels[first[0] :: step, first[1] :: step], image, frame))


def region_values(
    pixels: npt.NDArray[Any], image: ImageDescription, frame: int, corners: tuple[Point, Point]
) -> Values:
    """Return the values of the pixels whose centres lie within two opposite corners (column, row), edges included.

    A rectangle within a pixel is that pixel; one beside the picture has no values. ``pixels`` may be means of blocks.
    """
    rows, columns = pixels.shape[:2]
    scale = columns / image.columns, rows / image.rows
    ends = [sorted((corner[axis] + 0.5) * scale[axis] - 0.5 for corner in corners) for axis in (0, 1)]
    across, down = (_centres(low, high, side) for (low, high), side in zip(ends, (columns, rows), strict=True))
    if across.start >= across.stop or down.start >= down.stop:
        return np.empty(0)
    return slice_values(pixels[down, across], image, frame)


def _centres(low: float, high: float, side: int) -> slice:
    first, end = math.ceil(low), math.floor(high) + 1
    if first >= end:
        first = math.floor((low + high) / 2 + 0.5)
        end = first + 1
    return slice(max(0, first), max(0, min(side, end)))


def _finite(values: Values) -> Values:
    return values[np.isfinite(values)]


def percentiles(values: Values, percents: Sequence[float], *, non_air: bool = False) -> tuple[float, ...] | None:
    """Return one value for each of ``percents`` (0..100); ``non_air``: of those above Otsu's threshold.

    None of no values, or of such as have no finite number between them.
    """
    values = _finite(values)
    if not values.size:
        return None
    with np.errstate(all="ignore"):  # hostile floating pixels
        if non_air:
            ordered = np.sort(values)
            body = ordered[np.searchsorted(ordered, otsu_threshold(ordered), side="right") :]
            # A picture of one value has no air to leave out.
            values = body if body.size else ordered
        found = tuple(float(value) for value in np.percentile(values, percents))
    return found if all(map(math.isfinite, found)) else None


def otsu_threshold(ordered: Values) -> float:
    """Return the value that divides ``ordered`` ones best: those up to it, and those above (Otsu 1979).

    Every gap between two different values is tried, so there are no bins that an outlier could coarsen.
    """
    gaps = np.flatnonzero(np.diff(ordered)) + 1
    if not gaps.size:
        return float(ordered[0])
    # Of differences from the lowest value: large offsets would cost digits.
    sums = np.cumsum(ordered - ordered[0])
    total, count = float(sums[-1]), ordered.size
    below, lower = gaps.astype(np.float64), sums[gaps - 1]
    difference = lower / below - (total - lower) / (count - below)
    between = below * (count - below) * difference**2
    return float(ordered[gaps[int(np.argmax(between))] - 1])
