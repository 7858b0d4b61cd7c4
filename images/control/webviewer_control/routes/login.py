"""Log-in, log-out and password of users and of the administrator."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from webviewer.errors import ForbiddenError, InvalidRequestError, NotAuthenticatedError, ThrottledError
from webviewer.web.endpoint import ADMINISTRATOR_COOKIE, SESSION_COOKIE, Endpoint
from webviewer.web.forwarded import seen
from webviewer_control.errors import (
    ClockSetBackError,
    CsrfError,
    InactiveUserError,
    LicenceExpiredError,
    LicenceKeyMissingError,
    LicenceMissingError,
    NoSeatError,
    OldPasswordError,
    PasswordEmptyError,
    SignOnPasswordError,
    WrongCredentialsError,
)
from webviewer_control.routes.context import actor, address, caller, context
from webviewer_control.services.sessions import Session

_Text = Annotated[str, Field(max_length=1024)]
_LICENCE_ERRORS = (NoSeatError, LicenceMissingError, LicenceKeyMissingError, LicenceExpiredError, ClockSetBackError)
_LOGIN_ERRORS = (
    WrongCredentialsError,
    InactiveUserError,
    ThrottledError,
    ForbiddenError,
    InvalidRequestError,
    *_LICENCE_ERRORS,
)
_PASSWORD_ERRORS = (
    NotAuthenticatedError,
    CsrfError,
    OldPasswordError,
    PasswordEmptyError,
    ThrottledError,
    SignOnPasswordError,
)


class CookieAttributes(TypedDict):
    """What all our cookies share."""

    httponly: bool
    samesite: Literal["lax"]
    secure: bool
    path: str


class Credentials(BaseModel):
    """Body of a log-in."""

    model_config = ConfigDict(extra="forbid")

    user: Annotated[str, Field(max_length=64)]
    password: _Text


class PasswordChange(BaseModel):
    """Body of a password change."""

    model_config = ConfigDict(extra="forbid")

    old: _Text
    new: _Text


class SessionInfo(BaseModel):
    """Who the page acts for."""

    kind: Literal["user", "administrator", "auditor", "link"]
    id: str
    """Opaque id of the session."""
    login: str
    csrf: str
    """Goes into the header ``X-CSRF-Token`` of every call that changes something."""
    expires_in: int
    """Seconds until the session ends if nothing happens."""
    cluster: bool
    """The parts of the server are nodes of their own."""
    sign_on: bool
    """Single sign-on has opened it: the provider has the password, and wants to be told of the log-out."""
    demo: bool
    """The passwords are the well-known ones of the demonstration."""
    study: str | None
    """The one study that the opening of a link sees; null of a log-in."""
    series: str | None
    """The one series of it; null = all."""
    anonymised: bool
    download: bool
    """The opening of a link may take the study along."""


def info(request: Request, session: Session) -> SessionInfo:
    """Describe a session to its page."""
    control = context(request).control
    left = (session.deadline - control.clock()) / dt.timedelta(seconds=1)
    return SessionInfo(
        kind="auditor" if session.auditor else session.kind,
        id=session.id,
        login=session.login,
        csrf="" if session.kind == "link" else session.csrf,
        expires_in=max(0, int(left)),
        cluster=not control.mode.unified,
        sign_on=session.sign_on,
        demo=control.settings.demo,
        study=session.study,
        series=session.series,
        anonymised=session.anonymised,
        download=session.download,
    )


async def login(request: Request, body: Credentials) -> Response:
    """Open a user's session and set its cookie."""
    logins, before = context(request).control.logins, request.cookies.get(SESSION_COOKIE, "")
    session, secret = await logins.user(body.user, body.password, address(request), agent(request), before)
    return _enter(request, SESSION_COOKIE, session, secret)


async def logout(request: Request) -> Response:
    """End the session."""
    return await _leave(request, SESSION_COOKIE)


async def end_this_session(request: Request) -> Response:
    """End the session of the cookie or token."""
    return await _leave(request, SESSION_COOKIE)


async def get_session(request: Request) -> SessionInfo:
    """Return the session of the cookie or token."""
    return info(request, caller(request))


