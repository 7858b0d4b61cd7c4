"""A made ultrasound picture of two regions: tissue with a vessel above, the spectrum of its flow below."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, UltrasoundImageStorage

from webviewer.sample.series import IMPLEMENTATION

ROWS, COLUMNS = 480, 640
_NAMESPACE = uuid.UUID("0c9be0a5-5a41-4c37-9f5b-7d1a9d1f6f20")
_CENTIMETRES, _SECONDS, _CENTIMETRES_PER_SECOND = 3, 4, 7


@dataclass(frozen=True, slots=True)
class Region:
    """Numbers of PS3.3 C.8.5.5; ``reference`` is the row, from the top of the region, at which the vertical axis is 0."""

    box: tuple[int, int, int, int]
    form: int
    kind: int
    units: tuple[int, int]
    deltas: tuple[float, float]
    reference: int | None = None

    def item(self) -> Dataset:
        """Return the item of Sequence of Ultrasound Regions."""
        item = Dataset()
        item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = self.form, self.kind, 2
        item.RegionLocationMinX0, item.RegionLocationMinY0 = self.box[:2]
        item.RegionLocationMaxX1, item.RegionLocationMaxY1 = self.box[2:]
        item.PhysicalUnitsXDirection, item.PhysicalUnitsYDirection = self.units
        item.PhysicalDeltaX, item.PhysicalDeltaY = self.deltas
        if self.reference is not None:
            item.ReferencePixelX0, item.ReferencePixelY0 = 0, self.reference
            item.ReferencePixelPhysicalValueX = item.ReferencePixelPhysicalValueY = 0.0
        return item


TISSUE = Region((40, 20, 599, 279), 1, 1, (_CENTIMETRES, _CENTIMETRES), (0.025, 0.025))
"""0.25 mm a pixel."""
SPECTRUM = Region((40, 300, 599, 459), 3, 3, (_SECONDS, _CENTIMETRES_PER_SECOND), (0.005, -1.25), reference=100)
"""5 ms a pixel to the right, 1.25 cm/s a pixel upwards; no flow in row 400 of the picture."""


@dataclass(frozen=True, slots=True)
class DuplexImage:
    """A picture of one frame; ``attributes`` are DICOM keywords and values that it has besides."""

    name: str = "duplex"
    regions: tuple[Region, ...] = (TISSUE, SPECTRUM)
    attributes: dict[str, object] = field(default_factory=dict)

    def uid(self, what: str) -> UID:
        """Return a UID that is the same for the same picture on every machine."""
        return UID(f"2.25.{uuid.uuid5(_NAMESPACE, f'{self.name}/{what}').int}")

    def instance(self) -> bytes:
        """Return it as a Part 10 file (Ultrasound Image Storage, Explicit VR Little Endian)."""
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = UltrasoundImageStorage, self.uid("instance")
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = self.uid("study"), self.uid("series")
        dataset.PatientName, dataset.PatientID = "Sample^Duplex", f"SAMPLE-{self.name}"
        dataset.StudyDate, dataset.StudyTime, dataset.Modality = "20260115", "093000", "US"
        dataset.StudyDescription, dataset.SeriesDescription = "Made duplex scan", "Vessel and flow"
        dataset.SeriesNumber = dataset.InstanceNumber = 1
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = ROWS, COLUMNS, 1
        dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit = 7
        if self.regions:
            dataset.SequenceOfUltrasoundRegions = Sequence(region.item() for region in self.regions)
        for keyword, value in self.attributes.items():
            setattr(dataset, keyword, value)
        dataset.PixelData = _picture().tobytes()
        dataset["PixelData"].VR = "OB"
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.ImplementationClassUID = IMPLEMENTATION
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()


def _picture() -> npt.NDArray[np.uint8]:
    picture = np.zeros((ROWS, COLUMNS))
    noise = np.random.default_rng(5).rayleigh(1.0, picture.shape)
    y, x = np.mgrid[:ROWS, :COLUMNS]
    vessel = np.abs(y - 150 - 0.06 * (x - 320)) < 24  # noqa: PLR2004
    picture = np.where(vessel, 8, 70) * noise
    beat = ((x - 40) * 0.005) % 0.8
    velocity = 20 + 70 * np.exp(-(((beat - 0.12) / 0.06) ** 2)) + 15 * np.exp(-(((beat - 0.35) / 0.08) ** 2))
    height = (400 - y) * 1.25
    flow = (height > velocity * 0.45) & (height < velocity)
    below = y >= (TISSUE.box[3] + SPECTRUM.box[1]) // 2
    picture = np.where(below, np.where(flow, 130, 6) * noise, picture)
    picture[400, :] = 120
    inside = np.zeros(picture.shape, bool)
    for left, top, right, bottom in (TISSUE.box, SPECTRUM.box):
        inside[top : bottom + 1, left : right + 1] = True
    result: npt.NDArray[np.uint8] = np.clip(np.where(inside, picture, 0), 0, 255).astype(np.uint8)
    return result
