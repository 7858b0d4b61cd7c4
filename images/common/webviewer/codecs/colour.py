"""YBR to RGB (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FULL = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]], np.float32)
_PARTIAL = np.array([[255 / 219, 0, 1.596027], [255 / 219, -0.391762, -0.812968], [255 / 219, 2.017232, 0]], np.float32)
_BAND = 64


def ybr_to_rgb(pixels: NDArray[np.uint8], *, partial: bool = False) -> NDArray[np.uint8]:
    """Convert (rows, columns, 3) uint8 to RGB; ``partial`` for the range 16..235 and 16..240 of video."""
    matrix = _PARTIAL if partial else _FULL
    offset = np.array([16 if partial else 0, 128, 128], np.float32)
    result = np.empty_like(pixels)
    for start in range(0, len(pixels), _BAND):  # bands keep the intermediate floats small
        band = (pixels[start : start + _BAND].astype(np.float32) - offset) @ matrix.T
        np.rint(band, out=band)
        result[start : start + _BAND] = np.clip(band, 0, 255, out=band)
    return result


def unpack_422(samples: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Spread native 4:2:2 (Y1 Y2 Cb Cr for two pixels) to (rows, columns, 3)."""
    quads = samples.reshape(rows, -1, 4)
    result = np.empty((rows, quads.shape[1] * 2, 3), np.uint8)
    result[:, 0::2, 0] = quads[:, :, 0]
    result[:, 1::2, 0] = quads[:, :, 1]
    result[:, :, 1] = np.repeat(quads[:, :, 2], 2, axis=1)
    result[:, :, 2] = np.repeat(quads[:, :, 3], 2, axis=1)
    return result[:, :columns]
