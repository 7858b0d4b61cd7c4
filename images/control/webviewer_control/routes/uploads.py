"""Uploads in resumable parts, streamed through to storage."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from webviewer.domain.identity import Action
from webviewer.domain.study import UploadState
from webviewer.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
    PeerUnavailableError,
    StorageFullError,
    TooLargeError,
)
from webviewer.web.endpoint import Endpoint
from webviewer_control.errors import CsrfError
from webviewer_control.routes.context import address, caller, context
from webviewer_control.services.storages import StorageNode

MAX_PART_BYTES = 64 * 1024 * 1024
_DIGEST = re.compile(r"[0-9a-f]{64}")
_READ_ERRORS = (NotAuthenticatedError, ForbiddenError, InvalidRequestError, NotFoundError, PeerUnavailableError)
_CHANGE_ERRORS = (*_READ_ERRORS, CsrfError)


class PartQuery(BaseModel):
    """Where the part belongs (bytes from the start), how long the whole file is, and how the user calls it."""

    model_config = ConfigDict(extra="forbid")

    offset: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=0)]
    name: Annotated[str, Field(max_length=1024)] = ""


async def get_upload(request: Request) -> UploadState:
    """Return how far an upload has come."""
    node = await _node(request)
    state = await node.port.get_upload(_own(request, Action.WRITE), _digest(request))
    context(request).gateway.uploads.asked(caller(request), state)
    return state


async def put_upload_part(request: Request, query: PartQuery) -> UploadState:
    """Append a part; its bytes go through without being collected here."""
    settings = context(request).control.settings
    if query.size > settings.max_upload_bytes:
        text = f"a file may have at most {settings.max_upload_bytes} bytes"
        raise TooLargeError(text)
    announced = request.headers.get("content-length", "0")
    if int(announced if announced.isascii() and announced.isdigit() else "0") > MAX_PART_BYTES:
        raise _too_large()
    node = await _node(request)
    state = await node.port.put_upload_part(
        _own(request, Action.WRITE),
        _digest(request),
        size=query.size,
        offset=query.offset,
        name=query.name,
        body=_bounded(request.stream()),
    )
    context(request).gateway.uploads.sent(caller(request), address(request), state)
    return state


async def delete_upload(request: Request) -> None:
    """Forget an unfinished upload."""
    node = await _node(request)
    await node.port.delete_upload(_own(request, Action.WRITE), _digest(request))


async def _node(request: Request) -> StorageNode:
    return await context(request).gateway.stores.node(caller(request))


def _own(request: Request, action: Action) -> str:
    return context(request).gateway.stores.own_grant(caller(request), action)


def _digest(request: Request) -> str:
    digest: str = request.path_params["digest"]
    if not _DIGEST.fullmatch(digest):
        text = "an upload is named by its SHA-256: 64 hexadecimal digits in lower case"
        raise InvalidRequestError(text)
    return digest


async def _bounded(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    received = 0
    async for chunk in body:
        received += len(chunk)
        if received > MAX_PART_BYTES:
            raise _too_large()
        yield chunk


def _too_large() -> TooLargeError:
    return TooLargeError(f"a part may have at most {MAX_PART_BYTES} bytes: send the file in more parts")


ENDPOINTS = (
    Endpoint(
        "GET", "/v2/uploads/{digest}", get_upload, "State of an upload", response=UploadState, errors=_READ_ERRORS
    ),
    Endpoint(
        "PUT",
        "/v2/uploads/{digest}",
        put_upload_part,
        "Append a part of a file",
        query=PartQuery,
        body_media_type="application/octet-stream",
        response=UploadState,
        errors=(*_CHANGE_ERRORS, ConflictError, TooLargeError, StorageFullError),
    ),
    Endpoint("DELETE", "/v2/uploads/{digest}", delete_upload, "Forget an unfinished upload", errors=_CHANGE_ERRORS),
)
