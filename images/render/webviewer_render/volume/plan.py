"""From a stack to a volume: which slices it is made of, and where its voxels lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from webviewer.domain.image import ImageDescription, LookupTable, Vector, Window
from webviewer.domain.volume import VolumeGrid, VolumeNotice, VolumeProblem, VolumeProblemCode
from webviewer_render.scene.stack import Stack
from webviewer_render.scene.voi import padding_range

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
MIN_SLICES = 3
_MIN_SIDE = 2
"""Pixels between which something can be interpolated."""
_SAME_DIRECTION = 1e-3
"""Components of direction cosines closer than this are equal: headers are rounded."""
_SAME_SPACING = 1e-3
_SAME_PLACE = 0.05
"""Slices nearer than this part of the usual step show the same place."""
_DISTINCT = 1e-4
"""Millimetres below which places are equal whatever the step."""
_ROUNDING = 0.01
"""Millimetres (and part of a step) by which rounded headers miss an even step."""
_WHOLE = 0.1
"""Part of a step by which a gap may miss a whole multiple and still be one."""
_TILT = 0.1
"""Degrees below which the slices count as square to the stack."""
_OFF_LINE = 0.5
"""Pixels that the first pixel of a slice may lie off the line through all first pixels."""


@dataclass(frozen=True, slots=True)
class VolumePlan:
    """What a volume is made of. ``slots`` and ``sources`` are in the order of the grid's slices (k).

    ``slots`` are display indices of the stack; ``sources`` the description and frame number of each slice.
    ``windows`` are the file's VOI windows and tables, those that a page is told of; ``inverse`` tells that low values are
    bright (MONOCHROME1, inverse presentation).
    """

    grid: VolumeGrid
    slots: tuple[int, ...]
    sources: tuple[tuple[ImageDescription, int], ...]
    notices: tuple[VolumeNotice, ...]
    windows: tuple[Window | LookupTable, ...]

    @property
    def image(self) -> ImageDescription:
        """The description of the first slice."""
        return self.sources[0][0]

    @property
    def inverse(self) -> bool:
        """Whether low values are bright, by the first slice."""
        return self.image.photometric == "MONOCHROME1" or self.image.presentation_inverse

    @property
    def rescales(self) -> tuple[tuple[float, float], ...]:
        """Slope and intercept of each slice."""
        attributes = [image.frame(frame) for image, frame in self.sources]
        return tuple((one.slope, one.intercept) for one in attributes)

    @property
    def is_uniform(self) -> bool:
        """Whether stored values mean the same in every slice: one rescale, one padding, no modality table."""
        return (
            len(set(self.rescales)) == 1
            and len({padding_range(image) for image, _ in self.sources}) == 1
            and all(image.modality_lut is None for image, _ in self.sources)
        )


class _Pieces(NamedTuple):
    """All frames with a picture and a place, as columns."""

    slots: npt.NDArray[np.int64]
    sources: list[tuple[ImageDescription, int]]
    origins: Array
    cosines: Array

    def chosen(self, which: npt.NDArray[Any]) -> _Pieces:
        return _Pieces(self.slots[which], [self.sources[i] for i in which], self.origins[which], self.cosines[which])


def plan_volume(stack: Stack) -> VolumePlan | VolumeProblem:
    """Say how the pictures of a series make a volume, or why they do not.

    They do where at least three are parallel at different places, and all have one orientation, size, spacing and frame of
    reference, and one sample per pixel. Of pictures at the same place (phases) the first counts. Slices rise along
    row x column. Where headers are rounded to an even step, the step is taken as even.
    """
    shown = [(slot, image) for slot in range(len(stack.slices)) if (image := stack.image(slot)) is not None]
    if len(shown) < MIN_SLICES or min(min(image.rows, image.columns) for _, image in shown) < _MIN_SIDE:
        return VolumeProblem(code="too-few", images=len(shown))
    problem = _problem(stack, shown)
    if problem is not None:
        return problem
    pieces = _pieces(stack, shown)
    across, down, normal = _axes(pieces)
    places = pieces.origins @ normal
    kept, duplicates = _distinct(places, pieces.slots)
    if len(kept) < MIN_SLICES:
        return VolumeProblem(code="too-few", images=len(kept))
    pieces, places = pieces.chosen(kept), places[kept] - places[kept[0]]
    through, origin, astray = _line(pieces, places, normal)
    if astray:
        return VolumeProblem(code="no-geometry", images=astray)
    places, uneven = _steps(places)
    notices = _notices(through, uneven, duplicates, len(stack.slices) - len(shown))
    first = pieces.sources[0][0]
    grid = VolumeGrid(
        shape=(len(kept), first.rows, first.columns),
        origin=_vector(origin),
        across=_vector(across),
        down=_vector(down),
        through=_vector(through),
        places=tuple(float(place) for place in places),
    )
    return VolumePlan(grid, tuple(int(slot) for slot in pieces.slots), tuple(pieces.sources), notices, _windows(stack))


def _windows(stack: Stack) -> tuple[Window | LookupTable, ...]:
    image = stack.first_image
    return (*image.frame(0).windows, *image.voi_luts) if image else ()


def _problem(stack: Stack, shown: list[tuple[int, ImageDescription]]) -> VolumeProblem | None:
    """Return the first reason why ``shown`` cannot be one volume; ``images`` counts those that differ from most."""
    frames = [(image, image.frame(stack.slices[slot].frame)) for slot, image in shown]
    coloured = sum(image.samples > 1 or image.photometric == "PALETTE COLOR" for image, _ in frames)
    placeless = sum(attributes.plane is None for _, attributes in frames)
    unknown = sum(attributes.spacing is None for _, attributes in frames)
    wholes: tuple[tuple[VolumeProblemCode, int], ...] = (
        ("colour", coloured), ("no-geometry", placeless), ("no-spacing", unknown)
    )  # fmt: skip
    for code, count in wholes:
        if count:
            return VolumeProblem(code=code, images=count)
    cosines = np.array([(*a.plane.row, *a.plane.column) for _, a in frames if a.plane])
    sizes = np.array([(image.rows, image.columns, *(a.spacing or ())) for image, a in frames], float)
    spaces = np.array([image.space for image, _ in frames])
    others: tuple[tuple[VolumeProblemCode, Flags], ...] = (
        ("mixed-frame-of-reference", spaces == _most_frequent(spaces)),
        ("mixed-orientation", _like_most(cosines, _SAME_DIRECTION)),
        ("mixed-size", _like_most(sizes / sizes.max(axis=0), _SAME_SPACING)),
    )
    for code, alike in others:
        if not alike.all():
            return VolumeProblem(code=code, images=int((~alike).sum()))
    return None


def _most_frequent(values: npt.NDArray[Any]) -> Any:  # noqa: ANN401 - an element of the array
    found, counts = np.unique(values, return_counts=True)
    return found[int(np.argmax(counts))]


def _like_most(rows: Array, tolerance: float) -> Flags:
    """Tell which rows equal the most frequent one, apart from rounding."""
    rounded = np.round(rows / tolerance).astype(np.int64)
    _, first, counts = np.unique(rounded, axis=0, return_index=True, return_counts=True)
    best = np.zeros(len(rows), bool)
    for index in first[np.argsort(-counts, kind="stable")[:MIN_SLICES]]:
        # Rounding may part what belongs together, so the neighbourhood of the most frequent ones is counted.
        alike = (np.abs(rows - rows[index]) < tolerance).all(axis=1)
        if alike.sum() > best.sum():
            best = alike
    return best


def _pieces(stack: Stack, shown: list[tuple[int, ImageDescription]]) -> _Pieces:
    sources = [(image, stack.slices[slot].frame) for slot, image in shown]
    planes = [image.frame(frame).plane for image, frame in sources]
    origins = np.array([plane.origin for plane in planes if plane])
    cosines = np.array([(*plane.row, *plane.column) for plane in planes if plane])
    return _Pieces(np.array([slot for slot, _ in shown]), sources, origins, cosines)


def _axes(pieces: _Pieces) -> tuple[Array, Array, Array]:
    """Return what one column and one row move, in mm, and the unit normal."""
    row, column = pieces.cosines[0, :3], pieces.cosines[0, 3:]
    image, frame = pieces.sources[0]
    down, across = image.frame(frame).spacing or (1.0, 1.0)
    normal = np.cross(row, column)
    return row * across, column * down, normal / np.linalg.norm(normal)


def _distinct(places: Array, slots: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], int]:
    """Return the pieces to keep, in rising order, and how many show a place that another one shows already."""
    order = np.lexsort((slots, places))
    gaps = np.diff(places[order])
    real = gaps[gaps > _DISTINCT]
    limit = max(_DISTINCT, _SAME_PLACE * _usual(real)) if len(real) else _DISTINCT
    kept: list[int] = []
    for index in order:
        if kept and places[index] - places[kept[-1]] <= limit:
            if slots[index] < slots[kept[-1]]:
                kept[-1] = int(index)
        else:
            kept.append(int(index))
    return np.array(kept), len(places) - len(kept)


def _usual(gaps: Array) -> float:
    """Return the lower median: a step that occurs, also where gaps are few."""
    return float(np.sort(gaps)[(len(gaps) - 1) // 2])


def _line(pieces: _Pieces, places: Array, normal: Array) -> tuple[Array, Array, int]:
    """Return what a millimetre along the normal moves the first pixel, that of the first slice, and how many are astray."""
    middle = places - places.mean()
    through = middle @ (pieces.origins - pieces.origins.mean(axis=0)) / (middle @ middle)
    through += normal * (1 - through @ normal)
    origin = (pieces.origins - np.outer(places, through)).mean(axis=0)
    if _tilt(through) < _TILT:
        straight = (pieces.origins - np.outer(places, normal)).mean(axis=0)
        if _off(pieces, places, normal, straight).max() < _ROUNDING:
            through, origin = normal, straight
    image, frame = pieces.sources[0]
    limit = _OFF_LINE * min(image.frame(frame).spacing or (1.0, 1.0))
    return through, origin, int((_off(pieces, places, through, origin) > limit).sum())


def _off(pieces: _Pieces, places: Array, through: Array, origin: Array) -> Array:
    off: Array = np.linalg.norm(pieces.origins - np.outer(places, through) - origin, axis=1)
    return off


def _steps(places: Array) -> tuple[Array, list[VolumeNotice]]:
    """Even out the rounding of ``places``; returns also what is to be said of missing and uneven slices."""
    count = np.arange(len(places))
    step = places[-1] / count[-1]
    tolerance = min(_ROUNDING * step, max(_ROUNDING / 2, 1e-3 * step))
    if np.abs(places - count * step).max() <= tolerance:
        return count * step, []
    gaps = np.diff(places)
    usual = _usual(gaps)
    multiples = np.maximum(1, np.rint(gaps / usual))
    whole = np.abs(gaps - multiples * usual) <= _WHOLE * usual
    notices = []
    missing = int((multiples - 1)[whole].sum())
    if missing:
        notices.append(VolumeNotice(code="missing", value=missing))
    ordinary = gaps[(multiples == 1) | ~whole]
    if (~whole).any() or ordinary.max() - ordinary.min() > _ROUNDING * usual + _ROUNDING:
        notices.append(VolumeNotice(code="uneven", value=round(float(ordinary.max()), 3)))
    return places, notices


def _tilt(through: Array) -> float:
    """Return the degrees between the normal and ``through``, which has length 1 along it."""
    return math.degrees(math.acos(min(1.0, 1 / float(np.linalg.norm(through)))))


def _notices(through: Array, found: list[VolumeNotice], duplicates: int, without: int) -> tuple[VolumeNotice, ...]:
    tilt = _tilt(through)
    notices = [VolumeNotice(code="tilt", value=round(tilt, 2))] if tilt >= _TILT else []
    notices += found
    if duplicates:
        notices.append(VolumeNotice(code="duplicate", value=duplicates))
    if without:
        notices.append(VolumeNotice(code="left-out", value=without))
    return tuple(notices)


def _vector(values: Array) -> Vector:
    x, y, z = (float(value) + 0.0 for value in values)
    return x, y, z
