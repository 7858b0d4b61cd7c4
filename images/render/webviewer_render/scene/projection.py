"""The frame function of the Volume window: ``render_volume(levels, view, size, quality) -> Picture``, pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from webviewer.domain.image import LookupTable, Window
from webviewer.domain.view import Cut, Position, Quality, TransferPoint, VolumeView
from webviewer.domain.volume import VolumeGrid
from webviewer_render.scene import colour_map, extreme_kernels, kernels, ray_kernels, voi
from webviewer_render.scene.bands import ALONE, Crew, in_bands
from webviewer_render.scene.camera import Camera
from webviewer_render.scene.picture import Picture
from webviewer_render.scene.plane import pairs_of
from webviewer_render.scene.transfer import Transfer, transfer_of
from webviewer_render.scene.visibility import Visibility, box_of, visibility_of
from webviewer_render.volume import level_kernels
from webviewer_render.volume.levels import Level, Levels, build_levels
from webviewer_render.volume.voxels import Voxels

Cancelled = Callable[[], bool]
Windows = Sequence[Window | LookupTable]
Values = npt.NDArray[np.float32]
BAND_ROWS = 2 * ray_kernels.TILE
_PREVIEW_SHARE = 2
"""A preview has this many times fewer pixels along each side, if its shorter one keeps as many as the next says."""
_PREVIEW_SIDE = 320
"""Thin things, as ribs in a picture of the whole torso, are lost below it (28 dB); rays for it take 50 ms at most."""
_FEW_PIXELS = 64
"""It is not worth while to look for what fewer can see."""
_SHINE = 1024
_LONGEST = 1.2
"""Voxels count as no longer than this times their shortest side, or thick slices would make steps too long."""
LIGHT_ANGLE = math.radians(20)
_COMPOSITE_WINDOW = Window(center=128, width=256)
_CUT = (0.5, 99.5)
"""Percentiles of the window where none is stated."""
_AUTO_SAMPLES = 1 << 18
_WARM_CUT = Cut(
    center=(0, 0, 0), row=(1, 0, 0), column=(0, 1, 0), extent=4, perspective=True, corners=((0, 0), (1, 0), (1, 1))
)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is spent: ``step`` in voxels, ``detail`` = largest voxel in pixels, ``enough`` opacity to stop at."""

    step: float
    detail: float
    enough: float


_FINAL = Effort(0.7, 1.0, 0.985)
_PREVIEW = Effort(1.4, 0.65, 0.96)
_PREVIEW_OF_EXTREMES = Effort(1.0, 1.3, 1.0)
"""A smaller volume blurs surfaces too much (25 dB), but not highest values."""
_PREVIEW_OF_MEANS = Effort(1.4, 1.7, 1.0)
"""Means of means are means: a still smaller one is hardly seen (60 dB)."""


def _effort(view: VolumeView, quality: Quality) -> Effort:
    if quality != Quality.PREVIEW:
        return _FINAL
    if view.mode == "mean":
        return _PREVIEW_OF_MEANS
    return _PREVIEW if view.mode == "composite" else _PREVIEW_OF_EXTREMES


def render_volume(  # noqa: PLR0913 - the frame function's arguments are the frame function's definition
    levels: Levels,
    view: VolumeView,
    size: tuple[int, int],
    quality: Quality,
    windows: Windows = (),
    cancelled: Cancelled | None = None,
    crew: Crew = ALONE,
) -> Picture:
    """Draw a projection.

    ``size`` is (width, height) of the viewport in device pixels; a preview has half of it (rounded up) or, if that is more,
    320 pixels along its shorter side, larger steps, and a smaller volume where that is enough. Composite pictures are RGB;
    the others grey, or RGB through a colour map, by the view's window, the ``view.voi``-th of the file's ``windows``, or one
    made of the volume. The background is black (where a highest value or a mean is shown: what the lowest value looks like).
    The mean is that of values from the first to the last transfer point, if there are any. Raises CancelledError once
    ``cancelled()`` is true, looked at between bands of rows, which ``crew`` draws.
    """
    return picture_of(prepared(levels, view, size, quality, cancelled, crew), windows, cancelled)


