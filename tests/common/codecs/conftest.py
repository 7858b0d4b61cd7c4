"""What tests of the codecs share."""

import io

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from webviewer.codecs.decode import decode_frame
from webviewer.codecs.description import describe
from webviewer.codecs.frame_table import inflate, locate_frames
from webviewer.codecs.header import read_header


class Opened:
    """A file read by all parts of the codecs together."""

    def __init__(self, content):
        self.content = content
        file = io.BytesIO(content)
        self.header = read_header(file)
        self.image = describe(self.header.dataset)
        self.table = locate_frames(file, self.header, self.image)
        if self.table.whole_file:
            self.content, self.table = inflate(file, self.header, self.image)

    def encoded(self, frame=0):
        return b"".join(self.content[offset : offset + length] for offset, length in self.table.ranges(frame))

    def frame(self, frame=0):
        return decode_frame(self.encoded(frame), self.image, self.header.transfer_syntax, frame)


@pytest.fixture
def open_image():
    return Opened


@pytest.fixture
def make_dataset():
    """Return a function that makes a small grey image; keywords replace its attributes, None removes them."""

    def make(syntax=ExplicitVRLittleEndian, **attributes):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = "1.2", "1.2.1", "OT"
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 4, 6, 1
        dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
        for keyword, value in attributes.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        return dataset

    return make


@pytest.fixture
def save():
    """Return a function that writes a data set, with pixels, to bytes."""

    def write(dataset, pixels=None, *, frames=None, extended=False, **options):
        syntax = dataset.file_meta.TransferSyntaxUID
        if frames is not None and extended:
            data, offsets, lengths = encapsulate_extended(frames)
            dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = data, offsets, lengths
        elif frames is not None:
            dataset.PixelData = encapsulate(frames, **options)
        elif isinstance(pixels, np.ndarray):
            dataset.PixelData = pixels.tobytes()
        elif pixels is not None:
            dataset.PixelData = pixels
        if "PixelData" in dataset:
            dataset["PixelData"].VR = "OB" if frames is not None else "OW"
            dataset["PixelData"].is_undefined_length = frames is not None
        file = io.BytesIO()
        dataset.save_as(
            file,
            enforce_file_format=True,
            implicit_vr=syntax == ImplicitVRLittleEndian,
            little_endian=syntax != ExplicitVRBigEndian,
        )
        return file.getvalue()

    return write
