"""The administrator's users."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from webviewer.errors import (
    ConflictError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
    PeerUnavailableError,
)
from webviewer.web.endpoint import Endpoint
from webviewer_control.errors import (
    AeTitleFormatError,
    AeTitleTakenError,
    CsrfError,
    HasStudiesError,
    LoginFormatError,
    LoginTakenError,
    PasswordEmptyError,
    StorageNodeError,
)
from webviewer_control.routes.context import actor, context
from webviewer_control.routes.licences import PersonalKey, personal_key_of
from webviewer_control.services.users import AE_TITLE_PATTERN, LOGIN_PATTERN, UserEntry, UserSort

# The rules are stated here and checked by the service, whose errors the page can tell apart.
_Login = Annotated[str, Field(max_length=1024, json_schema_extra={"pattern": LOGIN_PATTERN})]
_Password = Annotated[str, Field(max_length=1024, json_schema_extra={"minLength": 1})]
_AeTitle = Annotated[str, Field(max_length=1024, json_schema_extra={"pattern": f"^$|{AE_TITLE_PATTERN}"})]
_NodeId = Annotated[int, Field(ge=1, le=2**31 - 1)]
_ACCESS_ERRORS = (NotAuthenticatedError, CsrfError)
_FIELD_ERRORS = (
    InvalidRequestError,
    LoginFormatError,
    LoginTakenError,
    AeTitleFormatError,
    AeTitleTakenError,
    PasswordEmptyError,
    StorageNodeError,
    HasStudiesError,
    ConflictError,
    PeerUnavailableError,
)


class User(BaseModel):
    """A user as the administrator sees him."""

    id: str
    login: str
    ae_title: str | None
    """Default SCU: C-STOREs to this AE title land in the user's store."""
    active: bool
    storage_node: int | None
    """ID of the node that has the user's studies; null where all is one process."""
    created: dt.datetime
    last_login: dt.datetime | None
    sessions: int
    stored: int | None
    """Bytes of his images; null while his storage node does not answer."""
    version: int
    """Goes into a change, which is refused if somebody else has changed the user since."""
    licence: PersonalKey | None
    """His own key; null also where licensing is off."""


class UserPage(BaseModel):
    """A page of users and the number of all matches."""

    total: int
    offset: int
    users: list[User]


class UserQuery(BaseModel):
    """Which users, in which order; ``search`` is any part of a login or AE title."""

    model_config = ConfigDict(extra="forbid")

    search: Annotated[str, Field(max_length=64)] = ""
    sort: UserSort = "login"
    descending: bool = False
    offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 20


class NewUser(BaseModel):
    """Body of a creation."""

    model_config = ConfigDict(extra="forbid")

    login: _Login
    password: _Password
    ae_title: _AeTitle | None = None
    active: bool = True
    storage_node: _NodeId | None = None
    """ID of an active storage node; null: the one with the fewest users."""


class UserChange(BaseModel):
    """Body of a change: only what is named changes; a null AE title takes it away."""

    model_config = ConfigDict(extra="forbid")

    login: _Login = ""
    password: _Password = ""
    ae_title: _AeTitle | None = None
    active: bool = True
    storage_node: _NodeId | None = None
    """ID of an active storage node; refused while the user has studies, which would stay behind."""
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """Of the user as the caller has seen him; null: whatever he is now."""


async def list_users(request: Request, query: UserQuery) -> UserPage:
    """List users."""
    total, entries = await context(request).control.users.list(
        query.search, query.sort, query.offset, query.limit, descending=query.descending
    )
    return UserPage(total=total, offset=query.offset, users=await _users(request, entries))


async def create_user(request: Request, body: NewUser) -> User:
    """Create a user with a store of his own."""
    found = context(request)
    entry = await found.control.users.create(body.model_dump(), found.gateway.stores, actor(request))
    return (await _users(request, [entry]))[0]


async def get_user(request: Request) -> User:
    """Return a user."""
    return (await _users(request, [await context(request).control.users.get(request.path_params["user"])]))[0]


async def change_user(request: Request, body: UserChange) -> User:
    """Change a user. A new password or a switch-off ends his sessions."""
    found = context(request)
    fields = body.model_dump(include=body.model_fields_set - {"version"})
    user, stores = request.path_params["user"], found.gateway.stores
    entry = await found.control.users.change(user, fields, stores, actor(request), body.version)
    return (await _users(request, [entry]))[0]


async def delete_user(request: Request) -> None:
    """Delete a user with all his studies."""
    found = context(request)
    await found.control.users.delete(request.path_params["user"], found.gateway.stores, actor(request))


async def end_user_sessions(request: Request) -> None:
    """Close all sessions of a user."""
    control = context(request).control
    entry = await control.users.get(request.path_params["user"])
    await control.sessions.end_of_user(entry.row.id, actor(request), "closed")


async def _users(request: Request, entries: Sequence[UserEntry]) -> list[User]:
    control, stores = context(request).control, context(request).gateway.stores
    sizes = await stores.sizes([entry.row for entry in entries])
    ids = [entry.row.id for entry in entries]
    keys = await control.licences.of_users(ids) if control.licences.seats.enforced else {}
    now = control.clock()
    return [_user(entry, personal_key_of(keys.get(entry.row.id), now), sizes.get(entry.row.id)) for entry in entries]


def _user(entry: UserEntry, licence: PersonalKey | None, stored: int | None) -> User:
    row = entry.row
    return User(
        id=row.id,
        login=row.login,
        ae_title=row.ae_title,
        active=row.active,
        storage_node=entry.storage_node,
        created=row.created,
        last_login=row.last_login,
        sessions=entry.sessions,
        stored=stored,
        version=row.version,
        licence=licence,
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v2/admin/users",
        list_users,
        "List users",
        access="administrator",
        query=UserQuery,
        response=UserPage,
        errors=(NotAuthenticatedError, InvalidRequestError),
    ),
    Endpoint(
        "POST",
        "/v2/admin/users",
        create_user,
        "Create a user",
        access="administrator",
        body=NewUser,
        response=User,
        status=201,
        errors=(*_ACCESS_ERRORS, *_FIELD_ERRORS),
    ),
    Endpoint(
        "GET",
        "/v2/admin/users/{user}",
        get_user,
        "A user",
        access="administrator",
        response=User,
        errors=(NotAuthenticatedError, NotFoundError),
    ),
    Endpoint(
        "PATCH",
        "/v2/admin/users/{user}",
        change_user,
        "Change a user",
        access="administrator",
        body=UserChange,
        response=User,
        errors=(*_ACCESS_ERRORS, *_FIELD_ERRORS, NotFoundError),
    ),
    Endpoint(
        "DELETE",
        "/v2/admin/users/{user}",
        delete_user,
        "Delete a user and all his studies",
        access="administrator",
        errors=(*_ACCESS_ERRORS, NotFoundError, PeerUnavailableError),
    ),
    Endpoint(
        "DELETE",
        "/v2/admin/users/{user}/sessions",
        end_user_sessions,
        "Close all sessions of a user",
        access="administrator",
        errors=(*_ACCESS_ERRORS, NotFoundError),
    ),
)
