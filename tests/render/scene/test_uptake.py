"""PET in SUVbw: values scale, pictures stay, units are never mixed."""

import io

import numpy as np
import pytest
from pydicom import dcmread

from webviewer.codecs.description import describe
from webviewer.domain.image import FrameAttributes, ImageDescription, Window
from webviewer.domain.study import InstanceSource, SeriesManifest
from webviewer.domain.view import ImageView
from webviewer_render.scene.picture import render_image, value_at
from webviewer_render.scene.stack import build_stack
from webviewer_render.scene.uptake import in_uptake

FACTOR = 5e-4
WINDOWS = (
    Window(center=30_157, width=54_282),
    Window(center=5000, width=1),
    Window(center=20_000, width=9000, function="SIGMOID"),
    Window(center=9000, width=9000, function="LINEAR_EXACT"),
)


def image(factor=FACTOR, unit="BQML"):
    attributes = (FrameAttributes(slope=9.0, intercept=-20.0, windows=WINDOWS),)
    return ImageDescription(
        rows=30, columns=40, bits_allocated=16, bits_stored=16, high_bit=15, photometric="MONOCHROME2",
        attributes=attributes, rescale_type=unit, suv_factor=factor,
    )  # fmt: skip


def series(*images):
    instances = tuple(
        InstanceSource(id=str(n), number=n, digest="", size=0, transfer_syntax="", image=each)
        for n, each in enumerate(images)
    )
    return SeriesManifest(series="s", version="v", modality="PT", instances=instances)


def unit_of(manifest):
    stack = build_stack(manifest)
    return stack.opened(0, stack.default_view()).unit


def test_values_are_multiplied_and_carry_their_unit():
    manifest = in_uptake(series(image(), image(factor=1e-3)))
    pixels = np.full((30, 40), 1000, "u2")
    values = [value_at(pixels, source.image, 0, 3, 3) for source in manifest.instances]
    assert values == pytest.approx([(9000 - 20) * 5e-4, (9000 - 20) * 1e-3])
    assert unit_of(manifest) == "SUVbw g/ml"


@pytest.mark.parametrize("voi", range(len(WINDOWS)))
def test_the_picture_with_a_window_of_the_file_is_the_same(voi):
    pixels = np.random.default_rng(1).integers(0, 7000, (30, 40)).astype("u2")
    after = in_uptake(series(image())).instances[0].image
    before, now = (render_image(pixels, each, 0, ImageView(voi=voi), (40, 30)).pixels for each in (image(), after))
    assert len(np.unique(before)) > 1
    # Single precision may decide a rounding the other way.
    assert np.abs(before.astype(int) - now).max() <= 1
    assert (before != now).mean() < 0.01


def test_a_series_with_an_image_without_factor_stays_in_becquerel():
    manifest = series(image(), image(factor=None))
    assert in_uptake(manifest) is manifest
    assert unit_of(manifest) == "Bq/ml"


def test_images_of_different_units_have_none_in_common():
    assert unit_of(series(image(factor=None), image(factor=None, unit="CNTS"))) == ""


@pytest.mark.real_data
def test_a_real_pet_image_is_read_in_uptake_values(real_data):
    dataset = dcmread(io.BytesIO((real_data / "tcia_pt" / "pt_029.dcm").read_bytes()))
    described = describe(dataset)
    [source] = in_uptake(series(described)).instances
    row, column = np.unravel_index(dataset.pixel_array.argmax(), dataset.pixel_array.shape)
    stored = int(dataset.pixel_array[row, column])
    by_hand = stored * 9.12329 * 69_734.4 / (178_340_011.59668 * 0.5 ** (3976.921 / 6586.2))
    found = value_at(dataset.pixel_array, source.image, 0, int(column), int(row))
    assert found == pytest.approx(by_hand, rel=1e-6)
    assert 1 < found < 100
