"""What every back end must do: the same suite for all, and VTK as the independent reference of the kernels."""

import math

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from webviewer.domain.image import Window
from webviewer.domain.view import Cut, GradientPoint, Quality, TransferPoint, VolumeView
from webviewer.domain.volume import VolumeGrid
from webviewer_render.scene.picture import CancelledError
from webviewer_render.scene.projection import prepared
from webviewer_render.volume.levels import build_levels
from webviewer_render.volume.voxels import Voxels

SIZE = (160, 160)
FRONT = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
HU = Window(center=200, width=2400, function="LINEAR_EXACT")


def turned(degrees, tilt=20):
    a, e = math.radians(degrees), math.radians(tilt)
    row = (math.cos(a), math.sin(a), 0.0)
    ahead = (-math.sin(a) * math.cos(e), math.cos(a) * math.cos(e), -math.sin(e))
    return row, tuple(np.cross(ahead, row).tolist())


def points(*rows):
    return tuple(TransferPoint(value=value, opacity=opacity, colour=colour) for value, opacity, colour in rows)


SOFT = points(
    (-500, 0, (0.5, 0.2, 0.1)), (100, 0.05, (0.8, 0.4, 0.3)), (400, 0.3, (1, 0.8, 0.6)), (1500, 0.9, (1, 1, 1))
)
BONE = points((150, 0, (0.42, 0.23, 0.16)), (250, 0.15, (0.73, 0.54, 0.38)), (450, 0.55, (0.87, 0.76, 0.62)),
              (900, 0.85, (0.96, 0.92, 0.84)), (3071, 0.95, (1, 1, 1)))  # fmt: skip


def view_of(axes=FRONT, **fields):
    return VolumeView(row=axes[0], column=axes[1], **({"extent": 70.0, "window": HU, "light": None} | fields))


def psnr(one, other):
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def level(pixels):
    return pixels.reshape(*pixels.shape[:2], -1).max(axis=2).astype(float)


# ---------------------------------------------------------------- every back end


@pytest.mark.parametrize("mode", ["composite", "mip", "minip", "mean"])
def test_pictures_have_the_size_and_channels_that_are_asked_for(backend, phantom, mode):
    assert mode in backend.capabilities.modes
    view = view_of(mode=mode, transfer=SOFT if mode == "composite" else ())
    for size in ((120, 80), (50, 90)):
        final = backend.render(phantom, view, size, Quality.FINAL).pixels
        preview = backend.render(phantom, view, size, Quality.PREVIEW).pixels
        assert final.shape[:2] == size[::-1]
        assert preview.shape[:2] == size[::-1]
        assert final.dtype == np.uint8
        assert (final.ndim == 3) == (mode == "composite")


@pytest.mark.parametrize("perspective", [False, True])
def test_a_mark_at_the_patients_left_is_on_the_right_from_the_front(backend, phantom, perspective):
    # The dense balls lie at x, y, z of the volume, which is turned by 15 degrees.
    dense = points((1200, 0, (1, 1, 1)), (1300, 1, (1, 1, 1)))
    angle = math.radians(15)
    at = np.array([-14 * math.sin(angle), 14 * math.cos(angle), 10])
    for axes in (FRONT, ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)), turned(130)):
        pixels = level(
            backend.render(phantom, view_of(axes, transfer=dense, perspective=perspective), SIZE, Quality.FINAL).pixels
        )
        rows, columns = np.nonzero(pixels > 60)
        row, column = np.array(axes[0]), np.array(axes[1])
        ahead = float(at @ np.cross(row, column))
        eye = 35 / math.tan(math.radians(15))
        scale = eye / (eye + ahead) if perspective else 1.0
        assert columns.mean() == pytest.approx(79.5 + float(at @ row) * scale / 70 * 160, abs=1)
        assert rows.mean() == pytest.approx(79.5 + float(at @ column) * scale / 70 * 160, abs=1)


def test_the_greys_of_a_mip_are_those_of_the_window(backend, phantom):
    pixels = backend.render(phantom, view_of(mode="mip"), SIZE, Quality.FINAL).pixels
    middle = pixels[105, 45]  # only the large ball of 40 HU
    assert abs(int(middle) - round((40 - 200 + 1200) / 2400 * 255)) <= 1
    assert pixels.max() == 255
    assert pixels[2, 2] == 0


