"""What is read of an object once, when it arrives: all that the index and the viewer need of its header."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel

from webviewer.domain.study import SeriesKind
from webviewer.reasons import Reason


class StudyFacts(BaseModel):
    """Attributes of the patient and the study (PS3.3 C.7.1, C.7.2), decoded and cleaned."""

    uid: str
    name: str = ""
    """All groups: ``alphabetic=ideographic=phonetic``."""
    pid: str = ""
    pid_issuer: str = ""
    sex: str = ""
    birth_date: dt.date | None = None
    age: str = ""
    time: dt.datetime | None = None
    accession: str = ""
    description: str = ""
    referrer: str = ""
    institution: str = ""


class SeriesFacts(BaseModel):
    """Attributes of the series (PS3.3 C.7.3) and of the acquisition."""

    uid: str
    number: int | None = None
    modality: str = ""
    description: str = ""
    region: str = ""
    laterality: str = ""
    kind: SeriesKind = "other"
    technique: dict[str, str]


class ObjectFacts(BaseModel):
    """One object. ``image`` and ``frames`` are JSON texts of ImageDescription and FrameTable."""

    sop_class: str
    sop_uid: str
    transfer_syntax: str
    number: int | None = None
    image: str | None = None
    frames: str | None = None
    nframes: int = 0
    problem: str = ""
    """Why it has no picture, in English; ``why`` is the same for translation."""
    why: Reason | None = None
    study: StudyFacts
    series: SeriesFacts


class Receipt(BaseModel):
    """A complete file in ``incoming`` that waits for its row. Without facts it goes to the quarantine."""

    store: str
    file: str
    digest: str
    size: int
    source: str
    """How it came: ``upload``, ``local`` or ``C-STORE``."""
    ae_title: str = ""
    """Calling AE title of the sender, and its network ``address``; empty for files."""
    address: str = ""
    name: str = ""
    facts: ObjectFacts | None = None
    why: Reason | None = None