def preview_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return how many pixels a preview for a viewport of ``size`` (width, height) has."""
    share = min(1.0, max(1 / _PREVIEW_SHARE, _PREVIEW_SIDE / min(size)))
    return math.ceil(size[0] * share), math.ceil(size[1] * share)


class Casting(Protocol):
    """A prepared picture that somebody's rays draw: the kernels' :class:`Cast`, or another back end's."""

    @property
    def levels(self) -> Levels:
        """The volume."""
        ...

    @property
    def view(self) -> VolumeView:
        """What is asked for."""
        ...

    def composite(self, cancelled: Cancelled | None) -> npt.NDArray[np.uint8]:
        """Return RGB of shape (height, width, 3)."""
        ...

    def extreme(self, apart: tuple[float, float], cancelled: Cancelled | None) -> Values:
        """Return the stored values that are highest (MinIP: lowest), NaN where nothing is.

        Values beyond the two of ``apart`` need not be told apart.
        """
        ...

    def mean(self, cancelled: Cancelled | None) -> Values:
        """Return mean stored values, NaN where there is nothing."""
        ...


def prepared(  # noqa: PLR0913 - as the frame function
    levels: Levels,
    view: VolumeView,
    size: tuple[int, int],
    quality: Quality,
    cancelled: Cancelled | None = None,
    crew: Crew = ALONE,
) -> Cast:
    """Choose size, level and steps of a picture for a viewport of ``size``."""
    if quality == Quality.PREVIEW:
        size = preview_size(size)
    return Cast.of(levels, view, size, quality, cancelled, crew)


def picture_of(cast: Casting, windows: Windows = (), cancelled: Cancelled | None = None) -> Picture:
    """Draw a prepared picture, and turn values into greys."""
    levels, view = cast.levels, cast.view
    if view.mode == "composite":
        return Picture(cast.composite(cancelled), view.window or _COMPOSITE_WINDOW)
    wanted = _window(view, windows)
    if view.mode == "mean":
        values = cast.mean(cancelled) * np.float32(levels.slope) + np.float32(levels.intercept)
        wanted = wanted or _auto_window(values, 1.0, 0.0)
        shading = voi.shading(wanted)
    else:
        wanted = wanted or _volume_window(levels)
        shading = voi.shading(wanted)
        apart = _told_apart(shading.of_rescaled(levels.slope, levels.intercept))
        values = cast.extreme(apart, cancelled) * np.float32(levels.slope) + np.float32(levels.intercept)
    if view.mode != "minip":  # what surrounds the volume is air, also where greys are inverted
        values[np.isnan(values)] = min(end * levels.slope + levels.intercept for end in levels.full.span)
    return Picture(_shaded(values, view, shading), voi.as_window(wanted))


def pick(levels: Levels, view: VolumeView, size: tuple[int, int], x: float, y: float) -> Position | None:
    """Return LPS mm of what is seen at a pixel of a picture of ``size`` (width, height), None where nothing is.

    Composite: where accumulated opacity reaches one half. MIP and mean: the highest value; MinIP: the lowest.
    """
    cast = Cast.of(levels, view, size, Quality.FINAL).at(x, y)
    depth = cast.depth()
    return cast.camera.point(x, y, size, view.extent, depth) if math.isfinite(depth) else None


