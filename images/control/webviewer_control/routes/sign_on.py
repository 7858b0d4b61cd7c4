"""The way to the provider of single sign-on and back. Browsers are led by redirects: errors end on the log-in page."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote, urlencode

import structlog
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from webviewer.errors import NotFoundError, WebViewerError
from webviewer.web.endpoint import ADMINISTRATOR_COOKIE, SESSION_COOKIE, Endpoint
from webviewer.web.forwarded import seen
from webviewer_control.errors import SignOnExpiredError
from webviewer_control.routes.context import address, context
from webviewer_control.routes.login import agent, cookie_attributes
from webviewer_control.services.sign_on import ATTEMPT_SECONDS, Person, SignOn
from webviewer_control.services.sign_on_sessions import Opened

_ATTEMPT_COOKIE = "webviewer_sign_on"
_CALLBACK = "v2/sign-on/callback"
_INSIDE = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_log = structlog.get_logger(__name__)


class SignOnQuery(BaseModel):
    """Where the person wants to go: a path of the pages, below the base path."""

    next: Annotated[str, Field(max_length=2000)] = "/"


async def begin_sign_on(request: Request, query: SignOnQuery) -> Response:
    """Lead the browser to the provider's log-in."""
    sign_on, following = _sign_on(request), query.next if _INSIDE.fullmatch(query.next) else "/"
    try:
        where, sealed = await sign_on.begin(_start(request) + _CALLBACK, following)
    except WebViewerError as error:
        return _problem(request, error, following)
    response = RedirectResponse(where, status_code=303)
    response.set_cookie(_ATTEMPT_COOKIE, sealed, max_age=ATTEMPT_SECONDS, **cookie_attributes(request))
    return response


async def end_sign_on(request: Request) -> Response:
    """Take the provider's answer, open the sessions of the person and lead the browser on."""
    sign_on, following = _sign_on(request), "/"
    try:
        attempt = sign_on.open(request.cookies.get(_ATTEMPT_COOKIE, ""))
        following = attempt.next
        person = await sign_on.finish(attempt, _start(request) + _CALLBACK, request.query_params)
        opened = await _open(request, person)
    except WebViewerError as error:
        response = _problem(request, error, following)
    else:
        response = RedirectResponse(seen(request).prefix + _place(opened, following), status_code=303)
        for cookie, (_, secret) in opened.items():
            response.set_cookie(cookie, secret, **cookie_attributes(request))
    response.set_cookie(_ATTEMPT_COOKIE, "", max_age=0, **cookie_attributes(request))
    return response


async def leave_sign_on(request: Request) -> Response:
    """Lead the browser, whose session here has ended, to the provider's log-out, and from there to the log-in page."""
    sign_on, back = _sign_on(request), _start(request) + "login"
    try:
        where = await sign_on.log_out_address(back)
    except WebViewerError as error:
        _log.warning("no log-out at the provider", cause=error.message)
        where = None
    return RedirectResponse(where or f"{seen(request).prefix}/login", status_code=303)


def _sign_on(request: Request) -> SignOn:
    sign_on = context(request).control.sign_on
    if not sign_on.is_on:
        text = "there is no single sign-on here: set oidc_issuer"
        raise NotFoundError(text)
    return sign_on


async def _open(request: Request, person: Person) -> Opened:
    gateway, control = context(request).gateway, context(request).control
    before = {cookie: request.cookies.get(cookie, "") for cookie in (SESSION_COOKIE, ADMINISTRATOR_COOKIE)}
    return await control.sign_on_sessions.open(person, gateway.stores, address(request), agent(request), before)


def _start(request: Request) -> str:
    """Return the public address of the start page, with its closing slash."""
    view, configured = seen(request), context(request).control.settings.server_url
    return (configured.rstrip("/") if configured else f"{view.scheme}://{view.host}{view.prefix}") + "/"


def _place(opened: Opened, following: str) -> str:
    """Return where the person goes: where he wanted to, if it is for him."""
    wants_panel = following == "/admin" or following.startswith("/admin/")
    if (ADMINISTRATOR_COOKIE if wants_panel else SESSION_COOKIE) in opened:
        return following
    if SESSION_COOKIE in opened:
        return "/"
    session, _ = opened[ADMINISTRATOR_COOKIE]
    return "/admin/journal" if session.auditor else "/admin/"


def _problem(request: Request, error: WebViewerError, following: str) -> Response:
    """Say on the log-in page what went wrong; the log tells more."""
    known = isinstance(error, SignOnExpiredError)
    (_log.info if known else _log.warning)("single sign-on failed", code=error.code, cause=error.message)
    panel = "admin/login" if following.startswith("/admin") else "login"
    query = urlencode({"problem": error.code} | ({"next": following} if following != "/" else {}), quote_via=quote)
    return RedirectResponse(f"{seen(request).prefix}/{panel}?{query}", status_code=303)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v2/sign-on",
        begin_sign_on,
        "Go to the provider of single sign-on",
        access="public",
        query=SignOnQuery,
        status=303,
        errors=(NotFoundError,),
    ),
    Endpoint(
        "GET",
        "/v2/sign-on/callback",
        end_sign_on,
        "Come back from the provider of single sign-on",
        access="public",
        status=303,
        errors=(NotFoundError,),
    ),
    Endpoint(
        "GET",
        "/v2/sign-on/logout",
        leave_sign_on,
        "Log out at the provider of single sign-on",
        access="public",
        status=303,
        errors=(NotFoundError,),
    ),
)
