"""Values, statistics, lengths and angles: pure functions of stored pixels, never of what is on a screen.

Statistics are of the values after the modality LUT of every pixel whose centre is inside of a shape or on its edge; padding,
and what has not come, is left out. On a frame the pixels are those of the frame. On a plane through a volume they are the
voxels where the plane runs along the grid, else points of a lattice whose step is the smallest distance of neighbouring
voxels and which is fixed in the patient, so that moving the view changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from webviewer.domain.image import ImageDescription, Vector
from webviewer.domain.view import MprView
from webviewer.domain.volume import VolumeGrid
from webviewer.errors import InvalidRequestError
from webviewer_render.scene import voi
from webviewer_render.scene.plane import Cancelled, plane_values
from webviewer_render.scene.plane_geometry import map_lattice, samples_of
from webviewer_render.volume.voxels import NOT_THERE, Voxels

Array = npt.NDArray[np.float64]
Line = npt.NDArray[np.floating[Any]]
Flags = npt.NDArray[np.bool_]
Point = tuple[float, float]
_ON_VOXEL = 1e-3
"""Voxels: a point nearer than this to a centre is on it."""
_EDGE = 1e-9
_LUMINANCE = (0.299, 0.587, 0.114)
_HALF = 0.5
_MAX_PIXELS = 1 << 24
_CORNERS = {"rectangle": (2, 2), "ellipse": (4, 4), "polygon": (3, 1 << 12)}


@dataclass(frozen=True, slots=True)
class Shape:
    """An area, given by points (x, y).

    They are two opposite corners of a rectangle, the ends of one axis of an ellipse and those of the other, or the corners
    of a polygon (even-odd rule where it crosses itself). On a frame they are (column, row), on a plane millimetres along
    the view's row and column from its centre.
    Raises InvalidRequestError for a wrong number of points, or one that is no number.
    """

    kind: Literal["rectangle", "ellipse", "polygon"]
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        low, high = _CORNERS[self.kind]
        if not low <= len(self.points) <= high or not np.isfinite(self.points).all():
            text = f"a {self.kind} has {low} points" if low == high else f"a {self.kind} has {low} to {high} points"
            raise InvalidRequestError(text)


class Statistics(NamedTuple):
    """What is known of an area.

    ``area`` is that of the shape itself in mm2, None without a spacing; ``n`` how many pixels the values are of.

    Values are None where there are too few pixels. ``deviation`` divides by n - 1. ``interpolated``: the values lie
    between stored ones.
    """

    n: int
    area: float | None
    mean: float | None
    deviation: float | None
    low: float | None
    high: float | None
    interpolated: bool


class PointValue(NamedTuple):
    """A modality value; ``interpolated``: it lies between stored ones."""

    value: float
    interpolated: bool


# ---------------------------------------------------------------- points


def value_at_point(voxels: Voxels, point: Vector) -> PointValue | None:
    """Return the value at patient coordinates (LPS, mm): the stored one on a voxel's centre, else between voxels.

    None outside of the volume, on padding, and where slices have not come.
    """
    where = _coordinates(voxels.grid, point)
    if where is None:
        return None
    nearest = [round(c) for c in where]
    if all(abs(c - n) < _ON_VOXEL for c, n in zip(where, nearest, strict=True)):
        value = _stored(voxels, *nearest)
        return None if value is None else PointValue(value * voxels.slope + voxels.intercept, interpolated=False)
    total = known = 0.0
    first = [min(int(c), max(n - 2, 0)) for c, n in zip(where, voxels.grid.shape, strict=True)]
    parts = [c - f for c, f in zip(where, first, strict=True)]
    for corner in np.ndindex(2, 2, 2):
        weight = math.prod(part if far else 1 - part for part, far in zip(parts, corner, strict=True))
        value = _stored(voxels, *(f + far for f, far in zip(first, corner, strict=True))) if weight > 0 else None
        if value is not None:
            total += value * weight
            known += weight
    if known < _HALF:
        return None
    return PointValue(total / known * voxels.slope + voxels.intercept, interpolated=True)


def _coordinates(grid: VolumeGrid, point: Vector) -> tuple[float, float, float] | None:
    """Return fractional (slice, row, column), clamped to the outermost centres; None outside."""
    axes = np.stack([grid.across, grid.down, grid.through], axis=1)
    column, row, place = (float(c) for c in np.linalg.solve(axes, np.array(point) - np.array(grid.origin)))
    places = np.array(grid.places)
    last = len(places) - 1
    gaps = (places[1] - places[0]) / 2, (places[last] - places[last - 1]) / 2
    if not -gaps[0] <= place < places[last] + gaps[1]:
        return None
    _, rows, columns = grid.shape
    if not (-_HALF <= row < rows - _HALF and -_HALF <= column < columns - _HALF):
        return None
    k = float(np.interp(place, places, np.arange(len(places))))
    return k, min(max(row, 0.0), rows - 1.0), min(max(column, 0.0), columns - 1.0)


def _stored(voxels: Voxels, k: int, row: int, column: int) -> float | None:
    offset = int(voxels.offsets[k])
    if offset == NOT_THERE:
        return None
    value = float(voxels.values[offset + row * voxels.grid.shape[2] + column])
    low, high = voxels.padding
    return value if value < low or value > high else None


# ---------------------------------------------------------------- lengths and angles


def length(points: Sequence[Sequence[float]]) -> float:
    """Return the millimetres along a line of points in patient coordinates."""
    return sum(math.dist(one, other) for one, other in pairwise(points))


def angle(one: Sequence[float], vertex: Sequence[float], other: Sequence[float]) -> float | None:
    """Return the degrees (0..180) between two legs in patient coordinates, None where one has no length."""
    return _between(np.subtract(one, vertex), np.subtract(other, vertex))


def cobb_angle(
    first: tuple[Sequence[float], Sequence[float]], second: tuple[Sequence[float], Sequence[float]]
) -> float | None:
    """Return the degrees (0..180) between two lines, each given by its ends, None where one has no length.

    The ends that lie nearer to each other are taken as those of the same side, however the lines were drawn.
    """
    (a, b), (c, d) = first, second
    if math.dist(a, c) + math.dist(b, d) > math.dist(a, d) + math.dist(b, c):
        c, d = d, c
    return _between(np.subtract(b, a), np.subtract(d, c))


def undistorted(point: Point, spacing: tuple[float, float]) -> Point:
    """Return (column, row) in a space without distortion; ``spacing``: mm between rows and columns, or their ratio."""
    return point[0] * spacing[1], point[1] * spacing[0]


def _between(one: Array, other: Array) -> float | None:
    lengths = float(np.linalg.norm(one)), float(np.linalg.norm(other))
    if min(lengths) == 0:
        return None
    one, other = one / lengths[0], other / lengths[1]
    # Exact for small angles too, unlike the arc cosine.
    return math.degrees(2 * math.atan2(float(np.linalg.norm(one - other)), float(np.linalg.norm(one + other))))


# ---------------------------------------------------------------- areas


def frame_statistics(
    pixels: npt.NDArray[Any],
    image: ImageDescription,
    frame: int,
    shape: Shape,
    spacing: tuple[float, float] | None,
) -> Statistics:
    """Return the statistics of a shape on a decoded frame; of colour images the luminance counts.

    ``spacing``: (mm between rows, mm between columns) under the shape, None where they are not known.
    """
    down, across = spacing or image.pixel_aspect
    scaled = Shape(shape.kind, tuple((x * across, y * down) for x, y in shape.points))
    area = _area(scaled) if spacing else None
    (left, right), (top, bottom) = (
        _range(coordinates, side)
        for coordinates, side in zip(box_of(shape, across / down), (image.columns, image.rows), strict=True)
    )
    if left >= right or top >= bottom:
        return _statistics(np.empty(0), area, interpolated=False)
    values = frame_values(pixels[top:bottom, left:right], image, frame)
    x, y = np.arange(left, right) * across, np.arange(top, bottom) * down
    return _statistics(values[_mask(scaled, x, y)], area, interpolated=False)


def plane_statistics(voxels: Voxels, view: MprView, shape: Shape, cancelled: Cancelled = None) -> Statistics:
    """Return the statistics of a shape on a plane or slab through a volume.

    Raises InvalidRequestError for a shape of more than 16 million pixels, and CancelledError.
    """
    values, interpolated = plane_area_values(voxels, view, shape, cancelled)
    return _statistics(values, _area(shape), interpolated=interpolated)


def plane_area_values(voxels: Voxels, view: MprView, shape: Shape, cancelled: Cancelled = None) -> tuple[Array, bool]:
    """Return the values within a shape on a plane or slab, NaN for padding, and whether they lie between stored ones.

    Raises InvalidRequestError for a shape of more than 16 million pixels, and CancelledError.
    """
    row, column = np.array(view.row), np.array(view.column)
    lattice = _lattice(voxels.grid, view)
    box = _within(voxels.grid, view, box_of(shape, 1.0))
    x, y = (
        step * np.arange(math.ceil((low - start) / step - _EDGE), math.floor((high - start) / step + _EDGE) + 1) + start
        for (low, high), (start, step) in zip(box, (lattice.x, lattice.y), strict=True)
    )
    if not x.size or not y.size:
        return np.empty(0), lattice.interpolated
    if x.size * y.size > _MAX_PIXELS:
        text = "the area is too large: draw a smaller one"
        raise InvalidRequestError(text)
    corner = np.array(view.center) + x[0] * row + y[0] * column
    size = len(x), len(y)
    mapping = map_lattice(
        voxels.grid, row * lattice.x[1], column * lattice.y[1], corner, size, np.cross(view.row, view.column)
    )
    linear = view.model_copy(update={"interpolation": "linear"})
    values = plane_values(voxels, linear, mapping, size, cancelled)
    return values[_mask(shape, x, y)].astype(np.float64), lattice.interpolated


class _Lattice(NamedTuple):
    """Points at start + n * step mm along the view's row and column."""

    x: tuple[float, float]
    y: tuple[float, float]
    interpolated: bool


