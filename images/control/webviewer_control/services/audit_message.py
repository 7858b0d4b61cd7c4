"""Entries of the viewing audit as messages for an audit repository: DICOM audit messages or JSON.

A DICOM audit message is XML as DICOM PS3.15 section A.5 (Audit Trail Message Format Profile) says, the format of IHE's
Audit Trail and Node Authentication. Either form names the entry's seal and its MAC: the repository holds the chain's
head then, out of reach of whoever could rewrite the database.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

from webviewer_control.store.models import AuditRow, AuditSealRow

AuditFormat = Literal["dicom", "json"]
Write = Callable[[AuditRow, AuditSealRow, str], str]
"""Makes the text of an entry under a seal; the third is the name of this server in the repository."""
_DCM = "DCM"
_USER_ROLE, _SERVER = "true", "false"
_IP_ADDRESS = "2"
_APPLICATION_SERVER = "4"
_UNKNOWN = "<none>"
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold; names of patients come from files."""


@dataclass(frozen=True, slots=True)
class _Event:
    """EventID (PS3.16 CID 400) and EventActionCode: Create, Read, Update, Delete, Execute."""

    code: str
    meaning: str
    action: str


_ACCESSED = ("110103", "DICOM Instances Accessed")
_EXPORT = ("110106", "Export")
_EVENTS = {
    "opened": _Event(*_ACCESSED, "R"),
    "changed": _Event(*_ACCESSED, "U"),
    "exported": _Event(*_EXPORT, "R"),
    "downloaded": _Event(*_EXPORT, "R"),
    "shared": _Event(*_EXPORT, "R"),
    "retrieved": _Event("110104", "DICOM Instances Transferred", "C"),
    "uploaded": _Event("110107", "Import", "C"),
    "deleted": _Event("110105", "DICOM Study Deleted", "D"),
    "pruned": _Event("110101", "Audit Log Used", "R"),
}


def dicom_message(row: AuditRow, seal: AuditSealRow, source: str) -> str:
    """Return the XML of an entry (PS3.15 A.5.1)."""
    event = _EVENTS[row.action]
    message = ET.Element("AuditMessage")
    identification = ET.SubElement(
        message,
        "EventIdentification",
        EventActionCode=event.action,
        EventDateTime=row.time.isoformat(timespec="milliseconds"),
        EventOutcomeIndicator="0",
    )
    _code(identification, "EventID", event.code, event.meaning)
    ET.SubElement(identification, "EventOutcomeDescription").text = row.action
    _participants(message, row, source)
    audit_source = ET.SubElement(message, "AuditSourceIdentification", AuditSourceID=source)
    ET.SubElement(audit_source, "AuditSourceTypeCode", {"csd-code": _APPLICATION_SERVER})
    _study(message, row, seal)
    if row.study:
        _patient(message, row)
    return _ILLEGAL.sub("\ufffd", ET.tostring(message, encoding="unicode"))


def json_message(row: AuditRow, seal: AuditSealRow, source: str) -> str:
    """Return the same as one line of JSON."""
    said = {
        "source": source,
        "entry": row.id,
        "time": row.time.isoformat(timespec="milliseconds"),
        "action": row.action,
        "user": row.login,
        "kind": row.kind,
        "session": row.session,
        "link": row.link,
        "address": row.address,
        "study": row.study,
        "subject": row.subject,
        "details": row.details,
        "seal": seal.id,
        "mac": seal.mac,
    }
    return json.dumps(said, ensure_ascii=False)


WRITERS: dict[AuditFormat, Write] = {"dicom": dicom_message, "json": json_message}


def _participants(message: ET.Element, row: AuditRow, source: str) -> None:
    """Who did it, from where and by which link; and this server (PS3.15 table A.5.2-1, ActiveParticipant)."""
    person = {"UserID": row.login or row.kind, "UserIsRequestor": _USER_ROLE}
    if row.link or row.session:
        person["AlternativeUserID"] = f"link={row.link}" if row.link else f"session={row.session}"
    if row.address:
        person |= {"NetworkAccessPointID": row.address, "NetworkAccessPointTypeCode": _IP_ADDRESS}
    ET.SubElement(message, "ActiveParticipant", person)
    ET.SubElement(message, "ActiveParticipant", UserID=source, UserIsRequestor=_SERVER)


def _study(message: ET.Element, row: AuditRow, seal: AuditSealRow) -> None:
    """What it was done to, with all that the entry says besides as details in base64."""
    about = {"ParticipantObjectTypeCode": "2"}
    if row.study:
        about |= {"ParticipantObjectID": row.subject.get("uid") or row.study, "ParticipantObjectTypeCodeRole": "3"}
        study = ET.SubElement(message, "ParticipantObjectIdentification", about)
        _code(study, "ParticipantObjectIDTypeCode", "110180", "Study Instance UID")
        ET.SubElement(study, "ParticipantObjectName").text = row.subject.get("desc", "")
    else:
        about |= {"ParticipantObjectID": "urn:webviewer:audit", "ParticipantObjectTypeCodeRole": "13"}
        study = ET.SubElement(message, "ParticipantObjectIdentification", about)
        _code(study, "ParticipantObjectIDTypeCode", "12", "URI", "RFC-3881")
        ET.SubElement(study, "ParticipantObjectName").text = "Security Audit Log"
    shown: dict[str, object] = {key: row.subject[key] for key in ("acc", "date", "mod") if key in row.subject}
    proof = {"entry": row.id, "seal": seal.id, "mac": seal.mac, "kind": row.kind, "study": row.study}
    details: dict[str, object] = {**row.details, **shown, **proof}
    for name, value in details.items():
        packed = base64.b64encode(str(value).encode()).decode()
        ET.SubElement(study, "ParticipantObjectDetail", type=name, value=packed)


def _patient(message: ET.Element, row: AuditRow) -> None:
    about = {
        "ParticipantObjectID": row.subject.get("pid") or _UNKNOWN,
        "ParticipantObjectTypeCode": "1",
        "ParticipantObjectTypeCodeRole": "1",
    }
    patient = ET.SubElement(message, "ParticipantObjectIdentification", about)
    _code(patient, "ParticipantObjectIDTypeCode", "2", "Patient Number", "RFC-3881")
    ET.SubElement(patient, "ParticipantObjectName").text = row.subject.get("name") or _UNKNOWN


def _code(parent: ET.Element, tag: str, code: str, meaning: str, system: str = _DCM) -> None:
    ET.SubElement(parent, tag, {"csd-code": code, "codeSystemName": system, "originalText": meaning})
