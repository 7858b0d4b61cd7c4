"""Studies, series and uploads as the list, the viewer and the nodes between them see them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from webviewer.domain.image import FrameTable, ImageDescription, Value
from webviewer.reasons import Reason

SeriesKind = Literal[
    "image", "report", "document", "presentation", "key-object", "segmentation", "waveform", "video", "rt", "other"
]
StudySort = Literal[
    "name", "pid", "sex", "dob", "mod", "region", "date", "acc", "desc", "nser", "ninst", "size", "ref", "inst", "recv"
]
StoreKind = Literal["user", "shared", "cache"]
IngestStatus = Literal["stored", "duplicate", "conflict", "quarantined", "not-dicom", "rejected"]
QuarantineSort = Literal["received", "source", "name", "size", "reason"]


class StudyQuery(BaseModel):
    """Search panel of the study list. Empty fields match everything.

    Text fields match without regard to case and diacritics; ``*`` and ``?`` are wildcards,
    and a pattern without them matches from the start of any name component.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=64)] = ""
    pid: Annotated[str, Field(max_length=64)] = ""
    acc: Annotated[str, Field(max_length=16)] = ""
    desc: Annotated[str, Field(max_length=64)] = ""
    ref: Annotated[str, Field(max_length=64)] = ""
    date_from: dt.date | None = None
    date_to: dt.date | None = None
    birth_date: dt.date | None = None
    sex: Literal["", "M", "F", "O"] = ""
    modality: Annotated[str, Field(max_length=200)] = ""
    """Comma-separated list; any of them."""
    region: Annotated[str, Field(max_length=200)] = ""
    """Comma-separated list; any of them."""
    uid: Annotated[str, Field(max_length=64)] = ""
    """The whole Study Instance UID."""
    sort: StudySort = "date"
    descending: bool = True
    offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 20


class StudySummary(Value):
    """One row of the study list; keys are the column keys of the list."""

    id: str
    """Opaque; the only way to name a study outside storage."""
    store: StoreKind
    name: str = ""
    pid: str = ""
    sex: str = ""
    dob: dt.date | None = None
    age: str = ""
    mod: tuple[str, ...] = ()
    region: str = ""
    date: dt.datetime | None = None
    acc: str = ""
    desc: str = ""
    nser: int = 0
    ninst: int = 0
    size: int = 0
    ref: str = ""
    inst: str = ""
    recv: dt.datetime | None = None
    """When it came here; null where the session is anonymised, as are dates and names."""
    uid: str = ""


class StudyPage(Value):
    """A page of the study list and the number of all matches."""

    total: int
    offset: int
    studies: tuple[StudySummary, ...]


class SeriesSummary(Value):
    """A series as the strip shows it."""

    id: str
    uid: str = ""
    number: int | None = None
    modality: str = ""
    description: str = ""
    region: str = ""
    laterality: str = ""
    kind: SeriesKind = "other"
    ninst: int = 0
    nframes: int = 0
    version: str
    """Changes whenever the content of the series does."""
    problem: str = ""
    """Why it cannot be shown, in English; empty if it can. ``why`` is the same for translation."""
    why: Reason | None = None
    technique: dict[str, str] = Field(default_factory=dict)
    """Non-identifying acquisition values for the overlay, by DICOM keyword."""


class StudyDetail(Value):
    """A study with its series in display order."""

    study: StudySummary
    series: tuple[SeriesSummary, ...]


class InstanceSource(Value):
    """One image object of a series: what render needs to read its frames."""

    id: str
    number: int | None = None
    digest: str
    size: int
    transfer_syntax: str
    image: ImageDescription | None = None
    frames: FrameTable = FrameTable()
    problem: str = ""
    """Why the object has no picture, in English; ``image`` is null then. ``why`` is the same for translation."""
    why: Reason | None = None
    path: str | None = None
    """Local file, only where storage and render share a process and a disk (unified mode)."""


class SeriesManifest(Value):
    """All image objects of a series, ordered by instance number."""

    series: str
    version: str
    modality: str
    instances: tuple[InstanceSource, ...]


class IngestOutcome(Value):
    """What became of one received object."""

    status: IngestStatus
    reason: str = ""
    """Why it was not stored, in English; empty for stored and duplicate."""
    name: str = ""
    """File name as the sender gave it (uploads)."""
    study: str | None = None
    problem: str = ""
    """Stored, but cannot be shown: why, in English."""
    why: Reason | None = None
    """What ``reason`` or ``problem`` says, for translation."""


def refusal(status: IngestStatus, why: Reason, name: str) -> IngestOutcome:
    """Return the outcome of an object that was not stored."""
    return IngestOutcome(status=status, reason=why.text, why=why, name=name)


class UploadState(Value):
    """One uploaded file, addressed by its SHA-256 within the store; resumable for 24 h."""

    digest: str
    size: int
    received: int
    state: Literal["receiving", "processing", "done", "failed"]
    processed: int = 0
    total: int = 1
    """Objects inside the file: more than 1 for a ZIP."""
    outcomes: tuple[IngestOutcome, ...] = ()
    reason: str = ""
    """Why it failed, in English."""
    why: Reason | None = None
    """What ``reason`` says, for translation."""


class QuarantineQuery(BaseModel):
    """A page of the quarantine; ``source`` sorts by kind, AE title and address."""

    model_config = ConfigDict(extra="forbid")

    sort: QuarantineSort = "received"
    descending: bool = True
    offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 20


class QuarantineItem(Value):
    """A damaged object kept aside with the reason."""

    id: str
    store: StoreKind
    received: dt.datetime
    source: str
    """How it came: ``upload``, ``local`` or ``C-STORE``."""
    ae_title: str = ""
    """Calling AE title of the sender, and its network ``address``; empty for files."""
    address: str = ""
    name: str
    """Of the file; by C-STORE the SOP instance UID that the sender announced."""
    size: int
    reason: str
    """In English."""
    why: Reason | None = None
    """What ``reason`` says, for translation; null for objects of former releases."""


class QuarantinePage(Value):
    """A page of the quarantine."""

    total: int
    offset: int
    items: tuple[QuarantineItem, ...]
