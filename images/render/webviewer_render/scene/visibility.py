"""What of a volume is hidden: outside of the crop box, cut by the scissors, or not of the body."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from webviewer.domain.view import Cut, Position, Quality, VolumeView
from webviewer_render.scene import ray_kernels, visibility_kernels
from webviewer_render.scene.body import BodyKind, body_of, shows_air
from webviewer_render.scene.camera import Camera
from webviewer_render.scene.picture import CancelledError
from webviewer_render.volume.levels import Level, Levels

Mask = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]
Cancelled = Callable[[], bool]
_LASSO = 1024
"""Pixels along the longer side of a lasso's picture."""
_SLAB = 16
_CODES = np.array([ray_kernels.DRAWN, ray_kernels.EMPTY, ray_kernels.MIXED], np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Visibility:
    """``mask``, ``place`` and ``states`` are as :mod:`webviewer_render.scene.ray_kernels` wants them.

    ``states`` has DRAWN, EMPTY or MIXED for each block of the level that is drawn. Equal ``key``: equal all.
    """

    key: Hashable
    mask: Mask
    place: npt.NDArray[np.float32]
    states: Mask


def visibility_of(
    levels: Levels, index: int, view: VolumeView, quality: Quality, cancelled: Cancelled | None = None
) -> Visibility:
    """Return what is visible of level ``index``.

    Masks have half the size of the volume, for a preview a quarter. Raises CancelledError once ``cancelled()`` is true.
    """
    if not view.cuts and not view.hide_table:
        return levels.recent.get(("all", index), lambda: _all_of(levels.sizes[index]))
    last = len(levels.sizes) - 1
    size = last if quality == Quality.PREVIEW else min(1, last)
    body: BodyKind | None = ("tight" if shows_air(view) else "whole") if view.hide_table else None
    mask = levels.recent.get(("mask", size, view.cuts, body), lambda: _mask(levels, size, view.cuts, body, cancelled))
    key = (index, size, view.cuts, body)
    return levels.recent.get(("visibility", key), lambda: _visibility(levels, index, size, mask, key))


def box_of(levels: Levels, index: int, crop: tuple[Position, Position] | None) -> Matrix:
    """Return the lowest and highest index (column, row, slice) of level ``index`` that is drawn."""
    level, full = levels.sizes[index], levels.full
    box = np.zeros(6)
    box[3:] = np.array(level.shape[::-1]) - 1
    if crop is not None:
        ends = (np.sort(np.array(crop), axis=0) / full.spacing - level.shift) / level.factors
        box[:3], box[3:] = np.maximum(box[:3], ends[0]), np.minimum(box[3:], ends[1])
    return box


def covered(cut: Cut, softness: float) -> tuple[Mask, Matrix]:
    """Draw a lasso: how much of a square of ``softness`` mm around a point it covers, 0..255.

    Corners that turn round a point more than once are inside. Returns the picture, and its first pixel's place (mm right
    and down of the centre) with the millimetres of a pixel.
    """
    corners = np.array(cut.corners, np.float64)
    low, high = corners.min(axis=0) - 2 * softness, corners.max(axis=0) + 2 * softness
    pixel = float((high - low).max()) / (_LASSO - 1)
    columns, rows = (int(n) for n in np.ceil((high - low) / pixel) + 1)
    turns = np.zeros((rows, columns + 1), np.int32)
    points = (corners - low) / pixel
    for (x0, y0), (x1, y1) in zip(points.tolist(), np.roll(points, -1, axis=0).tolist(), strict=True):
        first, last = sorted((y0, y1))
        lines = np.arange(int(np.ceil(first)), int(np.ceil(last)))
        if not lines.size:
            continue
        crossings = np.ceil(x0 + (lines - y0) * ((x1 - x0) / (y1 - y0)))
        np.add.at(turns, (lines, np.clip(crossings, 0, columns).astype(int)), 1 if y1 > y0 else -1)
    inside = (np.cumsum(turns[:, :-1], axis=1) != 0).astype(np.float64)
    width = min(max(int(softness / pixel), 1), _LASSO // 4) | 1
    soft = _blurred(_blurred(inside, width).T, width).T
    return np.ascontiguousarray(np.rint(soft * 255), np.uint8), np.array([*low, pixel])


def _blurred(picture: Matrix, width: int) -> Matrix:
    """Average ``width`` pixels along columns."""
    padded = np.pad(picture, ((width // 2 + 1, width // 2), (0, 0)))
    sums = np.cumsum(padded, axis=0)
    blurred: Matrix = (sums[width:] - sums[:-width]) / width
    return blurred


def _all_of(level: Level) -> Visibility:
    states = np.full(level.lowest.shape, ray_kernels.DRAWN, np.uint8)
    return Visibility(None, _read_only(np.full((1, 1, 1), 255, np.uint8)), np.zeros(6, np.float32), _read_only(states))


def _mask(levels: Levels, size: int, cuts: tuple[Cut, ...], body: BodyKind | None, cancelled: Cancelled | None) -> Mask:
    level = levels.sizes[size]
    mask = np.full(level.shape, 255, np.uint8)
    if body is not None:
        whole = levels.recent.get(("body", body), lambda: body_of(levels, body))
        scale, shift = _placed(level, levels.sizes[-1])
        _in_slabs(level, cancelled, lambda a, b: visibility_kernels.lessen(mask, whole, scale, shift, a, b))
    for cut in cuts:
        _cut(mask, level, cut, cancelled)
    return _read_only(mask)


def _cut(mask: Mask, level: Level, cut: Cut, cancelled: Cancelled | None) -> None:
    camera = Camera.of(cut)
    turn = np.stack([camera.row, camera.column, camera.ahead])
    picture, place = covered(cut, level.voxel)
    origin, axes = turn @ (level.origin - camera.center), np.ascontiguousarray(turn @ level.axes)
    _in_slabs(
        level,
        cancelled,
        lambda a, b: visibility_kernels.cut(
            mask, origin, axes, camera.distance, picture, place, a, b, inside=cut.inside
        ),
    )


def _in_slabs(level: Level, cancelled: Cancelled | None, do: Callable[[int, int], None]) -> None:
    for first in range(0, level.shape[0], _SLAB):
        if cancelled is not None and cancelled():
            raise CancelledError
        do(first, min(first + _SLAB, level.shape[0]))


def _visibility(levels: Levels, index: int, size: int, mask: Mask, key: Hashable) -> Visibility:
    level = levels.sizes[index]
    scale, shift = _placed(level, levels.sizes[size])
    states = np.empty(level.lowest.shape, np.uint8)
    visibility_kernels.block_states(mask, scale, shift, states, _CODES)
    return Visibility(key, mask, np.concatenate([scale, shift]).astype(np.float32), _read_only(states))


def _placed(level: Level, mask: Level) -> tuple[Matrix, Matrix]:
    """Return factors and shift from indices of ``level`` to those of ``mask``."""
    return level.factors / mask.factors, (level.shift - mask.shift) / mask.factors


def _read_only(array: Mask) -> Mask:
    array.flags.writeable = False
    return array
