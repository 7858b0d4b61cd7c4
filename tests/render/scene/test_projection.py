"""Projections of analytic bodies: outlines, values, opacity, colour, sides."""

import math

import numpy as np
import pytest

from webviewer.domain.image import Window
from webviewer.domain.view import GradientPoint, Light, Quality, TransferPoint, VolumeView
from webviewer.domain.volume import VolumeGrid
from webviewer_render.scene.picture import CancelledError
from webviewer_render.scene.projection import Cast, pick, preview_size, render_volume
from webviewer_render.volume.levels import build_levels
from webviewer_render.volume.voxels import Voxels

SIZE = (128, 128)
EXTENT = 64.0
PIXEL = EXTENT / 128
FULL = Window(center=500, width=1000, function="LINEAR_EXACT")
# Axes of the screen as (row, column); patient: x to the left, y to the back, z to the head.
FRONT = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
SIDES = {
    "A": FRONT,
    "P": ((-1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "L": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    "R": ((0.0, -1.0, 0.0), (0.0, 0.0, -1.0)),
    "F": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "H": ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
}


def grid_of(shape, spacing=(1.0, 1.0, 1.0)):
    """A grid around the origin; spacing of slices, rows, columns."""
    origin = [-(n - 1) / 2 * d for n, d in zip(shape[::-1], spacing[::-1], strict=True)]
    return VolumeGrid(
        shape=shape, origin=origin, across=(spacing[2], 0, 0), down=(0, spacing[1], 0), through=(0, 0, 1),
        places=tuple(k * spacing[0] for k in range(shape[0])),
    )  # fmt: skip


def volume(values, shape=(48, 48, 48), spacing=(1.0, 1.0, 1.0), dtype="int16", **rescale):
    """Levels of ``values(x, y, z)`` in patient mm."""
    grid = grid_of(shape, spacing)
    k, j, i = np.indices(shape)
    x, y, z = (grid.origin[n] + index * d for n, (index, d) in enumerate(zip((i, j, k), spacing[::-1], strict=True)))
    array = np.asarray(values(x, y, z))
    array = array if dtype == "float32" else np.rint(array)
    return build_levels(Voxels.of_array(array.astype(dtype), grid, **rescale))


def sphere(radius, center=(0, 0, 0), high=1000.0, width=1.0):
    """A ball whose surface crosses half of ``high`` at ``radius``, ``width`` mm wide."""

    def values(x, y, z):
        distance = np.sqrt((x - center[0]) ** 2 + (y - center[1]) ** 2 + (z - center[2]) ** 2)
        return np.clip((radius - distance) / width + 0.5, 0, 1) * high

    return values


def view_of(axes=FRONT, **fields):
    fields = {"extent": EXTENT, "window": FULL} | fields
    return VolumeView(row=axes[0], column=axes[1], **fields)


def solid(opacity=1.0, colour=(1.0, 1.0, 1.0), threshold=500.0):
    return (
        TransferPoint(value=threshold - 0.5, opacity=0, colour=colour),
        TransferPoint(value=threshold + 0.5, opacity=opacity, colour=colour),
    )


def draw(levels, view, quality=Quality.FINAL, size=SIZE):
    return render_volume(levels, view, size, quality).pixels


def screen(size=SIZE, extent=EXTENT):
    """Millimetres of pixel centres to the right and down."""
    pixel = extent / min(size)
    return np.meshgrid(
        (np.arange(size[0]) + 0.5 - size[0] / 2) * pixel, (np.arange(size[1]) + 0.5 - size[1] / 2) * pixel
    )


def psnr(one, other):
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def turned(degrees, tilt=20):
    a, e = math.radians(degrees), math.radians(tilt)
    row = (math.cos(a), math.sin(a), 0.0)
    ahead = (-math.sin(a) * math.cos(e), math.cos(a) * math.cos(e), -math.sin(e))
    return row, tuple(np.cross(ahead, row).tolist())


# ---------------------------------------------------------------- outlines


@pytest.mark.parametrize("mode", ["composite", "mip"])
@pytest.mark.parametrize("axes", [*SIDES.values(), turned(37)])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 0.7, 0.9)])
def test_the_outline_of_a_sphere_is_right_within_a_voxel(mode, axes, spacing):
    shape = tuple(round(48 / d) for d in spacing)
    levels = volume(sphere(18), shape, spacing)
    pixels = draw(levels, view_of(axes, mode=mode, transfer=solid(), light=None))
    inside = (pixels if mode == "mip" else pixels[:, :, 0]) > 127
    x, y = screen()
    voxel = max(spacing)
    distance = np.hypot(x, y)
    assert inside[distance < 18 - voxel].all()
    assert not inside[distance > 18 + voxel].any()