def test_crop_and_cuts_hide(backend, phantom):
    whole = level(backend.render(phantom, view_of(mode="mip"), SIZE, Quality.FINAL).pixels)
    box = phantom.full.spacing * (np.array(phantom.full.shape[::-1]) - 1)
    crop = ((0.0, 0.0, 0.0), (float(box[0]), float(box[1]), float(box[2]) / 2))
    cropped = level(backend.render(phantom, view_of(mode="mip", crop=crop), SIZE, Quality.FINAL).pixels)
    assert cropped[:76].max() == 0
    assert psnr(cropped[90:], whole[90:]) > 40
    lasso = ((-8, -8), (8, -8), (8, 8), (-8, 8))
    cut = Cut(center=(0, 0, 0), row=FRONT[0], column=FRONT[1], extent=70, corners=lasso)
    left = level(backend.render(phantom, view_of(mode="mip", cuts=(cut,)), SIZE, Quality.FINAL).pixels)
    assert left[66:94, 66:94].max() == 0
    outside = np.ones(left.shape, bool)
    outside[56:104, 56:104] = False
    assert psnr(left[outside], whole[outside]) > 40


def test_picking_gives_a_place_on_the_surface(backend, phantom):
    dense = points((-490, 0, (1, 1, 1)), (-470, 1, (1, 1, 1)))
    place = backend.pick(phantom, view_of(transfer=dense), SIZE, (79.5, 79.5))
    assert place == pytest.approx((0, -26, 0), abs=1)
    assert backend.pick(phantom, view_of(transfer=dense), SIZE, (1, 1)) is None


def test_nothing_is_drawn_that_nobody_wants(backend, phantom):
    with pytest.raises(CancelledError):
        backend.render(phantom, view_of(mode="mip"), SIZE, Quality.FINAL, (), lambda: True)


# ---------------------------------------------------------------- the reference


