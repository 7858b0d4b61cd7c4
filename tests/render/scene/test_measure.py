"""Values, statistics, lengths and angles against what is written down by hand."""

import math

import numpy as np
import pytest

from webviewer.domain.image import FrameAttributes, ImageDescription
from webviewer.domain.view import MprView
from webviewer.domain.volume import VolumeGrid
from webviewer.errors import InvalidRequestError
from webviewer_render.scene.measure import (
    Shape,
    angle,
    cobb_angle,
    frame_statistics,
    length,
    plane_statistics,
    undistorted,
    value_at_point,
)
from webviewer_render.scene.picture import CancelledError
from webviewer_render.volume.voxels import NOT_THERE, Voxels

ROWS, COLUMNS = 30, 40


def describe(*, spacing=(0.5, 0.5), slope=1.0, intercept=0.0, **more):
    fields = {"bits_allocated": 16, "bits_stored": 16, "high_bit": 15, "photometric": "MONOCHROME2"}
    attributes = (FrameAttributes(spacing=spacing, slope=slope, intercept=intercept),)
    return ImageDescription(rows=ROWS, columns=COLUMNS, attributes=attributes, **(fields | more))


def frame():
    return np.random.default_rng(4).integers(0, 4000, (ROWS, COLUMNS)).astype("u2")


def of_frame(pixels, image, shape):
    return frame_statistics(pixels, image, 0, shape, image.frame(0).spacing)


def by_hand(values, inside):
    chosen = [float(values[j, i]) for j in range(ROWS) for i in range(COLUMNS) if inside(i, j)]
    mean = sum(chosen) / len(chosen)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in chosen) / (len(chosen) - 1))
    return len(chosen), mean, deviation, min(chosen), max(chosen)


def assert_same(found, wanted):
    count, mean, deviation, low, high = wanted
    assert found.n == count
    assert (found.mean, found.deviation) == (pytest.approx(mean), pytest.approx(deviation))
    assert (found.low, found.high) == (low, high)
    assert not found.interpolated


def test_a_rectangle_holds_the_pixels_whose_centres_are_inside_or_on_its_edge():
    pixels = frame()
    found = of_frame(pixels, describe(slope=2.0, intercept=-10), Shape("rectangle", ((12.4, 9), (3, 4.6))))
    assert_same(found, by_hand(pixels * 2.0 - 10, lambda i, j: 3 <= i <= 12.4 and 4.6 <= j <= 9))
    assert found.area == pytest.approx(9.4 * 4.4 * 0.25)


@pytest.mark.parametrize("spacing", [(0.5, 0.5), (0.9, 0.4)])
def test_an_ellipse_is_one_in_millimetres(spacing):
    """Turned by 30 degrees; its axes are square in millimetres, not in pixels."""
    pixels = frame()
    (down, across), a, b, turn = spacing, 4.0, 2.0, math.radians(30)
    u, v = (a * math.cos(turn), a * math.sin(turn)), (-b * math.sin(turn), b * math.cos(turn))
    x, y = 19.3 * across, 14.6 * down
    ends = [(x - u[0], y - u[1]), (x + u[0], y + u[1]), (x - v[0], y - v[1]), (x + v[0], y + v[1])]
    shape = Shape("ellipse", tuple((p / across, q / down) for p, q in ends))

    def inside(i, j):
        dx, dy = i * across - x, j * down - y
        p, q = dx * math.cos(turn) + dy * math.sin(turn), dy * math.cos(turn) - dx * math.sin(turn)
        return (p / a) ** 2 + (q / b) ** 2 <= 1

    found = of_frame(pixels, describe(spacing=spacing), shape)
    assert_same(found, by_hand(pixels, inside))
    assert found.area == pytest.approx(math.pi * a * b)


