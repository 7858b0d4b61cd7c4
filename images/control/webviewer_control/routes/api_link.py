"""``POST /api/link``: other programs ask for links, with an API key."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from webviewer.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
    PeerUnavailableError,
)
from webviewer.web.endpoint import Endpoint
from webviewer_control.errors import AmbiguousStudyError, InactiveUserError, KeyRestrictedError
from webviewer_control.routes.context import address, api_key, context
from webviewer_control.routes.links import MAX_COMMENT
from webviewer_control.services.link_requests import LinkRequest
from webviewer_control.services.link_sources import StudyName

_Word = Annotated[str, Field(max_length=64)]
_Text = Annotated[str, Field(max_length=1024)]
_List = Annotated[str, Field(max_length=1024)] | Annotated[list[_Word], Field(max_length=64)]
_ERRORS = (
    NotAuthenticatedError,
    ForbiddenError,
    KeyRestrictedError,
    InactiveUserError,
    NotFoundError,
    AmbiguousStudyError,
    InvalidRequestError,
    PeerUnavailableError,
)


class ApiLinkParams(BaseModel):
    """Which study: by its UID or, without one, by its accession number."""

    model_config = ConfigDict(extra="forbid")

    study_uid: Annotated[_Word, Field(alias="studyUid")] = ""
    accession_number: Annotated[_Word, Field(alias="accessionNumber")] = ""
    series_uid: Annotated[_Word, Field(alias="seriesUid")] = ""
    """The one series that the link shows; counts only with ``studyUid``."""
    user: _Word = ""
    """Login of whose storage has the study; a key of a user needs none."""
    pacs_server: Annotated[_Word, Field(alias="pacsServer")] = ""


class ApiLinkPatient(BaseModel):
    """The patient as the table of links shows him."""

    model_config = ConfigDict(extra="forbid")

    id: _Word | None = None
    name: _Text | None = None
    dob: dt.date | None = None


class ApiLinkStudy(BaseModel):
    """The study as the table of links shows it; what is left out is as the storage has it."""

    model_config = ConfigDict(extra="forbid")

    uid: _Word = ""
    accession_number: Annotated[_Word | None, Field(alias="accessionNumber")] = None
    date: dt.datetime | dt.date | None = None
    modalities: _List | None = None
    description: _Text | None = None
    regions: _List | None = None
    patient: ApiLinkPatient = ApiLinkPatient()


class ApiLink(BaseModel):
    """Body of a request."""

    model_config = ConfigDict(extra="forbid")

    params: ApiLinkParams = ApiLinkParams()
    study: ApiLinkStudy = ApiLinkStudy()
    regions: _List | None = None
    comment: Annotated[str, Field(max_length=MAX_COMMENT)] = ""
    sign: bool = False

    @model_validator(mode="after")
    def _check_agreement(self) -> Self:
        """Refuse what contradicts itself: nobody can tell which of the two was meant."""
        pairs = {
            "study.uid and params.studyUid": (self.study.uid, self.params.study_uid),
            "study.accessionNumber and params.accessionNumber": (
                self.study.accession_number,
                self.params.accession_number,
            ),
            "study.regions and regions": (self.study.regions, self.regions),
        }
        for names, (one, other) in pairs.items():
            if one and other and one != other:
                text = f"{names} are not the same"
                raise ValueError(text)
        if not (self.name.study_uid or self.name.accession_number):
            text = "params.studyUid or params.accessionNumber says which study"
            raise ValueError(text)
        return self

    @property
    def name(self) -> StudyName:
        """Which study is meant: what ``study`` says counts where ``params`` says nothing."""
        params, study = self.params, self.study
        if params.study_uid or params.accession_number:
            return StudyName(params.study_uid, params.accession_number, params.series_uid)
        return StudyName(study.uid, study.accession_number or "", params.series_uid)

    def cells(self) -> dict[str, object]:
        """Return what is said of the study, by column of the table."""
        study, patient = self.study, self.study.patient
        regions = _listed(self.regions if self.regions is not None else study.regions)
        said: dict[str, Any] = {
            "name": patient.name,
            "pid": patient.id,
            "dob": patient.dob,
            "mod": tuple(_listed(study.modalities)) or None,
            "region": ", ".join(regions) or None,
            "date": _moment(study.date),
            "acc": study.accession_number,
            "desc": study.description,
        }
        return {name: value for name, value in said.items() if value is not None}


class ApiLinkAnswer(BaseModel):
    """What follows the ``?`` of ``http(s)://<server>/viewer/<image|mpr|3d>``; what the key does not allow is missing."""

    anonymized_link_query: str
    link_query: str = ""
    download_link_query: str = ""
    signed: bool


async def create_api_link(request: Request, body: ApiLink) -> Response:
    """Make a link."""
    return await _answer(request, body)


async def create_api_link_below_v2(request: Request, body: ApiLink) -> Response:
    """Make a link, where a proxy forwards ``/v2`` only."""
    return await _answer(request, body)


async def _answer(request: Request, body: ApiLink) -> Response:
    found, params = context(request), body.params
    wanted = LinkRequest(body.name, params.user, params.pacs_server, body.cells(), body.comment, body.sign)
    granted = await found.control.link_requests.answer(api_key(request), wanted, address(request), found.gateway.stores)
    answer = ApiLinkAnswer(
        anonymized_link_query=granted.anonymised,
        link_query=granted.full or "",
        download_link_query=granted.download or "",
        signed=granted.signed,
    )
    return Response(answer.model_dump_json(exclude_defaults=True), media_type="application/json")


def _listed(value: str | list[str] | None) -> list[str]:
    """Return the values of a list, or of a text that separates them as DICOM or people do."""
    values = value.replace("\\", ",").split(",") if isinstance(value, str) else value or []
    return [text for item in values if (text := item.strip())]


def _moment(value: dt.datetime | dt.date | None) -> dt.datetime | None:
    """Return the clock of the hospital, which has no zone."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    return dt.datetime.combine(value, dt.time()) if value else None


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/link",
        create_api_link,
        "Make a link (other programs)",
        access="key",
        body=ApiLink,
        response=ApiLinkAnswer,
        errors=_ERRORS,
    ),
    Endpoint(
        "POST",
        "/v2/api/link",
        create_api_link_below_v2,
        "Make a link (other programs), below /v2",
        access="key",
        body=ApiLink,
        response=ApiLinkAnswer,
        errors=_ERRORS,
    ),
)
