"""Decides for every endpoint whether the caller has the access that it declares."""

from __future__ import annotations

import hmac

from pydantic import SecretStr
from starlette.requests import Request

from webviewer.errors import ForbiddenError, NotAuthenticatedError
from webviewer.web.endpoint import (
    ADMINISTRATOR_COOKIE,
    KEY_HEADER,
    KEY_PARAMETER,
    SESSION_COOKIE,
    STATE_CHANGING,
    Access,
    Endpoint,
)
from webviewer.web.forwarded import is_loopback, seen
from webviewer_control.errors import CsrfError
from webviewer_control.routes.context import API_KEY, CALLER, context
from webviewer_control.services.api_keys import ApiKey
from webviewer_control.services.sessions import Session, SessionKind

CSRF_HEADER = "X-CSRF-Token"
_COOKIES: dict[Access, tuple[tuple[str, SessionKind], ...]] = {
    "session": ((SESSION_COOKIE, "user"),),
    "administrator": ((ADMINISTRATOR_COOKIE, "administrator"),),
    "auditor": ((ADMINISTRATOR_COOKIE, "administrator"),),
    "account": ((SESSION_COOKIE, "user"), (ADMINISTRATOR_COOKIE, "administrator")),
}


async def guard(request: Request, endpoint: Endpoint) -> None:
    """Raise NotAuthenticatedError or ForbiddenError unless the caller may go on."""
    changing = endpoint.method in STATE_CHANGING
    if endpoint.access == "public":
        if changing:  # a foreign page must not be able to log its visitor in
            context(request).origins.check(request.headers, seen(request))
        return
    if endpoint.access == "node":
        _check_secret(request, context(request).control.settings.node_secret)
        return
    if endpoint.access == "operator":
        _check_operator(request)
        return
    if endpoint.access == "key":
        request.scope[API_KEY] = await _key(request)
        return
    session = await _session(request, endpoint.access, changing=changing)
    request.scope[CALLER] = await context(request).control.sessions.touch(session)


async def _session(request: Request, access: Access, *, changing: bool) -> Session:
    sessions = context(request).control.sessions
    bearer = _bearer(request)
    if bearer is not None:
        # A token is sent by our own page only, so it needs neither origin nor CSRF value; and where
        # there is one, the cookie of whoever else uses this browser does not count.
        found = await sessions.find(bearer, "link") if access in {"session", "account"} else None
        if found is None:
            raise _unknown()
        return found
    candidates = await _candidates(request, access)
    if not changing:
        return candidates[0]
    context(request).origins.check(request.headers, seen(request))
    token = request.headers.get(CSRF_HEADER, "").encode()
    for session in candidates:
        if hmac.compare_digest(token, session.csrf.encode()):
            return session
    raise CsrfError


async def _candidates(request: Request, access: Access) -> list[Session]:
    """Return the sessions of the browser's cookies that have this access."""
    sessions, found = context(request).control.sessions, []
    for cookie, kind in _COOKIES[access]:
        secret = request.cookies.get(cookie)
        session = await sessions.find(secret, kind) if secret else None
        if session:
            found.append(session)
    if not found:
        raise _unknown()
    candidates = [session for session in found if access == "auditor" or not session.auditor]
    if not candidates:
        text = "an auditor may read the journals only"
        raise ForbiddenError(text)
    return candidates


async def _key(request: Request) -> ApiKey:
    """Return the key that another program shows. No browser adds one by itself, so no origin is asked for."""
    shown = request.headers.get(KEY_HEADER) or request.query_params.get(KEY_PARAMETER, "")
    found = await context(request).control.api_keys.find(shown) if shown else None
    if found is None:
        text = f"send an API key in the header {KEY_HEADER} or the parameter {KEY_PARAMETER}"
        raise NotAuthenticatedError(text)
    return found


def _check_operator(request: Request) -> None:
    """Let this machine's own scraper in, and who has the token."""
    origin = seen(request)
    if not (is_loopback(origin.address) and not origin.forwarded):
        _check_secret(request, context(request).control.settings.metrics_token)


def _check_secret(request: Request, secret: SecretStr | None) -> None:
    expected = secret.get_secret_value().encode() if secret else b""
    if not expected or not hmac.compare_digest((_bearer(request) or "").encode(), expected):
        raise _unknown()


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _unknown() -> NotAuthenticatedError:
    return NotAuthenticatedError("log in first")
