"""Reading the header of a DICOM file: everything before the pixels."""

from __future__ import annotations

import itertools
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO, cast

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from webviewer.codecs.bounded import BoundedReader, InflatedFile
from webviewer.errors import DamagedObjectError
from webviewer.reasons import Why

PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Float, Double Float and plain Pixel Data."""
MAX_INFLATED_BYTES = 2 << 30

_MAX_HEADER_BYTES = 256 << 20
_MAX_HEADER_READS = 6_000_000
_MAX_ELEMENTS = 50_000
_SKIPPED_ELEMENT_BYTES = 128 << 20
_PREAMBLE = 128
_UNDEFINED = 0xFFFFFFFF
_IDENTIFYING = (0x00080016, 0x00080018, 0x00080060, 0x0020000D)
_GE_IMPLICIT = "1.2.840.113619.5.2"
_VR = re.compile(
    rb"AE|AS|AT|CS|DA|DS|DT|FD|FL|IS|LO|LT|OB|OD|OF|OL|OV|OW|PN|SH|SL|SQ|SS|ST|SV|TM|UC|UI|UL|UN|UR|US|UT|UV"
)


@dataclass(frozen=True)
class Header:
    """What precedes the pixels.

    ``dataset`` has no pixel data and no element above 128 MB; its ``file_meta`` is set.
    ``pixel_offset`` is where the pixel data element starts (its tag) in bytes from the start of the file, or of the
    inflated data set if ``deflated``; ``pixel_tag`` tells Pixel Data from its two float relatives.
    """

    dataset: Dataset
    transfer_syntax: str
    pixel_offset: int | None
    pixel_tag: int | None = None
    deflated: bool = False
    data_offset: int = 0
    """Where the data set starts in the file."""


def looks_like_dicom(start: bytes) -> bool:
    """Whether the first bytes (at least 140) of a file are those of a DICOM object."""
    return start[_PREAMBLE : _PREAMBLE + 4] == b"DICM" or _starts_with_element(start)


def read_header(file: BinaryIO) -> Header:
    """Parse ``file`` up to its pixel data.

    Raises DamagedObjectError, with a reason to be shown, for anything that is not a readable DICOM object.
    Lengths are never trusted: neither time nor memory grows beyond what a real header needs.
    """
    file.seek(0)
    start = file.read(_PREAMBLE + 12)
    marked = start[_PREAMBLE : _PREAMBLE + 4] == b"DICM"
    if not marked and not _starts_with_element(start):
        raise DamagedObjectError(Why.NO_DICOM_FILE() if start else Why.FILE_EMPTY())
    file.seek(_PREAMBLE + 4 if marked else 0)
    try:
        header = _read(file)
    except DamagedObjectError:
        raise
    except RecursionError as error:
        raise DamagedObjectError(Why.HEADER_NESTED()) from error
    except Exception as error:  # the parser answers garbage with many kinds of exceptions
        raise DamagedObjectError(Why.HEADER_DAMAGED()) from error
    if not any(tag in header.dataset for tag in _IDENTIFYING):
        raise DamagedObjectError(Why.HEADER_NAMELESS())
    return header


def _read(file: BinaryIO) -> Header:
    meta = _read_meta(file)
    data_offset = file.tell()
    syntax = str(meta.get("TransferSyntaxUID", "") or "").strip("\0 ")
    deflated = syntax == DeflatedExplicitVRLittleEndian
    source: BinaryIO = file
    if deflated:
        source = cast("BinaryIO", InflatedFile(file, data_offset, MAX_INFLATED_BYTES))
        implicit, little = False, True
    elif syntax:
        implicit = syntax in {ImplicitVRLittleEndian, _GE_IMPLICIT}
        little = syntax != ExplicitVRBigEndian
    else:
        implicit, little = _guess_encoding(file)
        syntax = ImplicitVRLittleEndian if implicit else (ExplicitVRLittleEndian if little else ExplicitVRBigEndian)
    dataset, pixel_tag = _read_dataset(source, implicit=implicit, little=little)
    dataset.file_meta = meta
    dataset.set_original_encoding(implicit, little)
    offset = source.tell() if pixel_tag is not None else None
    return Header(dataset, str(syntax), offset, pixel_tag, deflated, data_offset)


def _read_meta(file: BinaryIO) -> FileMetaDataset:
    """Read group 0002, always explicit little endian (PS3.10 7.1); empty when the file has none."""
    if struct.unpack("<H", file.read(2).ljust(2, b"\0"))[0] != 2:  # noqa: PLR2004
        file.seek(-2, 1)
        return FileMetaDataset()
    file.seek(-2, 1)
    reader = BoundedReader(file, 1 << 20, 1000)

    def past_meta(tag: BaseTag, _vr: str | None, length: int) -> bool:
        if tag.group != 2:  # noqa: PLR2004
            return True
        _check_length(reader, tag, length)
        return False

    dataset = read_dataset(cast("BinaryIO", reader), is_implicit_VR=False, is_little_endian=True, stop_when=past_meta)
    return FileMetaDataset(dataset)


def _read_dataset(file: BinaryIO, *, implicit: bool, little: bool) -> tuple[Dataset, int | None]:
    if isinstance(file, InflatedFile):
        reader: BoundedReader = _LazyReader(file, _MAX_HEADER_BYTES, _MAX_HEADER_READS)
    else:
        reader = BoundedReader(file, _MAX_HEADER_BYTES, _MAX_HEADER_READS)
    found: list[int] = []
    elements = itertools.count(1)

    def at_pixels(tag: BaseTag, _vr: str | None, length: int) -> bool:
        if next(elements) > _MAX_ELEMENTS:
            raise DamagedObjectError(Why.HEADER_ELEMENTS())
        if int(tag) in PIXEL_TAGS:
            found.append(int(tag))
            return True
        _check_length(reader, tag, length)
        return False

    dataset = read_dataset(
        cast("BinaryIO", reader),
        is_implicit_VR=implicit,
        is_little_endian=little,
        stop_when=at_pixels,
        defer_size=_SKIPPED_ELEMENT_BYTES,
    )
    if reader.incomplete and not found:
        raise DamagedObjectError(Why.HEADER_CUT())
    for tag in [tag for tag, element in dataset._dict.items() if _is_skipped(element)]:  # noqa: SLF001
        del dataset[tag]
    return dataset, found[0] if found else None


class _LazyReader(BoundedReader):
    """Bounds for a deflated data set, whose size is not known before it is inflated."""

    def __init__(self, file: InflatedFile, max_bytes: int, max_reads: int) -> None:
        self._file = cast("BinaryIO", file)
        self._bytes_left = max_bytes
        self._reads_left = max_reads
        self._ends = 0
        self.incomplete = False
        self.size = MAX_INFLATED_BYTES


def _is_skipped(element: object) -> bool:
    length: int = getattr(element, "length", 0)
    return bool(getattr(element, "is_raw", False)) and getattr(element, "value", None) is None and length > 0


def _check_length(reader: BoundedReader, tag: BaseTag, length: int) -> None:
    if length != _UNDEFINED and reader.tell() + length > reader.size:
        left = reader.size - reader.tell()
        raise DamagedObjectError(Why.ELEMENT_CUT(element=str(tag), length=length, left=left))


def _starts_with_element(start: bytes) -> bool:
    """Whether a file without preamble begins with a data element of group 0002 or 0008 in any encoding."""
    if len(start) < 12:  # noqa: PLR2004
        return False
    little, big = struct.unpack("<H", start[:2])[0], struct.unpack(">H", start[:2])[0]
    if not (little in {2, 8} or big == 8):  # noqa: PLR2004
        return False
    if _VR.fullmatch(start[4:6]):
        return True
    return bool(little == 8 and struct.unpack("<I", start[4:8])[0] <= 1024)  # noqa: PLR2004


def _guess_encoding(file: BinaryIO) -> tuple[bool, bool]:
    """Tell implicit and little endian from the first element, for files that do not say it."""
    start = file.read(6)
    file.seek(-len(start), 1)
    explicit = bool(_VR.fullmatch(start[4:6]))
    little = not explicit or struct.unpack("<H", start[:2])[0] < 0x0400  # noqa: PLR2004
    return not explicit, little