def _lattice(grid: VolumeGrid, view: MprView) -> _Lattice:
    """Return the voxels of a plane along the grid, else a lattice fixed in the patient."""
    row, column, center = np.array(view.row), np.array(view.column), np.array(view.center)
    m, places, _ = map_lattice(grid, row, column, center, (1000, 1000), np.cross(row, column))
    across = [c for c in range(3) if m[c, 0] != 0 and m[c, 1] == 0]
    down = [c for c in range(3) if m[c, 0] == 0 and m[c, 1] != 0]
    cut = [c for c in range(3) if m[c, 0] == 0 and m[c, 1] == 0]
    uneven = 2 if places.size else -1
    if not len(across) == len(down) == len(cut) == 1 or uneven in {across[0], down[0]}:
        step = min(math.hypot(*grid.across), math.hypot(*grid.down), float(np.diff(grid.places).min()))
        return _Lattice((-float(center @ row), step), (-float(center @ column), step), interpolated=True)
    x, y = ((-float(m[c, 3] / m[c, n]), 1 / abs(float(m[c, n]))) for n, c in ((0, across[0]), (1, down[0])))
    place = float(m[cut[0], 3])
    distance = np.abs(places - place).min() if cut[0] == uneven else abs(place - round(place))
    return _Lattice(x, y, interpolated=samples_of(grid, view).number > 1 or float(distance) > _ON_VOXEL)