def test_in_perspective_a_sphere_looks_as_large_as_its_tangent_cone():
    levels = volume(sphere(18))
    inside = draw(levels, view_of(mode="mip", perspective=True)) > 127
    eye = EXTENT / 2 / math.tan(math.radians(15))
    radius = 18 / math.sqrt(1 - (18 / eye) ** 2)
    x, y = screen()
    assert inside[np.hypot(x, y) < radius - 1].all()
    assert not inside[np.hypot(x, y) > radius + 1].any()
    assert radius > 18.2


def test_nearer_things_are_larger_in_perspective():
    def two(x, y, z):
        return np.maximum(sphere(5, (-12, -18, 0))(x, y, z), sphere(5, (12, 18, 0))(x, y, z))

    levels = volume(two)
    flat, deep = (draw(levels, view_of(mode="mip", perspective=p)) > 127 for p in (False, True))
    left, right = slice(0, 64), slice(64, 128)
    assert abs(int(flat[:, left].sum()) - int(flat[:, right].sum())) < 12
    assert deep[:, left].sum() > 1.3 * deep[:, right].sum()


@pytest.mark.parametrize("size", [(128, 128), (200, 100), (64, 160)])
def test_the_shorter_side_shows_the_extent(size):
    levels = volume(sphere(16))
    inside = draw(levels, view_of(mode="mip"), size=size) > 127
    radius = 16 / (EXTENT / min(size))
    assert abs(inside.sum() / (math.pi * radius**2) - 1) < 0.06
    rows, columns = np.nonzero(inside)
    assert abs(rows.mean() - (size[1] - 1) / 2) < 0.1
    assert abs(columns.mean() - (size[0] - 1) / 2) < 0.1


# ---------------------------------------------------------------- sides


