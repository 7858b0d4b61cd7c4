"""Planes and slabs through volumes: against analytic phantoms, against SciPy, and against the image window."""

import math

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from webviewer.domain.image import FrameAttributes, ImageDescription, Window
from webviewer.domain.view import ImageView, MprView, Quality
from webviewer.domain.volume import VolumeGrid
from webviewer.errors import UnsupportedImageError
from webviewer_render.scene.picture import CancelledError, render_image
from webviewer_render.scene.plane import automatic_window, render_plane
from webviewer_render.scene.plane_geometry import finest, map_view, samples_of
from webviewer_render.volume.voxels import NOT_THERE, Voxels

RAMP = Window(center=500, width=1000, function="LINEAR_EXACT")
AXIAL = {"row": (1.0, 0.0, 0.0), "column": (0.0, 1.0, 0.0)}
CORONAL = {"row": (1.0, 0.0, 0.0), "column": (0.0, 0.0, -1.0)}
SAGITTAL = {"row": (0.0, 1.0, 0.0), "column": (0.0, 0.0, -1.0)}


def oblique(azimuth=30.0, elevation=20.0, turn=0.0):
    a, e, t = (math.radians(angle) for angle in (azimuth, elevation, turn))
    u = np.array([math.cos(a), math.sin(a), 0.0])
    w = np.array([-math.sin(a) * math.sin(e), math.cos(a) * math.sin(e), math.cos(e)])
    u, w = u * math.cos(t) + w * math.sin(t), w * math.cos(t) - u * math.sin(t)
    return {"row": tuple(map(float, u)), "column": tuple(map(float, w))}


PLANES = {"axial": AXIAL, "coronal": CORONAL, "sagittal": SAGITTAL, "oblique": oblique(), "steep": oblique(75, -60, 33)}


def grid_of(  # noqa: PLR0913 - a grid's definition
    shape, *, spacing=(0.8, 0.6), step=1.3, tilt=0.0, places=None, origin=(-11.0, 7.0, 3.0)
):
    """An axial grid; ``tilt`` in degrees, ``places`` instead of an even step."""
    places = tuple(k * step for k in range(shape[0])) if places is None else tuple(places)
    return VolumeGrid(
        shape=shape, origin=origin, across=(spacing[1], 0.0, 0.0), down=(0.0, spacing[0], 0.0),
        through=(0.0, math.tan(math.radians(tilt)), 1.0), places=places,
    )  # fmt: skip


def points_of(grid):
    """Patient coordinates of all voxels, three arrays of the grid's shape."""
    k, j, i = np.indices(grid.shape)
    places = np.array(grid.places)[k]
    return [
        grid.origin[c] + i * grid.across[c] + j * grid.down[c] + places * grid.through[c] for c in range(3)
    ]  # fmt: skip


def volume(grid, function, dtype="i2", **more):
    values = function(*points_of(grid))
    return Voxels.of_array(np.rint(values).astype(dtype) if dtype != "f4" else values.astype("f4"), grid, **more)


def noise(grid, dtype="i2", seed=5):
    return Voxels.of_array(np.random.default_rng(seed).integers(0, 1000, grid.shape).astype(dtype), grid)


def screen_points(view, size):
    """Patient coordinates under every pixel of the screen, written out anew."""
    width, height = size
    pixel = view.extent / min(size)
    j, i = np.indices((height, width))
    x, y = (i + 0.5 - width / 2) * pixel, (j + 0.5 - height / 2) * pixel
    return [view.center[c] + x * view.row[c] + y * view.column[c] for c in range(3)]


def coordinates(grid, points):
    """Fractional (slice, row, column) of patient points."""
    axes = np.stack([grid.across, grid.down, grid.through], axis=1)
    flat = np.stack([p.ravel() - o for p, o in zip(points, grid.origin, strict=True)])
    column, row, place = np.linalg.solve(axes, flat)
    places = np.array(grid.places)
    k = np.clip(np.searchsorted(places, place, side="right") - 1, 0, len(places) - 2)
    slices = k + (place - places[k]) / (places[k + 1] - places[k])
    return [c.reshape(points[0].shape) for c in (slices, row, column)]


