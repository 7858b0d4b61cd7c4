"""The frame function of the image window: ``render_image(pixels, ViewState, size) -> Picture``, pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from webviewer.domain.image import FrameAttributes, ImageDescription, LookupTable, Palette, Window
from webviewer.domain.view import ImageView
from webviewer_render.scene import colour_map, kernels, voi
from webviewer_render.scene.axis import Line, axis, taps
from webviewer_render.scene.placement import Placement, pixel_aspect

Pixels = npt.NDArray[Any]
Matrix = npt.NDArray[np.float64]
Padding = tuple[float, float]
Draw = Callable[[int, int], None]
TILE_ROWS = 128
_MODES = {"nearest": kernels.NEAREST, "linear": kernels.LINEAR, "cubic": kernels.CUBIC}
_COLOUR_WINDOW = Window(center=128, width=256)
_KERNEL_TYPES = ("uint8", "uint16", "int16")
_NO_PADDING = (math.inf, -math.inf)
_NAN_PADDING = (math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Picture:
    """``pixels`` is uint8 of shape (height, width), or (height, width, 3) for colour; ``window`` what was applied."""

    pixels: npt.NDArray[np.uint8]
    window: Window


class CancelledError(Exception):
    """Nobody wants the picture any more."""


def render_image(  # noqa: PLR0913 - the frame function's arguments are the frame function's definition
    pixels: Pixels,
    image: ImageDescription,
    frame: int,
    view: ImageView,
    size: tuple[int, int],
    cancelled: Callable[[], bool] | None = None,
) -> Picture:
    """Draw one decoded frame.

    ``pixels`` holds stored values, shape (rows, columns), or RGB of shape (rows, columns, 3); ``size`` is
    (width, height) of the viewport in device pixels. At one device pixel per source pixel the result is the
    DICOM grey scale pipeline itself; background is black. Raises CancelledError once ``cancelled()`` is true, looked
    at between bands of rows.
    """
    placement = Placement.of(image, frame, view, size)
    if pixels.ndim == 3:  # noqa: PLR2004
        return _colour(pixels, view, placement, size, cancelled)
    if image.palette is None:
        return _grey(pixels, image, frame, view, placement, size, cancelled)
    if image.photometric == "PALETTE COLOR":
        return _colour(voi.palette_to_rgb(pixels, image.palette), view, placement, size, cancelled)
    plain = ImageView(window=view.window, voi=view.voi, invert=view.invert)
    whole = Placement.of(image, frame, plain, (image.columns, image.rows))
    grey = _grey(pixels, image, frame, plain, whole, (image.columns, image.rows), cancelled)
    shown = view.model_copy(update={"window": None, "invert": False})
    coloured = _supplemented(pixels, image.palette, grey.pixels)
    return Picture(_colour(coloured, shown, placement, size, cancelled).pixels, grey.window)


def thumbnail(pixels: Pixels, image: ImageDescription, frame: int, size: int) -> Picture:
    """Draw the whole frame with its own window so that its longer side has ``size`` pixels."""
    height, width = image.rows * pixel_aspect(image, frame), float(image.columns)
    factor = size / max(height, width)
    sides = (max(1, round(width * factor)), max(1, round(height * factor)))
    return render_image(pixels, image, frame, ImageView(), sides)


def value_at(
    pixels: Pixels, image: ImageDescription, frame: int, column: float, row: float
) -> float | tuple[float, float, float] | None:
    """Return the modality value (or RGB) of the pixel at a point, None outside the picture."""
    x, y = math.floor(column + 0.5), math.floor(row + 0.5)
    if not (0 <= x < image.columns and 0 <= y < image.rows):
        return None
    pixels = pixels[y : y + 1, x : x + 1]
    if image.palette is not None and image.photometric == "PALETTE COLOR":
        pixels = voi.palette_to_rgb(pixels, image.palette)
    if pixels.ndim == 3:  # noqa: PLR2004
        red, green, blue = (float(value) for value in pixels[0, 0])
        return red, green, blue
    return float(voi.modality(pixels, image, frame)[0, 0])


def patient_point(attributes: FrameAttributes, column: float, row: float) -> tuple[float, float, float] | None:
    """Return LPS mm of (column, row), None where the frame has no place in the patient (PS3.3 C.7.6.2.1.1)."""
    plane, spacing = attributes.plane, attributes.spacing
    if plane is None or spacing is None:
        return None
    x, y, z = (
        origin + across * spacing[1] * column + down * spacing[0] * row
        for origin, across, down in zip(plane.origin, plane.row, plane.column, strict=True)
    )
    return x, y, z


def warm_up() -> None:
    """Compile, or load from the cache, every kernel for every type of pixels."""
    views = [
        ImageView(window=_COLOUR_WINDOW, rotation=rotation, interpolation=interpolation, colour_map=name)
        for rotation in (0, 10)
        for interpolation in ("linear", "cubic")
        for name in ("grey", "rainbow")
    ]
    for name in (*_KERNEL_TYPES, "float32"):
        depth = 8 * np.dtype(name).itemsize
        plain = ImageDescription(
            rows=4, columns=4, bits_allocated=depth, bits_stored=depth, high_bit=depth - 1,
            photometric="MONOCHROME2", floating=name == "float32", attributes=(FrameAttributes(),),
        )  # fmt: skip
        for image in (plain, plain.model_copy(update={"padding": (1, 1)})):
            pixels = np.zeros((4, 4), name)
            voi.automatic_window(pixels, image, 0)
            for view in views:
                for side in (8, 2):
                    render_image(pixels, image, 0, view, (side, side))
    colour = plain.model_copy(update={"samples": 3, "photometric": "RGB"})
    for view in views:
        for side in (8, 2):
            render_image(np.zeros((4, 4, 3), np.uint8), colour, 0, view, (side, side))
    table = LookupTable(first=0, bits=8, data="AAA=")
    for name in _KERNEL_TYPES:
        voi.look_up(np.zeros((2, 2), name), table)
        voi.palette_to_rgb(np.zeros((2, 2), name), Palette(red=table, green=table, blue=table))


def _grey(  # noqa: PLR0913 - as render_image, and the placement
    pixels: Pixels,
    image: ImageDescription,
    frame: int,
    view: ImageView,
    placement: Placement,
    size: tuple[int, int],
    cancelled: Callable[[], bool] | None,
) -> Picture:
    wanted = voi.window_of(pixels, image, frame, view)
    values, slope, intercept, padding = _modality_source(pixels, image, frame, wanted)
    shading = voi.shading(wanted).of_rescaled(slope, intercept)
    if _is_inverted(image) ^ view.invert ^ (view.colour_map == "inverted"):
        shading = shading.inverted()
    table = colour_map.table(view.colour_map)
    background = 0 if table is None else -1
    out = np.full((size[1], size[0]), background, np.uint8 if table is None else np.int16)
    source, matrix, padding = _reduced(values[:, :, None], placement, padding)
    _draw(source, out[:, :, None], matrix, padding, _MODES[view.interpolation], shading, cancelled)
    if table is None:
        return Picture(out, voi.as_window(wanted))
    painted = np.empty((*out.shape, 3), np.uint8)
    kernels.paint(out, table, painted)
    return Picture(painted, voi.as_window(wanted))


def _colour(
    pixels: Pixels,
    view: ImageView,
    placement: Placement,
    size: tuple[int, int],
    cancelled: Callable[[], bool] | None,
) -> Picture:
    window = view.window or _COLOUR_WINDOW
    shading = voi.shading(window)
    if view.invert:
        shading = shading.inverted()
    out = np.zeros((size[1], size[0], 3), np.uint8)
    source, matrix, padding = _reduced(pixels, placement, _NO_PADDING)
    _draw(source, out, matrix, padding, _MODES[view.interpolation], shading, cancelled)
    return Picture(out, window)


def _supplemented(pixels: Pixels, palette: Palette, grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return RGB of a grey picture whose upper values are colours (PS3.3 C.7.6.19)."""
    rgb = voi.palette_to_rgb(pixels, palette)
    return np.where((pixels >= palette.red.first)[:, :, None], rgb, grey[:, :, None])


