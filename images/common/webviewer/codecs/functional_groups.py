"""What differs from frame to frame: plane, spacing, rescale and windows.

Enhanced objects keep it in functional groups (PS3.3 C.7.6.16), others at the top level, with rules of their own
for nuclear medicine (C.8.4.15) and radiotherapy dose (C.8.8.3).
"""

from __future__ import annotations

import math

from pydicom.dataset import Dataset

from webviewer.codecs import attributes
from webviewer.codecs.spacing import positive_pair
from webviewer.domain.image import FrameAttributes, Plane, Vector, Window

_UNIT = 1e-2
"""How far direction cosines may be from unit length and a right angle before they count as wrong."""


def frame_attributes(dataset: Dataset, frames: int, spacing: tuple[float, float] | None) -> tuple[FrameAttributes, ...]:
    """Return one entry if all ``frames`` share it, else one per frame.

    ``spacing`` is what the top level says (mm between rows, between columns).
    """
    common = FrameAttributes(
        plane=_plane(dataset, dataset),
        spacing=spacing,
        thickness=_positive(dataset, "SliceThickness"),
        **_rescale(dataset),
        windows=read_windows(dataset),
    )
    shared = attributes.item(dataset, "SharedFunctionalGroupsSequence")
    if shared is not None:
        common = _apply(common, shared, shared)
    per_frame = attributes.items(dataset, "PerFrameFunctionalGroupsSequence")
    if per_frame and len(per_frame) >= frames:
        entries = tuple(_apply(common, groups, shared) for groups in per_frame[:frames])
    elif frames > 1 and common.plane is None:
        entries = _nuclear_frames(dataset, common, frames)
    elif frames > 1:
        entries = _dose_frames(dataset, common, frames)
    else:
        entries = (common,)
    return entries[:1] if all(entry == entries[0] for entry in entries) else entries


def read_windows(dataset: Dataset) -> tuple[Window, ...]:
    """Read the VOI windows of a data set or item (C.11.2); unusable ones are left out."""
    centers = attributes.numbers(dataset, "WindowCenter")
    widths = attributes.numbers(dataset, "WindowWidth")
    explanations = attributes.texts(dataset, "WindowCenterWidthExplanation")
    stated = attributes.text(dataset, "VOILUTFunction").upper()
    windows = []
    for index, (center, width) in enumerate(zip(centers, widths, strict=False)):
        if not 0 < width <= 1e12 or abs(center) > 1e12:  # noqa: PLR2004
            continue
        explanation = explanations[index] if index < len(explanations) else ""
        if stated == "SIGMOID":
            windows.append(Window(center=center, width=width, function="SIGMOID", explanation=explanation))
        elif stated == "LINEAR_EXACT" or width < 1:  # LINEAR is not defined below 1; scaled values need it
            windows.append(Window(center=center, width=width, function="LINEAR_EXACT", explanation=explanation))
        else:
            windows.append(Window(center=center, width=width, explanation=explanation))
    return tuple(windows)


def _apply(base: FrameAttributes, groups: Dataset, shared: Dataset | None) -> FrameAttributes:
    """Return ``base`` overridden by what one item of functional groups states."""
    changes: dict[str, object] = {}
    measures = attributes.item(groups, "PixelMeasuresSequence")
    if measures is not None:
        changes["spacing"] = positive_pair(measures, "PixelSpacing") or base.spacing
        changes["thickness"] = _positive(measures, "SliceThickness") or base.thickness
    position = attributes.item(groups, "PlanePositionSequence")
    orientation = attributes.item(groups, "PlaneOrientationSequence")
    if orientation is None and shared is not None:
        orientation = attributes.item(shared, "PlaneOrientationSequence")
    if position is None and shared is not None:
        position = attributes.item(shared, "PlanePositionSequence")
    if position is not None and orientation is not None:
        changes["plane"] = _plane(position, orientation)
    transformation = attributes.item(groups, "PixelValueTransformationSequence")
    if transformation is not None:
        changes |= _rescale(transformation)
    voi = attributes.item(groups, "FrameVOILUTSequence")
    if voi is not None:
        changes["windows"] = read_windows(voi) or base.windows
    return base.model_copy(update=changes) if changes else base


