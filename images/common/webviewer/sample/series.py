"""Writes the phantom as a DICOM CT series."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

import webviewer
from webviewer.sample.phantom import BODIES, Array, Body, slice_values

_NAMESPACE = uuid.UUID("6f1a2c5e-0c43-4f44-9a53-0a3f0c1d7b52")
IMPLEMENTATION = UID(f"2.25.{uuid.uuid5(_NAMESPACE, 'implementation').int}")
_SLOPE_OFFSET = 1024
SIDE = 512
SLICES = 300
SPACING = 0.85
STEP = 2.0


@dataclass(frozen=True, slots=True)
class PhantomSeries:
    """Geometry and identity of a series of the phantom.

    ``spacing`` (mm) holds in both directions of a slice, ``step`` (mm) between slices; the stack is
    centred on ``center`` (LPS, mm). ``noise`` is the standard deviation in HU.
    """

    rows: int = SIDE
    columns: int = SIDE
    slices: int = SLICES
    spacing: float = SPACING
    step: float = STEP
    center: tuple[float, float, float] = (0.0, 0.0, -80.0)
    noise: float = 9.0
    bodies: tuple[Body, ...] = BODIES
    name: str = "sample"
    patient_name: str = "Sample^Phantom"
    patient_id: str = "SAMPLE-1"
    description: str = "Head and torso 2.0"

    def uid(self, what: str) -> UID:
        """Return a UID that is the same for the same series on every machine."""
        return UID(f"2.25.{uuid.uuid5(_NAMESPACE, f'{self.name}/{what}').int}")

    def origin(self, index: int) -> tuple[float, float, float]:
        """Return the centre of the first pixel of slice ``index`` (from 0, feet first), LPS mm."""
        x, y, z = self.center
        return (
            x - (self.columns - 1) / 2 * self.spacing,
            y - (self.rows - 1) / 2 * self.spacing,
            z + (index - (self.slices - 1) / 2) * self.step,
        )

    def stored_values(self, index: int) -> npt.NDArray[np.uint16]:
        """Return the stored pixels of slice ``index``: HU + 1024, shape (rows, columns)."""
        origin = self.origin(index)
        x: Array = (origin[0] + np.arange(self.columns, dtype=np.float32) * self.spacing)[None, :].astype(np.float32)
        y: Array = (origin[1] + np.arange(self.rows, dtype=np.float32) * self.spacing)[:, None].astype(np.float32)
        values = slice_values(x, y, origin[2], self.spacing, self.bodies)
        if self.noise:
            generator = np.random.default_rng(index)
            values += generator.standard_normal(values.shape, np.float32) * np.float32(self.noise)
        stored: npt.NDArray[np.uint16] = np.clip(np.rint(values) + _SLOPE_OFFSET, 0, 4095).astype(np.uint16)
        return stored

    def instance(self, index: int) -> bytes:
        """Return slice ``index`` as a Part 10 file (CT Image Storage, Explicit VR Little Endian)."""
        dataset = Dataset()
        self._identify(dataset, index)
        self._place(dataset, index)
        _describe_pixels(dataset, self.rows, self.columns)
        dataset.PixelData = self.stored_values(index).tobytes()
        dataset["PixelData"].VR = "OW"
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.ImplementationClassUID = IMPLEMENTATION
        dataset.file_meta.ImplementationVersionName = f"WEBVIEWER {webviewer.__version__}"
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    def instances(self) -> Iterator[bytes]:
        """Yield all slices, feet first."""
        return (self.instance(index) for index in range(self.slices))

    def _identify(self, dataset: Dataset, index: int) -> None:
        moment = dt.datetime(2026, 1, 15, 9, 30, tzinfo=dt.UTC)
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.SOPClassUID = CTImageStorage
        dataset.SOPInstanceUID = self.uid(f"instance {index}")
        dataset.StudyInstanceUID = self.uid("study")
        dataset.SeriesInstanceUID = self.uid("series")
        dataset.FrameOfReferenceUID = self.uid("frame of reference")
        dataset.PatientName = self.patient_name
        dataset.PatientID = self.patient_id
        dataset.PatientBirthDate = "19700101"
        dataset.PatientSex = "O"
        dataset.PatientPosition = "HFS"
        for keyword in ("Study", "Series", "Acquisition", "Content"):
            setattr(dataset, f"{keyword}Date", moment.strftime("%Y%m%d"))
            setattr(dataset, f"{keyword}Time", moment.strftime("%H%M%S"))
        dataset.Modality = "CT"
        dataset.Manufacturer = "WebViewer"
        dataset.InstitutionName = "Analytic phantom"
        dataset.ReferringPhysicianName = ""
        dataset.AccessionNumber = self.patient_id
        dataset.StudyID = "1"
        dataset.StudyDescription = "Analytic head and torso phantom"
        dataset.SeriesDescription = self.description
        dataset.SeriesNumber = 1
        dataset.BodyPartExamined = "WHOLEBODY"
        dataset.InstanceNumber = index + 1
        dataset.AcquisitionNumber = 1
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.KVP = 120
        dataset.XRayTubeCurrent = 200
        dataset.ConvolutionKernel = "ANALYTIC"

    def _place(self, dataset: Dataset, index: int) -> None:
        origin = self.origin(index)
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.ImagePositionPatient = [round(value, 4) for value in origin]
        dataset.SliceLocation = round(origin[2], 4)
        dataset.PixelSpacing = [self.spacing, self.spacing]
        dataset.SliceThickness = self.step
        dataset.SpacingBetweenSlices = self.step


def _describe_pixels(dataset: Dataset, rows: int, columns: int) -> None:
    dataset.Rows, dataset.Columns = rows, columns
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -_SLOPE_OFFSET
    dataset.RescaleType = "HU"
    dataset.WindowCenter, dataset.WindowWidth = [40, -500], [400, 1500]
    dataset.WindowCenterWidthExplanation = ["SOFT TISSUE", "LUNG"]
