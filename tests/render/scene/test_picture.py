"""The frame function against the standard's formulas and an analytic picture."""

import base64

import numpy as np
import pytest

from webviewer.domain.image import FrameAttributes, ImageDescription, LookupTable, Palette, Window
from webviewer.domain.view import ImageView
from webviewer_render.scene.picture import (
    CancelledError,
    patient_point,
    render_image,
    thumbnail,
    value_at,
    warm_up,
)
from webviewer_render.scene.placement import Placement
from webviewer_render.scene.voi import automatic_window, palette_to_rgb

ROWS, COLUMNS = 40, 64


def describe(rows=ROWS, columns=COLUMNS, *, signed=False, slope=1.0, intercept=0.0, **more):
    attributes = FrameAttributes(
        slope=slope, intercept=intercept, windows=more.pop("windows", ()), spacing=more.pop("spacing", None)
    )
    fields = {"bits_allocated": 16, "bits_stored": 16, "high_bit": 15, "signed": signed, "photometric": "MONOCHROME2"}
    return ImageDescription(rows=rows, columns=columns, attributes=(attributes,), **(fields | more))


def gradient():
    """Value 10 x column + 1000 x row: where a pixel went can be read from its value."""
    return (np.arange(COLUMNS)[None, :] * 10 + np.arange(ROWS)[:, None] * 1000).astype(np.uint16)


def values_on_screen(view, size, image=None):
    """Source coordinates under every pixel of the screen."""
    matrix = Placement.of(image or describe(), 0, view, size).matrix
    j, i = np.indices((size[1], size[0]))
    return matrix[0] * i + matrix[1] * j + matrix[2], matrix[3] * i + matrix[4] * j + matrix[5]


def reference(values, window, *, inverted=False):
    """PS3.3 C.11.2.1.2.1 and .3, written out pixel by pixel."""
    out = np.empty(values.shape)
    c, w = window.center, window.width
    for index, x in np.ndenumerate(values):
        if window.function == "LINEAR":
            if x <= c - 0.5 - (w - 1) / 2:
                y = 0.0
            elif x > c - 0.5 + (w - 1) / 2:
                y = 255.0
            else:
                y = ((x - (c - 0.5)) / (w - 1) + 0.5) * 255
        elif window.function == "LINEAR_EXACT":
            y = min(max(((x - c) / w + 0.5) * 255, 0), 255)
        else:
            y = 255 / (1 + np.exp(-4 * (x - c) / w))
        out[index] = 255 - y if inverted else y
    return out


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "i4", "f4"])
def test_one_to_one_is_the_standards_grey_value_at_every_pixel(function, invert, dtype):
    pixels = np.random.default_rng(1).integers(-100 if dtype[0] != "u" else 0, 120, (ROWS, COLUMNS)).astype(dtype)
    window = Window(center=35.5, width=77, function=function)
    image = describe(signed=dtype[0] != "u", slope=1.5, intercept=-10)
    picture = render_image(pixels, image, 0, ImageView(window=window, invert=invert), (COLUMNS, ROWS))
    wanted = reference(pixels.astype(float) * 1.5 - 10, window, inverted=invert)
    assert np.abs(picture.pixels - wanted).max() <= 0.5 + 1e-9
    assert picture.window == window


def test_monochrome1_and_an_inverse_presentation_are_inverted_once():
    pixels, window = gradient(), Window(center=20000, width=40000)
    plain = render_image(pixels, describe(), 0, ImageView(window=window), (COLUMNS, ROWS)).pixels
    both = describe(photometric="MONOCHROME1", presentation_inverse=True)
    for image in (describe(photometric="MONOCHROME1"), describe(presentation_inverse=True), both):
        assert (
            np.abs(
                render_image(pixels, image, 0, ImageView(window=window), (COLUMNS, ROWS)).pixels
                + plain.astype(int)
                - 255
            ).max()
            <= 1
        )


def test_width_one_is_a_threshold():
    pixels = np.array([[9, 10, 11, 12]], np.uint16)
    picture = render_image(pixels, describe(1, 4), 0, ImageView(window=Window(center=11, width=1)), (4, 1))
    assert picture.pixels.tolist() == [[0, 0, 255, 255]]


