"""What of a volume is hidden: outside of the crop box, cut by the scissors, or not of the body."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from webviewer.domain.view import Position, Quality, VolumeView
from webviewer_render.scene import ray_kernels
from webviewer_render.volume.levels import Level, Levels


@dataclass(frozen=True, slots=True, eq=False)
class Visibility:
    """``mask``, ``place`` and ``states`` are as :mod:`webviewer_render.scene.ray_kernels` wants them.

    ``states`` has DRAWN, EMPTY or MIXED for each block of the level that is drawn. Equal ``key``: equal all.
    """

    key: Hashable
    mask: npt.NDArray[np.uint8]
    place: npt.NDArray[np.float32]
    states: npt.NDArray[np.uint8]


def visibility_of(levels: Levels, index: int, view: VolumeView, quality: Quality) -> Visibility:
    """Return what is visible of level ``index``; a preview's mask is coarser."""
    del view, quality
    level = levels.sizes[index]
    return levels.recent.get(("all", index), lambda: _all_of(level))


def _all_of(level: Level) -> Visibility:
    states = np.full(level.lowest.shape, ray_kernels.DRAWN, np.uint8)
    states.flags.writeable = False
    return Visibility(None, np.full((1, 1, 1), 255, np.uint8), np.zeros(6, np.float32), states)


def box_of(levels: Levels, index: int, crop: tuple[Position, Position] | None) -> npt.NDArray[np.float64]:
    """Return the lowest and highest index (column, row, slice) of level ``index`` that is drawn."""
    level, full = levels.sizes[index], levels.full
    box = np.zeros(6)
    box[3:] = np.array(level.shape[::-1]) - 1
    if crop is not None:
        ends = (np.sort(np.array(crop), axis=0) / full.spacing - level.shift) / level.factors
        box[:3], box[3:] = np.maximum(box[:3], ends[0]), np.minimum(box[3:], ends[1])
    return box