def _within(grid: VolumeGrid, view: MprView, box: tuple[Point, Point]) -> tuple[Point, Point]:
    """Return ``box`` without what lies beside the volume."""
    slices, rows, columns = grid.shape
    gap = max(np.diff(grid.places))
    corners = np.array([
        grid.point(x, y, z)
        for x in (-_HALF, columns - _HALF)
        for y in (-_HALF, rows - _HALF)
        for z in (-gap, grid.places[slices - 1] + gap)
    ])  # fmt: skip
    limits = [(corners - np.array(view.center)) @ np.array(direction) for direction in (view.row, view.column)]
    (a, b), (c, d) = (
        (max(low, float(along.min())), min(high, float(along.max())))
        for (low, high), along in zip(box, limits, strict=True)
    )
    return (a, b), (c, d)


def box_of(shape: Shape, aspect: float) -> tuple[Point, Point]:
    """Return the lowest and highest x, and y; ``aspect`` is the length of x over that of y."""
    if shape.kind == "ellipse":
        (x, y), (ux, uy), (vx, vy) = _ellipse(Shape("ellipse", tuple((x * aspect, y) for x, y in shape.points)))
        width, height = math.hypot(ux, vx) / aspect, math.hypot(uy, vy)
        return (x / aspect - width, x / aspect + width), (y - height, y + height)
    xs, ys = zip(*shape.points, strict=True)
    return (min(xs), max(xs)), (min(ys), max(ys))


