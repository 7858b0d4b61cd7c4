"""Means of blocks of pixels, without those that are padding."""

import numpy as np
import pytest

from webviewer_render.volume.reduction import reduced


def expected(pixels, factor, unknown, nothing):
    """Block by block, in plain sight."""
    rows, columns = pixels.shape
    out = np.empty((-(-rows // factor), -(-columns // factor)))
    for j in range(out.shape[0]):
        for i in range(out.shape[1]):
            part = np.s_[j * factor : (j + 1) * factor, i * factor : (i + 1) * factor]
            known = pixels[part][~unknown[part]]
            out[j, i] = known.mean() if 2 * known.size >= pixels[part].size else nothing
    return out


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4"])
def test_padding_takes_no_part_in_means(dtype, factor):
    rng = np.random.default_rng(factor)
    pixels = rng.integers(50, 120, (37, 45)).astype(dtype)
    pixels[rng.random(pixels.shape) < 0.5] = 3
    pixels[:9, :20] = 5
    wanted = expected(pixels.astype(float), factor, (pixels >= 3) & (pixels <= 5), 3)
    result = reduced(pixels, factor, (3, 5))
    assert result.dtype == pixels.dtype
    assert np.array_equal(result, np.rint(wanted))
    assert (result == 3).any()
    assert result[result != 3].min() >= 50


def test_what_is_no_number_takes_no_part():
    rng = np.random.default_rng(1)
    pixels = rng.random((21, 16)).astype(np.float32)
    pixels[rng.random(pixels.shape) < 0.4] = np.nan
    pixels[3, 3] = np.inf
    wanted = expected(pixels.astype(np.float64), 4, ~np.isfinite(pixels), np.nan)
    np.testing.assert_allclose(reduced(pixels, 4), wanted, rtol=1e-6)


def test_without_padding_all_pixels_count():
    pixels = np.random.default_rng(2).integers(-1000, 1000, (10, 7)).astype(np.int16)
    wanted = expected(pixels.astype(float), 2, np.zeros(pixels.shape, bool), 0)
    assert np.array_equal(reduced(pixels, 2), np.rint(wanted))
    assert reduced(pixels, 1) is pixels