def inside(grid, where, margin=0.0):
    """Which coordinates lie in the volume: up to half a voxel beyond the outermost centres."""
    good = np.ones(where[0].shape, bool)
    for c, count in zip(where, grid.shape, strict=True):
        good &= (c >= -0.5 + margin) & (c < count - 0.5 - margin)
    return good


def reference(voxels, points):
    """SciPy's linear interpolation. Its mode ``nearest`` is our rule for the half voxel at the border."""
    grid = voxels.grid
    array = voxels.values.reshape(grid.shape).astype(float)
    where = coordinates(grid, points)
    return map_coordinates(array, where, order=1, mode="nearest"), where


def grey(values):
    return np.clip(values / 1000 * 255, 0, 255)


def middle(grid):
    slices, rows, columns = grid.shape
    return grid.point((columns - 1) / 2 + 0.3, (rows - 1) / 2 - 0.2, grid.places[slices - 1] / 2 + 0.1)


GRIDS = {
    "even": grid_of((20, 24, 28)),
    "tilted": grid_of((20, 24, 28), tilt=18),
    "uneven": grid_of((20, 24, 28), places=np.cumsum([0, *([1, 1.5, 1, 0.7] * 5)])[:20]),
    "missing": grid_of((20, 24, 28), places=[k * 1.2 + (6 if k > 8 else 0) for k in range(20)]),
}


@pytest.mark.parametrize("dtype", ["i2", "u2", "f4"])
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_planes_are_scipys_within_one_grey_level_to_the_very_border(grid, plane, dtype):
    voxels, size = noise(grid, dtype), (70, 50)
    view = MprView(center=middle(grid), extent=30, window=RAMP, **plane)
    drawn = render_plane(voxels, view, size).pixels
    wanted, where = reference(voxels, screen_points(view, size))
    sure, out = inside(grid, where, 1e-6), ~inside(grid, where, -1e-6)
    assert sure.sum() > 500
    assert np.abs(drawn - grey(wanted))[sure].max() <= 1
    assert (drawn[out] == 0).all()
    assert out.any()


@pytest.mark.parametrize("blend", ["mip", "minip", "mean", "sum"])
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_slabs_are_scipys_samples_joined(grid, plane, blend):
    voxels, size = noise(grid), (70, 50)
    window = RAMP if blend != "sum" else Window(center=8000, width=16000, function="LINEAR_EXACT")
    view = MprView(center=middle(grid), extent=30, window=window, slab=9.3, blend=blend, **plane)
    drawn = render_plane(voxels, view, size).pixels
    normal = np.cross(view.row, view.column)
    number = math.ceil(view.slab / finest(grid))
    assert view.slab / number <= finest(grid)
    points = screen_points(view, size)
    values, sure = [], np.ones(drawn.shape, bool)
    for s in range(number):
        t = (s + 0.5) * view.slab / number - view.slab / 2
        value, where = reference(voxels, [p + t * n for p, n in zip(points, normal, strict=True)])
        within = inside(grid, where)
        sure &= inside(grid, where, 1e-6) | ~inside(grid, where, -1e-6)
        values.append(np.where(within, value, np.nan))
    values = np.array(values)
    anything = ~np.isnan(values).all(axis=0)
    join = {"mip": np.nanmax, "minip": np.nanmin, "mean": np.nanmean, "sum": np.nansum}[blend]
    wanted = np.zeros(drawn.shape)
    wanted[anything] = grey(join(values[:, anything], axis=0) / (16 if blend == "sum" else 1))
    assert np.abs(drawn - wanted)[sure].max() <= 1
    assert (sure & anything).sum() > 500


