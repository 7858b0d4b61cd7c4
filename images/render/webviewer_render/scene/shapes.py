"""What a shape of the page measures: its points as they are drawn, turned into those of :mod:`.measure`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from webviewer.domain.image import ImageDescription
from webviewer.domain.view import MprView
from webviewer.wire.messages import ShapeKind
from webviewer_render.scene.calibration import Scale, scale_at
from webviewer_render.scene.measure import (
    Point,
    Shape,
    Statistics,
    box_of,
    frame_statistics,
    plane_statistics,
    value_at_point,
)
from webviewer_render.scene.picture import value_at
from webviewer_render.scene.plane import Cancelled, plane_values
from webviewer_render.scene.plane_geometry import map_lattice, samples_of
from webviewer_render.volume.voxels import Voxels

_STRAIGHT = 1e-6
"""Corners that miss the axes by less (pixels or mm) are those of a rectangle along them."""


class Found(NamedTuple):
    """The value at a point, or the statistics of an area; ``interpolated``: between stored values."""

    value: float | tuple[float, float, float] | None = None
    statistics: Statistics | None = None
    interpolated: bool = False


def on_slice(
    pixels: npt.NDArray[Any], image: ImageDescription, frame: int, kind: ShapeKind, points: Sequence[Point]
) -> Found:
    """Measure on a decoded frame; points are (column, row) of the file, even if ``pixels`` are means of blocks."""
    spacing = scale_under(image, frame, kind, points).spacing
    block = max(1, round(image.columns / pixels.shape[1]))
    image = image.model_copy(update={"rows": pixels.shape[0], "columns": pixels.shape[1]}) if block > 1 else image
    points = [((x + 0.5) / block - 0.5, (y + 0.5) / block - 0.5) for x, y in points]
    if kind == "point":
        return Found(value_at(pixels, image, frame, *points[0]), interpolated=block > 1)
    scaled = spacing and (spacing[0] * block, spacing[1] * block)
    statistics = frame_statistics(pixels, image, frame, _area(kind, points), scaled)
    return Found(statistics=statistics, interpolated=block > 1)


def scale_under(image: ImageDescription, frame: int, kind: ShapeKind, points: Sequence[Point]) -> Scale:
    """Return what the pixels under a shape mean."""
    if kind != "ellipse" or not image.regions:
        return scale_at(image, frame, points)
    # It reaches beyond the ends of its axes where it is turned.
    (left, right), (top, bottom) = box_of(_area(kind, points), 1.0)
    return scale_at(image, frame, [(left, top), (right, top), (right, bottom), (left, bottom)])


def on_plane(
    voxels: Voxels, view: MprView, kind: ShapeKind, points: Sequence[Point], cancelled: Cancelled = None
) -> Found:
    """Measure on a plane or slab; points are millimetres along the view's row and column from its centre.

    A point is ``center`` itself; of a slab its value is the slab's. Raises InvalidRequestError for an area of more than 16
    million pixels, and CancelledError.
    """
    if kind != "point":
        statistics = plane_statistics(voxels, view, _area(kind, points), cancelled)
        return Found(statistics=statistics, interpolated=statistics.interpolated)
    if samples_of(voxels.grid, view).number == 1:
        there = value_at_point(voxels, view.center)
        return Found() if there is None else Found(there.value, interpolated=there.interpolated)
    row, column, center = (np.array(vector) for vector in (view.row, view.column, view.center))
    mapping = map_lattice(voxels.grid, row, column, center, (1, 1), np.cross(row, column))
    value = float(plane_values(voxels, view, mapping, (1, 1), cancelled)[0, 0])
    return Found(value if np.isfinite(value) else None, interpolated=True)


def _area(kind: ShapeKind, points: Sequence[Point]) -> Shape:
    """Return the shape of four points: a rectangle along the axes where it is one, else its corners."""
    if kind == "ellipse":
        return Shape("ellipse", tuple(points))
    edges = pairwise(points)
    straight = all(min(abs(a - c), abs(b - d)) < _STRAIGHT for (a, b), (c, d) in edges)
    return Shape("rectangle", (points[0], points[2])) if straight else Shape("polygon", tuple(points))
