"""The frame function of the MPR window: ``render_plane(voxels, MprView, size) -> Picture``, pure.

The rules of a plane:

- The picture's pixels are square; ``extent`` millimetres fall on the shorter side of the viewport, measured between the
  outer edges of its outermost pixels, and ``center`` lies in the middle of the viewport.
- Voxels are interpolated linearly along columns, rows and slices; between uneven slices by the millimetres between them.
  The volume ends half a voxel beyond the outermost centres, where values are those at the centres; beyond is background.
- Padding and slices that have not come take no part: values are weighted means of what is there, if it weighs at least
  half, else background.
- A slab of s mm is ``ceil(s / finest)`` samples, each in the middle of its share of the slab, where *finest* is the smallest
  distance of neighbouring voxels; so steps are never larger than that, and a slab thinner than a voxel is a plane. Only
  samples inside the volume count. Previews take steps of up to twice the distance at which a step passes one voxel.
  The blend ``sum`` adds up all modality values (of a preview: times the ratio of the numbers of samples).
- Where a pixel is larger than one and a half voxels, that is where small things would be missed or shown twice, its value
  is the mean over as many places, evenly spread in it, as it has voxels along each side (at most 16), if at least half of
  them are in the volume and known. Previews have one place per pixel; ``nearest`` shows stored values, not means.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from webviewer.domain.image import LookupTable, Window
from webviewer.domain.view import MprView, Quality
from webviewer.domain.volume import VolumeGrid
from webviewer.errors import UnsupportedImageError
from webviewer_render.scene import colour_map, kernels, plane_kernels, ray_kernels, voi
from webviewer_render.scene.axis import Axis, Line, axis
from webviewer_render.scene.bands import ALONE, Crew, in_bands
from webviewer_render.scene.picture import CancelledError, Picture
from webviewer_render.scene.plane_geometry import SNAP, Array, Mapping, Samples, fold_of, folded, map_view, samples_of
from webviewer_render.volume.voxels import NOT_THERE, Voxels

Cancelled = Callable[[], bool] | None
BAND_ROWS = 128
_SLAB_BAND_ROWS = 16
_BLENDS = {
    "mip": plane_kernels.MAXIMUM,
    "minip": plane_kernels.MINIMUM,
    "mean": plane_kernels.MEAN,
    "sum": plane_kernels.SUM,
}
_PAIR_TYPES = {"int16": np.int32, "uint16": np.uint32, "float32": np.uint64}
_NAN_PADDING = (math.inf, math.inf)
_NO_PADDING = (math.inf, -math.inf)
_MIN_SIDE = 2
_MAX_SLICE = (1 << 31) - 1
"""Voxels of a slice that the kernels can count."""
_NOT_RAW = np.empty((0, 0), np.float32)
_PLAIN = voi.Shading(0.0, 0.0, np.empty(0, np.float32))
"""With it values come out as they are."""
_SAMPLES = 1 << 18
_SHARE_CUT = 0.005


def render_plane(  # noqa: PLR0913 - the frame function's arguments are the frame function's definition
    voxels: Voxels,
    view: MprView,
    size: tuple[int, int],
    windows: Sequence[Window | LookupTable] = (),
    cancelled: Cancelled = None,
    *,
    quality: Quality = Quality.FINAL,
    inverse: bool = False,
    crew: Crew = ALONE,
) -> Picture:
    """Draw a plane or a slab through a volume.

    ``size`` is (width, height) in device pixels, ``windows`` the file's, of which ``view.voi`` chooses while ``view.window``
    is null; without any it is made from the values that have come. ``inverse`` is for images whose low values are bright.
    A plane along the slices, through their centres, at one device pixel per voxel is the picture of the image window.
    Raises UnsupportedImageError for a volume one voxel thick or of huge slices, and CancelledError once ``cancelled()`` is
    true, looked at between bands of rows, which ``crew`` draws.
    """
    _refuse_extremes(voxels)
    wanted = _window(voxels, view, windows)
    shading = voi.shading(wanted)
    if inverse ^ view.invert ^ (view.colour_map == "inverted"):
        shading = shading.inverted()
    table = colour_map.table(view.colour_map)
    levels = np.full((size[1], size[0]), 0 if table is None else -1, np.int16)
    mapping = map_view(voxels.grid, view, size)
    samples = samples_of(voxels.grid, view, quality)
    stored = shading.of_rescaled(voxels.slope, voxels.intercept)
    shown = shading if _is_sum(view, samples) else stored
    fold = (1, 1) if quality == Quality.PREVIEW else fold_of(mapping, view)
    if fold != (1, 1):
        _draw_averaged(voxels, view, mapping, samples, levels, shown, fold, cancelled, crew)
    elif samples.number > 1 or not _draw_along_grid(voxels, view, mapping, levels, stored, cancelled, crew):
        _draw(voxels, view, mapping, samples, levels, shown, cancelled, crew=crew)
    if table is None:
        return Picture(levels.astype(np.uint8), _as_window(wanted))
    painted = np.empty((*levels.shape, 3), np.uint8)
    kernels.paint(levels, table, painted)
    return Picture(painted, _as_window(wanted))


def plane_values(
    voxels: Voxels, view: MprView, mapping: Mapping, size: tuple[int, int], cancelled: Cancelled = None
) -> npt.NDArray[np.float64]:
    """Return the modality values of a plane or slab at the points of ``mapping``, shape (height, width).

    NaN where there is nothing. ``view`` says how thick the slab is, how it is joined and interpolated. Raises what
    :func:`render_plane` does.
    """
    _refuse_extremes(voxels)
    samples = samples_of(voxels.grid, view)
    raw = np.full((size[1], size[0]), np.nan, np.float32)
    levels = np.empty((size[1], size[0]), np.int16)
    _draw(voxels, view, mapping, samples, levels, _PLAIN, cancelled, raw)
    if _is_sum(view, samples):
        return raw.astype(np.float64)
    return raw.astype(np.float64) * voxels.slope + voxels.intercept


def _refuse_extremes(voxels: Voxels) -> None:
    if min(voxels.grid.shape) < _MIN_SIDE:
        text = "a volume needs two slices, rows and columns: view it as a stack"
        raise UnsupportedImageError(text)
    if voxels.grid.shape[1] * voxels.grid.shape[2] > _MAX_SLICE:
        text = "the slices are too large for planes through them: view them as a stack"
        raise UnsupportedImageError(text)


def automatic_window(voxels: Voxels) -> Window:
    """Return a window for a volume whose file states none: from the 0.5th to the 99.5th percentile of a sample."""
    each = voxels.grid.shape[1] * voxels.grid.shape[2]
    offsets = voxels.offsets[voxels.offsets != NOT_THERE]
    stride = max(1, len(offsets) * each // _SAMPLES) | 1
    parts = [voxels.values[start + k % stride : start + each : stride] for k, start in enumerate(offsets)]
    values = np.concatenate(parts).astype(np.float32) if parts else np.empty(0, np.float32)
    low, high = voxels.padding
    values = values[(values < low) | (values > high)]
    if not values.size:
        return Window(center=0.5, width=1.0, function="LINEAR_EXACT")
    cut = int(values.size * _SHARE_CUT)
    chosen = np.partition(values, [cut, values.size - 1 - cut])
    ends = sorted(float(chosen[n]) * voxels.slope + voxels.intercept for n in (cut, values.size - 1 - cut))
    width = ends[1] - ends[0]
    return Window(center=(ends[0] + ends[1]) / 2, width=width if width > 0 else 1.0, function="LINEAR_EXACT")


def pairs_of(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the same memory as overlapping pairs of neighbours, the first in the lower bits."""
    kind = np.dtype(_PAIR_TYPES[values.dtype.name])
    count = max(0, values.size - 1)
    pairs = np.ndarray((count,), kind, voi.frozen(values).data, 0, (values.itemsize,))
    pairs.flags.writeable = False
    return pairs