@pytest.mark.parametrize("dtype", ["i2", "u2", "f4"])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("padding", [(math.inf, -math.inf), (100, 300)])
def test_a_plane_through_slice_centres_is_the_picture_of_the_image_window(dtype, flip, padding):
    grid = grid_of((5, 40, 40), spacing=(0.75, 0.75), tilt=11)
    base = Voxels.of_array(np.random.default_rng(2).integers(0, 1000, grid.shape).astype(dtype), grid, 1.5, -20)
    voxels = Voxels(base.values, base.offsets, grid, 1.5, -20, padding)
    image = ImageDescription(
        rows=40, columns=40, bits_allocated=16, bits_stored=16, high_bit=15, photometric="MONOCHROME2",
        padding=padding if padding[0] < padding[1] else None, signed=dtype == "i2", floating=dtype == "f4",
        attributes=(FrameAttributes(slope=1.5, intercept=-20),),
    )  # fmt: skip
    if dtype == "f4" and padding[0] < padding[1]:
        voxels = Voxels(np.where((base.values >= 100) & (base.values <= 300), np.nan, base.values).astype("f4"),
                        base.offsets, grid, 1.5, -20, (math.inf, math.inf))  # fmt: skip
    frame = base.values.reshape(grid.shape)[3]
    for zoom, size in ((1, 40), (2.6, 64), (0.7, 40)):
        for window in (RAMP, Window(center=300, width=500, function="SIGMOID"), Window(center=400, width=1)):
            row = (-1.0, 0.0, 0.0) if flip else (1.0, 0.0, 0.0)
            view = MprView(
                center=grid.point(19.5, 19.5, grid.places[3]),
                row=row,
                column=(0, 1, 0),
                extent=30 / zoom,
                window=window,
            )
            flat = ImageView(window=window, zoom=zoom, flip_horizontal=flip)
            theirs = render_image(frame, image, 0, flat, (size, size)).pixels
            assert np.array_equal(render_plane(voxels, view, (size, size)).pixels, theirs)


@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_a_ramp_is_the_same_ramp_on_every_plane(grid, plane):
    """A linear function of the place is reproduced exactly by linear interpolation, whatever the grid."""
    slopes = np.array([11.0, -7.0, 13.0])
    voxels = volume(grid, lambda x, y, z: 500 + slopes[0] * x + slopes[1] * (y - 14) + slopes[2] * (z - 14), "f4")
    view, size = MprView(center=middle(grid), extent=16, window=RAMP, **plane), (48, 48)
    points = screen_points(view, size)
    within = inside(grid, coordinates(grid, points), margin=0.5)
    wanted = 500 + slopes[0] * points[0] + slopes[1] * (points[1] - 14) + slopes[2] * (points[2] - 14)
    drawn = render_plane(voxels, view, size).pixels
    assert within.sum() > 300
    assert np.abs(drawn - grey(wanted))[within].max() <= 0.6


@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
@pytest.mark.parametrize("grid", [GRIDS["even"], GRIDS["tilted"], GRIDS["uneven"]], ids=["even", "tilted", "uneven"])
def test_lengths_along_both_axes_are_right_within_half_a_voxel(grid, plane):
    center, radius = np.array(middle(grid)), 5.0
    voxels = volume(
        grid, lambda x, y, z: 1000.0 * (np.hypot(np.hypot(x - center[0], y - center[1]), z - center[2]) < radius)
    )
    size, extent = (400, 400), 16.0
    drawn = render_plane(voxels, MprView(center=tuple(center), extent=extent, window=RAMP, **plane), size).pixels
    pixel = extent / 400
    half = max(0.8, 0.6, float(np.diff(grid.places).max())) / 2
    for line in (drawn[200], drawn[:, 200]):
        length = np.count_nonzero(line >= 128) * pixel
        assert abs(length - 2 * radius) <= 2 * half


