"""Smaller pixels for volumes that do not fit into memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

NO_PADDING = (math.inf, -math.inf)


def reduced(pixels: npt.NDArray[Any], factor: int, padding: tuple[float, float] = NO_PADDING) -> npt.NDArray[Any]:
    """Return the means of blocks of ``factor`` x ``factor`` pixels of a slice (rows, columns), in its type.

    Blocks at the far edges are as large as what is there. Stored values within ``padding`` (low, high; none where low >
    high) and what is no finite number take no part: as where planes interpolate, a block of which less than half is known
    becomes padding (of floating values: NaN).
    """
    if factor == 1:
        return pixels
    unknown = _unknown(pixels, padding)
    if unknown is None:
        return _as(_sums(pixels, factor) / _sizes(pixels.shape, factor), pixels.dtype)
    known = _sums(~unknown, factor)
    means = _sums(np.where(unknown, 0, pixels), factor) / np.maximum(known, 1)
    result = _as(means, pixels.dtype)
    result[2 * known < _sizes(pixels.shape, factor)] = np.nan if pixels.dtype.kind == "f" else padding[0]
    return result


def _unknown(pixels: npt.NDArray[Any], padding: tuple[float, float]) -> npt.NDArray[np.bool_] | None:
    low, high = padding
    unknown = (pixels >= low) & (pixels <= high) if low <= high else np.zeros(pixels.shape, bool)
    if pixels.dtype.kind == "f":
        unknown |= ~np.isfinite(pixels)
    return unknown if bool(unknown.any()) else None


def _sums(pixels: npt.NDArray[Any], factor: int) -> npt.NDArray[np.float64]:
    rows, columns = (np.arange(0, side, factor) for side in pixels.shape)
    sums: npt.NDArray[np.float64] = np.add.reduceat(
        np.add.reduceat(pixels, rows, axis=0, dtype=np.float64), columns, axis=1
    )
    return sums


def _sizes(shape: tuple[int, ...], factor: int) -> npt.NDArray[np.float64]:
    """Return how many pixels each block has."""
    heights, widths = (np.diff(np.append(np.arange(0, side, factor), side)).astype(np.float64) for side in shape)
    return np.outer(heights, widths)


def _as(means: npt.NDArray[np.float64], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return (np.rint(means) if dtype.kind in "iu" else means).astype(dtype)