def _range(ends: Point, side: int) -> tuple[int, int]:
    """Return the half-open range of pixels whose centres lie between ``ends``."""
    low, high = (min(max(end, -1.0), side + 1.0) for end in ends)
    return max(0, math.ceil(low - _EDGE)), min(side, math.floor(high + _EDGE) + 1)


def _ellipse(shape: Shape) -> tuple[Point, Point, Point]:
    """Return the middle and both half axes."""
    a, b, c, d = (np.array(point) for point in shape.points)
    middle, one, other = (a + b + c + d) / 4, (b - a) / 2, (d - c) / 2
    pairs = [(float(part[0]), float(part[1])) for part in (middle, one, other)]
    return pairs[0], pairs[1], pairs[2]


def _area(shape: Shape) -> float:
    if shape.kind == "rectangle":
        (a, b), (c, d) = shape.points
        return abs((c - a) * (d - b))
    if shape.kind == "ellipse":
        _, (ux, uy), (vx, vy) = _ellipse(shape)
        return math.pi * abs(ux * vy - uy * vx)
    xs, ys = (np.array(part) for part in zip(*shape.points, strict=True))
    return abs(float(xs @ np.roll(ys, -1) - ys @ np.roll(xs, -1))) / 2


def _mask(shape: Shape, x: Line, y: Line) -> Flags:
    """Tell which points of the lattice of ``x`` and ``y`` are inside, shape (len(y), len(x))."""
    if shape.kind == "rectangle":
        (a, b), (c, d) = shape.points
        within_x = (x >= min(a, c) - _EDGE) & (x <= max(a, c) + _EDGE)
        return within_x[None, :] & ((y >= min(b, d) - _EDGE) & (y <= max(b, d) + _EDGE))[:, None]
    if shape.kind == "ellipse":
        return _in_ellipse(shape, x, y)
    return _in_polygon(shape.points, x, y)


def _in_ellipse(shape: Shape, x: Line, y: Line) -> Flags:
    middle, (ux, uy), (vx, vy) = _ellipse(shape)
    determinant = ux * vy - uy * vx
    if determinant == 0:
        return np.zeros((len(y), len(x)), bool)
    dx, dy = (x - middle[0])[None, :], (y - middle[1])[:, None]
    inside: Flags = ((dx * vy - dy * vx) ** 2 + (dy * ux - dx * uy) ** 2) <= determinant**2 * (1 + _EDGE)
    return inside


def _in_polygon(points: Sequence[Point], x: Line, y: Line) -> Flags:
    """Even-odd rule; points on an edge are inside."""
    inside, edge = np.zeros((len(y), len(x)), bool), np.zeros((len(y), len(x)), bool)
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        near = np.flatnonzero((y >= min(ay, by) - _EDGE) & (y <= max(ay, by) + _EDGE))
        for j in near:
            height = by - ay
            if abs(height) <= _EDGE:
                edge[j] |= (x >= min(ax, bx) - _EDGE) & (x <= max(ax, bx) + _EDGE)
                continue
            crossing = ax + (y[j] - ay) / height * (bx - ax)
            edge[j] |= np.abs(x - crossing) <= _EDGE
            if (ay > y[j]) != (by > y[j]):
                inside[j] ^= x < crossing
    return inside | edge


def frame_values(pixels: npt.NDArray[Any], image: ImageDescription, frame: int) -> Array:
    """Return modality values of shape (rows, columns), NaN for padding; luminance of colours."""
    if image.palette is not None and image.photometric == "PALETTE COLOR":
        pixels = voi.palette_to_rgb(voi.frozen(pixels), image.palette)
    if pixels.ndim == 3:  # noqa: PLR2004 - colour
        luminance: Array = pixels.astype(np.float64) @ np.array(_LUMINANCE)
        return luminance
    values = voi.modality(voi.frozen(pixels), image, frame)
    low, high = voi.padding_range(image)
    values[(pixels >= low) & (pixels <= high)] = np.nan
    return values


def _statistics(values: Array, area: float | None, *, interpolated: bool) -> Statistics:
    values = values[np.isfinite(values)]
    if not values.size:
        return Statistics(0, area, None, None, None, None, interpolated)
    deviation = float(values.std(ddof=1)) if values.size > 1 else None
    low, high = float(values.min()), float(values.max())
    return Statistics(values.size, area, float(values.mean()), deviation, low, high, interpolated)