@pytest.mark.parametrize(
    ("side", "mark", "place"),
    [
        ("A", (16, 0, 0), "right"), ("A", (0, 0, 16), "top"), ("P", (16, 0, 0), "left"), ("P", (0, 0, 16), "top"),
        ("L", (0, 16, 0), "right"), ("L", (0, 0, 16), "top"), ("R", (0, 16, 0), "left"), ("F", (16, 0, 0), "right"),
        ("F", (0, 16, 0), "bottom"), ("H", (16, 0, 0), "left"), ("H", (0, 16, 0), "bottom"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["composite", "mip", "mean"])
@pytest.mark.parametrize("perspective", [False, True])
def test_marks_appear_on_the_sides_of_the_screen_that_letters_say(side, mark, place, mode, perspective):
    levels = volume(sphere(4, mark))
    view = view_of(SIDES[side], mode=mode, transfer=() if mode == "mean" else solid(), perspective=perspective)
    window = Window(center=50, width=100) if mode == "mean" else FULL
    pixels = draw(levels, view.model_copy(update={"window": window}))
    rows, columns = np.nonzero(pixels.reshape(128, 128, -1).max(axis=2) > 40)
    where = {"left": -columns.mean(), "right": columns.mean(), "top": -rows.mean(), "bottom": rows.mean()}[place]
    offset = 64 + 16 / PIXEL * 0.9
    assert where > (offset if place in {"right", "bottom"} else offset - 128)


@pytest.mark.parametrize(("side", "front"), [("A", (0, -1, 0)), ("P", (0, 1, 0)), ("H", (0, 0, 1)), ("F", (0, 0, -1)),
                                             ("L", (1, 0, 0)), ("R", (-1, 0, 0))])  # fmt: skip
def test_what_is_in_front_hides_what_is_behind(side, front):
    front = np.array(front)

    def two(x, y, z):
        near, far = sphere(8, 12 * front)(x, y, z), sphere(8, -12 * front, 600)(x, y, z)
        return np.maximum(near, far)

    points = (
        TransferPoint(value=400, opacity=0, colour=(0, 1, 0)),
        TransferPoint(value=500, opacity=1, colour=(0, 1, 0)),
        TransferPoint(value=650, opacity=1, colour=(0, 1, 0)),
        TransferPoint(value=700, opacity=1, colour=(1, 0, 0)),
    )
    red, green, _ = draw(volume(two), view_of(SIDES[side], transfer=points, light=None))[64, 64]
    # A ball's skin passes through green for part of a voxel.
    assert red > 100
    near_red = draw(volume(two), view_of(SIDES[side], mode="mip"))[64, 64]
    assert near_red == 255
    assert green < 255


# ---------------------------------------------------------------- values


@pytest.mark.parametrize("dtype", ["int16", "uint16", "float32"])
@pytest.mark.parametrize("axes", [FRONT, turned(33)])
def test_mip_and_minip_are_the_extremes_of_all_samples(dtype, axes):
    noise = np.random.default_rng(5).integers(0, 1000, (40, 40, 40))
    levels = volume(lambda x, y, z: noise, (40, 40, 40), dtype=dtype)
    for mode, best in (("mip", np.max), ("minip", np.min)):
        pixels = draw(levels, view_of(axes, mode=mode), size=(64, 64)).astype(float)
        expected = samples(noise.astype(float), levels.full, axes, 64, best)
        known = np.isfinite(expected)
        greys = np.clip(np.floor(expected[known] * 255 / 1000 + 0.5), 0, 255)
        assert np.abs(pixels[known] - greys).max() <= 1
        assert (pixels[known] == greys).mean() > 0.98


def samples(array, level, axes, side, best):
    """``best`` of trilinear samples along every parallel ray, in float64."""
    row, column = np.array(axes[0]), np.array(axes[1])
    ahead = np.cross(row, column)
    x, y = screen((side, side))
    t = np.arange(-100, 101) * 0.7
    points = x[..., None, None] * row + y[..., None, None] * column + t[:, None] * ahead
    index = np.einsum("ab,ijkb->ijka", np.linalg.inv(level.axes), points - level.origin)
    known = ((index >= 0) & (index < np.array(array.shape[::-1]) - 1)).all(axis=-1)
    low = np.where(known[..., None], np.floor(index), 0).astype(int)
    part = index - low
    total = np.zeros(known.shape)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod([part[..., n] if c else 1 - part[..., n] for n, c in enumerate(corner)], axis=0)
        total += weight * array[low[..., 2] + corner[2], low[..., 1] + corner[1], low[..., 0] + corner[0]]
    worst = -np.inf if best is np.max else np.inf
    found = best(np.where(known, total, worst), axis=-1)
    return np.where(known.any(axis=-1), found, np.nan)


def test_the_mip_of_a_plateau_is_its_value_exactly():
    levels = volume(sphere(15, high=777), slope=2, intercept=-100)
    window = Window(center=777 * 2 - 100, width=512, function="LINEAR_EXACT")
    assert draw(levels, view_of(turned(10), mode="mip", window=window))[64, 64] in {127, 128}


def test_the_mean_of_a_sphere_is_its_chord():
    levels = volume(sphere(16), (64, 64, 64))
    pixels = draw(levels, view_of(mode="mean")).astype(float) * 1000 / 255
    x, y = screen()
    chord = 2 * np.sqrt(np.maximum(16**2 - x**2 - y**2, 0))
    inner = np.hypot(x, y) < 15
    assert np.abs(pixels - chord / 63 * 1000)[inner].max() < 16
    assert pixels[np.hypot(x, y) > 18].max() == 0


def test_the_mean_takes_the_range_of_the_transfer_points():
    levels = volume(sphere(16), (64, 64, 64))
    view = view_of(mode="mean", transfer=solid(threshold=900))
    x, y = screen()
    pixels = draw(levels, view.model_copy(update={"transfer": (*solid(threshold=900), *solid(threshold=2000))}))
    assert (pixels[np.hypot(x, y) < 14] > 250).all()
    assert (pixels[np.hypot(x, y) > 18] == 0).all()


@pytest.mark.parametrize("opacity", [0.02, 0.1, 0.3])
@pytest.mark.parametrize(("quality", "size"), [(Quality.FINAL, SIZE), (Quality.PREVIEW, (256, 256))])
@pytest.mark.parametrize("axes", [FRONT, SIDES["L"]])
def test_a_slab_takes_away_light_by_its_thickness(opacity, quality, size, axes):
    levels = volume(lambda x, y, z: np.full(x.shape, 1000), (41, 41, 41))
    pixels = draw(levels, view_of(axes, transfer=solid(opacity), light=None), quality, size)
    middle = pixels[64, 64, 0] / 255
    assert middle == pytest.approx(1 - (1 - opacity) ** 40, abs=0.02)


@pytest.mark.parametrize("opacity", [0.05, 0.2])
def test_brightness_does_not_change_between_preview_and_final(opacity):
    levels = volume(sphere(18))
    view = view_of(
        turned(20), transfer=solid(opacity, threshold=300), gradient=(GradientPoint(magnitude=0, factor=0.5),)
    )
    final, preview = (draw(levels, view, quality)[..., 0].mean() for quality in (Quality.FINAL, Quality.PREVIEW))
    assert preview == pytest.approx(final, rel=0.04)


def test_colours_are_linear_between_points_and_constant_beyond():
    points = (
        TransferPoint(value=200, opacity=1, colour=(1, 0, 0)),
        TransferPoint(value=600, opacity=1, colour=(0, 0, 1)),
    )
    for value, colour in (
        (0, (255, 0, 0)),
        (200, (255, 0, 0)),
        (300, (191, 0, 64)),
        (600, (0, 0, 255)),
        (999, (0, 0, 255)),
    ):
        levels = volume(lambda x, y, z, value=value: np.where(x < 20, value, value + 1))
        drawn = draw(levels, view_of(transfer=points, light=None))[64, 40]
        assert np.abs(drawn.astype(int) - colour).max() <= 1


def test_opacity_beyond_the_points_is_that_of_the_end_points():
    points = (
        TransferPoint(value=300, opacity=0.5, colour=(1, 1, 1)),
        TransferPoint(value=400, opacity=0, colour=(1, 1, 1)),
    )
    for value, seen in ((0, True), (299, True), (400, False), (1000, False)):
        levels = volume(lambda x, y, z, value=value: np.where(z < 20, value, value - 0.0))
        assert (draw(levels, view_of(transfer=points, light=None))[64, 64, 0] > 200) is np.bool_(seen)


def test_negative_slopes_turn_nothing_round():
    up = volume(sphere(15))
    down = volume(lambda x, y, z: 1000 - sphere(15)(x, y, z), slope=-1, intercept=1000)
    for view in (view_of(mode="mip"), view_of(mode="minip"), view_of(mode="mean"), view_of(transfer=solid(0.3))):
        assert psnr(draw(up, view), draw(down, view)) > 40


# ---------------------------------------------------------------- light


def test_a_lit_sphere_is_brightest_up_left_and_darker_at_its_edge():
    levels = volume(sphere(18, width=6))
    grey = draw(levels, view_of(transfer=solid(), light=Light(specular=0)))[:, :, 0].astype(float)
    x, y = screen()
    rows, columns = np.nonzero(grey > np.percentile(grey, 99))
    assert columns.mean() < 60
    assert rows.mean() < 60
    # Lambert's law for the normal of a sphere, the light 20 degrees from the eye.
    z = np.sqrt(np.maximum(18**2 - x**2 - y**2, 0)) / 18
    side = math.sin(math.radians(20)) / math.sqrt(2)
    cosine = np.maximum(-(x + y) / 18 * side + z * math.cos(math.radians(20)), 0)
    inner = np.hypot(x, y) < 15
    expected = 255 * (0.15 + 0.85 * cosine)
    assert np.abs(grey - expected)[inner].mean() < 4
    assert np.abs(grey - expected)[inner].max() < 25


def test_light_is_the_same_from_all_sides():
    levels = volume(sphere(18, width=6))
    pictures = [draw(levels, view_of(axes, transfer=solid())) for axes in (*SIDES.values(), turned(45, 30))]
    assert all(psnr(pictures[0], other) > 30 for other in pictures[1:])


def test_flat_regions_vanish_where_the_gradient_decides():
    levels = volume(sphere(18))
    gradient = (GradientPoint(magnitude=0, factor=0), GradientPoint(magnitude=300, factor=1))
    pixels = draw(levels, view_of(transfer=solid(0.1, threshold=200), gradient=gradient, light=None))[:, :, 0]
    x, y = screen()
    ring = pixels[(np.hypot(x, y) > 16.5) & (np.hypot(x, y) < 17.5)].mean()
    assert ring > 1.5 * pixels[np.hypot(x, y) < 6].mean() > 0


# ---------------------------------------------------------------- quality and behaviour


@pytest.mark.parametrize("mode", ["composite", "mip", "minip", "mean"])
def test_a_preview_has_half_the_size_and_looks_alike(mode):
    def blobs(x, y, z):
        return sum(sphere(7, c, h)(x, y, z) for c, h in (((-9, 2, 5), 1000), ((10, -8, 0), 700), ((0, 10, -12), 850)))

    levels = volume(blobs, (96, 96, 96), (0.5, 0.5, 0.5))
    view = view_of(turned(30), mode=mode, transfer=solid(0.5, threshold=300) if mode == "composite" else ())
    if mode == "mean":
        view = view.model_copy(update={"window": Window(center=150, width=300)})
    preview, final = draw(levels, view, Quality.PREVIEW, (640, 640)), draw(levels, view, size=(640, 640))
    assert preview.shape[:2] == (320, 320)
    large = final.reshape(320, 2, 320, 2, -1).mean(axis=(1, 3)).reshape(preview.shape)
    assert psnr(preview, large) >= 30


@pytest.mark.parametrize(
    ("viewport", "preview"),
    [
        ((1160, 700), (580, 350)),  # half
        ((1161, 701), (581, 351)),
        ((512, 512), (320, 320)),  # half of it would lose what is thin
        ((800, 400), (640, 320)),
        ((300, 900), (300, 900)),  # never larger than what is shown
        ((1, 1), (1, 1)),
    ],
)
def test_small_viewports_get_larger_previews(viewport, preview):
    assert preview_size(viewport) == preview


@pytest.mark.parametrize("fields", [{}, {"perspective": True}, {"perspective": True, "extent": 2.0}, {"extent": 20.0}])
@pytest.mark.parametrize("axes", [FRONT, turned(25)])
def test_leaving_out_empty_space_changes_nothing(monkeypatch, axes, fields):
    def blobs(x, y, z):
        return sphere(4, (-15, 6, 9))(x, y, z) + sphere(6, (12, -10, -8))(x, y, z) + sphere(2, (0, 20, 0))(x, y, z)

    levels = volume(blobs, (60, 70, 50), (0.9, 0.7, 1.0))
    view = view_of(axes, transfer=solid(0.4, threshold=300), **fields)
    pictures = [draw(levels, view, size=(200, 120))]
    monkeypatch.setattr(Cast, "codes", lambda cast: np.zeros(cast.level.lowest.shape, np.uint8))
    everything = np.tile(np.array([-np.inf, np.inf], np.float32), (15, 25, 1))
    monkeypatch.setattr(Cast, "_reach", lambda cast, codes: everything)
    pictures.append(draw(levels, view, size=(200, 120)))
    assert pictures[0].any()
    np.testing.assert_array_equal(*pictures)


@pytest.mark.parametrize("mode", ["composite", "mip", "minip", "mean"])
def test_a_picture_that_nobody_wants_any_more_stops_between_bands(mode):
    levels, asked = volume(sphere(18)), []

    def cancelled():
        asked.append(None)
        return len(asked) > 2

    with pytest.raises(CancelledError):
        render_volume(levels, view_of(mode=mode, transfer=solid()), SIZE, Quality.FINAL, (), cancelled)
    assert len(asked) == 3


def test_the_window_is_the_views_then_the_files_then_one_of_the_volume():
    levels = volume(lambda x, y, z: (x + 24) * 20)
    files = (Window(center=1, width=2), Window(center=300, width=400))
    view = view_of(mode="mip", window=None, voi=1)
    assert render_volume(levels, view, SIZE, Quality.FINAL, files).window == files[1]
    own = render_volume(levels, view, SIZE, Quality.FINAL).window
    assert own.center == pytest.approx(480, abs=20)
    assert own.width == pytest.approx(900, abs=60)
    assert render_volume(levels, view_of(mode="mip"), SIZE, Quality.FINAL, files).window == FULL


def test_inverted_greys_are_inverted_around_the_volume_too():
    levels = volume(sphere(10))
    plain, inverted = draw(levels, view_of(mode="mip")), draw(levels, view_of(mode="mip", colour_map="inverted"))
    assert np.abs(plain.astype(int) + inverted - 255).max() <= 1
    assert draw(levels, view_of(mode="mip", colour_map="hot-iron")).shape == (128, 128, 3)


def test_nothing_is_seen_without_points():
    assert not draw(volume(sphere(18)), view_of(transfer=())).any()


# ---------------------------------------------------------------- picking


@pytest.mark.parametrize("perspective", [False, True])
@pytest.mark.parametrize("axes", [FRONT, turned(50)])
def test_picking_a_solid_gives_the_surface_towards_the_eye(axes, perspective):
    levels = volume(sphere(18))
    ahead = np.cross(*axes)
    picked = pick(levels, view_of(axes, transfer=solid(), perspective=perspective), SIZE, 63.5, 63.5)
    assert np.linalg.norm(np.array(picked) + 18 * ahead) < 1


def test_picking_in_a_mip_gives_the_place_of_the_maximum():
    mark = (5.0, -6.0, 7.0)
    levels = volume(sphere(2, mark))
    picked = pick(levels, view_of(mode="mip"), SIZE, 63.5 + 5 / PIXEL, 63.5 - 7 / PIXEL)
    assert np.linalg.norm(np.subtract(picked, mark)) < 2


def test_picking_where_nothing_is_gives_none():
    levels = volume(sphere(10))
    assert pick(levels, view_of(transfer=solid()), SIZE, 2, 2) is None
    assert pick(levels, view_of(mode="mip", center=(500, 0, 0)), SIZE, 64, 64) is None
