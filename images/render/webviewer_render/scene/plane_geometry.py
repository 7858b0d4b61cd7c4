"""Where the pixels of an MPR viewport lie in a volume, and where a slab is sampled.

The rules are at the head of :mod:`webviewer_render.scene.plane`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from webviewer.domain.view import MprView, Quality
from webviewer.domain.volume import VolumeGrid

Array = npt.NDArray[np.float64]
SNAP = 1e-6
"""Voxels: what misses a voxel plane or an axis by less over the whole viewport is on it."""
_LARGEST_FOLD = 16


class Mapping(NamedTuple):
    """From (pixel i, pixel j, mm along the view's normal, 1) to (column, row, place); see ``plane_kernels.draw_plane``.

    ``places`` is empty where slices are even; places are slice numbers then.
    """

    matrix: Array
    places: Array
    ends: tuple[float, float]


class Samples(NamedTuple):
    """Points along the normal: how many, the first, and their distance in mm."""

    number: int
    first: float
    step: float


def map_view(grid: VolumeGrid, view: MprView, size: tuple[int, int]) -> Mapping:
    """Return where the pixels of a viewport of ``size`` lie in the volume.

    A degenerate grid (axes in one plane) raises numpy.linalg.LinAlgError; plans make none.
    """
    width, height = size
    pixel = view.extent / min(width, height)
    across, down = np.array(view.row) * pixel, np.array(view.column) * pixel
    return map_lattice(
        grid, across, down, np.array(view.center) - (width - 1) / 2 * across - (height - 1) / 2 * down, size,
        np.cross(view.row, view.column),
    )  # fmt: skip


def map_lattice(  # noqa: PLR0913 - a lattice's definition
    grid: VolumeGrid, across: Array, down: Array, corner: Array, size: tuple[int, int], normal: Array
) -> Mapping:
    """Return where points ``corner + i * across + j * down + t * normal`` (LPS, mm) lie; ``size`` is how many of each."""
    even = grid.is_even
    through = np.array(grid.through) * (grid.step if even else 1.0)
    axes = np.stack([grid.across, grid.down, through], axis=1)
    matrix = np.linalg.solve(axes, np.stack([across, down, normal, corner - np.array(grid.origin)], axis=1))
    matrix = np.ascontiguousarray(_snapped(matrix, *size))
    if even:
        return Mapping(matrix, np.empty(0), (-0.5, grid.shape[0] - 0.5))
    places = np.array(grid.places)
    gaps = np.diff(places)
    return Mapping(matrix, places, (-gaps[0] / 2, places[-1] + gaps[-1] / 2))


def fold_of(mapping: Mapping, view: MprView) -> tuple[int, int]:
    """Return in how many places a pixel has to be looked at, (along columns, along rows): as many as it has voxels."""
    if view.interpolation == "nearest":
        return 1, 1
    voxels = np.abs(mapping.matrix[:, :2])
    if mapping.places.size:
        voxels[2] /= float(np.diff(mapping.places).min())
    across, down = (min(math.floor(float(side) + 0.5), _LARGEST_FOLD) for side in voxels.max(axis=0))
    return max(1, down), max(1, across)


def folded(mapping: Mapping, fold: tuple[int, int]) -> Mapping:
    """Return where the places of ``fold`` lie: as if pixels were as many times smaller."""
    down, across = fold
    matrix = mapping.matrix.copy()
    matrix[:, 3] += matrix[:, 0] * (0.5 / across - 0.5) + matrix[:, 1] * (0.5 / down - 0.5)
    matrix[:, 0] /= across
    matrix[:, 1] /= down
    return mapping._replace(matrix=matrix)


def samples_of(grid: VolumeGrid, view: MprView, quality: Quality = Quality.FINAL) -> Samples:
    """Return where a slab is sampled, by the rule of the frame function."""
    number = _number(view.slab, finest(grid))
    if quality == Quality.PREVIEW and number > 1:
        number = min(number, _number(view.slab, 2 * _passing(grid, view)))
    step = view.slab / number
    return Samples(number, step / 2 - view.slab / 2 if number > 1 else 0.0, step)


def finest(grid: VolumeGrid) -> float:
    """Return the smallest distance of neighbouring voxels in mm."""
    gaps = np.diff(grid.places)
    along = float(gaps.min()) * math.hypot(*grid.through) if len(gaps) else math.inf
    return min(math.hypot(*grid.across), math.hypot(*grid.down), along)


def _snapped(matrix: Array, width: int, height: int) -> Array:
    """Remove the dust of rounding, so that planes along the grid are known to be."""
    reach = np.array([width, height, 1.0, 0.0])
    matrix = np.where(np.abs(matrix) * reach[None, :] < SNAP, np.where(reach > 0, 0.0, matrix), matrix)
    whole = np.rint(matrix[:, 3])
    matrix[:, 3] = np.where(np.abs(matrix[:, 3] - whole) < SNAP, whole, matrix[:, 3])
    return matrix + 0.0


def _number(slab: float, step: float) -> int:
    return max(1, math.ceil(slab / step - SNAP))


def _passing(grid: VolumeGrid, view: MprView) -> float:
    """Return the distance along the view's normal at which no coordinate moves more than one voxel."""
    axes = np.stack([grid.across, grid.down, np.array(grid.through) * float(np.diff(grid.places).min())], axis=1)
    return 1 / max(float(np.abs(np.linalg.solve(axes, np.cross(view.row, view.column))).max()), SNAP)