@pytest.mark.parametrize("grid", ["even", "tilted", "uneven"])
def test_the_volume_of_a_sphere_is_right_within_one_per_cent(grid):
    shape = (60, 80, 90)
    grids = {
        "even": grid_of(shape, step=0.9),
        "tilted": grid_of(shape, step=0.9, tilt=25),
        "uneven": grid_of(shape, places=np.cumsum([0.0, *([0.6, 1.1, 0.9, 1.0] * 15)])[:60]),
    }
    grid = grids[grid]
    center, radius = np.array(middle(grid)), 15.0

    def ball(x, y, z):
        distance = np.sqrt((x - center[0]) ** 2 + (y - center[1]) ** 2 + (z - center[2]) ** 2)
        return np.clip((radius - distance) / 1.2 + 0.5, 0, 1) * 1000

    voxels = volume(grid, ball)
    step, found = 0.5, 0.0
    plane = oblique(40, 25, 10)
    normal = np.cross(plane["row"], plane["column"])
    for t in np.arange(-17, 17, step):
        place = tuple(map(float, center + t * normal))
        drawn = render_plane(voxels, MprView(center=place, extent=40, window=RAMP, **plane), (160, 160)).pixels
        found += (drawn / 255).sum() * (40 / 160) ** 2 * step
    assert found == pytest.approx(4 / 3 * math.pi * radius**3, rel=0.01)


def test_slices_that_have_not_come_are_background_and_do_not_darken_their_neighbours():
    grid = grid_of((8, 12, 12), spacing=(1, 1), step=1, origin=(0, 0, 0))
    full = Voxels.of_array(np.full(grid.shape, 700, "i2"), grid)
    offsets = full.offsets.copy()
    offsets[[3, 4]] = NOT_THERE
    partly = Voxels(full.values, offsets, grid)
    for plane in (CORONAL, SAGITTAL, oblique(10, 5)):
        view = MprView(center=(5.5, 5.5, 3.5), extent=12, window=RAMP, **plane)
        size = (48, 48)
        where = coordinates(grid, screen_points(view, size))
        drawn = render_plane(partly, view, size).pixels
        hole = (where[0] > 2.5 + 1e-6) & (where[0] < 4.5 - 1e-6)
        beside = inside(grid, where, 1e-6) & ((where[0] < 2.5 - 1e-6) | (where[0] > 4.5 + 1e-6))
        assert (drawn[hole & inside(grid, where, 1e-6)] == 0).all()
        assert (np.abs(drawn[beside] - grey(np.float64(700))) <= 1).all()
    axial = MprView(center=(5.5, 5.5, 3.0), extent=12, window=RAMP)
    assert not render_plane(partly, axial, (12, 12)).pixels.any()
    slab = axial.model_copy(update={"slab": 4.0, "blend": "mean"})
    assert np.abs(render_plane(partly, slab, (12, 12)).pixels[2:-2, 2:-2] - grey(np.float64(700))).max() <= 1
    nothing = Voxels(full.values, np.full(8, NOT_THERE), grid)
    for view in (axial, slab, MprView(center=(5.5, 5.5, 3.0), extent=12, **oblique())):
        assert not render_plane(nothing, view, (12, 12)).pixels.any()


