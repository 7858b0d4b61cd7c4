"""Opening a link: secrets or typed parameters against a session that sees one study."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request

from webviewer.errors import ForbiddenError, InvalidRequestError, PeerUnavailableError, ThrottledError
from webviewer.web.endpoint import Endpoint
from webviewer_control.errors import (
    ClockSetBackError,
    LicenceExpiredError,
    LicenceKeyMissingError,
    LicenceMissingError,
    LinkInvalidError,
    LinkPasswordError,
    NoSeatError,
)
from webviewer_control.routes.context import address, context
from webviewer_control.routes.login import agent
from webviewer_control.services.link_openings import LinkKey, Visitor
from webviewer_control.services.link_sources import StudyName
from webviewer_control.services.typed_links import TypedLink

_Word = Annotated[str, Field(max_length=64)]


class TypedParameters(BaseModel):
    """What an address names instead of a link, as far as ``link_by_params_policy`` allows it."""

    model_config = ConfigDict(extra="forbid")

    user: _Word = ""
    """Login of whose storage has the study."""
    pacs_server: Annotated[_Word, Field(alias="pacsServer")] = ""
    study_uid: Annotated[_Word, Field(alias="studyUid")] = ""
    accession_number: Annotated[_Word, Field(alias="accessionNumber")] = ""
    """Counts only without ``studyUid``."""
    series_uid: Annotated[_Word, Field(alias="seriesUid")] = ""

    def typed(self) -> TypedLink:
        """Return them as the service takes them."""
        name = StudyName(self.study_uid, self.accession_number, self.series_uid)
        return TypedLink(name, self.user, self.pacs_server)


class NewLinkOpening(BaseModel):
    """Body of an opening: the secrets of a link, or parameters."""

    model_config = ConfigDict(extra="forbid")

    link: _Word | None = None
    deanonymization: _Word | None = None
    """Without it the study is anonymised."""
    download: _Word | None = None
    password: Annotated[str, Field(max_length=1024)] | None = None
    parameters: TypedParameters | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if (self.link is None) == (self.parameters is None):
            text = "either link or parameters"
            raise ValueError(text)
        return self


class LinkOpening(BaseModel):
    """A session of the page that has opened a link.

    Its token goes into ``Authorization: Bearer`` of every call and into the socket's hello.
    """

    token: str
    study: str
    series: str | None
    """The one series that is shown; null = all."""
    window: Literal["image", "mpr", "3d"] | None
    """Where the maker of the link meant it to be seen; null of typed parameters."""
    anonymised: bool
    download: bool
    mode: Literal["anonymised", "full", "download"]
    expires_in: int
    """Seconds until the session ends if nothing happens."""


async def open_link(request: Request, body: NewLinkOpening) -> LinkOpening:
    """Open a link. All that does not work has one answer."""
    found = context(request)
    visitor = Visitor(address(request), agent(request))
    openings, stores = found.control.link_openings, found.gateway.stores
    if body.parameters is not None:
        opened = await openings.open_typed(body.parameters.typed(), visitor, stores)
    else:
        key = LinkKey(body.link or "", body.deanonymization, body.download, body.password)
        opened = await openings.open(key, visitor, stores)
    session = opened.session
    left = (session.deadline - found.control.clock()) / dt.timedelta(seconds=1)
    return LinkOpening(
        token=opened.token,
        study=session.study or "",
        series=session.series,
        window=opened.window,
        anonymised=session.anonymised,
        download=session.download,
        mode=opened.mode,
        expires_in=max(0, int(left)),
    )


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v2/link-openings",
        open_link,
        "Open a link",
        access="public",
        body=NewLinkOpening,
        response=LinkOpening,
        status=201,
        errors=(
            LinkInvalidError,
            LinkPasswordError,
            ThrottledError,
            ForbiddenError,
            InvalidRequestError,
            PeerUnavailableError,
            NoSeatError,
            LicenceMissingError,
            LicenceKeyMissingError,
            LicenceExpiredError,
            ClockSetBackError,
        ),
    ),
)
