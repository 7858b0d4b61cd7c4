"""Crop box, scissors and table: what is hidden, and that what is left looks as before."""

import math

import numpy as np
import pytest

from webviewer.domain.image import Window
from webviewer.domain.view import Cut, Quality, TransferPoint, VolumeView
from webviewer.domain.volume import VolumeGrid
from webviewer_render.scene.projection import pick, render_volume
from webviewer_render.scene.visibility import covered
from webviewer_render.volume.levels import build_levels
from webviewer_render.volume.voxels import Voxels

SIDE = 96
FRONT = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
LEFT = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
SIZE = (192, 192)
SOLID = (
    TransferPoint(value=499, opacity=0, colour=(1, 1, 1)),
    TransferPoint(value=501, opacity=1, colour=(1, 1, 1)),
)
SQUARE = ((-10, -10), (10, -10), (10, 10), (-10, 10))


@pytest.fixture(scope="module")
def block():
    """A volume full of 1000 between 0 at its border, 96 mm wide."""
    return levels_of(lambda x, y, z: np.where(np.maximum(np.maximum(abs(x), abs(y)), abs(z)) < 40, 1000, 0))


def levels_of(values):
    half = (SIDE - 1) / 2
    grid = VolumeGrid(
        shape=(SIDE,) * 3, origin=(-half,) * 3, across=(1, 0, 0), down=(0, 1, 0), through=(0, 0, 1),
        places=tuple(float(k) for k in range(SIDE)),
    )  # fmt: skip
    k, j, i = np.indices(grid.shape) - half
    return build_levels(Voxels.of_array(np.rint(values(i, j, k)).astype(np.int16), grid))


def view_of(axes=FRONT, **fields):
    window = Window(center=500, width=1000)
    fields = {"extent": 96.0, "transfer": SOLID, "light": None, "window": window} | fields
    return VolumeView(row=axes[0], column=axes[1], **fields)


def cut_of(corners=SQUARE, axes=FRONT, **fields):
    return Cut(center=(0, 0, 0), row=axes[0], column=axes[1], extent=96, corners=corners, **fields)


def bright(levels, view, quality=Quality.FINAL):
    pixels = render_volume(levels, view, SIZE, quality).pixels
    return (pixels if pixels.ndim == 2 else pixels[:, :, 0]) > 127


def screen(side=192, extent=96.0):
    places = (np.arange(side) + 0.5 - side / 2) * extent / side
    return np.meshgrid(places, places)


@pytest.mark.parametrize("mode", ["composite", "mip", "mean"])
def test_the_crop_box_is_in_millimetres_from_the_first_voxel(block, mode):
    crop = ((17.5, 10.0, 37.5), (67.5, 80.0, 57.5))
    window = Window(center=400, width=800)
    seen = bright(block, view_of(mode=mode, crop=crop, transfer=SOLID if mode == "composite" else (), window=window))
    x, y = screen()
    inside = (x > -30) & (x < 20) & (y > -10) & (y < 10)  # y is -z: 37.5 - 47.5 .. 57.5 - 47.5
    near = (np.abs(x + 30) < 1) | (np.abs(x - 20) < 1) | (np.abs(np.abs(y) - 10) < 1)
    np.testing.assert_array_equal(seen[~near], inside[~near])


def test_cropping_moves_the_surface_that_is_picked(block):
    view = view_of(crop=((0, 60.0, 0), (95, 95, 95)))
    assert pick(block, view, SIZE, 95.5, 95.5)[1] == pytest.approx(60 - 47.5, abs=0.8)


def test_a_crop_box_outside_of_the_volume_shows_nothing(block):
    assert not bright(block, view_of(crop=((500, 0, 0), (600, 90, 90)))).any()


@pytest.mark.parametrize("mode", ["composite", "mip"])
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize(("quality", "blur"), [(Quality.FINAL, 1.0), (Quality.PREVIEW, 2.0)])
def test_a_lasso_hides_what_projects_into_it_or_all_else(block, mode, inside, quality, blur):
    seen = bright(block, view_of(mode=mode, cuts=(cut_of(inside=inside),)), quality)
    x, y = screen(len(seen))
    lasso = (np.abs(x) < 10) & (np.abs(y) < 10)
    expected = (np.maximum(np.abs(x), np.abs(y)) < 40) & (~lasso if inside else lasso)
    edge = np.abs(np.maximum(np.abs(x), np.abs(y)) - 10) < blur
    outer = np.abs(np.maximum(np.abs(x), np.abs(y)) - 40) < blur
    np.testing.assert_array_equal(seen[~edge & ~outer], expected[~edge & ~outer])


def test_a_cut_goes_all_the_way_through_and_is_seen_from_the_side(block):
    seen = bright(block, view_of(LEFT, mode="mip", cuts=(cut_of(((-60, -10), (60, -10), (60, 10), (-60, 10))),)))
    _, y = screen()
    assert not seen[np.abs(y) < 9].any()
    assert seen[(np.abs(y) > 11) & (np.abs(y) < 39)].sum() > 0