@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_padding_takes_no_part(plane):
    grid = GRIDS["even"]
    array = np.full(grid.shape, 600, "i2")
    array[:, :12] = -2000
    voxels = Voxels.of_array(array, grid)
    voxels = Voxels(voxels.values, voxels.offsets, grid, padding=(-2000, -2000))
    view, size = MprView(center=middle(grid), extent=14, window=RAMP, **plane), (64, 64)
    where = coordinates(grid, screen_points(view, size))
    drawn = render_plane(voxels, view, size).pixels
    shown = inside(grid, where, 1e-6) & (where[1] > 11.5 + 1e-6)
    assert (np.abs(drawn[shown] - grey(np.float64(600))) <= 1).all()
    assert not drawn[where[1] < 11.5 - 1e-6].any()
    for blend in ("mip", "minip", "mean"):
        slab = view.model_copy(update={"slab": 5.0, "blend": blend})
        levels = set(np.unique(render_plane(voxels, slab, size).pixels))
        assert levels <= {0, 153}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_nearest_shows_stored_values_only(grid, plane):
    voxels, size = noise(grid), (70, 50)
    view = MprView(center=middle(grid), extent=30, window=RAMP, interpolation="nearest", **plane)
    drawn = render_plane(voxels, view, size).pixels
    where = coordinates(grid, screen_points(view, size))
    sure = inside(grid, where, 1e-6)
    for c in where:
        sure &= np.abs(c + 0.5 - np.rint(c + 0.5)) > 1e-6
    nearest = [np.clip(np.floor(c + 0.5).astype(int), 0, n - 1) for c, n in zip(where, grid.shape, strict=True)]
    wanted = grey(voxels.values.reshape(grid.shape)[tuple(nearest)].astype(float))
    assert np.abs(drawn - wanted)[sure].max() <= 0.51


def test_a_thin_slab_is_a_plane_and_previews_take_coarser_steps():
    grid = grid_of((30, 30, 30), spacing=(0.5, 0.5), step=2.0)
    thin = MprView(center=middle(grid), extent=10, slab=0.5, window=RAMP, **oblique())
    voxels = noise(grid)
    plain = render_plane(voxels, thin.model_copy(update={"slab": 0.0}), (32, 32)).pixels
    assert np.array_equal(render_plane(voxels, thin, (32, 32)).pixels, plain)
    thick = thin.model_copy(update={"slab": 12.0})
    assert samples_of(grid, thick).number == 24
    axial = MprView(center=middle(grid), slab=12.0)
    assert samples_of(grid, axial, Quality.PREVIEW).number == 3
    assert 3 < samples_of(grid, thick, Quality.PREVIEW).number < 24
    summed = axial.model_copy(update={"blend": "sum", "extent": 6.0, "window": Window(center=12000, width=24000)})
    flat = Voxels.of_array(np.full(grid.shape, 300, "i2"), grid, 2.0, -100)
    final, preview = (render_plane(flat, summed, (8, 8), quality=q).pixels for q in (Quality.FINAL, Quality.PREVIEW))
    assert np.array_equal(final, preview)
    assert abs(float(final[4, 4]) - 24 * 500 / 24000 * 255) <= 1


def test_a_negative_slope_keeps_the_meaning_of_maximum():
    grid = grid_of((6, 8, 8), spacing=(1, 1), step=1)
    array = np.arange(6, dtype="i2")[:, None, None] * np.ones((1, 8, 8), "i2") * 100
    voxels = Voxels.of_array(array, grid, -1.0, 600.0)
    view = MprView(center=middle(grid), extent=4, window=RAMP, slab=40.0, blend="mip")
    # Samples lie a tenth of a step beside the slice centres.
    assert abs(float(render_plane(voxels, view, (8, 8)).pixels[4, 4]) - grey(np.float64(590))) <= 1


def test_colour_maps_inversion_and_windows_are_those_of_the_image_window():
    grid = grid_of((4, 32, 32), spacing=(1, 1))
    voxels = noise(grid)
    view = MprView(center=grid.point(15.5, 15.5, grid.places[1]), extent=32)
    image = ImageDescription(
        rows=32, columns=32, bits_allocated=16, bits_stored=16, high_bit=15, photometric="MONOCHROME2",
        attributes=(FrameAttributes(),), signed=True,
    )  # fmt: skip
    frame, other = voxels.values.reshape(grid.shape)[1], Window(center=300, width=200)
    for name in ("grey", "inverted", "hot-iron", "viridis"):
        for invert in (False, True):
            mine = view.model_copy(update={"colour_map": name, "invert": invert, "voi": 1})
            theirs = ImageView(window=other, colour_map=name, invert=invert)
            picture = render_plane(voxels, mine, (32, 32), (RAMP, other))
            assert picture.window == other
            assert np.array_equal(picture.pixels, render_image(frame, image, 0, theirs, (32, 32)).pixels)
    outside = view.model_copy(update={"center": (500.0, 0.0, 0.0), "colour_map": "viridis"})
    assert not render_plane(voxels, outside, (8, 8)).pixels.any()
    inverse = render_plane(voxels, view, (32, 32), (other,), inverse=True).pixels
    assert np.array_equal(inverse, 255 - render_plane(voxels, view, (32, 32), (other,)).pixels)