@pytest.mark.parametrize(
    ("view", "size", "corner", "source"),
    [
        ({}, (COLUMNS, ROWS), (0, 0), (0, 0)),
        ({"flip_horizontal": True}, (COLUMNS, ROWS), (0, 0), (COLUMNS - 1, 0)),
        ({"flip_vertical": True}, (COLUMNS, ROWS), (0, 0), (0, ROWS - 1)),
        ({"rotation": 90}, (ROWS, COLUMNS), (0, 0), (0, ROWS - 1)),
        ({"rotation": -90}, (ROWS, COLUMNS), (0, 0), (COLUMNS - 1, 0)),
        ({"rotation": 180}, (COLUMNS, ROWS), (0, 0), (COLUMNS - 1, ROWS - 1)),
        ({"rotation": 90, "flip_horizontal": True}, (ROWS, COLUMNS), (0, 0), (COLUMNS - 1, ROWS - 1)),
    ],
)
def test_corners_land_where_the_view_says(view, size, corner, source):
    u, v = values_on_screen(ImageView(**view), size)
    assert (u[corner[1], corner[0]], v[corner[1], corner[0]]) == pytest.approx(source)
    window = Window(center=20000, width=40001)
    pixels = gradient()
    drawn = render_image(pixels, describe(), 0, ImageView(window=window, **view), size).pixels
    wanted = reference(pixels[source[1] : source[1] + 1, source[0] : source[0] + 1].astype(float), window)
    assert drawn[corner[1], corner[0]] == pytest.approx(wanted[0, 0], abs=1)


def test_the_centre_and_the_zoom_are_those_of_the_view():
    view = ImageView(center=(10, 20), zoom=4)
    u, v = values_on_screen(view, (COLUMNS, ROWS))
    assert (u.mean(), v.mean()) == pytest.approx((10, 20))
    assert u[0, 1] - u[0, 0] == pytest.approx(0.25)


def test_pixels_that_are_not_square_are_shown_with_their_true_aspect():
    tall = describe(spacing=(2.0, 1.0))
    u, v = values_on_screen(ImageView(), (200, 200), tall)
    assert u[0, 1] - u[0, 0] == pytest.approx(2 * (v[1, 0] - v[0, 0]))
    assert thumbnail(gradient(), tall, 0, 80).pixels.shape == (80, 64)


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_interpolation_keeps_a_plane_a_plane(interpolation):
    pixels = (np.arange(COLUMNS)[None, :] * 3 + np.arange(ROWS)[:, None] * 2).astype(np.uint16)
    window = Window(center=128, width=256)
    size = (COLUMNS * 3, ROWS * 3)
    drawn = render_image(pixels, describe(), 0, ImageView(window=window, interpolation=interpolation), size).pixels
    u, v = values_on_screen(ImageView(), size)
    inner = (u > 2) & (u < COLUMNS - 3) & (v > 2) & (v < ROWS - 3)
    wanted = np.clip(reference(u * 3 + v * 2, window), 0, 255)
    assert np.abs(drawn - wanted)[inner].max() <= 1


def test_a_fine_pattern_turns_grey_when_it_is_made_small():
    pixels = (np.indices((256, 256)).sum(axis=0) % 2 * 200).astype(np.uint8)
    image = describe(256, 256, bits_allocated=8, bits_stored=8, high_bit=7)
    drawn = render_image(pixels, image, 0, ImageView(window=Window(center=128, width=256)), (32, 32)).pixels
    assert np.abs(drawn.astype(int) - 100).max() <= 2