def test_a_polygon_counts_by_the_even_odd_rule_with_its_edges():
    pixels = frame()
    triangle = of_frame(pixels, describe(), Shape("polygon", ((2, 2), (12, 2), (2, 12))))
    assert_same(triangle, by_hand(pixels, lambda i, j: i >= 2 and j >= 2 and i + j <= 14))
    assert triangle.area == pytest.approx(50 * 0.25)
    bow = of_frame(pixels, describe(), Shape("polygon", ((2, 2), (12, 12), (12, 2), (2, 12))))
    assert_same(bow, by_hand(pixels, lambda i, j: 2 <= i <= 12 and abs(j - 7) <= abs(i - 7)))
    concave = Shape("polygon", ((0, 0), (20, 0), (20, 20), (10, 5.5), (0, 20)))
    border = lambda i: 20 - 1.45 * i if i <= 10 else 5.5 + 1.45 * (i - 10)  # noqa: E731
    assert_same(
        of_frame(pixels, describe(), concave),
        by_hand(pixels, lambda i, j: i <= 20 and j <= border(i) + 1e-9),
    )


def test_padding_is_left_out_and_the_count_says_so():
    pixels = frame()
    pixels[5:8] = 7
    whole = Shape("rectangle", ((0, 0), (COLUMNS - 1, ROWS - 1)))
    found = of_frame(pixels, describe(padding=(7, 7)), whole)
    assert_same(found, by_hand(pixels, lambda i, j: pixels[j, i] != 7))


def test_shapes_are_clipped_by_the_picture_and_may_be_empty():
    pixels = frame()
    huge = of_frame(pixels, describe(), Shape("rectangle", ((-1e9, -1e9), (1e9, 1e9))))
    assert huge.n == ROWS * COLUMNS
    for shape in (
        Shape("rectangle", ((100, 100), (120, 120))),
        Shape("rectangle", ((3.2, 3.2), (3.4, 3.4))),
        Shape("ellipse", ((3, 3), (3, 3), (3, 3), (3, 3))),
    ):
        found = of_frame(pixels, describe(), shape)
        assert (found.n, found.mean, found.deviation) == (0, None, None)
    one = of_frame(pixels, describe(), Shape("rectangle", ((3, 3), (3.4, 3.4))))
    assert (one.n, one.mean, one.deviation) == (1, float(pixels[3, 3]), None)
    unknown = of_frame(pixels, describe(spacing=None), Shape("rectangle", ((3, 3), (9, 9))))
    assert (unknown.n, unknown.area) == (49, None)


def test_of_colours_the_luminance_counts():
    pixels = np.zeros((ROWS, COLUMNS, 3), "u1")
    pixels[...] = (100, 200, 50)
    found = of_frame(pixels, describe(samples=3, photometric="RGB"), Shape("rectangle", ((1, 1), (5, 5))))
    assert found.mean == pytest.approx(0.299 * 100 + 0.587 * 200 + 0.114 * 50)


def test_shapes_with_a_wrong_number_of_points_are_refused():
    for kind, points in (("rectangle", ((1, 1),)), ("ellipse", ((1, 1), (2, 2))), ("polygon", ((1, 1), (2, 2)))):
        with pytest.raises(InvalidRequestError):
            Shape(kind, points)
    with pytest.raises(InvalidRequestError):
        Shape("rectangle", ((1, math.nan), (2, 2)))


def test_lengths_and_angles_are_those_of_the_patient():
    assert length([(0, 0, 0), (3, 4, 0), (3, 4, 12)]) == 17
    assert length([undistorted(point, (0.5, 0.25)) for point in ((0, 0), (12, 8))]) == 5
    assert angle((1, 0, 0), (0, 0, 0), (0, 0, 2)) == pytest.approx(90)
    assert angle((1, 0, 0), (0, 0, 0), (-5, 0, 0)) == pytest.approx(180)
    assert angle((1, 0, 0), (0, 0, 0), (1, 1e-7, 0)) == pytest.approx(math.degrees(1e-7))
    assert angle((1, 0, 0), (1, 0, 0), (1, 1, 0)) is None
    legs = [undistorted(point, (1.0, 0.5)) for point in ((2, 0), (0, 0), (2, 1))]
    assert angle(*legs) == pytest.approx(45)


