"""Download of a study: an address that works once, and the ZIP at it."""

from __future__ import annotations

from contextlib import AsyncExitStack

from pydantic import BaseModel
from starlette.requests import Request

from webviewer.domain.study import StudySummary
from webviewer.errors import ForbiddenError, InvalidRequestError, NotFoundError, PeerUnavailableError
from webviewer.web.download import Download
from webviewer.web.endpoint import Endpoint
from webviewer_control.errors import CsrfError
from webviewer_control.routes.context import address, caller, context
from webviewer_control.services.audit import Viewer
from webviewer_control.services.downloads import TICKET_SECONDS
from webviewer_control.services.sessions import Session

_ZIP = "application/zip"
_CREATED = 201


class ArchiveAddress(BaseModel):
    """Where the browser fetches the ZIP, once; ``url`` starts behind the base path. ``expires_in`` is in seconds."""

    url: str
    expires_in: int


async def create_archive(request: Request) -> ArchiveAddress:
    """Give an address at which the files of a study can be fetched once.

    Users download what they may read, links what they were made for; nothing that an anonymised session sees.
    """
    gateway, session, study = context(request).gateway, caller(request), request.path_params["study"]
    node = await gateway.stores.node(session)
    await node.port.get_study(await gateway.stores.read_grant(session), study)
    if not _may_download(session):
        text = "this link does not allow downloads: ask for one that does"
        raise ForbiddenError(text)
    secret = await context(request).control.downloads.issue(session, study)
    return ArchiveAddress(url=f"/v2/archives/{secret}", expires_in=TICKET_SECONDS)


async def get_archive(request: Request) -> Download:
    """Stream the files of a study as a ZIP with a DICOMDIR; the address is the credential and is used up."""
    control, gateway = context(request).control, context(request).gateway
    if request.method == "HEAD":
        text = "an address that works once is fetched by GET"
        raise InvalidRequestError(text)
    ticket = await control.downloads.redeem(request.path_params["ticket"])
    session = await control.sessions.alive(ticket.session)
    if session is None or not _may_download(session):
        text = "the session of this download has ended"
        raise NotFoundError(text)
    node = await gateway.stores.node(session)
    study = (await node.port.get_study(await gateway.stores.read_grant(session), ticket.study)).study
    async with AsyncExitStack() as stack:
        token = await gateway.stores.download_grant(session)
        archive = await stack.enter_async_context(node.port.study_archive(token, ticket.study))
        await control.audit.note("downloaded", Viewer.of(session, address(request)), study, {"images": study.ninst})
        headers = {"Content-Disposition": f'attachment; filename="{_name(study)}"'}
        return Download(archive.chunks, archive.size, stack.pop_all(), _ZIP, headers)


def _may_download(session: Session) -> bool:
    return session.kind == "user" or (session.kind == "link" and session.download and not session.anonymised)


def _name(study: StudySummary) -> str:
    """Name the file by the examination: names of patients do not belong into folders of downloads."""
    kinds = "-".join(kind for kind in study.mod if kind.isascii() and kind.isalnum())[:32]
    parts = ["study", study.date.strftime("%Y-%m-%d") if study.date else "", kinds]
    return "_".join(filter(None, parts)) + ".zip"


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v2/studies/{study}/archive",
        create_archive,
        "Address of a study's ZIP",
        response=ArchiveAddress,
        status=_CREATED,
        errors=(NotFoundError, CsrfError, ForbiddenError, PeerUnavailableError),
    ),
    Endpoint(
        "GET",
        "/v2/archives/{ticket}",
        get_archive,
        "A study as a ZIP",
        access="public",
        media_types=(_ZIP,),
        errors=(NotFoundError, ForbiddenError, PeerUnavailableError),
    ),
)