def test_outside_of_the_picture_is_black_even_when_inverted():
    view = ImageView(window=Window(center=20000, width=40000), invert=True, zoom=0.5)
    drawn = render_image(gradient(), describe(), 0, view, (COLUMNS, ROWS)).pixels
    assert drawn[0].max() == drawn[-1].max() == drawn[:, 0].max() == 0
    assert drawn[ROWS // 2, COLUMNS // 2] > 0


def lookup(values, first=0, bits=16):
    return LookupTable(first=first, bits=bits, data=base64.b64encode(np.array(values, "<u2").tobytes()).decode())


def test_tables_map_values_and_clamp_at_their_ends():
    pixels = np.array([[0, 1, 2, 3, 4, 9]], np.uint16)
    image = describe(1, 6, modality_lut=lookup([5, 6, 7], first=2), voi_luts=(lookup([0, 100, 255], first=5, bits=8),))
    drawn = render_image(pixels, image, 0, ImageView(), (6, 1)).pixels
    assert drawn.tolist() == [[0, 0, 0, 100, 255, 255]]


def test_the_file_window_is_used_until_the_view_has_one_and_the_frame_range_where_there_is_none():
    pixels = gradient()
    windows = (Window(center=100, width=50), Window(center=7, width=9))
    image = describe(windows=windows)
    assert render_image(pixels, image, 0, ImageView(voi=1), (8, 8)).window == windows[1]
    assert render_image(pixels, image, 0, ImageView(voi=99), (8, 8)).window == windows[1]
    made = render_image(pixels, describe(), 0, ImageView(), (COLUMNS, ROWS))
    assert (made.pixels.min(), made.pixels.max()) == (0, 255)


def test_palette_colours_are_interpolated_as_colours_and_never_as_indices():
    palette = Palette(red=lookup([0, 65535]), green=lookup([0, 0]), blue=lookup([65535, 0]))
    pixels = np.array([[0, 1]], np.uint8)
    image = describe(1, 2, photometric="PALETTE COLOR", palette=palette)
    assert palette_to_rgb(pixels, palette).tolist() == [[[0, 0, 255], [255, 0, 0]]]
    drawn = render_image(pixels, image, 0, ImageView(), (2, 1)).pixels
    assert drawn.tolist() == [[[0, 0, 255], [255, 0, 0]]]
    assert value_at(pixels, image, 0, 1, 0) == (255, 0, 0)


def test_colour_pictures_pass_unchanged_and_can_be_inverted():
    pixels = np.random.default_rng(2).integers(0, 256, (ROWS, COLUMNS, 3)).astype(np.uint8)
    image = describe(samples=3, photometric="RGB")
    assert np.array_equal(render_image(pixels, image, 0, ImageView(), (COLUMNS, ROWS)).pixels, pixels)
    assert np.array_equal(render_image(pixels, image, 0, ImageView(invert=True), (COLUMNS, ROWS)).pixels, 255 - pixels)


@pytest.mark.parametrize("name", ["hot-iron", "hot-metal-blue", "pet-20", "rainbow", "viridis"])
def test_colour_maps_give_colour_and_keep_the_order_of_ends(name):
    drawn = render_image(gradient(), describe(), 0, ImageView(colour_map=name), (COLUMNS, ROWS)).pixels
    assert drawn.shape == (ROWS, COLUMNS, 3)
    assert drawn[0, 0].tolist() != drawn[-1, -1].tolist()


def test_the_inverted_map_is_grey_and_undone_by_inverting():
    plain = render_image(gradient(), describe(), 0, ImageView(), (COLUMNS, ROWS)).pixels
    twice = render_image(
        gradient(), describe(), 0, ImageView(colour_map="inverted", invert=True), (COLUMNS, ROWS)
    ).pixels
    assert np.array_equal(plain, twice)


def test_background_is_black_whatever_the_colours():
    view = ImageView(colour_map="viridis", zoom=0.5)
    image = describe(padding=(0, 0))
    drawn = render_image(gradient(), image, 0, view, (COLUMNS, ROWS)).pixels
    assert drawn[0].max() == 0
    assert drawn[ROWS // 2, COLUMNS // 2].max() > 0


@pytest.mark.parametrize("rotation", [0, 90, 13])
@pytest.mark.parametrize("interpolation", ["nearest", "linear", "cubic"])
def test_padding_is_background_and_does_not_bleed(rotation, interpolation):
    pixels = np.full((ROWS, COLUMNS), 1000, np.int16)
    pixels[:, : COLUMNS // 2] = -2000
    view = ImageView(
        window=Window(center=500, width=1001), rotation=rotation, interpolation=interpolation, zoom=3, invert=True
    )
    drawn = render_image(pixels, describe(signed=True, padding=(-2000, -2000)), 0, view, (90, 90)).pixels
    assert drawn.max() == 0  # 1000 is white, so black when inverted; a mean with padding would not be
    view = view.model_copy(update={"invert": False})
    drawn = render_image(pixels, describe(signed=True, padding=(-2000, -2000)), 0, view, (90, 90)).pixels
    assert set(np.unique(drawn)) == {0, 255}


@pytest.mark.parametrize("interpolation", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4"])
def test_upright_and_turned_kernels_agree(interpolation, dtype):
    pixels = np.random.default_rng(3).integers(0, 200, (ROWS, COLUMNS)).astype(dtype)
    view = ImageView(window=Window(center=100, width=150), interpolation=interpolation, zoom=2.3, center=(20.3, 15.8))
    upright = render_image(pixels, describe(), 0, view, (77, 61)).pixels.astype(int)
    nearly = view.model_copy(update={"rotation": 1e-7})
    turned = render_image(pixels, describe(), 0, nearly, (77, 61)).pixels.astype(int)
    assert np.abs(upright - turned).max() <= 1


def test_a_quarter_turn_is_numpys():
    pixels = np.random.default_rng(4).integers(0, 200, (ROWS, COLUMNS)).astype("u2")
    window = Window(center=100, width=200)
    plain = render_image(pixels, describe(), 0, ImageView(window=window), (COLUMNS, ROWS)).pixels
    for turns, rotation in ((1, -90), (2, 180), (3, 90), (1, 270)):
        size = (ROWS, COLUMNS) if turns % 2 else (COLUMNS, ROWS)
        turned = render_image(pixels, describe(), 0, ImageView(window=window, rotation=rotation), size).pixels
        assert np.array_equal(turned, np.rot90(plain, turns))


def test_a_grid_of_lines_keeps_its_mean_when_it_is_made_smaller_by_any_factor():
    pixels = np.tile(np.array([0, 200], np.uint8), (300, 150))
    image = describe(300, 300, bits_allocated=8, bits_stored=8, high_bit=7)
    for side in (150, 100, 61, 40):
        drawn = render_image(pixels, image, 0, ImageView(), (side, side)).pixels
        assert abs(drawn.mean() - 100) <= 3


def test_frames_without_a_window_ignore_outliers_and_padding():
    pixels = np.full((100, 100), 500, np.uint16)
    pixels[:50] = np.linspace(100, 300, 50)[:, None]
    pixels[0, 0], pixels[99, 99] = 65535, 0
    window = automatic_window(pixels, describe(100, 100, padding=(500, 500)), 0)
    assert window.center - window.width / 2 == pytest.approx(100, abs=5)
    assert window.center + window.width / 2 == pytest.approx(300, abs=6)
    dose = automatic_window(pixels.astype("u4"), describe(100, 100, bits_stored=32, slope=1e-6), 0)
    assert dose.function == "LINEAR_EXACT"
    assert dose.width == pytest.approx(400e-6, rel=0.05)
    flat = automatic_window(np.zeros((4, 4), np.uint16), describe(4, 4), 0)
    assert flat.width > 0


def test_narrow_windows_on_high_values_are_exact():
    pixels = np.arange(60000, 60000 + ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    window = Window(center=61000, width=12)
    for dtype in ("u2", "u4", "f8"):
        drawn = render_image(pixels.astype(dtype), describe(), 0, ImageView(window=window), (COLUMNS, ROWS)).pixels
        assert np.abs(drawn - reference(pixels.astype(float), window)).max() <= 0.5 + 1e-3


def test_values_and_places_are_those_of_the_pixel_under_the_point():
    image = describe(slope=2.0, intercept=-5)
    assert value_at(gradient(), image, 0, 3.4, 1.6) == 2 * 2030 - 5
    assert value_at(gradient(), image, 0, -0.6, 0) is None
    assert patient_point(FrameAttributes(), 1, 1) is None


def test_a_picture_that_nobody_wants_is_not_finished():
    with pytest.raises(CancelledError):
        render_image(gradient(), describe(), 0, ImageView(), (64, 512), cancelled=lambda: True)


def test_warming_up_covers_what_series_need():
    warm_up()