def test_cuts_add_up(block):
    cuts = (cut_of(), cut_of(((20, -10), (30, -10), (30, 10), (20, 10))))
    seen = bright(block, view_of(mode="mip", cuts=cuts))
    x, y = screen()
    assert not seen[(np.abs(x) < 9) & (np.abs(y) < 9)].any()
    assert not seen[(np.abs(x - 25) < 4) & (np.abs(y) < 9)].any()
    assert seen[(np.abs(x - 15) < 4) & (np.abs(y) < 9)].all()


def test_a_cut_in_perspective_follows_the_rays(block):
    cut = cut_of(perspective=True)
    from_eye = bright(block, view_of(mode="mip", perspective=True, cuts=(cut,)))
    x, y = screen()
    assert not from_eye[(np.abs(x) < 9) & (np.abs(y) < 9)].any()
    assert from_eye[(np.maximum(np.abs(x), np.abs(y)) > 11) & (np.maximum(np.abs(x), np.abs(y)) < 35)].all()
    # From the side the tunnel gets wider to the back.
    eye = 48 / math.tan(math.radians(15))
    thin = view_of(LEFT, mode="mip", cuts=(cut_of(((-500, -10), (500, -10), (500, 10), (-500, 10)), perspective=True),))
    side = ~bright(block, thin)
    x, y = screen()
    for depth in (-30, 30):
        column = side[:, np.argmin(np.abs(x[0] - depth))] & (np.abs(y[:, 0]) < 39)
        assert column.sum() / 2 == pytest.approx(20 * (eye + depth) / eye, abs=1.1)


def test_what_is_cut_is_not_picked(block):
    assert pick(block, view_of(), SIZE, 95.5, 95.5) is not None
    assert pick(block, view_of(cuts=(cut_of(),)), SIZE, 95.5, 95.5) is None


def test_a_lasso_of_any_shape_is_filled_by_its_turns():
    star = tuple((20 * math.sin(k * 4 * math.pi / 5), -20 * math.cos(k * 4 * math.pi / 5)) for k in range(5))
    picture, place = covered(cut_of(star), 0.2)
    x = ((0 - place[0]) / place[2], (0 - place[1]) / place[2])
    assert picture[round(x[1]), round(x[0])] == 255  # the middle of a star is wound twice
    area = picture.sum() / 255 * place[2] ** 2
    # Five spikes and the pentagon in the middle.
    assert area == pytest.approx(20**2 * 1.1226, rel=0.01)


def test_a_lasso_without_area_cuts_nothing(block):
    line = cut_of(((0, 0), (20, 20), (10, 10)))
    np.testing.assert_array_equal(bright(block, view_of(cuts=(line,))), bright(block, view_of()))


# ---------------------------------------------------------------- table


def patient(x, y, z):
    """A body with lungs that are open at the volume's ends, and a table 6 mm behind its back."""
    hu = np.full(x.shape, -1000.0)
    hu[(x / 30) ** 2 + (y / 20) ** 2 < 1] = 40
    hu[((np.abs(x) - 14) / 8) ** 2 + (y / 10) ** 2 < 1] = -850
    hu[(np.abs(y - 29) < 3) & (np.abs(x) < 40)] = 100
    return hu


def test_the_table_is_hidden_and_the_body_with_its_skin_stays():
    levels = levels_of(patient)
    skin = (
        TransferPoint(value=-700, opacity=0, colour=(1, 1, 1)),
        TransferPoint(value=-400, opacity=1, colour=(1, 1, 1)),
    )
    seen = {
        hidden: bright(levels, view_of(((1, 0, 0), (0, 1, 0)), transfer=skin, hide_table=hidden))
        for hidden in (False, True)
    }
    x, y = screen()
    lungs = ((np.abs(x) - 14) / 10) ** 2 + (y / 12) ** 2 < 1
    table = (np.abs(y - 29) < 2.5) & (np.abs(x) < 39)
    assert seen[False][table].all()
    assert not seen[True][table].any()
    inner = (x / 29) ** 2 + (y / 19) ** 2 < 1
    assert seen[True][inner & ~lungs].all()


def test_lungs_belong_to_the_body_and_outer_air_does_not():
    levels = levels_of(patient)
    view = view_of(((1, 0, 0), (0, 1, 0)), mode="minip", window=Window(center=-700, width=600), hide_table=True)
    pixels = render_volume(levels, view, SIZE, Quality.FINAL).pixels
    x, y = screen()
    lung = ((np.abs(x) - 14) / 6) ** 2 + (y / 8) ** 2 < 1
    tissue = ((x / 25) ** 2 + (y / 15) ** 2 < 1) & (((np.abs(x) - 14) / 10) ** 2 + (y / 12) ** 2 > 1)
    assert np.abs(pixels[lung].astype(int) - 64).max() < 6  # -850 HU
    assert pixels[tissue].min() > 200


def test_a_volume_without_tissue_is_shown_whole():
    levels = levels_of(lambda x, y, z: np.full(x.shape, -900.0) + (np.abs(x) < 10) * 100)
    view = view_of(mode="mip", window=Window(center=-850, width=200), hide_table=True)
    assert bright(levels, view)[96, 96]