def _is_inverted(image: ImageDescription) -> bool:
    """MONOCHROME1 and an inverse presentation LUT shape say the same thing (C.11.6.1.2)."""
    return image.photometric == "MONOCHROME1" or image.presentation_inverse


def _modality_source(
    pixels: Pixels, image: ImageDescription, frame: int, wanted: Window | LookupTable
) -> tuple[Pixels, float, float, Padding]:
    """Return values that may be interpolated, the slope and intercept that make them modality values, and padding.

    Values deeper than 16 bits become float32 relative to the window's centre, where precision is wanted.
    """
    padding = voi.padding_range(image)
    attributes = image.frame(frame)
    if pixels.dtype == np.int8:
        pixels = pixels.astype(np.int16)
    if image.modality_lut is None and pixels.dtype.name in _KERNEL_TYPES:
        return pixels, attributes.slope, attributes.intercept, padding
    if image.modality_lut is not None and image.padding is None:
        return voi.look_up(pixels, image.modality_lut), 1.0, 0.0, padding
    base = wanted.center if isinstance(wanted, Window) else 0.0
    values = (voi.modality(pixels, image, frame) - base).astype(np.float32)
    values[((pixels >= padding[0]) & (pixels <= padding[1])) | ~np.isfinite(values)] = np.nan
    return values, 1.0, base, _NAN_PADDING


