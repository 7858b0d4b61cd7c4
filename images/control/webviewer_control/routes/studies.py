"""The study list: the user's own store and the node's shared one."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from webviewer.domain.identity import Action
from webviewer.domain.study import StudyDetail, StudyPage, StudyQuery
from webviewer.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
    PeerUnavailableError,
    UnsupportedImageError,
)
from webviewer.web.endpoint import Endpoint
from webviewer.wire.grants import SHORT_SECONDS
from webviewer_control.errors import CsrfError
from webviewer_control.routes.context import actor, address, caller, context
from webviewer_control.routes.shared_stores import shared_at
from webviewer_control.services.audit import Viewer

_READ_ERRORS = (NotAuthenticatedError, NotFoundError, InvalidRequestError, PeerUnavailableError)
_CACHED = "private, max-age=86400"
_IMAGE_TYPES = frozenset({"image/webp", "image/png", "image/jpeg"})


class ThumbnailQuery(BaseModel):
    """``size`` is the longer side in pixels; with the series' ``version`` the picture may be kept by the browser."""

    model_config = ConfigDict(extra="forbid")

    size: Annotated[int, Field(ge=16, le=512)] = 96
    version: Annotated[str, Field(max_length=128)] = ""


async def list_studies(request: Request, query: StudyQuery) -> StudyPage:
    """Search what the session may read."""
    stores = context(request).gateway.stores
    node = await stores.node(caller(request))
    return await node.port.list_studies(await stores.read_grant(caller(request)), query)


async def get_study(request: Request) -> StudyDetail:
    """Return a study with its series."""
    stores = context(request).gateway.stores
    node = await stores.node(caller(request))
    return await node.port.get_study(await stores.read_grant(caller(request)), request.path_params["study"])


async def delete_study(request: Request) -> None:
    """Delete a study: a user from his own store, the administrator from the shared one of any node."""
    gateway, session, study = context(request).gateway, caller(request), request.path_params["study"]
    if session.kind == "administrator":
        node, detail = await shared_at(gateway, session, lambda node, token: node.port.get_study(token, study))
        token = await gateway.stores.shared_grant(session, Action.DELETE, node)
    else:
        node = await gateway.stores.node(session)
        detail = await node.port.get_study(await gateway.stores.read_grant(session), study)
        if detail.study.store != "user":
            text = "only the administrator may delete what everybody shares"
            raise ForbiddenError(text)
        token = gateway.stores.own_grant(session, Action.DELETE)
    await node.port.delete_study(token, study)
    await context(request).control.links.study_deleted(study, actor(request))
    viewer = Viewer.of(session, address(request))
    await context(request).control.audit.note("deleted", viewer, detail.study, {"images": detail.study.ninst})


async def get_thumbnail(request: Request, query: ThumbnailQuery) -> Response:
    """Return a small picture of a series. Rights are checked before a picture in the browser's cache is confirmed."""
    gateway, session = context(request).gateway, caller(request)
    series: str = request.path_params["series"]
    read = await gateway.stores.read_grant(session)
    node = await gateway.stores.node(session)
    detail = await node.port.get_study(read, request.path_params["study"])
    found = next((item for item in detail.series if item.id == series), None)
    if found is None:
        text = "no such series in this study"
        raise NotFoundError(text)
    key = f"{series}|{found.version}|{query.size}|{session.anonymised}"
    tag = f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": _CACHED if query.version == found.version else "private, no-cache"}
    if tag in [item.strip() for item in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    store = await node.port.find_series(read, series)
    pixels = gateway.stores.pixels_grant(session, store, series, SHORT_SECONDS)
    content, media_type = await gateway.renders.thumbnail(session, series, pixels, query.size, node.url)
    if media_type not in _IMAGE_TYPES:
        text = "the render node answered with something else than a picture"
        raise PeerUnavailableError(text)
    return Response(content, media_type=media_type, headers=headers)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v2/studies",
        list_studies,
        "Search studies",
        query=StudyQuery,
        response=StudyPage,
        errors=(NotAuthenticatedError, InvalidRequestError, PeerUnavailableError),
    ),
    Endpoint(
        "GET", "/v2/studies/{study}", get_study, "A study with its series", response=StudyDetail, errors=_READ_ERRORS
    ),
    Endpoint(
        "DELETE",
        "/v2/studies/{study}",
        delete_study,
        "Delete a study",
        access="account",
        errors=(*_READ_ERRORS, CsrfError, ForbiddenError),
    ),
    Endpoint(
        "GET",
        "/v2/studies/{study}/series/{series}/thumbnail",
        get_thumbnail,
        "Small picture of a series",
        query=ThumbnailQuery,
        media_types=("image/*",),
        errors=(*_READ_ERRORS, UnsupportedImageError),
    ),
)