CASES = {
    "soft": {"transfer": SOFT},
    "bone": {"transfer": BONE},
    "perspective": {"transfer": SOFT, "perspective": True},
    "mip": {"mode": "mip"},
    "mip in perspective": {"mode": "mip", "perspective": True},
    "minip": {"mode": "minip"},
    "mean": {"mode": "mean", "window": Window(center=-700, width=800)},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("axes", [FRONT, turned(40), turned(200, -35)])
def test_the_kernels_draw_what_vtk_draws(cpu, vtk, phantom, case, axes):
    view = view_of(axes, **CASES[case])
    ours, theirs = (each.render(phantom, view, (256, 256), Quality.FINAL).pixels for each in (cpu, vtk))
    assert psnr(ours, theirs) >= 40


@pytest.mark.parametrize("axes", [FRONT, turned(40)])
def test_gradients_decide_as_in_vtk(cpu, vtk, phantom, axes):
    gradient = (GradientPoint(magnitude=0, factor=0), GradientPoint(magnitude=200, factor=1))
    view = view_of(axes, transfer=SOFT, gradient=gradient)
    ours, theirs = (each.render(phantom, view, (256, 256), Quality.FINAL).pixels for each in (cpu, vtk))
    assert psnr(ours, theirs) >= 40


@pytest.mark.parametrize("case", [*CASES, "light", "gradient", "cut"])
def test_the_kernels_for_gpus_draw_what_those_for_processors_draw(cpu, cuda, phantom, case):
    cut = Cut(center=(0, 0, 0), row=FRONT[0], column=FRONT[1], extent=70, corners=((-20, -20), (20, -15), (5, 20)))
    more = {
        "light": {"transfer": BONE, "light": VolumeView().light, "perspective": True},
        "gradient": {
            "transfer": SOFT,
            "gradient": (GradientPoint(magnitude=0, factor=0), GradientPoint(magnitude=200, factor=1)),
        },
        "cut": {"transfer": SOFT, "cuts": (cut,), "light": VolumeView().light},
    }
    view = view_of(turned(40), **(CASES | more)[case])
    ours, theirs = (each.render(phantom, view, (160, 120), Quality.FINAL).pixels for each in (cpu, cuda))
    assert psnr(ours, theirs) > 50


def test_floating_voxels_are_drawn_on_gpus_as_well(cpu, cuda):
    shape = (20, 20, 20)
    grid = VolumeGrid(
        shape=shape, origin=(-9.5, -9.5, -9.5), across=(1, 0, 0), down=(0, 1, 0), through=(0, 0, 1), places=range(20)
    )
    values = np.random.default_rng(9).normal(100, 300, shape).astype(np.float32)
    levels = build_levels(Voxels.of_array(values, grid))
    view = view_of(turned(40), transfer=SOFT, extent=30, light=VolumeView().light)
    ours, theirs = (each.render(levels, view, (80, 80), Quality.FINAL).pixels for each in (cpu, cuda))
    assert psnr(ours, theirs) > 50


@pytest.mark.real_data
@pytest.mark.parametrize("axes", [FRONT, turned(40)])
@pytest.mark.parametrize("case", ["bone", "mip"])
def test_a_real_head_is_drawn_as_by_vtk(cpu, vtk, head, case, axes):
    levels, middle = head
    view = view_of(axes, center=middle, extent=260.0, **CASES[case])
    ours, theirs = (each.render(levels, view, (512, 512), Quality.FINAL).pixels for each in (cpu, vtk))
    assert psnr(ours, theirs) >= 40


@pytest.mark.real_data
@pytest.mark.parametrize("axes", [FRONT, turned(40)])
@pytest.mark.parametrize("mode", ["composite", "mip"])
def test_a_real_brain_is_drawn_as_by_vtk(cpu, vtk, brain, mode, axes):
    levels, middle = brain
    top = levels.full.span[1] * levels.slope + levels.intercept
    surface = points((0.08 * top, 0, (0.4, 0.3, 0.3)), (0.3 * top, 0.3, (0.9, 0.7, 0.6)), (top, 0.9, (1, 1, 1)))
    window = Window(center=top / 2, width=top)
    view = view_of(axes, center=middle, extent=260.0, mode=mode, transfer=surface, window=window)
    ours, theirs = (each.render(levels, view, (512, 512), Quality.FINAL).pixels for each in (cpu, vtk))
    assert psnr(ours, theirs) >= 40


@pytest.mark.real_data
@pytest.mark.parametrize("case", ["bone", "mip"])
def test_a_preview_of_a_real_head_is_like_its_final(cpu, head, case):
    levels, middle = head
    view = view_of(turned(40), center=middle, extent=260.0, **CASES[case])
    final = cpu.render(levels, view, (640, 640), Quality.FINAL).pixels.astype(float)
    preview = cpu.render(levels, view, (640, 640), Quality.PREVIEW).pixels
    halved = final.reshape(320, 2, 320, 2, -1).mean(axis=(1, 3)).reshape(preview.shape)
    assert psnr(preview, halved) >= 30


@pytest.mark.parametrize("case", [*CASES, "light"])
@pytest.mark.parametrize("axes", [FRONT, turned(40)])
def test_a_preview_is_like_its_final(cpu, phantom, case, axes):
    view = view_of(axes, **(CASES | {"light": {"transfer": SOFT, "light": VolumeView().light}})[case])
    final = cpu.render(phantom, view, (640, 640), Quality.FINAL).pixels.astype(float)
    preview = cpu.render(phantom, view, (640, 640), Quality.PREVIEW).pixels
    halved = final.reshape(320, 2, 320, 2, -1).mean(axis=(1, 3)).reshape(preview.shape)
    assert psnr(preview, halved) >= 30


@pytest.mark.parametrize("mode", ["mip", "minip"])
def test_the_highest_value_is_the_highest_of_all_samples(cpu, mode):
    """Of noise, no block of which can be skipped for long; every ray against samples taken one by one."""
    shape = (30, 37, 41)
    grid = VolumeGrid(
        shape=shape, origin=(-20, -18, -14.5), across=(1, 0, 0), down=(0, 1, 0), through=(0, 0, 1), places=range(30)
    )
    values = np.random.default_rng(5).normal(0, 300, shape).astype(np.int16)
    levels = build_levels(Voxels.of_array(values, grid))
    view = view_of(turned(40), mode=mode, extent=45, window=Window(center=0, width=4000))
    cast = prepared(levels, view, (37, 29), Quality.FINAL)
    found = cast.extreme((-math.inf, math.inf), None)
    axes = np.stack([cast.camera.row, cast.camera.column, cast.camera.ahead])
    for y in range(0, 29, 4):
        for x in range(0, 37, 5):
            u, v = (np.array([x, y]) - (np.array([37, 29]) - 1) / 2) * 45 / 29
            places = u * axes[0] + v * axes[1] + np.arange(-60, 61)[:, None] * cast.step * axes[2] - grid.origin
            inside = ((places >= 0) & (places < np.array(shape[::-1]) - 1)).all(axis=1)
            if not inside.any():
                assert np.isnan(found[y, x])
                continue
            samples = map_coordinates(values.astype(float), places[inside].T[::-1], order=1)
            assert found[y, x] == pytest.approx(samples.max() if mode == "mip" else samples.min(), abs=0.05)
