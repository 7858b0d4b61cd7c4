"""One picture in, one payload out."""

from __future__ import annotations

from dataclasses import dataclass

import imagecodecs
import numpy as np
import numpy.typing as npt
import simplejpeg

from webviewer.domain.view import Quality
from webviewer.wire.frame import Encoding

PREVIEW_QUALITY = 80
FINAL_QUALITY = 92
_RUN_LENGTH = 3  # zlib's Z_RLE: fast, and as good as its default search on pictures of tissue
_PAETH = 4


@dataclass(frozen=True, slots=True)
class Encoded:
    """``data`` is a complete JPEG or PNG file of ``width`` x ``height`` pixels."""

    data: bytes
    encoding: Encoding
    quality: Quality
    width: int
    height: int


def encode(pixels: npt.NDArray[np.uint8], quality: Quality, jpeg_quality: int = PREVIEW_QUALITY) -> Encoded:
    """Encode (height, width) grey or (height, width, 3) RGB; the same pixels always give the same bytes.

    ``jpeg_quality`` (1..100) is for previews; finals are at least 92 without chroma subsampling.
    """
    height, width = pixels.shape[:2]
    pixels = np.ascontiguousarray(pixels)
    if quality is Quality.LOSSLESS:
        data = bytes(imagecodecs.png_encode(pixels, level=1, strategy=_RUN_LENGTH, filter=_PAETH))
        return Encoded(data, Encoding.PNG, quality, width, height)
    final = quality is Quality.FINAL
    strength = max(jpeg_quality, FINAL_QUALITY) if final else jpeg_quality
    if pixels.ndim == 2:  # noqa: PLR2004
        data = simplejpeg.encode_jpeg(pixels[:, :, None], strength, colorspace="GRAY")
    else:
        subsampling = "444" if final else "420"
        data = simplejpeg.encode_jpeg(pixels, strength, colorspace="RGB", colorsubsampling=subsampling)
    return Encoded(data, Encoding.JPEG, quality, width, height)