async def change_password(request: Request, body: PasswordChange) -> None:
    """Change the user's own password; his other sessions end."""
    if caller(request).kind != "user":
        text = "a link opening has no password"
        raise ForbiddenError(text)
    await context(request).control.logins.change_password(caller(request), body.old, body.new, address(request))


async def admin_login(request: Request, body: Credentials) -> Response:
    """Open the administrator's session and set its cookie."""
    logins, before = context(request).control.logins, request.cookies.get(ADMINISTRATOR_COOKIE, "")
    session, secret = await logins.administrator_login(
        body.user, body.password, address(request), agent(request), before
    )
    return _enter(request, ADMINISTRATOR_COOKIE, session, secret)


async def admin_logout(request: Request) -> Response:
    """End the administrator's session."""
    return await _leave(request, ADMINISTRATOR_COOKIE)


async def get_admin_session(request: Request) -> SessionInfo:
    """Return the administrator's session; ``demo`` tells that the password is still admin."""
    row = await context(request).control.administrator.get()
    session = caller(request)
    told = {"demo": row.demo and session.user is None} | ({} if session.user else {"login": row.login})
    return info(request, session).model_copy(update=told)


async def change_admin_password(request: Request, body: PasswordChange) -> None:
    """Change the administrator's password; other sessions end."""
    await context(request).control.logins.change_password(caller(request), body.old, body.new, address(request))


def _enter(request: Request, cookie: str, session: Session, secret: str) -> Response:
    response = Response(info(request, session).model_dump_json(), media_type="application/json")
    # No Max-Age: the server's clock decides, and a closed browser leaves nothing behind.
    response.set_cookie(cookie, secret, **cookie_attributes(request))
    return response


async def _leave(request: Request, cookie: str) -> Response:
    await context(request).control.sessions.end(caller(request).id, actor(request), "logged-out")
    response = Response(status_code=204)
    if caller(request).kind == "link":
        return response  # the cookie is of who else uses this browser
    response.set_cookie(cookie, "", max_age=0, **cookie_attributes(request))
    return response


def agent(request: Request) -> str:
    """Return what the browser calls itself, without what no database stores."""
    return request.headers.get("user-agent", "").replace("\0", "")


def cookie_attributes(request: Request) -> CookieAttributes:
    """Return what all our cookies share at the address that the browser sees."""
    settings, view = context(request).control.settings, seen(request)
    secure = view.scheme == "https" or settings.server_url.startswith("https:")
    return {"httponly": True, "samesite": "lax", "secure": secure, "path": view.prefix or "/"}


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v2/login",
        login,
        "Log in",
        access="public",
        body=Credentials,
        response=SessionInfo,
        errors=_LOGIN_ERRORS,
    ),
    Endpoint("POST", "/v2/logout", logout, "Log out", errors=(NotAuthenticatedError, CsrfError)),
    Endpoint(
        "GET",
        "/v2/session",
        get_session,
        "Session of the cookie or token",
        response=SessionInfo,
        errors=(NotAuthenticatedError,),
    ),
    Endpoint("DELETE", "/v2/session", end_this_session, "End the session", errors=(NotAuthenticatedError, CsrfError)),
    Endpoint(
        "POST", "/v2/password", change_password, "Change the own password", body=PasswordChange, errors=_PASSWORD_ERRORS
    ),
    Endpoint(
        "POST",
        "/v2/admin/login",
        admin_login,
        "Log in as administrator",
        access="public",
        body=Credentials,
        response=SessionInfo,
        errors=(WrongCredentialsError, ThrottledError, ForbiddenError, InvalidRequestError),
    ),
    Endpoint(
        "POST",
        "/v2/admin/logout",
        admin_logout,
        "Log out as administrator",
        access="auditor",
        errors=(NotAuthenticatedError, CsrfError),
    ),
    Endpoint(
        "GET",
        "/v2/admin/session",
        get_admin_session,
        "Session of the administrator",
        access="auditor",
        response=SessionInfo,
        errors=(NotAuthenticatedError,),
    ),
    Endpoint(
        "POST",
        "/v2/admin/password",
        change_admin_password,
        "Change the administrator's password",
        access="administrator",
        body=PasswordChange,
        errors=_PASSWORD_ERRORS,
    ),
)
