"""What pixels mean: by the ultrasound region that holds all points of a shape."""

import math

import pytest

from webviewer.domain.image import FrameAttributes, ImageDescription, UltrasoundRegion
from webviewer_render.scene.calibration import Difference, differences, reading, scale_at
from webviewer_render.scene.shapes import scale_under


def region(box, form="2d", units=("cm", "cm"), deltas=(0.02, 0.03), **more):
    return UltrasoundRegion(box=box, form=form, units=units, deltas=deltas, **more)


def picture(*regions, spacing=None, source="ultrasound"):
    return ImageDescription(
        rows=480, columns=640, bits_allocated=8, bits_stored=8, high_bit=7, photometric="MONOCHROME2",
        attributes=(FrameAttributes(spacing=spacing),), spacing_source=source, regions=regions,
    )  # fmt: skip


TISSUE = region((0, 0, 299, 199))
SAME = region((300, 0, 599, 199))
FINER = region((300, 0, 599, 199), deltas=(0.01, 0.03))
SPECTRUM = region((0, 200, 599, 399), "spectral", ("s", "cm/s"), (0.005, -1.25), reference=(300, 10.0))
MOTION = region((0, 200, 599, 399), "m-mode", ("s", "cm"), (0.005, 0.02))
UNNAMED = region((0, 200, 599, 399), "spectral", ("", ""), (0, 0))


def test_points_in_one_region_of_tissue_have_its_millimetres():
    scale = scale_at(picture(TISSUE, SPECTRUM), 0, [(0, 0), (299.4, 199.4)])
    assert (scale.spacing, scale.source, scale.region, scale.angles) == (
        pytest.approx((0.3, 0.2)), "ultrasound", None, True,
    )  # fmt: skip


def test_points_in_a_spectrum_have_its_axes_and_no_millimetres():
    scale = scale_at(picture(TISSUE, SPECTRUM), 0, [(10, 250), (110, 330)])
    assert (scale.spacing, scale.region, scale.angles) == (None, SPECTRUM, False)
    assert differences(SPECTRUM, (10, 250), (110, 330)) == (
        Difference("x", pytest.approx(0.5), "s"), Difference("y", pytest.approx(100), "cm/s"),
    )  # fmt: skip


def test_points_of_an_m_mode_trace_have_a_time_and_a_depth():
    scale = scale_at(picture(TISSUE, MOTION), 0, [(10, 250), (110, 330)])
    assert scale.spacing is None
    assert [(each.unit, each.value) for each in differences(MOTION, (10, 250), (110, 330))] == [
        ("s", pytest.approx(0.5)), ("mm", pytest.approx(16)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("regions", "points"),
    [
        ((TISSUE, SPECTRUM), [(10, 100), (10, 250)]),
        ((TISSUE, SPECTRUM), [(10, 250), (620, 250)]),
        ((TISSUE,), [(620, 10), (630, 10)]),
        ((TISSUE, FINER), [(10, 10), (400, 10)]),
        ((TISSUE, UNNAMED), [(10, 250), (110, 250)]),
        ((region((0, 0, 599, 399)), SPECTRUM), [(10, 250), (110, 250)]),
        ((region((0, 0, 299, 199), units=("cm", "")),), [(10, 10), (20, 10)]),
        ((region((0, 0, 299, 199), "other"),), [(10, 10), (20, 10)]),
        ((SPECTRUM, region((0, 400, 599, 479), "spectral", ("s", "cm/s"), (0.005, -1.25))), [(1, 300), (1, 450)]),
    ],
)
def test_elsewhere_there_are_pixels_only(regions, points):
    scale = scale_at(picture(*regions, spacing=(0.3, 0.2)), 0, points)
    assert (scale.spacing, scale.source, scale.region) == (None, "regions", None)


def test_regions_of_tissue_with_one_scale_may_be_mixed():
    scale = scale_at(picture(TISSUE, SAME), 0, [(10, 10), (400, 10)])
    assert scale.spacing == pytest.approx((0.3, 0.2))


def test_where_regions_overlap_the_one_in_front_counts():
    front = SPECTRUM.model_copy(update={"in_front": True})
    image = picture(region((0, 0, 599, 399)), front)
    assert scale_at(image, 0, [(10, 250), (110, 250)]).region == front
    assert scale_at(image, 0, [(10, 100), (110, 250)]).source == "regions"
    assert scale_at(image, 0, [(10, 100), (110, 100)]).spacing is not None


def test_a_turned_ellipse_must_lie_inside_with_all_of_its_line():
    image = picture(TISSUE)
    half = 60 / math.sqrt(2)
    level = [(40, 100), (160, 100), (100, 70), (100, 130)]
    turned = [(50 - half, 60 - half), (50 + half, 60 + half), (50 + half, 60 - half), (50 - half, 60 + half)]
    assert scale_under(image, 0, "ellipse", level).spacing is not None
    assert min(x for x, _ in turned) > 0
    assert scale_under(image, 0, "ellipse", turned).spacing is None


def test_angles_are_told_of_tissue_and_of_pictures_without_regions():
    assert scale_at(picture(source="none"), 0, [(1, 1)] * 3).angles
    assert scale_at(picture(TISSUE), 0, [(620, 10), (10, 10), (20, 20)]).angles
    assert not scale_at(picture(TISSUE, SPECTRUM), 0, [(10, 100), (10, 250), (20, 100)]).angles


def test_a_point_of_a_spectrum_has_a_velocity():
    assert reading(SPECTRUM, (10, 340)) == Difference("y", pytest.approx(-40), "cm/s")
    assert reading(MOTION, (10, 340)) is None
    assert reading(SPECTRUM.model_copy(update={"reference": None}), (10, 340)) is None


def test_a_description_that_lost_its_regions_has_no_millimetres():
    assert scale_at(picture(spacing=(0.3, 0.2)), 0, [(1, 1), (2, 2)]) == (None, "none", None, True)
    assert scale_at(picture(spacing=(0.3, 0.2), source="imager"), 0, [(1, 1)]) == ((0.3, 0.2), "imager", None, True)