def warm_up() -> None:
    """Compile, or load from the cache, every kernel of planes for every type of voxels."""
    grid = VolumeGrid(
        shape=(3, 4, 4), origin=(0, 0, 0), across=(1, 0, 0), down=(0, 1, 0), through=(0, 0, 1), places=(0, 1, 2)
    )
    window = Window(center=128, width=256)
    tilted = {"row": (0.8, 0.6, 0.0), "column": (0.0, 0.0, 1.0)}
    for name in _PAIR_TYPES:
        voxels = Voxels.of_array(np.zeros((3, 4, 4), name), grid)
        for padding in (_NO_PADDING, _NAN_PADDING):
            padded = Voxels(voxels.values, voxels.offsets, grid, padding=padding)
            for directions in ({}, {"row": (0.0, 1.0, 0.0), "column": (0.0, 0.0, 1.0)}, tilted):
                for center, extent in (((1.0, 1.0, 1.0), 4), ((1.5, 1.5, 1.5), 4), ((1.0, 1.0, 1.0), 16)):
                    render_plane(padded, MprView(center=center, extent=extent, window=window, **directions), (8, 8))


# ---------------------------------------------------------------- grey levels


def _window(voxels: Voxels, view: MprView, windows: Sequence[Window | LookupTable]) -> Window | LookupTable:
    if view.window is not None:
        return view.window
    if windows:
        return windows[min(max(view.voi, 0), len(windows) - 1)]
    return voxels.once("window", automatic_window)


