"""The DICOMDIR of a study: the Basic Directory of a file-set (PS3.3 annex F, PS3.10 8.6), made of what the index knows.

Records are PATIENT, STUDY, SERIES and one per object, whose type follows from its SOP class (PS3.3 F.4). What a type of record
must say beyond the index, such as a document's title, is read from the object's
header; where it does not say it the value is empty.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite, write_dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid

from webviewer.sample.series import IMPLEMENTATION

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_NEXT_AT, _LOWER_AT = 8, 30
"""Where the offsets stand in an encoded record: its first and third element."""
_IN_USE = 0xFFFF
_NO_CONFLICT = 0
_ITEM = struct.Struct("<HHI")
_MANDATORY_TEXT = "UNKNOWN"
_TITLES = {
    "SR DOCUMENT": ("CompletionFlag", "VerificationFlag", "ContentDate", "ContentTime", "ConceptNameCodeSequence"),
    "KEY OBJECT DOC": ("ContentDate", "ContentTime", "ConceptNameCodeSequence"),
    "PRESENTATION": ("PresentationCreationDate", "PresentationCreationTime", "ContentLabel", "ReferencedSeriesSequence"),
    "WAVEFORM": ("ContentDate", "ContentTime"),
    "ENCAP DOC": ("ContentDate", "ContentTime", "DocumentTitle", "ConceptNameCodeSequence", "MIMETypeOfEncapsulatedDocument"),
    "RT DOSE": ("DoseSummationType",),
    "RT STRUCTURE SET": ("StructureSetLabel", "StructureSetDate", "StructureSetTime"),
    "RT PLAN": ("RTPlanLabel", "RTPlanDate", "RTPlanTime"),
    "RT TREAT RECORD": ("TreatmentDate", "TreatmentTime"),
    "SPECTROSCOPY": ("ImageType", "ContentDate", "ContentTime"),
    "RAW DATA": ("ContentDate", "ContentTime"),
    "REGISTRATION": ("ContentDate", "ContentTime", "ContentLabel", "ContentDescription"),
    "FIDUCIAL": ("ContentDate", "ContentTime", "ContentLabel", "ContentDescription"),
    "VALUE MAP": ("ContentDate", "ContentTime", "ContentLabel", "ContentDescription"),
}  # fmt: skip
"""What a record of a type says beyond its number."""
_TYPES: tuple[tuple[str, str], ...] = (
    ("88.59.", "KEY OBJECT DOC"),
    ("88.", "SR DOCUMENT"),
    ("78.6.", "SR DOCUMENT"),
    ("104.", "ENCAP DOC"),
    ("11.", "PRESENTATION"),
    ("9.", "WAVEFORM"),
    ("4.2.", "SPECTROSCOPY"),
    ("66.1.", "REGISTRATION"),
    ("66.3.", "REGISTRATION"),
    ("66.2.", "FIDUCIAL"),
    ("66.", "RAW DATA"),
    ("66.4.", "IMAGE"),
    ("66.7.", "IMAGE"),
    ("67.", "VALUE MAP"),
    ("481.2.", "RT DOSE"),
    ("481.3.", "RT STRUCTURE SET"),
    ("481.5.", "RT PLAN"),
    ("481.8.", "RT PLAN"),
    ("481.4.", "RT TREAT RECORD"),
    ("481.6.", "RT TREAT RECORD"),
    ("481.7.", "RT TREAT RECORD"),
    ("481.9.", "RT TREAT RECORD"),
)
"""By the beginning of the SOP class below the storage classes; the longest counts, everything else is an IMAGE."""


@dataclass(frozen=True, slots=True)
class FiledObject:
    """An object of the file-set: its path in it, and what its record says."""

    path: str
    sop_class: str
    sop_uid: str
    transfer_syntax: str
    number: int | None
    digest: str


@dataclass(frozen=True, slots=True)
class FiledSeries:
    """A series with its objects."""

    uid: str
    number: int | None
    modality: str
    objects: Sequence[FiledObject]


@dataclass(frozen=True, slots=True)
class FiledStudy:
    """The study and its patient; dates and times as DICOM writes them."""

    uid: str
    name: str
    pid: str
    date: str
    time: str
    description: str
    accession: str
    study_id: str
    series: Sequence[FiledSeries]


@dataclass(slots=True)
class _Record:
    content: bytearray
    lower: list[_Record] = field(default_factory=list)
    at: int = 0


def record_type(sop_class: str) -> str:
    """Return the type of the directory record of an object (PS3.3 F.4)."""
    rest = f"{sop_class.removeprefix(_STORAGE)}."
    matching = [(len(start), kind) for start, kind in _TYPES if rest.startswith(start)]
    return max(matching)[1] if matching and sop_class.startswith(_STORAGE) else "IMAGE"


def directory(study: FiledStudy, header: Callable[[str], Dataset]) -> bytes:
    """Return the DICOMDIR. ``header`` reads the header of an object by the digest of its file; an empty one where it cannot."""
    patient = _record("PATIENT", PatientName=study.name, PatientID=study.pid or _MANDATORY_TEXT)
    visit = _record(
        "STUDY",
        StudyDate=study.date,
        StudyTime=study.time,
        StudyDescription=study.description,
        StudyInstanceUID=study.uid,
        StudyID=study.study_id or "1",
        AccessionNumber=study.accession,
    )
    patient.lower = [visit]
    visit.lower = [_series(series, header) for series in study.series]
    return _written([patient])


def _series(series: FiledSeries, header: Callable[[str], Dataset]) -> _Record:
    found = _record(
        "SERIES", Modality=series.modality or "OT", SeriesInstanceUID=series.uid, SeriesNumber=series.number or 0
    )
    found.lower = [_object(item, header) for item in series.objects]
    return found


def _object(item: FiledObject, header: Callable[[str], Dataset]) -> _Record:
    kind = record_type(item.sop_class)
    values: dict[str, object] = {
        "ReferencedFileID": item.path.split("/"),
        "ReferencedSOPClassUIDInFile": item.sop_class,
        "ReferencedSOPInstanceUIDInFile": item.sop_uid,
        "ReferencedTransferSyntaxUIDInFile": item.transfer_syntax,
        "InstanceNumber": item.number or 0,
    }
    if kind in _TITLES:
        said = header(item.digest)
        values |= {keyword: said.get(keyword) for keyword in _TITLES[kind]}
    return _record(kind, **values)


def _record(kind: str, **values: object) -> _Record:
    dataset = Dataset()
    dataset.OffsetOfTheNextDirectoryRecord = 0
    dataset.RecordInUseFlag = _IN_USE
    dataset.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    dataset.DirectoryRecordType = kind
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return _Record(bytearray(_encoded(dataset)))


def _encoded(dataset: Dataset) -> bytes:
    target = DicomBytesIO()
    target.is_little_endian, target.is_implicit_VR = True, False
    write_dataset(target, dataset, "utf8")
    return target.getvalue()


def _written(roots: list[_Record]) -> bytes:
    """Write the file: records say where others are, in bytes from its beginning, so these are found first."""
    ordered = _ordered(roots)
    uid = generate_uid(None)
    at = len(_shell(uid, b"", 0, 0))
    for record in ordered:
        record.at = at
        at += _ITEM.size + len(record.content)
    _link(roots)
    body = b"".join(_ITEM.pack(0xFFFE, 0xE000, len(record.content)) + record.content for record in ordered)
    return _shell(uid, body, roots[0].at, roots[-1].at)


def _ordered(records: list[_Record]) -> list[_Record]:
    return [found for record in records for found in (record, *_ordered(record.lower))]


def _link(records: list[_Record]) -> None:
    for record, after in zip(records, (*records[1:], None), strict=False):
        struct.pack_into("<I", record.content, _NEXT_AT, after.at if after else 0)
        struct.pack_into("<I", record.content, _LOWER_AT, record.lower[0].at if record.lower else 0)
        _link(record.lower)


def _shell(uid: UID, body: bytes, first: int, last: int) -> bytes:
    """Return the file with the directory records as they are encoded, behind the element that begins their sequence."""
    dataset = Dataset()
    dataset.FileSetID = "WEBVIEWER"
    dataset.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = first
    dataset.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = last
    dataset.FileSetConsistencyFlag = _NO_CONFLICT
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = uid
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationClassUID = IMPLEMENTATION
    target = BytesIO()
    dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue() + struct.pack("<HH2sHI", 0x0004, 0x1220, b"SQ", 0, len(body)) + body