def test_a_cobb_angle_does_not_depend_on_how_its_lines_were_drawn():
    upper = ((0, 0), (10, -3))
    steep = ((0, 30), (-2, 60))
    for first, second, wanted in ((upper, ((0, 30), (10, 33)), 2 * math.degrees(math.atan(0.3))), (upper, steep, None)):
        variants = {
            round(cobb_angle(a, b), 9) for a in (first, first[::-1]) for b in (second, second[::-1])
        }  # fmt: skip
        assert len(variants) == 1
        assert wanted is None or variants.pop() == pytest.approx(wanted)


# ---------------------------------------------------------------- volumes


def grid(*, tilt=0.0, places=(0, 2, 4, 6, 8, 10, 12, 14)):
    return VolumeGrid(
        shape=(8, 20, 24),
        origin=(-5, 3, 10),
        across=(0.5, 0, 0),
        down=(0, 0.75, 0),
        through=(0, tilt, 1),
        places=places,
    )


def volume(**more):
    where = grid(**more)
    return Voxels.of_array(np.random.default_rng(6).integers(-500, 500, where.shape).astype("i2"), where, 2.0, -3.0)


UNEVEN = (0, 2, 4, 6.5, 8, 10, 11, 14)


@pytest.mark.parametrize("places", [tuple(range(0, 16, 2)), UNEVEN])
@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_a_point_on_a_voxel_has_its_stored_value_others_are_interpolated(places, tilt):
    voxels = volume(tilt=tilt, places=places)
    array = voxels.values.reshape(voxels.grid.shape) * 2.0 - 3
    for k, j, i in ((0, 0, 0), (7, 19, 23), (3, 7, 11)):
        point = voxels.grid.point(i, j, places[k])
        assert value_at_point(voxels, point) == (array[k, j, i], False)
    between = value_at_point(voxels, voxels.grid.point(4.25, 9, (places[2] + places[3]) / 2))
    wanted = np.mean([array[k, 9, 4] * 0.75 + array[k, 9, 5] * 0.25 for k in (2, 3)])
    assert between == (pytest.approx(wanted), True)


def test_points_outside_on_padding_or_in_missing_slices_have_no_value():
    voxels = volume()
    where = voxels.grid
    assert value_at_point(voxels, where.point(-0.4, 0, 0)) is not None
    for column, row, place in ((-0.6, 0, 0), (0, 19.6, 0), (0, 0, -1.1), (0, 0, 15.1), (1e9, 0, 0)):
        assert value_at_point(voxels, where.point(column, row, place)) is None
    offsets = voxels.offsets.copy()
    offsets[4] = NOT_THERE
    partly = Voxels(voxels.values, offsets, where, 2.0, -3.0)
    assert value_at_point(partly, where.point(3, 3, 8)) is None
    assert value_at_point(partly, where.point(3, 3, 7.5)) is None
    assert value_at_point(partly, where.point(3, 3, 6.5)).value == value_at_point(voxels, where.point(3, 3, 6)).value
    padded = Voxels(voxels.values, voxels.offsets, where, 2.0, -3.0, padding=(-500, 499))
    assert value_at_point(padded, where.point(3, 3, 8)) is None


