"""No view and no volume breaks the kernels: pictures of a view that makes no sense are pictures all the same."""

import itertools

import numpy as np
import pytest

from webviewer.domain.image import Window
from webviewer.domain.view import Cut, GradientPoint, Light, Quality, TransferPoint, VolumeView
from webviewer.domain.volume import VolumeGrid
from webviewer_render.scene.projection import pick, render_volume
from webviewer_render.volume.levels import build_levels
from webviewer_render.volume.voxels import Voxels

WHITE = (1.0, 1.0, 1.0)
RAMP = (TransferPoint(value=-1e9, opacity=0, colour=WHITE), TransferPoint(value=1e9, opacity=1, colour=WHITE))
STEP = tuple(TransferPoint(value=10, opacity=opacity, colour=WHITE) for opacity in (0, 1, 0, 1))
TINY = (TransferPoint(value=1e-9, opacity=1, colour=WHITE), TransferPoint(value=2e-9, opacity=0, colour=WHITE))
VIEWS = {
    "far away": {"center": (1e6, -1e6, 1e6)},
    "tiny": {"extent": 0.1},
    "huge": {"extent": 1e5},
    "far, tiny, perspective": {"center": (1e6, 0, 0), "extent": 0.1, "perspective": True},
    "inside, perspective": {"extent": 0.1, "perspective": True},
    "parallel axes": {"row": (1, 0, 0), "column": (1, 0, 0)},
    "opposite axes": {"row": (1, 0, 0), "column": (-1, 0, 0), "perspective": True},
    "nearly along an axis": {"row": (1, 1e-13, 0), "column": (0, 1, 1e-13)},
    "wide transfer": {"transfer": RAMP},
    "steps of a transfer at one value": {"transfer": STEP},
    "transfer of nothing": {"transfer": TINY},
    "steep gradient": {"gradient": (GradientPoint(magnitude=1e9, factor=1),)},
    "gradient at nought": {"gradient": (GradientPoint(magnitude=0, factor=1), GradientPoint(magnitude=0, factor=0))},
    "hard light": {"light": Light(ambient=1, diffuse=1, specular=1, power=200)},
    "crop turned round": {"crop": ((1e6, 1e6, 1e6), (-1e6, -1e6, -1e6))},
    "crop of nothing": {"crop": ((5, 5, 5), (5, 5, 5))},
    "crop beyond": {"crop": ((1e6, 1e6, 1e6), (1e6, 1e6, 1e6))},
    "narrow window": {"window": Window(center=1, width=1e-9)},
    "wide window": {"window": Window(center=1e9, width=1e12)},
    "no width": {"window": Window(center=0, width=0)},
    "threshold": {"window": Window(center=100, width=1)},
    "sigmoid": {"window": Window(center=100, width=50, function="SIGMOID")},
    "cut of nothing": {"cuts": (Cut(center=(0, 0, 0), row=(1, 0, 0), column=(0, 1, 0), extent=9, corners=((1, 1),) * 3),)},
    "vast cut": {
        "cuts": (
            Cut(
                center=(0, 0, 0), row=(1, 0, 0), column=(0, 0, 1), extent=1e5, perspective=True, inside=False,
                corners=((-1e6, -1e6), (1e6, 1e6), (1e6, -1e6)),
            ),
        )
    },
    "cut from within": {
        "cuts": (
            Cut(
                center=(0, 0, 0), row=(1, 0, 0), column=(1, 0, 0), extent=0.1, perspective=True,
                corners=((-9, -9), (9, -9), (9, 9)),
            ),
        )
    },
    "a table in noise": {"hide_table": True},
}  # fmt: skip


def noise(shape, dtype="int16", step=1.0, values=None):
    grid = VolumeGrid(
        shape=shape, origin=(-9, -9, -9), across=(step, 0, 0), down=(0, step, 0), through=(0, 0.3, 1),
        places=tuple(k * step for k in range(shape[0])),
    )  # fmt: skip
    values = np.random.default_rng(8).integers(-2000, 2000, shape) if values is None else values
    return build_levels(Voxels.of_array(values.astype(dtype), grid))


@pytest.fixture(scope="module")
def levels():
    return noise((17, 19, 23))


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("mode", ["composite", "mip", "minip", "mean"])
def test_a_view_that_makes_no_sense_is_a_picture(levels, name, mode):
    points = tuple(TransferPoint(value=v, opacity=o, colour=WHITE) for v, o in ((-500, 0), (500, 0.3)))
    fields = {"extent": 30, "mode": mode, "transfer": points if mode == "composite" else ()} | VIEWS[name]
    view = VolumeView(**fields)
    for quality, size in itertools.product((Quality.PREVIEW, Quality.FINAL), ((33, 20), (1, 1))):
        pixels = render_volume(levels, view, size, quality).pixels
        assert pixels.dtype == np.uint8
    place = pick(levels, view, (33, 20), 16, 10)
    assert place is None or np.isfinite(place).all()


@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 1, 5), (3, 40, 2), (2, 3, 200)])
@pytest.mark.parametrize("mode", ["composite", "mip", "minip", "mean"])
def test_thin_volumes_are_drawn(shape, mode):
    levels = noise(shape)
    for axes in (((1, 0, 0), (0, 1, 0)), ((0, 1, 0), (0, 0, 1)), ((1, 0, 0), (0, 0, -1))):
        view = VolumeView(row=axes[0], column=axes[1], extent=30, mode=mode, transfer=RAMP, hide_table=True)
        assert render_volume(levels, view, (32, 32), Quality.FINAL).pixels.shape[:2] == (32, 32)


@pytest.mark.parametrize("value", [0.0, 1e30, -1e30, 1e-30])
def test_flat_floating_volumes_are_drawn(value):
    levels = noise((8, 8, 8), "float32", values=np.full((8, 8, 8), value))
    for mode in ("composite", "mip", "minip", "mean"):
        render_volume(levels, VolumeView(extent=30, mode=mode, transfer=RAMP), (16, 16), Quality.FINAL)


def test_an_outlier_does_not_hide_the_rest():
    values = np.zeros((16, 16, 16))
    values[4:12, 4:12, 4:12] = 1.0
    values[0, 0, 0] = 1e20
    levels = noise(values.shape, "float32", values=values)
    points = (
        TransferPoint(value=0.4, opacity=0, colour=WHITE),
        TransferPoint(value=0.6, opacity=1, colour=WHITE),
    )
    view = VolumeView(center=(-1.5, 0, -1.5), extent=30, transfer=points, light=None)
    assert render_volume(levels, view, (32, 32), Quality.FINAL).pixels[16, 16, 0] == 255
    mip = view.model_copy(update={"mode": "mip", "window": Window(center=0.5, width=1, function="LINEAR_EXACT")})
    assert render_volume(levels, mip, (32, 32), Quality.FINAL).pixels[16, 16] == 255
