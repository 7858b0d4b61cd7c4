"""Pixel spacing and what it means: in the patient, at the detector, on a film, or in an ultrasound region."""

from __future__ import annotations

from pydicom.dataset import Dataset

from webviewer.codecs import attributes
from webviewer.codecs.ultrasound import Regions, common_spacing
from webviewer.domain.image import SpacingSource

Spacing = tuple[float, float]
_PROJECTIONS = {
    f"1.2.840.10008.5.1.4.1.1.{suffix}"
    for suffix in (
        *("1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1"),  # CR, DX, mammography, intra-oral
        *("12.1", "12.1.1", "12.2", "12.2.1", "12.3"),  # angiography, fluoroscopy
    )
}
_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_PROJECTION_MODALITIES = frozenset({"CR", "DX", "MG", "IO", "PX", "RG", "RF", "XA", "DR"})
_FILM_CONVERSIONS = frozenset({"DF", "SD"})
_CALIBRATIONS: dict[str, SpacingSource] = {"FIDUCIAL": "fiducial", "GEOMETRY": "geometry"}
_MIN_MILLIMETRES = 1e-6
_MAX_MILLIMETRES = 1000.0
_MAX_MAGNIFICATION = 20.0


def read_spacing(dataset: Dataset, regions: Regions | None = ()) -> tuple[Spacing | None, SpacingSource]:
    """Return (mm between rows, mm between columns) of the top level and where it comes from (PS3.3 10.7.1.3).

    ``regions`` of an ultrasound picture (None: they contradict it) come before all else: a spacing beside them would be
    taken for that of an axis of time too.
    """
    if regions is None:
        return None, "none"
    if regions:
        return common_spacing(regions), "ultrasound"
    pixel = positive_pair(dataset, "PixelSpacing")
    if pixel is None:
        return _uncalibrated(dataset)
    stated = _CALIBRATIONS.get(attributes.text(dataset, "PixelSpacingCalibrationType").upper())
    if stated is not None:
        return pixel, stated
    uncalibrated, source = _raw(dataset)
    if uncalibrated is not None:
        # Equal values say that nothing was calibrated, whatever the attribute is called.
        return _uncalibrated(dataset) if uncalibrated == pixel else (pixel, _unlike(dataset, source))
    return pixel, "unstated" if _is_projection(dataset) or _is_film(dataset) else "pixel"


def read_aspect(dataset: Dataset) -> tuple[float, float]:
    """Return PixelAspectRatio: height to width of a pixel (C.7.6.3.1.7)."""
    pair = positive_pair(dataset, "PixelAspectRatio")
    if pair is None or not 1 / 50 <= pair[0] / pair[1] <= 50:  # noqa: PLR2004
        return (1.0, 1.0)
    return pair


def positive_pair(dataset: Dataset, keyword: str) -> Spacing | None:
    """Return two positive numbers of a credible size, or None."""
    values = attributes.numbers(dataset, keyword)
    if len(values) != 2 or not all(_MIN_MILLIMETRES < value < _MAX_MILLIMETRES for value in values):  # noqa: PLR2004
        return None
    return (values[0], values[1])


def _raw(dataset: Dataset) -> tuple[Spacing | None, SpacingSource]:
    """Return what was measured before any calibration: at the detector, else on the film."""
    imager = positive_pair(dataset, "ImagerPixelSpacing") or _of_frames(dataset)
    if imager is not None:
        return imager, "imager"
    film = positive_pair(dataset, "NominalScannedPixelSpacing")
    return film, "none" if film is None else "film"


def _uncalibrated(dataset: Dataset) -> tuple[Spacing | None, SpacingSource]:
    """Return the same, divided by the magnification where the file estimates it."""
    raw, source = _raw(dataset)
    factor = attributes.number(dataset, "EstimatedRadiographicMagnificationFactor")
    if raw is None or source != "imager" or factor is None or not 1 <= factor <= _MAX_MAGNIFICATION:
        return raw, source
    return (raw[0] / factor, raw[1] / factor), "magnified"


def _of_frames(dataset: Dataset) -> Spacing | None:
    """Return the detector's spacing of enhanced angiography (C.8.19.6.4)."""
    shared = attributes.item(dataset, "SharedFunctionalGroupsSequence")
    properties = attributes.item(shared, "FramePixelDataPropertiesSequence") if shared is not None else None
    return positive_pair(properties, "ImagerPixelSpacing") if properties is not None else None


def _unlike(dataset: Dataset, source: SpacingSource) -> SpacingSource:
    """Say what PixelSpacing is that differs from the raw one: of slices in space the truth, else a correction."""
    return "pixel" if source == "film" and "ImagePositionPatient" in dataset else "corrected"


def _is_projection(dataset: Dataset) -> bool:
    storage = attributes.text(dataset, "SOPClassUID")
    captured = storage.startswith(_CAPTURE) or not storage
    return storage in _PROJECTIONS or (captured and attributes.text(dataset, "Modality") in _PROJECTION_MODALITIES)


def _is_film(dataset: Dataset) -> bool:
    return attributes.text(dataset, "ConversionType").upper() in _FILM_CONVERSIONS