@pytest.mark.parametrize("places", [tuple(range(0, 16, 2)), UNEVEN])
def test_on_a_slice_of_a_volume_statistics_are_those_of_the_frame(places):
    voxels = volume(places=places)
    where = voxels.grid
    image = describe(spacing=(0.75, 0.5), slope=2.0, intercept=-3.0, signed=True)
    image = image.model_copy(update={"rows": 20, "columns": 24})
    pixels = voxels.values.reshape(where.shape)[3]
    center = where.point(11.3, 8.7, places[3])
    for shape in (
        Shape("rectangle", ((3, 2), (17, 13))),
        Shape("ellipse", ((4, 9), (18, 9), (11, 3), (11, 15))),
        Shape("polygon", ((2, 2), (20, 4), (16, 17), (5, 12))),
    ):
        mine = Shape(shape.kind, tuple(((x - 11.3) * 0.5, (y - 8.7) * 0.75) for x, y in shape.points))
        found = plane_statistics(voxels, MprView(center=center), mine)
        theirs = of_frame(pixels, image, shape)
        assert found == pytest.approx(theirs, rel=1e-6)
        assert not found.interpolated


def test_statistics_of_oblique_planes_are_flagged_and_stay_when_the_view_is_moved():
    where = grid()
    ramp = [where.origin[c] + sum(n * v[c] for n, v in zip(np.indices(where.shape)[::-1], (where.across, where.down, (0, 0, 2)), strict=True)) for c in range(3)]  # fmt: skip  # noqa: E501
    values = (10 * ramp[0] + 4 * ramp[1] - 6 * ramp[2]).astype("f4")
    voxels = Voxels.of_array(values, where)
    turn = math.radians(20)
    row, column = (math.cos(turn), math.sin(turn), 0.0), (0.0, 0.0, 1.0)
    middle = where.point(11.5, 9.5, 7)
    square = Shape("rectangle", ((-1.5, -3), (1.5, 3)))
    found = plane_statistics(voxels, MprView(center=middle, row=row, column=column), square)
    assert found.interpolated
    assert found.area == pytest.approx(18)
    assert found.n == pytest.approx(18 / 0.25, rel=0.25)
    assert found.mean == pytest.approx(10 * middle[0] + 4 * middle[1] - 6 * middle[2], abs=3)
    along = 0.37
    moved = tuple(m + along * r for m, r in zip(middle, row, strict=True))
    same = Shape("rectangle", ((-1.5 - along, -3), (1.5 - along, 3)))
    again = plane_statistics(voxels, MprView(center=moved, row=row, column=column), same)
    assert again == pytest.approx(found)
    assert (
        plane_statistics(voxels, MprView(center=middle, row=row, column=column, interpolation="nearest"), square)
        == found
    )


def test_in_slab_modes_statistics_are_of_the_slab():
    voxels = volume()
    array = voxels.values.reshape(voxels.grid.shape) * 2.0 - 3
    view = MprView(center=voxels.grid.point(0, 0, 7), slab=10.0, blend="mip")
    whole = Shape("rectangle", ((-1, -1), (30, 30)))
    found = plane_statistics(voxels, view, whole)
    assert found.interpolated
    assert found.n == 20 * 24
    assert found.high <= array.max()
    thin = plane_statistics(voxels, view.model_copy(update={"slab": 0.0}), whole)
    assert found.mean > thin.mean
    mean = plane_statistics(voxels, view.model_copy(update={"blend": "mean", "slab": 1000.0}), whole)
    assert mean.deviation < thin.deviation
    total = plane_statistics(voxels, view.model_copy(update={"blend": "sum", "slab": 1000.0}), whole)
    assert total.mean / mean.mean == pytest.approx(32, abs=0.01)


def test_shapes_far_away_are_empty_and_statistics_can_be_cancelled():
    voxels = volume()
    view = MprView(center=voxels.grid.point(0, 0, 4))
    assert plane_statistics(voxels, view, Shape("rectangle", ((1e5, 1e5), (2e5, 2e5)))).n == 0
    assert plane_statistics(voxels, view, Shape("rectangle", ((-1e9, -1e9), (1e9, 1e9)))).n == 480
    with pytest.raises(CancelledError):
        plane_statistics(voxels, view, Shape("rectangle", ((0, 0), (9, 9))), cancelled=lambda: True)