def _reduced(pixels: Pixels, placement: Placement, padding: Padding) -> tuple[Pixels, Matrix, Padding]:
    """Average blocks of the source so that about one of its pixels falls on a device pixel: nothing aliases.

    Returns the source of shape (rows, columns, channels) and the matrix of :func:`kernels.draw_turned`.
    """
    rows, columns, channels = pixels.shape
    down, across = placement.blocks
    if down == across == 1:
        return pixels, placement.matrix_of(rows, columns, 1, 1), padding
    out = np.empty((-(-rows // down), -(-columns // across), channels), np.float32)
    kernels.reduce(voi.frozen(pixels), *padding, out, down, across)
    left = _NAN_PADDING if padding[0] <= padding[1] else _NO_PADDING
    return out, placement.matrix_of(rows, columns, down, across), left


def _draw(  # noqa: PLR0913 - the drawing's whole definition
    source: Pixels,
    out: Pixels,
    m: Matrix,
    padding: Padding,
    mode: int,
    shading: voi.Shading,
    cancelled: Callable[[], bool] | None,
) -> None:
    """Draw with the kernel that is fastest for the case; all agree where they overlap."""
    if m[0] == 0 and m[4] == 0:  # a quarter turn: an upright drawing of the transposed source
        source = source.transpose(1, 0, 2)
        m = m[[3, 4, 5, 0, 1, 2, 7, 6]]
    source = voi.frozen(source)
    padded = padding[0] <= padding[1]
    mode = kernels.LINEAR if padded and mode == kernels.CUBIC else mode
    shade = shading.for_kernels()
    height, width, channels = out.shape
    if m[1] != 0 or m[3] != 0:
        _in_bands(height, cancelled, lambda a, b: kernels.draw_turned(source, *padding, out, a, b, m, mode, shade))
        return
    across = Line(m[0], m[2], width, m[6], source.shape[1])
    down = Line(m[4], m[5], height, m[7], source.shape[0])
    if channels > 1 or mode == kernels.CUBIC:
        x_taps, y_taps = taps(across, mode), taps(down, mode)
        _in_bands(height, cancelled, lambda a, b: kernels.draw_upright_taps(source, out, a, b, x_taps, y_taps, shade))
        return
    x, y = axis(across, mode), axis(down, mode)
    flat, grey = source.reshape(source.shape[:2]), out.reshape(out.shape[:2])  # contiguous as the kernels like it
    if padded:
        _in_bands(height, cancelled, lambda a, b: kernels.draw_upright_padded(flat, *padding, grey, a, b, x, y, shade))
    else:
        _in_bands(height, cancelled, lambda a, b: kernels.draw_upright(flat, grey, a, b, x, y, shade))


def _in_bands(height: int, cancelled: Callable[[], bool] | None, draw: Draw) -> None:
    for first in range(0, height, TILE_ROWS):
        if cancelled is not None and cancelled():
            raise CancelledError
        draw(first, min(first + TILE_ROWS, height))
