"""The administrator's keys for other programs."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from webviewer.errors import InvalidRequestError, NotAuthenticatedError, NotFoundError
from webviewer.web.endpoint import Endpoint
from webviewer_control.errors import CsrfError, KeyUserError
from webviewer_control.routes.context import actor, context
from webviewer_control.services.api_keys import ApiKey, ApiKeySort, KeyRequest

_ACCESS_ERRORS = (NotAuthenticatedError, CsrfError)
_LARGEST_ID = 2**31 - 1
_User = Annotated[str, Field(max_length=64)]
_Description = Annotated[str, Field(max_length=500)]


class ApiKeyEntry(BaseModel):
    """A key, in clear: it can be copied for ever."""

    id: int
    key: str
    user: str
    """Login of the user whose rights it has; empty = the administrator's."""
    description: str
    created: dt.datetime
    last_used: dt.datetime | None
    """To the minute."""
    request: KeyRequest


class ApiKeyPage(BaseModel):
    """A page of keys and the number of all."""

    total: int
    offset: int
    keys: list[ApiKeyEntry]


class ApiKeyQuery(BaseModel):
    """In which order, from where to where."""

    model_config = ConfigDict(extra="forbid")

    sort: ApiKeySort = "id"
    descending: bool = False
    offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 20


class NewApiKey(BaseModel):
    """Body of a creation."""

    model_config = ConfigDict(extra="forbid")

    user: _User = ""
    description: _Description = ""
    request: KeyRequest = KeyRequest()


class ApiKeyChange(BaseModel):
    """Body of a change: only what is named changes."""

    model_config = ConfigDict(extra="forbid")

    user: _User = ""
    description: _Description = ""
    request: KeyRequest = KeyRequest()


async def list_api_keys(request: Request, query: ApiKeyQuery) -> ApiKeyPage:
    """List keys."""
    total, keys = await context(request).control.api_keys.page(
        query.sort, query.offset, query.limit, descending=query.descending
    )
    return ApiKeyPage(total=total, offset=query.offset, keys=[_entry(key) for key in keys])


async def create_api_key(request: Request, body: NewApiKey) -> ApiKeyEntry:
    """Make a key. Nothing may be asked with it until the request is enabled."""
    keys = context(request).control.api_keys
    return _entry(await keys.create(body.user, body.description, body.request, actor(request)))


async def change_api_key(request: Request, body: ApiKeyChange) -> ApiKeyEntry:
    """Change whom a key acts for, its description, or what may be asked with it."""
    changes = body.model_dump(include=body.model_fields_set)
    return _entry(await context(request).control.api_keys.change(_id(request), changes, actor(request)))


async def delete_api_key(request: Request) -> None:
    """Delete a key: whoever uses it is refused from now on."""
    await context(request).control.api_keys.delete(_id(request), actor(request))


def _id(request: Request) -> int:
    text: str = request.path_params["key"]
    if not (text.isascii() and text.isdigit()) or int(text[:20]) > _LARGEST_ID:
        message = "no such API key"
        raise NotFoundError(message)
    return int(text)


def _entry(key: ApiKey) -> ApiKeyEntry:
    row = key.row
    return ApiKeyEntry(
        id=row.id,
        key=key.key,
        user=key.user.login if key.user else "",
        description=row.description,
        created=row.created,
        last_used=row.last_used,
        request=key.request,
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v2/admin/api-keys",
        list_api_keys,
        "List API keys",
        access="administrator",
        query=ApiKeyQuery,
        response=ApiKeyPage,
        errors=(NotAuthenticatedError, InvalidRequestError),
    ),
    Endpoint(
        "POST",
        "/v2/admin/api-keys",
        create_api_key,
        "Make an API key",
        access="administrator",
        body=NewApiKey,
        response=ApiKeyEntry,
        status=201,
        errors=(*_ACCESS_ERRORS, KeyUserError),
    ),
    Endpoint(
        "PATCH",
        "/v2/admin/api-keys/{key}",
        change_api_key,
        "Change an API key",
        access="administrator",
        body=ApiKeyChange,
        response=ApiKeyEntry,
        errors=(*_ACCESS_ERRORS, NotFoundError, KeyUserError),
    ),
    Endpoint(
        "DELETE",
        "/v2/admin/api-keys/{key}",
        delete_api_key,
        "Delete an API key",
        access="administrator",
        errors=(*_ACCESS_ERRORS, NotFoundError),
    ),
)