def _as_window(wanted: Window | LookupTable) -> Window:
    if isinstance(wanted, Window):
        return wanted
    length = len(voi.entries(wanted))
    return Window(center=wanted.first + length / 2, width=length, explanation=f"{wanted.explanation} LUT".strip())


# ---------------------------------------------------------------- drawing


def _is_sum(view: MprView, samples: Samples) -> bool:
    return view.blend == "sum" and samples.number > 1


def _draw(  # noqa: PLR0913 - the drawing's whole definition
    voxels: Voxels,
    view: MprView,
    mapping: Mapping,
    samples: Samples,
    levels: npt.NDArray[np.int16],
    shading: voi.Shading,
    cancelled: Cancelled,
    raw: npt.NDArray[np.float32] = _NOT_RAW,
    crew: Crew = ALONE,
) -> None:
    """Draw any plane or slab; into ``raw`` instead of ``levels`` where it is not empty."""
    blend = _BLENDS[view.blend] if samples.number > 1 else plane_kernels.MAXIMUM
    if voxels.slope < 0 and blend in {plane_kernels.MAXIMUM, plane_kernels.MINIMUM}:
        blend = plane_kernels.MAXIMUM + plane_kernels.MINIMUM - blend
    full = samples_of(voxels.grid, view).number
    sums = np.float32(voxels.slope), np.float32(voxels.intercept), np.float32(full / samples.number)
    padding = np.float32(voxels.padding[0]), np.float32(voxels.padding[1])
    careful = voxels.padding[0] <= voxels.padding[1] or not voxels.complete
    modes = blend, view.interpolation == "nearest", careful
    values, offsets = voi.frozen(voxels.values), voi.frozen(voxels.offsets)
    pairs, shade = pairs_of(values), shading.for_kernels()
    slices, rows, columns = voxels.grid.shape
    size = columns, rows, slices

    def draw(first: int, last: int) -> None:
        plane_kernels.draw_plane(
            values, pairs, offsets, size, mapping.places, mapping.ends, padding, mapping.matrix, tuple(samples), sums,
            modes, levels, raw, first, last, shade,
        )  # fmt: skip

    in_bands(levels.shape[0], BAND_ROWS if samples.number == 1 else _SLAB_BAND_ROWS, draw, cancelled, crew)


