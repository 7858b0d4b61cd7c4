"""What handlers find at the application, and who calls them."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from webviewer.web.forwarded import seen
from webviewer.web.health import Readiness
from webviewer.web.origin import OriginPolicy
from webviewer_control.relay.queue import WaitingRoom
from webviewer_control.services.actor import Actor
from webviewer_control.services.api_keys import ApiKey
from webviewer_control.services.control import Control, Gateway
from webviewer_control.services.sessions import Session

CALLER = "webviewer.caller"
API_KEY = "webviewer.key"


@dataclass(frozen=True, slots=True)
class Context:
    """Set once per application, at ``app.state.context``."""

    control: Control
    gateway: Gateway
    origins: OriginPolicy
    readiness: Readiness
    """Of all that control needs."""
    own_readiness: Readiness
    """Without the other parts."""
    waiting: WaitingRoom


def context(request: Request) -> Context:
    """Return the application's context."""
    value: Context = request.app.state.context
    return value


def caller(request: Request) -> Session:
    """Return the session that the guard has found."""
    value: Session = request.scope[CALLER]
    return value


def api_key(request: Request) -> ApiKey:
    """Return the API key that the guard has found."""
    value: ApiKey = request.scope[API_KEY]
    return value


def address(request: Request) -> str:
    """Return the browser's address, behind trusted proxies too."""
    return seen(request).address


def actor(request: Request) -> Actor:
    """Return who calls, for the journals."""
    session = caller(request)
    return Actor(session.login, session.id, address(request))