def warm_up() -> None:
    """Compile, or load from the cache, every kernel of projections for every type of voxels."""
    point = TransferPoint(value=0, opacity=0.5, colour=(1, 1, 1))
    grid = VolumeGrid(
        shape=(4, 4, 4), origin=(0, 0, 0), across=(1, 0, 0), down=(0, 1, 0), through=(0, 0, 1), places=(0, 1, 2, 4)
    )
    for name in ("int16", "float32"):
        levels = build_levels(Voxels.of_array(np.zeros(grid.shape, name), grid))
        for mode in ("composite", "mip", "minip", "mean"):
            view = VolumeView(mode=mode, transfer=(point,), colour_map="rainbow", hide_table=True, cuts=(_WARM_CUT,))
            render_volume(levels, view, (8, 8), Quality.FINAL)
            render_volume(levels, view.model_copy(update={"colour_map": "grey"}), (8, 8), Quality.FINAL)


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """One picture to be drawn: the level, the rays, and what is visible."""

    levels: Levels
    view: VolumeView
    camera: Camera
    index: int
    size: tuple[int, int]
    rays: npt.NDArray[np.float64]
    box: npt.NDArray[np.float64]
    visibility: Visibility
    effort: Effort
    crew: Crew = ALONE

    @classmethod
    def of(  # noqa: PLR0913 - as the frame function
        cls,
        levels: Levels,
        view: VolumeView,
        size: tuple[int, int],
        quality: Quality,
        cancelled: Cancelled | None = None,
        crew: Crew = ALONE,
    ) -> Cast:
        """Prepare a picture of ``size`` pixels."""
        camera, effort = Camera.of(view), _effort(view, quality)
        pixel = view.extent / min(size)
        index = max(n for n, level in enumerate(levels.sizes) if n == 0 or level.voxel <= effort.detail * pixel)
        level = levels.sizes[index]
        step = effort.step * min(level.voxel, float(level.spacing.min()) * _LONGEST)
        rays = camera.rays(level, size, view.extent, step)
        visibility = visibility_of(levels, index, view, quality, cancelled)
        return cls(levels, view, camera, index, size, rays, box_of(levels, index, view.crop), visibility, effort, crew)

    @property
    def level(self) -> Level:
        """The volume that rays go through."""
        return self.levels.sizes[self.index]

    @property
    def step(self) -> float:
        """Millimetres between samples."""
        return float(self.rays[15])

    def at(self, x: float, y: float) -> Cast:
        """Return the cast of one (fractional) pixel alone."""
        rays = self.rays.copy()
        rays[16] += x * rays[12]
        rays[17] += y * rays[12]
        return Cast(
            self.levels, self.view, self.camera, self.index, (1, 1), rays, self.box, self.visibility, self.effort
        )

    def composite(self, cancelled: Cancelled | None) -> npt.NDArray[np.uint8]:
        """See :class:`Casting`."""
        return self._composite(cancelled)[0]

    def extreme(self, apart: tuple[float, float], cancelled: Cancelled | None) -> Values:
        """See :class:`Casting`."""
        return self._extreme(apart, cancelled)[0]

    def depth(self) -> float:
        """Return the millimetres along the first pixel's ray to what is seen there, NaN where nothing is."""
        everything = (-math.inf, math.inf)
        depth = (self._composite(None) if self.view.mode == "composite" else self._extreme(everything, None))[1]
        return float(depth[0, 0])

    def transfer(self) -> Transfer:
        """Return the view's transfer function for this volume."""
        view, levels = self.view, self.levels
        key = ("transfer", view.transfer, view.gradient)
        return levels.recent.get(key, lambda: transfer_of(levels, view.transfer, view.gradient))

    def codes(self) -> npt.NDArray[np.uint8]:
        """Return the codes of blocks for the view's transfer function."""
        key = ("codes", self.index, self.view.transfer, self.visibility.key)
        return self.levels.recent.get(key, lambda: self.transfer().codes(self.level, self.visibility.states))

    def tables(self) -> tuple[Values, Values, Transfer]:
        """Return the colours and opacities of a step, their scale, and the transfer function they come from."""
        transfer = self.transfer()
        table = transfer.table if transfer.slopes.size else transfer.of_step(self.step)
        scale = np.array([transfer.base, transfer.gain, abs(self.levels.slope) / transfer.steepest], np.float32)
        return table, scale, transfer

    def _composite(self, cancelled: Cancelled | None) -> tuple[npt.NDArray[np.uint8], Values]:
        """Return RGB, and the millimetres along each ray at which half of the light is gone (NaN: it is not)."""
        level, mask, codes = self.level, self.visibility, self.codes()
        table, scale, transfer = self.tables()
        light, shine = self.light()
        reach = self._reach(codes)
        out = np.empty((self.size[1], self.size[0], 3), np.uint8)
        depth = np.empty(out.shape[:2], np.float32)
        self._in_bands(
            cancelled,
            lambda a, b: ray_kernels.cast_composite(
                level.values, level.offsets, level.shape, codes, mask.mask, mask.place, table, scale, transfer.slopes,
                light, shine, self.rays, self.box, reach, np.float32(self.effort.enough), self.size, a, b, out, depth,
            ),
        )  # fmt: skip
        return out, depth

    def _reach(self, codes: npt.NDArray[np.uint8]) -> Values:
        """Return between which steps squares of pixels may have something: rays begin and end there."""
        width, height = self.size
        reach = np.empty((-(-height // ray_kernels.REACH), -(-width // ray_kernels.REACH), 2), np.float32)
        if width * height < _FEW_PIXELS:
            reach[:] = -np.inf, np.inf
            return reach
        reach[:] = np.inf, -np.inf
        camera, level = self.camera, self.level
        turn = np.stack([camera.row, camera.column, camera.ahead])
        origin, axes = turn @ (level.origin - camera.center), np.ascontiguousarray(turn @ level.axes)
        ray_kernels.find_reach(codes, origin, axes, self.rays, camera.distance, self.size, reach)
        return reach

    def tops(self) -> tuple[np.float32, tuple[Values, Values, Values]]:
        """Return the sign that makes the values looked for the highest, and the highest ones of blocks."""
        level, mask = self.level, self.visibility
        sign = np.float32(-1 if (self.view.mode == "minip") != (self.levels.slope < 0) else 1)
        key = ("tops", self.index, float(sign), mask.key)
        return sign, self.levels.recent.get(key, lambda: _tops(level, float(sign), mask))

    def _extreme(self, apart: tuple[float, float], cancelled: Cancelled | None) -> tuple[Values, Values]:
        """Return values and their millimetres along the rays, NaN where nothing is."""
        level, mask = self.level, self.visibility
        sign, tops = self.tops()
        pairs = pairs_of(level.values)
        floor, ceiling = sorted((float(sign) * apart[0], float(sign) * apart[1]))
        out = np.full((self.size[1], self.size[0]), np.nan, np.float32)
        depth = np.full(out.shape, np.nan, np.float32)
        self._in_bands(
            cancelled,
            lambda a, b: extreme_kernels.cast_extreme(
                level.values, pairs, level.offsets, level.shape, mask.states, mask.mask, mask.place, tops, sign,
                np.float32(floor), np.float32(ceiling), self.rays, self.box, self.size, a, b, out, depth,
            ),
        )  # fmt: skip
        return out, depth

    def mean(self, cancelled: Cancelled | None) -> Values:
        """See :class:`Casting`."""
        level, mask = self.level, self.visibility
        low, high, codes = self.averaged()
        out = np.full((self.size[1], self.size[0]), np.nan, np.float32)
        self._in_bands(
            cancelled,
            lambda a, b: ray_kernels.cast_mean(
                level.values, level.offsets, level.shape, codes, mask.mask, mask.place, np.float32(low),
                np.float32(high), self.rays, self.box, self.size, a, b, out,
            ),
        )  # fmt: skip
        return out

    def averaged(self) -> tuple[float, float, npt.NDArray[np.uint8]]:
        """Return the range of stored values that a mean is made of, and the codes of blocks for it."""
        low, high = -math.inf, math.inf
        if self.view.transfer:
            slope = self.levels.slope or 1.0
            ends = [(point.value - self.levels.intercept) / slope for point in self.view.transfer]
            low, high = min(ends), max(ends)
        level, mask = self.level, self.visibility
        key = ("averaged", self.index, low, high, mask.key)
        return low, high, self.levels.recent.get(key, lambda: _averaged_codes(level, low, high, mask))

    def light(self) -> tuple[Values, Values]:
        """Return the kernel's light and its table of highlights (empty: unlit)."""
        light = self.view.light
        numbers = np.zeros(18, np.float32)
        sine, cosine = math.sin(LIGHT_ANGLE), math.cos(LIGHT_ANGLE)
        towards = np.array([-sine / math.sqrt(2), -sine / math.sqrt(2), -cosine])
        half = towards - np.array([0, 0, 1])
        numbers[3:6], numbers[6:9] = towards, half / np.linalg.norm(half)
        axes = np.stack([self.camera.row, self.camera.column, self.camera.ahead])
        numbers[9:18] = (axes @ np.linalg.inv(self.level.axes).T / 2).reshape(-1)
        if light is None:
            return numbers, np.empty(0, np.float32)
        numbers[0:3] = light.ambient, light.diffuse, light.specular
        return numbers, (np.linspace(0, 1, _SHINE) ** light.power).astype(np.float32)

    def _in_bands(self, cancelled: Cancelled | None, draw: Callable[[int, int], None]) -> None:
        in_bands(self.size[1], BAND_ROWS, draw, cancelled, self.crew)


def _tops(level: Level, sign: float, mask: Visibility) -> tuple[Values, Values, Values]:
    """Return the highest values, times ``sign``, of blocks of 4, 16 and 64 cells."""
    fine = (level.highest if sign > 0 else level.lowest).astype(np.float32) * np.float32(sign)
    fine[mask.states == ray_kernels.EMPTY] = -np.inf
    middle = _coarser(fine)
    return fine, middle, _coarser(middle)


def _coarser(fine: Values) -> Values:
    coarse = np.empty(tuple(-(-n // 4) for n in fine.shape), np.float32)
    level_kernels.coarsen(fine, coarse)
    return coarse


def _averaged_codes(level: Level, low: float, high: float, mask: Visibility) -> npt.NDArray[np.uint8]:
    codes = mask.states.copy()
    codes[(level.highest < low) | (level.lowest > high)] = ray_kernels.EMPTY
    ray_kernels.measure_distances(codes)
    codes.flags.writeable = False
    return codes


def _window(view: VolumeView, windows: Windows) -> Window | LookupTable | None:
    if view.window is not None:
        return view.window
    return windows[min(max(view.voi, 0), len(windows) - 1)] if windows else None


def _volume_window(levels: Levels) -> Window:
    """Return a window for the values that occur, made of the smallest level."""
    values = levels.sizes[-1].values
    sample = values[:: max(1, values.size // _AUTO_SAMPLES)]
    return levels.recent.get("window", lambda: _auto_window(sample, levels.slope, levels.intercept))


def _auto_window(values: npt.NDArray[Any], slope: float, intercept: float) -> Window:
    known = values[np.isfinite(values)]
    if not known.size:
        return Window(center=0.5, width=1.0, function="LINEAR_EXACT")
    ends = sorted(float(v) * slope + intercept for v in np.percentile(known, _CUT))
    return Window(center=(ends[0] + ends[1]) / 2, width=max(ends[1] - ends[0], 1e-6), function="LINEAR_EXACT")


def _told_apart(shading: voi.Shading) -> tuple[float, float]:
    """Return between which stored values greys differ."""
    if shading.gain == 0:
        return -math.inf, math.inf
    top = shading.table.size - 1 if shading.table.size else voi.WHITE
    low, high = sorted((-shading.offset / shading.gain, (top - shading.offset) / shading.gain))
    spare = 1e-3 * (high - low)
    return low - spare, high + spare


def _shaded(values: Values, view: VolumeView, shading: voi.Shading) -> npt.NDArray[np.uint8]:
    """Return grey, or RGB through a colour map."""
    if view.invert ^ (view.colour_map == "inverted"):
        shading = shading.inverted()
    table = colour_map.table(view.colour_map)
    out = np.full(values.shape, 0 if table is None else -1, np.uint8 if table is None else np.int16)
    ray_kernels.shade_values(values, out, shading.for_kernels())
    if table is None:
        return out
    painted = np.empty((*out.shape, 3), np.uint8)
    kernels.paint(out, table, painted)
    return painted
