"""What the pixels under a shape mean: millimetres, the axes of an ultrasound region, or nothing but pixels.

A picture of an ultrasound machine may hold several regions with scales of their own (PS3.3 C.8.5.5): tissue in centimetres,
a Doppler spectrum in seconds and centimetres per second. A shape is measured by the region that holds all of its points;
regions of tissue may be mixed where their scales are the same. Everything else is in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from webviewer.codecs.ultrasound import is_flat
from webviewer.domain.image import ImageDescription, SpacingSource, UltrasoundRegion

Point = tuple[float, float]
Points = Sequence[Point]
Source = SpacingSource | Literal["regions"]
_HALF = 0.5
_MILLIMETRES = 10.0
_EQUAL = 1e-6
_DIRECT = frozenset({"cm/s", "Hz"})
"""Units of vertical axes that have a zero line, so that one point has a value."""


class Scale(NamedTuple):
    """Of the pixels under a shape.

    ``spacing``: (mm between rows, mm between columns), None where lengths are in pixels. ``region``: its axes are what can be
    told of the shape, instead of a length. ``angles``: whether an angle between lines means something. ``source`` is
    ``regions`` where the points are not in one region with a scale.
    """

    spacing: tuple[float, float] | None
    source: Source
    region: UltrasoundRegion | None = None
    angles: bool = True


class Difference(NamedTuple):
    """Along an axis of a region, in its unit; millimetres for centimetres."""

    axis: Literal["x", "y"]
    value: float
    unit: str


def scale_at(image: ImageDescription, frame: int, points: Points) -> Scale:
    """Return the scale under a shape, of which ``points`` (column, row) are the outermost."""
    if not image.regions:
        spacing = image.frame(frame).spacing
        # Descriptions of older versions do not know where the regions are.
        known = spacing is not None and image.spacing_source != "ultrasound"
        return Scale(spacing if known else None, image.spacing_source if known else "none")
    owners = [_owners(image.regions, point) for point in points]
    angles = all(region.form == "2d" for each in owners for region in each)
    nothing = Scale(None, "regions", angles=angles)
    if not all(each and _all_alike(each) for each in owners):
        return nothing
    first = owners[0][0]
    common = [region for region in owners[0] if all(region in each for each in owners)]
    if not common and not all(is_flat(each[0]) and _alike(first, each[0]) for each in owners):
        return nothing
    if is_flat(first):
        across, down = (abs(delta) * _MILLIMETRES for delta in first.deltas)
        return Scale((down, across), "ultrasound")
    if first.form not in {"m-mode", "spectral", "waveform"} or not any(first.units):
        return nothing
    return Scale(None, "ultrasound", common[0], angles=False)


def differences(region: UltrasoundRegion, start: Point, end: Point) -> tuple[Difference, ...]:
    """Return how far two points are apart along the axes that have a unit, without a sign."""
    found = zip(("x", "y"), region.units, region.deltas, start, end, strict=True)
    return tuple(_difference(axis, abs((to - at) * delta), unit) for axis, unit, delta, at, to in found if unit)


def reading(region: UltrasoundRegion, point: Point) -> Difference | None:
    """Return what the vertical axis says at a point, None for one without a zero line."""
    if region.reference is None or region.units[1] not in _DIRECT:
        return None
    row, value = region.reference
    return _difference("y", value + (point[1] - row) * region.deltas[1], region.units[1])


def _difference(axis: str, value: float, unit: str) -> Difference:
    name: Literal["x", "y"] = "x" if axis == "x" else "y"
    return Difference(name, value * _MILLIMETRES, "mm") if unit == "cm" else Difference(name, value, unit)


def _owners(regions: Sequence[UltrasoundRegion], point: Point) -> list[UltrasoundRegion]:
    """Return the regions whose pixels are seen at a point."""
    held = [region for region in regions if _holds(region, point)]
    return [region for region in held if region.in_front] or held


def _holds(region: UltrasoundRegion, point: Point) -> bool:
    left, top, right, bottom = region.box
    x, y = point
    return left - _HALF <= x <= right + _HALF and top - _HALF <= y <= bottom + _HALF


def _all_alike(regions: Sequence[UltrasoundRegion]) -> bool:
    return all(_alike(regions[0], other) for other in regions[1:])


def _alike(one: UltrasoundRegion, other: UltrasoundRegion) -> bool:
    same = one.form == other.form and one.units == other.units
    return same and all(
        math.isclose(abs(a), abs(b), rel_tol=_EQUAL) for a, b in zip(one.deltas, other.deltas, strict=True)
    )
