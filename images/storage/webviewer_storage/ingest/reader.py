"""Reads the facts of a received object. Runs in receiver processes and threads; no database here."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from webviewer.codecs.description import describe
from webviewer.codecs.frame_table import locate_frames
from webviewer.codecs.header import Header, looks_like_dicom, read_header
from webviewer.errors import DamagedObjectError, UnsupportedImageError
from webviewer.reasons import Reason, Why
from webviewer_storage.ingest.facts import ObjectFacts, SeriesFacts, StudyFacts
from webviewer_storage.ingest.kinds import MEDIA_DIRECTORY, kind_of
from webviewer_storage.ingest.technique import technique_of
from webviewer_storage.ingest.text import clean

UID = re.compile(r"[0-9.]{1,64}")
_SEXES = frozenset({"M", "F", "O"})
_SNIFF_BYTES = 256
_MAX_NUMBER = 2**31 - 1
_PROBLEM_LENGTH = 400


class NotDicomError(Exception):
    """The file is something else; it is neither stored nor quarantined."""


class MediaDirectoryError(Exception):
    """The file is a DICOMDIR: an index of other files, which are read themselves."""


def read_facts(path: Path) -> ObjectFacts:
    """Read everything that is needed of the object.

    Raises NotDicomError, MediaDirectoryError, or DamagedObjectError with a reason for the user.
    """
    with path.open("rb") as file:
        if not looks_like_dicom(file.read(_SNIFF_BYTES).ljust(_SNIFF_BYTES, b"\0")):
            raise NotDicomError
        header = read_header(file)
        try:
            return _facts(file, header)
        except (DamagedObjectError, MediaDirectoryError):
            raise
        except Exception as error:  # values of a hostile header fail in ways that nobody can list
            raise DamagedObjectError(Why.HEADER_DAMAGED()) from error


def _facts(file: BinaryIO, header: Header) -> ObjectFacts:
    dataset = header.dataset
    sop_class = _uid(dataset, "SOPClassUID")
    if sop_class == MEDIA_DIRECTORY:
        raise MediaDirectoryError
    sop_uid = _uid(dataset, "SOPInstanceUID")
    study_uid = _uid(dataset, "StudyInstanceUID")
    series_uid = _uid(dataset, "SeriesInstanceUID")
    has_pixels = header.pixel_offset is not None
    kind = kind_of(sop_class, header.transfer_syntax, has_pixels=has_pixels)
    image, frames, nframes, problem = _picture(file, header)
    return ObjectFacts(
        sop_class=sop_class,
        sop_uid=sop_uid,
        transfer_syntax=clean(header.transfer_syntax, 64),
        number=_integer(dataset, "InstanceNumber"),
        image=image,
        frames=frames,
        nframes=nframes,
        problem=clean(problem.text, _PROBLEM_LENGTH) if problem else "",
        why=problem,
        study=_study(dataset, study_uid),
        series=SeriesFacts(
            uid=series_uid,
            number=_integer(dataset, "SeriesNumber"),
            modality=_text(dataset, "Modality", 16),
            description=_text(dataset, "SeriesDescription", 256) or _text(dataset, "ProtocolName", 256),
            region=_text(dataset, "BodyPartExamined", 64),
            laterality=_text(dataset, "Laterality", 16) or _text(dataset, "ImageLaterality", 16),
            kind=kind,
            technique=technique_of(dataset),
        ),
    )


def _picture(file: BinaryIO, header: Header) -> tuple[str | None, str | None, int, Reason | None]:
    try:
        description = describe(header.dataset)
        frames = locate_frames(file, header, description)
    except UnsupportedImageError as error:
        return None, None, 0, error.why or Why.NO_PICTURE()
    return description.model_dump_json(exclude_defaults=True), frames.model_dump_json(), description.frames, None


def _study(dataset: Dataset, uid: str) -> StudyFacts:
    sex = _text(dataset, "PatientSex", 16).upper()
    return StudyFacts(
        uid=uid,
        name=_text(dataset, "PatientName", 400),
        pid=_text(dataset, "PatientID", 128),
        pid_issuer=_text(dataset, "IssuerOfPatientID", 128),
        sex=sex if sex in _SEXES else "",
        birth_date=_date(dataset, "PatientBirthDate"),
        age=_text(dataset, "PatientAge", 16),
        time=_time(dataset),
        accession=_text(dataset, "AccessionNumber", 64),
        description=_text(dataset, "StudyDescription", 256),
        referrer=_text(dataset, "ReferringPhysicianName", 400),
        institution=_text(dataset, "InstitutionName", 256),
    )


def _uid(dataset: Dataset, keyword: str) -> str:
    uid = str(_value(dataset, keyword) or "").strip("\0 ")
    if not uid:
        raise DamagedObjectError(Why.UID_MISSING(attribute=keyword))
    if not UID.fullmatch(uid):
        raise DamagedObjectError(Why.UID_WRONG(attribute=keyword))
    return uid


def _value(dataset: Dataset, keyword: str) -> Any:  # noqa: ANN401 - whatever the header holds
    try:
        value = dataset.get(keyword)
    except Exception:  # noqa: BLE001 - one unreadable value must not cost the object
        return None
    if isinstance(value, MultiValue):
        return value[0] if value else None
    return value


def _text(dataset: Dataset, keyword: str, length: int) -> str:
    return clean(_value(dataset, keyword), length)


def _integer(dataset: Dataset, keyword: str) -> int | None:
    try:
        number = int(float(str(_value(dataset, keyword))))
    except (ValueError, OverflowError):
        return None
    return number if abs(number) <= _MAX_NUMBER else None


def _date(dataset: Dataset, keyword: str) -> dt.date | None:
    digits = re.sub(r"\D", "", str(_value(dataset, keyword) or ""))[:8]
    try:
        return dt.datetime.strptime(digits, "%Y%m%d").date()  # noqa: DTZ007 - DICOM dates have no zone
    except ValueError:
        return None


def _time(dataset: Dataset) -> dt.datetime | None:
    """Return the study's date and time, or the next best ones; without a time it is midnight."""
    for what in ("Study", "Series", "Acquisition", "Content"):
        date = _date(dataset, f"{what}Date")
        if date is not None:
            digits = re.sub(r"\D", "", str(_value(dataset, f"{what}Time") or "").split(".")[0])[:6].ljust(6, "0")
            try:
                time = dt.datetime.strptime(digits, "%H%M%S").time()  # noqa: DTZ007
            except ValueError:
                time = dt.time()
            return dt.datetime.combine(date, time)
    return None
