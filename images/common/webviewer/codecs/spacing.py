"""Pixel spacing and what it means: in the patient, at the detector, or in an ultrasound region."""

from __future__ import annotations

from typing import Literal

from pydicom.dataset import Dataset

from webviewer.codecs import attributes

SpacingSource = Literal["pixel", "fiducial", "imager", "ultrasound", "none"]
_CENTIMETRES = 3
_TWO_DIMENSIONAL = 1
_MIN_MILLIMETRES = 1e-6
_MAX_MILLIMETRES = 1000.0


def read_spacing(dataset: Dataset) -> tuple[tuple[float, float] | None, SpacingSource]:
    """Return (mm between rows, mm between columns) of the top level and where it comes from (PS3.3 10.7.1).

    PixelSpacing equal to ImagerPixelSpacing is a detector's spacing whatever it calls itself, unless a calibration
    is stated.
    """
    pixel = positive_pair(dataset, "PixelSpacing")
    imager = positive_pair(dataset, "ImagerPixelSpacing") or positive_pair(dataset, "NominalScannedPixelSpacing")
    if pixel is not None:
        if attributes.text(dataset, "PixelSpacingCalibrationType").upper() in {"FIDUCIAL", "GEOMETRY"}:
            return pixel, "fiducial"
        return pixel, "imager" if imager == pixel else "pixel"
    if imager is not None:
        return imager, "imager"
    regions = _ultrasound(dataset)
    return (regions, "ultrasound") if regions is not None else (None, "none")


def read_aspect(dataset: Dataset) -> tuple[float, float]:
    """Return PixelAspectRatio: height to width of a pixel (C.7.6.3.1.7)."""
    pair = positive_pair(dataset, "PixelAspectRatio")
    if pair is None or not 1 / 50 <= pair[0] / pair[1] <= 50:  # noqa: PLR2004
        return (1.0, 1.0)
    return pair


def positive_pair(dataset: Dataset, keyword: str) -> tuple[float, float] | None:
    """Return two positive numbers of a credible size, or None."""
    values = attributes.numbers(dataset, keyword)
    if len(values) != 2 or not all(_MIN_MILLIMETRES < value < _MAX_MILLIMETRES for value in values):  # noqa: PLR2004
        return None
    return (values[0], values[1])


def _ultrasound(dataset: Dataset) -> tuple[float, float] | None:
    """Spacing that all two-dimensional regions in centimetres share (C.8.5.5); None where they differ."""
    found = set()
    for region in attributes.items(dataset, "SequenceOfUltrasoundRegions"):
        if attributes.integer(region, "RegionSpatialFormat") != _TWO_DIMENSIONAL:
            continue
        units = {attributes.integer(region, f"PhysicalUnits{axis}Direction") for axis in "XY"}
        deltas = [abs(attributes.number(region, f"PhysicalDelta{axis}") or 0.0) * 10 for axis in "YX"]
        if units == {_CENTIMETRES} and all(_MIN_MILLIMETRES < delta < _MAX_MILLIMETRES for delta in deltas):
            found.add((round(deltas[0], 9), round(deltas[1], 9)))
    return found.pop() if len(found) == 1 else None
