"""A volume ready for rays: even, clean, with smaller versions of itself and the extremes of its blocks."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from webviewer.domain.volume import VolumeGrid
from webviewer_render.scene.picture import CancelledError
from webviewer_render.volume import level_kernels
from webviewer_render.volume.level_kernels import BLOCK
from webviewer_render.volume.recent import Recent
from webviewer_render.volume.voxels import Voxels

Array = npt.NDArray[Any]
Matrix = npt.NDArray[np.float64]
Cancelled = Callable[[], bool]
COUNT = 3
"""Levels: full, half and quarter size."""
_FEWEST = 8
"""An axis with fewer voxels is not halved."""
_FLATTER = 1.5
"""An axis is not halved where its voxels would be longer than this times the level's."""
_SLAB = 4
_SIGN = 0x8000
_KEPT = 16
RECENT_SHARE = 0.3
"""What is derived from a volume has at most this share of its memory; a mask of half its size is up to an eighth."""
_RECENT_LEAST = 4 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """An even volume as the kernels read it.

    The voxel (slice k, row j, column i) is ``values[offsets[k] + j * columns + i]``, its centre ``origin + axes @ (i, j,
    k)`` (LPS, mm). ``values`` is int16 or float32 without NaN, read-only. ``lowest`` and ``highest`` are the extremes of
    blocks of :data:`BLOCK` cells along each side. ``factors`` and ``shift`` place it on the full size: index
    ``(i, j, k) * factors + shift`` there.
    """

    values: Array
    offsets: npt.NDArray[np.uint64]
    shape: tuple[int, int, int]
    origin: Matrix
    axes: Matrix
    lowest: Array
    highest: Array
    factors: Matrix
    shift: Matrix

    @property
    def voxel(self) -> float:
        """Geometric mean of the distances of neighbouring voxels in mm."""
        return float(np.prod(self.spacing) ** (1 / 3))

    @property
    def spacing(self) -> Matrix:
        """Distances of neighbouring columns, rows and slices in mm."""
        spacing: Matrix = np.linalg.norm(self.axes, axis=0)
        return spacing

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest value."""
        return float(self.lowest.min()), float(self.highest.max())

    def array(self) -> Array:
        """Return shape (slices, rows, columns), without a copy where slices follow each other."""
        each = self.shape[1] * self.shape[2]
        first = int(self.offsets[0])
        if bool((np.diff(self.offsets.astype(np.int64)) == each).all()):
            return self.values[first : first + each * self.shape[0]].reshape(self.shape)
        return np.stack([self.values[o : o + each] for o in self.offsets.tolist()]).reshape(self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """The same volume at falling sizes, the full one first; modality values are ``slope * value + intercept``.

    ``recent`` keeps what is derived from it (transfer tables, masks): it lives and dies with the volume.
    """

    sizes: tuple[Level, ...]
    slope: float
    intercept: float
    recent: Recent = field(default_factory=lambda: Recent(_KEPT), compare=False, repr=False)
    own_bytes: int = 0
    """Memory that was taken beyond the voxels it was made of."""

    @property
    def full(self) -> Level:
        """The volume at full size."""
        return self.sizes[0]


def build_levels(voxels: Voxels, cancelled: Cancelled | None = None) -> Levels:
    """Make the levels of a complete volume.

    Unevenly placed slices are interpolated to even ones; padding and what is no number become the lowest value; the full
    size is not copied otherwise. Takes about a second for 400 slices of 512 x 512 on one core, without the GIL. Raises
    ValueError while slices are missing, CancelledError once ``cancelled()`` is true.
    """
    if not voxels.complete:
        text = "a volume has levels once all its slices have come"
        raise ValueError(text)
    check = _checker(cancelled)
    source = _Source.of(voxels)
    first = _full_level(source, voxels, check)
    sizes = [first]
    while len(sizes) < COUNT:
        smaller = _halved(sizes[-1], 2.0 ** len(sizes) * float(first.spacing.min()), check)
        if smaller is None:
            break
        sizes.append(smaller)
    taken = sum(level.lowest.nbytes + level.highest.nbytes for level in sizes)
    taken += sum(level.values.nbytes for level in sizes if not np.may_share_memory(level.values, voxels.values))
    budget = max(_RECENT_LEAST, RECENT_SHARE * math.prod(first.shape) * first.values.itemsize)
    return Levels(tuple(sizes), voxels.slope, source.intercept, Recent(_KEPT, budget), own_bytes=taken)


@dataclass(frozen=True, slots=True)
class _Source:
    """Values of a type that the kernels of rays know, their slices, and the intercept that belongs to them."""

    values: Array
    offsets: npt.NDArray[np.uint64]
    intercept: float

    @classmethod
    def of(cls, voxels: Voxels) -> _Source:
        values, offsets = voxels.values, voxels.offsets.astype(np.uint64)
        if values.dtype != np.uint16:
            return cls(_read_only(values), offsets, voxels.intercept)
        each = voxels.grid.shape[1] * voxels.grid.shape[2]
        if all(int(values[o : o + each].max()) < _SIGN for o in voxels.offsets.tolist()):
            return cls(_read_only(values.view(np.int16)), offsets, voxels.intercept)  # the same bits
        moved = np.empty((len(offsets), each), np.uint16)
        for k, offset in enumerate(voxels.offsets.tolist()):
            np.bitwise_xor(values[offset : offset + each], np.uint16(_SIGN), out=moved[k])
        starts = np.arange(len(offsets), dtype=np.uint64) * np.uint64(each)
        values = _read_only(moved.reshape(-1).view(np.int16))
        return cls(values, starts, voxels.intercept + voxels.slope * _SIGN)

    def padding(self, voxels: Voxels) -> tuple[float, float]:
        """Return the range of padding in these values."""
        moved = (self.intercept - voxels.intercept) / voxels.slope if voxels.slope else 0.0
        return voxels.padding[0] - moved, voxels.padding[1] - moved


def _full_level(source: _Source, voxels: Voxels, check: Callable[[], None]) -> Level:
    grid = voxels.grid
    values, offsets, shape, step = source.values, source.offsets, grid.shape, grid.step
    cleaned = _cleaned(source, voxels, check)
    if cleaned is not None:
        values, offsets = cleaned
    if not grid.is_even:
        values, offsets, step = _evened(values, offsets, grid, check)
        shape = (len(offsets), *grid.shape[1:])
    axes = np.stack([grid.across, grid.down, np.multiply(grid.through, step)], axis=1).astype(np.float64)
    origin = np.array(grid.origin, np.float64)
    return _level(values, offsets, shape, origin, axes, (np.ones(3), np.zeros(3)), check)


def _cleaned(source: _Source, voxels: Voxels, check: Callable[[], None]) -> tuple[Array, npt.NDArray[np.uint64]] | None:
    """Return a copy whose padding and non-numbers have the lowest modality value, None where there are none."""
    low, high = source.padding(voxels)
    each = voxels.grid.shape[1] * voxels.grid.shape[2]
    best, found = math.inf if voxels.slope >= 0 else -math.inf, False
    for offset in source.offsets.tolist():
        check()
        piece = source.values[offset : offset + each]
        unknown = _unknown(piece, low, high)
        found = found or unknown is not None
        known = piece if unknown is None else piece[~unknown]
        if known.size:
            best = min(best, float(known.min())) if voxels.slope >= 0 else max(best, float(known.max()))
    if not found:
        return None
    lowest = best if math.isfinite(best) else 0.0
    copy = np.empty((len(source.offsets), each), source.values.dtype)
    for k, offset in enumerate(source.offsets.tolist()):
        check()
        copy[k] = source.values[offset : offset + each]
        unknown = _unknown(copy[k], low, high)
        if unknown is not None:
            copy[k][unknown] = lowest
    return _read_only(copy.reshape(-1)), np.arange(len(copy), dtype=np.uint64) * np.uint64(each)


def _unknown(piece: Array, low: float, high: float) -> npt.NDArray[np.bool_] | None:
    """Tell which values are padding or no finite numbers, None where all are good."""
    unknown: npt.NDArray[np.bool_] | None = None
    if low <= high:
        unknown = (piece >= low) & (piece <= high)
    if piece.dtype.kind == "f":
        infinite = ~np.isfinite(piece)
        unknown = infinite if unknown is None else unknown | infinite
    return unknown if unknown is not None and bool(unknown.any()) else None


def _evened(
    values: Array, offsets: npt.NDArray[np.uint64], grid: VolumeGrid, check: Callable[[], None]
) -> tuple[Array, npt.NDArray[np.uint64], float]:
    """Interpolate between slices so that all have the same distance: the smallest there is, at least half the mean."""
    places = grid.places
    gap = max(min(after - before for before, after in pairwise(places)), grid.step / 2)
    count = max(2, round(places[-1] / gap) + 1)
    step = places[-1] / (count - 1)
    each = grid.shape[1] * grid.shape[2]
    out = np.empty((count, each), values.dtype)
    for k in range(count):
        check()
        place = min(k * step, places[-1])
        lower = min(max(bisect.bisect_right(places, place) - 1, 0), len(places) - 2)
        part = (place - places[lower]) / (places[lower + 1] - places[lower])
        where, share = np.array([lower], np.int64), np.array([part], np.float64)
        level_kernels.between(values, offsets, each, where, share, out[k : k + 1], whole=out.dtype.kind == "i")
    return _read_only(out.reshape(-1)), np.arange(count, dtype=np.uint64) * np.uint64(each), step


def _halved(level: Level, target: float, check: Callable[[], None]) -> Level | None:
    """Return the level of half the size along the axes that it makes sense for, None if there are none."""
    spacing = level.spacing[::-1]
    factors = tuple(
        2 if count >= _FEWEST and 2 * each <= _FLATTER * target else 1
        for count, each in zip(level.shape, spacing.tolist(), strict=True)
    )
    if max(factors) == 1:
        return None
    shape = (-(-level.shape[0] // factors[0]), -(-level.shape[1] // factors[1]), -(-level.shape[2] // factors[2]))
    out = np.empty(shape, level.values.dtype)
    for first in range(0, shape[0], _SLAB):
        check()
        last = min(first + _SLAB, shape[0])
        level_kernels.halve(
            level.values, level.offsets, level.shape, factors, out, first, last, whole=out.dtype.kind == "i"
        )
    by = np.array(factors[::-1], np.float64)
    offsets = np.arange(shape[0], dtype=np.uint64) * np.uint64(shape[1] * shape[2])
    origin = level.origin + level.axes @ ((by - 1) / 2)
    place = level.factors * by, level.shift + level.factors * (by - 1) / 2
    return _level(_read_only(out.reshape(-1)), offsets, shape, origin, level.axes * by, place, check)


def _level(  # noqa: PLR0913 - all there is to a level
    values: Array,
    offsets: npt.NDArray[np.uint64],
    shape: tuple[int, int, int],
    origin: Matrix,
    axes: Matrix,
    place: tuple[Matrix, Matrix],
    check: Callable[[], None],
) -> Level:
    blocks = tuple(max(1, -(-(n - 1) // BLOCK)) for n in shape)
    lowest, highest = np.empty(blocks, values.dtype), np.empty(blocks, values.dtype)
    for first in range(0, blocks[0], _SLAB):
        check()
        level_kernels.extremes(values, offsets, shape, first, min(first + _SLAB, blocks[0]), lowest, highest)
    return Level(values, offsets, shape, origin, axes, _read_only(lowest), _read_only(highest), *place)


def _read_only(array: Array) -> Array:
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def _checker(cancelled: Cancelled | None) -> Callable[[], None]:
    def check() -> None:
        if cancelled is not None and cancelled():
            raise CancelledError

    return check
