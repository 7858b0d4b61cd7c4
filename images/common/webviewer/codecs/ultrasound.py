"""Regions of ultrasound pictures and their scales (PS3.3 C.8.5.5)."""

from __future__ import annotations

from typing import Literal

from pydicom.dataset import Dataset

from webviewer.codecs import attributes
from webviewer.domain.image import UltrasoundRegion

Regions = tuple[UltrasoundRegion, ...]
Form = Literal["2d", "m-mode", "spectral", "waveform", "other"]
_FORMS: dict[int, Form] = {1: "2d", 2: "m-mode", 3: "spectral", 4: "waveform"}
_UNITS = ("", "%", "dB", "cm", "s", "Hz", "dB/s", "cm/s", "cm²", "cm²/s", "cm³", "cm³/s", "°")
"""By the number that stands for them in Physical Units X (or Y) Direction."""
_IN_FRONT = 1
_BEYOND = 1
"""Pixels by which the last column or row may be too high: some writers count from 1."""
_LEAST_DELTA = 1e-9
_MOST_DELTA = 1e6
_MILLIMETRES = 10.0


def read_regions(dataset: Dataset, rows: int, columns: int) -> Regions | None:
    """Return the regions that say what pixels mean; bars and texts that state no units are left out.

    None where a region does not fit into the picture: it was cut or made smaller after the regions were written, so that
    their scales may be of other pixels.
    """
    regions = []
    for item in attributes.items(dataset, "SequenceOfUltrasoundRegions"):
        box = _box(item)
        if box is None:
            continue
        left, top, right, bottom = box
        if right > columns - 1 + _BEYOND or bottom > rows - 1 + _BEYOND:
            return None
        region = _region(item, (left, top, min(right, columns - 1), min(bottom, rows - 1)))
        if region.form != "other" or any(region.units):
            regions.append(region)
    return tuple(regions)


def common_spacing(regions: Regions) -> tuple[float, float] | None:
    """Return the (mm between rows, mm between columns) that hold for a picture as a whole.

    None where its two-dimensional regions differ, or a part of it has an axis of time or velocity.
    """
    if any(region.form in {"m-mode", "spectral"} for region in regions):
        return None
    flat = (region for region in regions if is_flat(region))
    found = {(round(abs(y) * _MILLIMETRES, 9), round(abs(x) * _MILLIMETRES, 9)) for x, y in (r.deltas for r in flat)}
    return found.pop() if len(found) == 1 else None


def is_flat(region: UltrasoundRegion) -> bool:
    """Tell whether both axes are lengths in one plane of the patient."""
    return region.form == "2d" and region.units == ("cm", "cm")


def _box(item: Dataset) -> tuple[int, int, int, int] | None:
    ends = [attributes.integer(item, f"RegionLocation{end}") for end in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    left, top, right, bottom = (-1 if end is None else end for end in ends)
    return (left, top, right, bottom) if 0 <= left <= right and 0 <= top <= bottom else None


def _region(item: Dataset, box: tuple[int, int, int, int]) -> UltrasoundRegion:
    (x, across), (y, down) = _axis(item, "X"), _axis(item, "Y")
    row = attributes.number(item, "ReferencePixelY0")
    value = attributes.number(item, "ReferencePixelPhysicalValueY")
    return UltrasoundRegion(
        box=box,
        form=_FORMS.get(attributes.integer(item, "RegionSpatialFormat") or 0, "other"),
        units=(x, y),
        deltas=(across, down),
        in_front=bool((attributes.integer(item, "RegionFlags") or 0) & _IN_FRONT),
        # The reference pixel is counted from the corner of the region.
        reference=None if row is None or value is None or not y else (box[1] + row, value),
    )


def _axis(item: Dataset, name: str) -> tuple[str, float]:
    number = attributes.integer(item, f"PhysicalUnits{name}Direction") or 0
    delta = attributes.number(item, f"PhysicalDelta{name}") or 0.0
    known = 0 < number < len(_UNITS) and _LEAST_DELTA < abs(delta) < _MOST_DELTA
    return (_UNITS[number], delta) if known else ("", 0.0)
