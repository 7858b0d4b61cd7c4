"""Payloads are what they say."""

import io

import numpy as np
import pytest
from PIL import Image

from webviewer.domain.view import Quality
from webviewer.wire.frame import Encoding
from webviewer_render.encode import encode

GREY = np.random.default_rng(1).integers(0, 256, (37, 61)).astype(np.uint8)
COLOUR = np.random.default_rng(2).integers(0, 256, (37, 61, 3)).astype(np.uint8)


@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_lossless_is_lossless(pixels):
    encoded = encode(pixels, Quality.LOSSLESS)
    assert encoded.encoding is Encoding.PNG
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encoded.data))), pixels)


@pytest.mark.parametrize("quality", [Quality.PREVIEW, Quality.FINAL])
@pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
def test_jpeg_keeps_size_and_kind(pixels, quality):
    encoded = encode(pixels, quality)
    picture = Image.open(io.BytesIO(encoded.data))
    assert (picture.size, picture.mode) == ((61, 37), "L" if pixels.ndim == 2 else "RGB")
    assert (encoded.width, encoded.height, encoded.encoding) == (61, 37, Encoding.JPEG)


@pytest.mark.parametrize("quality", list(Quality))
def test_the_same_pixels_are_the_same_bytes(quality):
    assert encode(COLOUR, quality).data == encode(COLOUR.copy(order="F"), quality).data


def test_a_smaller_preview_costs_quality_only():
    assert len(encode(GREY, Quality.PREVIEW, 30).data) < len(encode(GREY, Quality.PREVIEW, 90).data)