def test_without_a_window_one_is_made_of_the_values_that_have_come():
    grid = grid_of((10, 40, 40))
    voxels = Voxels.of_array(np.random.default_rng(1).integers(0, 1001, grid.shape).astype("i2"), grid, 2.0, -5.0)
    window = automatic_window(voxels)
    assert window.center == pytest.approx(995, abs=10)
    assert window.width == pytest.approx(1980, abs=20)
    assert render_plane(voxels, MprView(center=middle(grid)), (8, 8)).window == window
    nothing = Voxels(voxels.values, np.full(10, NOT_THERE), grid)
    assert automatic_window(nothing).width == 1
    flat = Voxels.of_array(np.full(grid.shape, 7, "i2"), grid)
    assert automatic_window(flat) == Window(center=7, width=1, function="LINEAR_EXACT")


def test_a_cancelled_plane_stops_between_bands():
    voxels = noise(GRIDS["even"])
    for slab in (0.0, 20.0):
        for plane in (AXIAL, oblique()):
            asked = []

            def cancelled(asked=asked):
                asked.append(1)
                return len(asked) > 1

            view = MprView(center=middle(voxels.grid), extent=20, slab=slab, window=RAMP, **plane)
            with pytest.raises(CancelledError):
                render_plane(voxels, view, (300, 300), cancelled=cancelled)
            assert len(asked) == 2


@pytest.mark.parametrize("extent", [0.1, 1.0, 1e5])
@pytest.mark.parametrize("slab", [0.0, 1000.0])
@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
def test_extreme_views_are_drawn(extent, slab, interpolation):
    for name, grid in GRIDS.items():
        voxels = noise(grid)
        for center in (middle(grid), (1e6, -1e6, 1e6), grid.origin):
            for plane in (AXIAL, oblique(1e-9, 0), oblique(89.9999999, 1e-12, 45), SAGITTAL):
                view = MprView(
                    center=center, extent=extent, slab=slab, interpolation=interpolation, window=RAMP, **plane
                )
                drawn = render_plane(voxels, view, (9, 5)).pixels
                assert drawn.shape == (5, 9), name
                if center[0] == 1e6:
                    assert not drawn.any()


def test_directions_that_are_not_square_are_drawn():
    voxels = noise(GRIDS["even"])
    view = MprView(center=middle(voxels.grid), row=(1.0, 0.0, 0.0), column=(0.6, 0.8, 0.0), extent=10, window=RAMP)
    assert render_plane(voxels, view, (16, 16)).pixels.any()
    same = MprView(center=middle(voxels.grid), row=(1.0, 0.0, 0.0), column=(1.0, 0.0, 0.0), slab=9, window=RAMP)
    for quality in (Quality.PREVIEW, Quality.FINAL):
        assert render_plane(voxels, same, (16, 16), quality=quality).pixels.shape == (16, 16)


def test_a_volume_one_voxel_thick_is_refused():
    grid = grid_of((3, 1, 9))
    with pytest.raises(UnsupportedImageError, match="view it as a stack"):
        render_plane(noise(grid), MprView(), (8, 8))


def test_slices_of_more_voxels_than_can_be_counted_are_refused():
    grid = grid_of((3, 65535, 65535))
    voxels = Voxels(np.zeros(4, "i2"), np.full(3, NOT_THERE), grid)
    with pytest.raises(UnsupportedImageError, match="too large"):
        render_plane(voxels, MprView(), (8, 8))