def _rescale(dataset: Dataset) -> dict[str, float]:
    slope = attributes.number(dataset, "RescaleSlope")
    intercept = attributes.number(dataset, "RescaleIntercept")
    if slope is None:
        slope = attributes.number(dataset, "DoseGridScaling")
    # A slope of zero would wipe the picture out; writers that have nothing to say put it there.
    return {"slope": slope or 1.0, "intercept": intercept or 0.0}


def _positive(dataset: Dataset, keyword: str) -> float | None:
    value = attributes.number(dataset, keyword)
    return value if value is not None and value > 0 else None


def _plane(position: Dataset, orientation: Dataset) -> Plane | None:
    origin = attributes.numbers(position, "ImagePositionPatient")
    cosines = attributes.numbers(orientation, "ImageOrientationPatient")
    if len(origin) != 3 or len(cosines) != 6:  # noqa: PLR2004
        return None
    row, column = cosines[:3], cosines[3:]
    lengths = math.hypot(*row), math.hypot(*column)
    if any(abs(length - 1) > _UNIT for length in lengths):
        return None
    if abs(_dot(row, column)) > _UNIT:
        return None
    return Plane(origin=_vector(origin), row=_unit(row), column=_unit(column))


def _nuclear_frames(dataset: Dataset, common: FrameAttributes, frames: int) -> tuple[FrameAttributes, ...]:
    """Reconstructed slices lie SpacingBetweenSlices apart along the normal, negative = in front (C.8.4.15)."""
    detector = attributes.item(dataset, "DetectorInformationSequence")
    step = attributes.number(dataset, "SpacingBetweenSlices")
    kind = [part.upper() for part in attributes.texts(dataset, "ImageType")]
    if detector is None or not step or not {"RECON TOMO", "RECON GATED TOMO"} & set(kind):
        return (common,)
    plane = _plane(detector, detector)
    slices = [int(value) for value in attributes.numbers(dataset, "SliceVector")]
    if plane is None or len(slices) != frames:
        return (common,)
    return _stacked(common, plane, [step * (number - 1) for number in slices])


def _dose_frames(dataset: Dataset, common: FrameAttributes, frames: int) -> tuple[FrameAttributes, ...]:
    """Dose planes lie at GridFrameOffsetVector along the normal: relative if it starts with 0, else absolute z."""
    offsets = attributes.numbers(dataset, "GridFrameOffsetVector")
    plane = common.plane
    if plane is None:
        return (common,)
    if len(offsets) != frames:  # the top level's position is true of one frame only
        return (common.model_copy(update={"plane": None}),)
    start = 0.0 if offsets[0] == 0 else plane.origin[2]
    return _stacked(common, plane, [offset - start for offset in offsets])


def _stacked(common: FrameAttributes, plane: Plane, offsets: list[float]) -> tuple[FrameAttributes, ...]:
    normal = cross(plane.row, plane.column)
    planes = (
        plane.model_copy(update={"origin": _vector([o + n * by for o, n in zip(plane.origin, normal, strict=True)])})
        for by in offsets
    )
    return tuple(common.model_copy(update={"plane": each}) for each in planes)


def cross(first: Vector, second: Vector) -> Vector:
    """Return the cross product of two vectors."""
    (a, b, c), (d, e, f) = first, second
    return (b * f - c * e, c * d - a * f, a * e - b * d)


def _dot(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))


def _vector(values: tuple[float, ...] | list[float]) -> Vector:
    return (values[0], values[1], values[2])


def _unit(values: tuple[float, ...]) -> Vector:
    length = math.hypot(*values)
    return (values[0] / length, values[1] / length, values[2] / length)
