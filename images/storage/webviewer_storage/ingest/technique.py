"""Acquisition values for the overlay: none of them identifies a patient."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from webviewer_storage.ingest.text import clean

_KEYWORDS = (
    "KVP",
    "XRayTubeCurrent",
    "Exposure",
    "ExposureTime",
    "ConvolutionKernel",
    "GantryDetectorTilt",
    "CTDIvol",
    "RepetitionTime",
    "EchoTime",
    "InversionTime",
    "FlipAngle",
    "EchoTrainLength",
    "MagneticFieldStrength",
    "ScanningSequence",
    "SequenceVariant",
    "SliceThickness",
    "SpacingBetweenSlices",
    "ContrastBolusAgent",
    "ViewPosition",
    "PatientPosition",
    "CompressionForce",
    "BodyPartThickness",
    "Units",
    "FrameTime",
    "TransducerType",
    "Manufacturer",
    "ManufacturerModelName",
)
# Where enhanced objects keep the same values (PS3.3 C.8.13, C.8.15): (sequence, keyword, classic keyword).
_FUNCTIONAL = (
    ("PixelMeasuresSequence", "SliceThickness", "SliceThickness"),
    ("PixelMeasuresSequence", "SpacingBetweenSlices", "SpacingBetweenSlices"),
    ("MRTimingAndRelatedParametersSequence", "RepetitionTime", "RepetitionTime"),
    ("MRTimingAndRelatedParametersSequence", "FlipAngle", "FlipAngle"),
    ("MREchoSequence", "EffectiveEchoTime", "EchoTime"),
    ("MRModifierSequence", "InversionTimes", "InversionTime"),
    ("CTXRayDetailsSequence", "KVP", "KVP"),
    ("CTExposureSequence", "XRayTubeCurrentInmA", "XRayTubeCurrent"),
    ("CTReconstructionSequence", "ConvolutionKernel", "ConvolutionKernel"),
)
_LENGTH = 64
_MAX_VALUES = 4


def technique_of(dataset: Dataset) -> dict[str, str]:
    """Return keyword -> text of what is there."""
    values = {keyword: _text(dataset, keyword) for keyword in _KEYWORDS}
    shared = _first(dataset, "SharedFunctionalGroupsSequence")
    if shared is not None:
        for sequence, keyword, classic in _FUNCTIONAL:
            item = _first(shared, sequence)
            if item is not None and not values.get(classic):
                values[classic] = _text(item, keyword)
    tracer = _first(dataset, "RadiopharmaceuticalInformationSequence")
    if tracer is not None:
        values["Radiopharmaceutical"] = _text(tracer, "Radiopharmaceutical")
    return {keyword: value for keyword, value in values.items() if value}


def _text(dataset: Dataset, keyword: str) -> str:
    try:
        value = dataset.get(keyword)
    except Exception:  # noqa: BLE001 - one unreadable value must not cost the object
        return ""
    if isinstance(value, MultiValue):
        value = "\\".join(str(item) for item in value[:_MAX_VALUES])
    return clean(value, _LENGTH)


def _first(dataset: Dataset, keyword: str) -> Dataset | None:
    try:
        items = dataset.get(keyword)
        return items[0] if items else None
    except Exception:  # noqa: BLE001 - as above
        return None