def test_the_extent_is_that_of_the_shorter_side():
    grid = grid_of((4, 8, 8), origin=(0, 0, 0))
    view = MprView(center=(1.0, 2.0, 3.0), extent=10)
    matrix = map_view(grid, view, (200, 100)).matrix
    assert matrix[0, 0] * 0.6 == pytest.approx(0.1)
    assert matrix[0] @ (99.5, 49.5, 0, 1) * 0.6 == pytest.approx(1.0)
    assert matrix[1] @ (99.5, 49.5, 0, 1) * 0.8 == pytest.approx(2.0)


@pytest.mark.parametrize("slab", [0.0, 5.2])
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_a_pixel_larger_than_a_voxel_is_the_mean_of_what_lies_in_it(grid, plane, slab):
    voxels, size = noise(grid), (24, 20)
    view = MprView(center=middle(grid), extent=34, window=RAMP, slab=slab, blend="mip", **plane)
    pixel = view.extent / min(size)
    drawn = render_plane(voxels, view, size).pixels
    axes = np.stack([grid.across, grid.down, np.array(grid.through) * np.diff(grid.places).min()], axis=1)
    across, down = (
        max(1, round(float(np.abs(np.linalg.solve(axes, np.multiply(axis, pixel))).max())))
        for axis in (view.row, view.column)
    )
    assert across * down > 1
    normal, count = np.cross(view.row, view.column), samples_of(grid, view)
    parts = []
    for b in range(down):
        for a in range(across):
            right, below = ((n + 0.5) / side - 0.5 for n, side in ((a, across), (b, down)))
            there = [
                p + (right * r + below * c) * pixel
                for p, r, c in zip(screen_points(view, size), view.row, view.column, strict=True)
            ]
            layers = []
            for s in range(count.number):
                t = count.first + s * count.step
                value, where = reference(voxels, [p + t * n for p, n in zip(there, normal, strict=True)])
                layers.append(np.where(inside(grid, where), value, -np.inf))
            parts.append(np.max(layers, axis=0))
    known = np.isfinite(parts)
    half = 2 * known.sum(axis=0) >= across * down
    wanted = np.where(known, parts, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    error = np.abs(drawn - np.where(half, grey(wanted), 0))
    assert np.median(error) <= 0.5
    assert (error <= 1).mean() > 0.99  # places on the very border of the volume fall to either side
    assert half.sum() > 100


def test_stripes_too_fine_for_the_pixels_become_grey_and_do_not_alias():
    grid = grid_of((20, 120, 120), spacing=(0.5, 0.5))
    stripes = np.broadcast_to(np.arange(120) % 2 * 1000, grid.shape).astype("i2")
    view = MprView(center=middle(grid), extent=50, window=RAMP, **AXIAL)
    voxels = Voxels.of_array(np.ascontiguousarray(stripes), grid)
    pixels = render_plane(voxels, view, (24, 24)).pixels[4:-4, 4:-4]
    assert np.abs(pixels.astype(int) - 127).max() <= 16
    preview = render_plane(voxels, view, (24, 24), quality=Quality.PREVIEW).pixels[4:-4, 4:-4]
    assert np.ptp(preview.astype(int)) > 60


@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_previews_and_stored_values_are_never_averaged(plane):
    grid, size = GRIDS["even"], (24, 20)
    voxels = noise(grid)
    view = MprView(center=middle(grid), extent=34, window=RAMP, **plane)
    wanted, where = reference(voxels, screen_points(view, size))
    preview = render_plane(voxels, view, size, quality=Quality.PREVIEW).pixels
    assert np.abs(preview - grey(wanted))[inside(grid, where, 1e-6)].max() <= 1
    nearest = render_plane(voxels, view.model_copy(update={"interpolation": "nearest"}), size).pixels
    assert set(np.unique(nearest)) <= {0, *np.rint(grey(np.arange(1000.0))).astype(int)}