def _draw_averaged(  # noqa: PLR0913 - as _draw
    voxels: Voxels,
    view: MprView,
    mapping: Mapping,
    samples: Samples,
    levels: npt.NDArray[np.int16],
    shading: voi.Shading,
    fold: tuple[int, int],
    cancelled: Cancelled,
    crew: Crew,
) -> None:
    """Draw means over ``fold`` = (rows, columns) places in each pixel."""
    down, across = fold
    finer, width = folded(mapping, fold), levels.shape[1]

    def draw(first: int, last: int) -> None:
        matrix = finer.matrix.copy()
        matrix[:, 3] += matrix[:, 1] * (first * down)
        raw = np.full(((last - first) * down, width * across), np.nan, np.float32)
        nowhere = np.empty(raw.shape, np.int16)
        _draw(voxels, view, finer._replace(matrix=matrix), samples, nowhere, _PLAIN, cancelled, raw)
        means = np.empty((last - first, width), np.float32)
        plane_kernels.average(raw, down, across, means)
        ray_kernels.shade_values(means, levels[first:last], shading.for_kernels())

    in_bands(levels.shape[0], max(1, BAND_ROWS // 2 // down), draw, cancelled, crew)


def _check(cancelled: Cancelled) -> None:
    if cancelled is not None and cancelled():
        raise CancelledError


def _draw_along_grid(  # noqa: PLR0913 - as _draw
    voxels: Voxels,
    view: MprView,
    mapping: Mapping,
    levels: npt.NDArray[np.int16],
    shading: voi.Shading,
    cancelled: Cancelled,
    crew: Crew,
) -> bool:
    """Draw a plane whose rows and columns run along the grid as the image window draws a frame, if it is one."""
    m = mapping.matrix
    constant = [c for c in range(3) if m[c, 0] == 0 and m[c, 1] == 0]
    across = [c for c in range(3) if m[c, 0] != 0 and m[c, 1] == 0]
    down = [c for c in range(3) if m[c, 0] == 0 and m[c, 1] != 0]
    if not len(constant) == len(across) == len(down) == 1:
        return False
    mode = kernels.NEAREST if view.interpolation == "nearest" else kernels.LINEAR
    counts = voxels.grid.shape[::-1]
    x = _line(mapping, counts[across[0]], across[0], levels.shape[1], 0, mode)
    y = _line(mapping, counts[down[0]], down[0], levels.shape[0], 1, mode)
    cut = _cut(mapping, voxels.grid, constant[0], view)
    if cut is None:
        return True
    source = _sheet(voxels, constant[0], *cut)
    if source is None:
        return False
    pixels, padding = source
    _check(cancelled)
    if across[0] > down[0]:
        pixels = pixels.T
    pixels, shade = voi.frozen(pixels), shading.for_kernels()

    def draw(first: int, last: int) -> None:
        if padding[0] <= padding[1]:
            kernels.draw_upright_padded(pixels, *padding, levels, first, last, x, y, shade)
        else:
            kernels.draw_upright(pixels, levels, first, last, x, y, shade)

    in_bands(levels.shape[0], BAND_ROWS, draw, cancelled, crew)
    return True


def _line(mapping: Mapping, count: int, c: int, length: int, n: int, mode: int) -> Axis:  # noqa: PLR0913 - a line's definition
    """Return which voxels the columns (``n`` 0) or rows (1) of the picture come from along coordinate ``c``."""
    step, start = mapping.matrix[c, n], mapping.matrix[c, 3]
    if c == 2 and mapping.places.size:  # noqa: PLR2004 - the third coordinate
        return _uneven_line(mapping, start + np.arange(length) * step, mode)
    return axis(Line(step, start, length, count, count), mode)


def _uneven_line(mapping: Mapping, wanted: Array, mode: int) -> Axis:
    inside = np.flatnonzero((wanted >= mapping.ends[0]) & (wanted < mapping.ends[1]))
    begin, end = (int(inside[0]), int(inside[-1]) + 1) if inside.size else (0, 0)
    numbers = np.arange(len(mapping.places), dtype=np.float64)
    fractional = np.interp(wanted, mapping.places, numbers)
    whole = np.rint(fractional)
    fractional = np.where(np.abs(fractional - whole) < SNAP, whole, fractional)
    if mode == kernels.NEAREST:
        left = np.floor(fractional + 0.5).astype(np.int32)
        return Axis(begin, end, left, left, np.zeros(len(wanted), np.float32))
    left = np.floor(fractional).astype(np.int32)
    part = (fractional - left).astype(np.float32)
    return Axis(begin, end, left, np.where(part > 0, left + 1, left).astype(np.int32), part)


def _cut(mapping: Mapping, grid: VolumeGrid, c: int, view: MprView) -> tuple[int, float] | None:
    """Return the voxels in front of a plane square to coordinate ``c`` and the share of the next, None if outside."""
    place = float(mapping.matrix[c, 3])
    count = grid.shape[::-1][c]
    if c == 2 and mapping.places.size:  # noqa: PLR2004 - the third coordinate
        if not mapping.ends[0] <= place < mapping.ends[1]:
            return None
        place = float(np.interp(place, mapping.places, np.arange(count)))
    elif not -0.5 <= place < count - 0.5:  # noqa: PLR2004 - half a voxel
        return None
    place = min(max(place, 0.0), count - 1.0)
    if view.interpolation == "nearest" or abs(place - round(place)) < SNAP:
        return math.floor(place + 0.5 + SNAP), 0.0
    return math.floor(place), place - math.floor(place)


def _sheet(voxels: Voxels, c: int, index: int, part: float) -> tuple[npt.NDArray[Any], tuple[float, float]] | None:
    """Return the voxels of a plane along the grid and their padding, None where only the careful way is right."""
    slices, rows, columns = voxels.grid.shape
    careful = voxels.padding[0] <= voxels.padding[1] or not voxels.complete
    if c == 2 and part == 0:  # noqa: PLR2004 - the third coordinate
        offset = int(voxels.offsets[index])
        if offset == NOT_THERE:
            return np.full((rows, columns), np.nan, np.float32), _NAN_PADDING
        return voxels.values[offset : offset + rows * columns].reshape(rows, columns), voxels.padding
    if careful and part > 0:
        return None
    out = np.empty((rows, columns) if c == 2 else (slices, columns if c else rows), np.float32)  # noqa: PLR2004
    padding = np.float32(voxels.padding[0]), np.float32(voxels.padding[1])
    values, offsets = voi.frozen(voxels.values), voi.frozen(voxels.offsets)
    plane_kernels.sheet(values, offsets, (columns, rows, slices), c, index, np.float32(part), padding, out)
    return out, _NAN_PADDING if careful else _NO_PADDING
