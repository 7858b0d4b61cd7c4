"""Smaller pixels for volumes that do not fit into memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def reduced(pixels: npt.NDArray[Any], factor: int) -> npt.NDArray[Any]:
    """Return the means of blocks of ``factor`` x ``factor`` pixels of a slice (rows, columns), in its type.

    Blocks at the far edges are as large as what is there.
    """
    if factor == 1:
        return pixels
    rows, columns = (np.arange(0, side, factor) for side in pixels.shape)
    sums = np.add.reduceat(np.add.reduceat(pixels, rows, axis=0, dtype=np.float64), columns, axis=1)
    heights, widths = (
        np.diff(np.append(starts, side)) for starts, side in zip((rows, columns), pixels.shape, strict=True)
    )
    means = sums / np.outer(heights, widths)
    if pixels.dtype.kind in "iu":
        means = np.rint(means)
    result: npt.NDArray[Any] = means.astype(pixels.dtype)
    return result
