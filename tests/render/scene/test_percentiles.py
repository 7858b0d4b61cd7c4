"""Percentiles against numpy on all values, and Otsu's threshold against its definition."""

import numpy as np
import pytest

from webviewer.domain.image import FrameAttributes, ImageDescription
from webviewer_render.scene.percentiles import otsu_threshold, percentiles, region_values, slice_values

PERCENTS = (0, 1, 50, 99.9, 100)
RNG = np.random.default_rng(20)


def describe(rows, columns, **more):
    attributes = (FrameAttributes(slope=more.pop("slope", 1.0), intercept=more.pop("intercept", 0.0)),)
    fields = {"bits_allocated": 16, "bits_stored": 16, "high_bit": 15, "photometric": "MONOCHROME2"}
    return ImageDescription(rows=rows, columns=columns, attributes=attributes, **(fields | more))


def test_percentiles_of_a_slice_are_those_of_its_modality_values():
    pixels = RNG.integers(0, 4000, (60, 80)).astype("u2")
    found = percentiles(slice_values(pixels, describe(60, 80, slope=0.5, intercept=-100.0), 0), PERCENTS)
    assert found == pytest.approx(np.percentile(pixels * 0.5 - 100, PERCENTS))


def test_padding_and_what_is_no_number_is_left_out():
    pixels = np.arange(100, dtype="u2").reshape(10, 10)
    assert percentiles(slice_values(pixels, describe(10, 10, padding=(0, 49)), 0), (0, 50)) == (50, 74.5)
    floats = np.array([[1.0, np.nan], [np.inf, 3.0]], np.float32)
    image = describe(2, 2, floating=True, bits_allocated=32, bits_stored=32, high_bit=31)
    assert percentiles(slice_values(floats, image, 0), (0, 50, 100)) == (1, 2, 3)
    assert percentiles(slice_values(floats * np.nan, image, 0), (50,)) is None


def test_of_colours_the_luminance_counts():
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0] = (100, 200, 50)
    image = describe(2, 2, samples=3, photometric="RGB", bits_allocated=8, bits_stored=8, high_bit=7)
    assert percentiles(slice_values(pixels, image, 0), (100,)) == pytest.approx(
        (0.299 * 100 + 0.587 * 200 + 0.114 * 50,)
    )


@pytest.mark.parametrize(
    ("corners", "rows", "columns"),
    [
        (((2.0, 3.0), (5.0, 7.0)), slice(3, 8), slice(2, 6)),
        (((5.4, 7.4), (1.6, 2.6)), slice(3, 8), slice(2, 6)),
        (((-50.0, -50.0), (50.0, 1.2)), slice(0, 2), slice(0, 12)),
        (((4.6, 4.6), (5.2, 5.3)), slice(5, 6), slice(5, 6)),
        (((4.2, 4.2), (4.3, 4.3)), slice(4, 5), slice(4, 5)),
        (((20.0, 20.0), (30.0, 30.0)), slice(0, 0), slice(0, 0)),
        (((-9.0, 2.0), (-5.0, 8.0)), slice(0, 0), slice(0, 0)),
    ],
)
def test_a_region_holds_the_pixels_whose_centres_are_inside(corners, rows, columns):
    pixels = RNG.integers(0, 4000, (10, 12)).astype("u2")
    found = region_values(pixels, describe(10, 12), 0, corners)
    assert sorted(found.tolist()) == sorted(pixels[rows, columns].ravel().tolist())


def test_a_region_of_reduced_pixels_is_where_their_blocks_are():
    """Blocks of 2 x 2: columns 4..7 of the source are the blocks 2 and 3."""
    means = np.arange(30, dtype="u2").reshape(5, 6)
    found = region_values(means, describe(10, 12), 0, ((3.6, 0.0), (7.4, 1.0)))
    assert found.tolist() == [2, 3]


def test_a_large_frame_is_sampled_evenly():
    ramp = np.broadcast_to(np.arange(1000, dtype="u2"), (1000, 1000))
    values = slice_values(ramp, describe(1000, 1000), 0, budget=10_000)
    assert 5_000 < values.size <= 10_000
    assert percentiles(values, (5, 50, 95)) == pytest.approx((49.5, 499.5, 949.5), abs=10)


def otsu_by_definition(values):
    """The division with the smallest sum of squared distances from the two means."""
    best = None
    for threshold in np.unique(values)[:-1]:
        low, high = values[values <= threshold], values[values > threshold]
        inside = ((low - low.mean()) ** 2).sum() + ((high - high.mean()) ** 2).sum()
        if best is None or inside < best[0]:
            best = (inside, threshold)
    return best[1]


def test_air_is_divided_from_tissue_as_otsu_defines_it():
    values = np.round(np.concatenate([RNG.exponential(9, 3000), RNG.normal(300, 60, 1500), [30_000.0]]))
    assert otsu_threshold(np.sort(values)) == otsu_by_definition(values)
    body = values[:-1]
    threshold = otsu_by_definition(body)
    assert 40 < threshold < 250
    found = percentiles(body + 1e6, PERCENTS, non_air=True)
    assert found == pytest.approx(np.percentile(body[body > threshold] + 1e6, PERCENTS))


def test_a_picture_of_one_value_has_no_air():
    assert percentiles(np.full(50, 7.0), (1, 99), non_air=True) == (7, 7)


def test_numbers_too_large_to_calculate_with_have_no_percentiles():
    extreme = np.array([-1.7e308, 1.7e308])
    assert percentiles(extreme, (50,)) is None
    assert percentiles(extreme, (0, 100), non_air=True) is not None
