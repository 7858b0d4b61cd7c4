"""Where somebody is logged in: a user's own sessions, and those of any user for the administrator."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel
from starlette.requests import Request

from webviewer.errors import ForbiddenError, NotAuthenticatedError, NotFoundError
from webviewer.web.endpoint import Endpoint
from webviewer_control.errors import CsrfError
from webviewer_control.routes.context import actor, caller, context
from webviewer_control.store.models import SessionRow

_CHANGE_ERRORS = (NotAuthenticatedError, ForbiddenError, NotFoundError, CsrfError)


class OpenSession(BaseModel):
    """A log-in that has not ended."""

    id: str
    created: dt.datetime
    last_seen: dt.datetime
    address: str
    agent: str
    """What the browser calls itself (User-Agent)."""
    current: bool
    """The session of this call."""
    link: str | None
    """Id of the link that it is an opening of; null for a log-in."""


class OpenSessions(BaseModel):
    """All sessions of one user, the newest first."""

    sessions: list[OpenSession]


async def list_sessions(request: Request) -> OpenSessions:
    """List the user's own sessions."""
    return await _sessions(request, _own(request))


async def end_session(request: Request) -> None:
    """Close one of the user's own sessions."""
    sessions = context(request).control.sessions
    await sessions.end_one_of_user(_own(request), request.path_params["session"], actor(request))


async def end_all_sessions(request: Request) -> None:
    """Log out everywhere, here too."""
    await context(request).control.sessions.end_of_user(_own(request), actor(request), "logged-out")


async def list_user_sessions(request: Request) -> OpenSessions:
    """List the sessions of a user, and those of links that he has made."""
    entry = await context(request).control.users.get(request.path_params["user"])
    return await _sessions(request, entry.row.id, links=True)


async def end_user_session(request: Request) -> None:
    """Close one session of a user, or of a link of his."""
    user, session = request.path_params["user"], request.path_params["session"]
    await context(request).control.sessions.end_one_of_user(user, session, actor(request), links=True)


async def _sessions(request: Request, user: str, *, links: bool = False) -> OpenSessions:
    rows = await context(request).control.sessions.of_user(user, links=links)
    return OpenSessions(sessions=[_session(row, caller(request).id) for row in rows])


def _session(row: SessionRow, current: str) -> OpenSession:
    return OpenSession(
        id=row.id,
        created=row.created,
        last_seen=row.last_seen,
        address=row.address,
        agent=row.agent,
        current=row.id == current,
        link=row.link,
    )


def _own(request: Request) -> str:
    user = caller(request).user
    if user is None or caller(request).kind != "user":
        text = "a link opening has no account"
        raise ForbiddenError(text)
    return user


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v2/sessions",
        list_sessions,
        "Own sessions",
        response=OpenSessions,
        errors=(NotAuthenticatedError, ForbiddenError),
    ),
    Endpoint("DELETE", "/v2/sessions", end_all_sessions, "Log out everywhere", errors=_CHANGE_ERRORS),
    Endpoint("DELETE", "/v2/sessions/{session}", end_session, "Close an own session", errors=_CHANGE_ERRORS),
    Endpoint(
        "GET",
        "/v2/admin/users/{user}/sessions",
        list_user_sessions,
        "Sessions of a user",
        access="administrator",
        response=OpenSessions,
        errors=(NotAuthenticatedError, NotFoundError),
    ),
    Endpoint(
        "DELETE",
        "/v2/admin/users/{user}/sessions/{session}",
        end_user_session,
        "Close a session of a user",
        access="administrator",
        errors=(NotAuthenticatedError, NotFoundError, CsrfError),
    ),
)
