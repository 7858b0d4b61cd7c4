"""The application in front of the services: API, socket and pages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from webviewer.errors import ForbiddenError, WebViewerError
from webviewer.roles import Peers
from webviewer.web.access_log import AccessLog
from webviewer.web.endpoint import Endpoint
from webviewer.web.errors import HANDLERS, status_of, to_response
from webviewer.web.forwarded import Forwarded, seen
from webviewer.web.health import Readiness
from webviewer.web.origin import OriginPolicy
from webviewer.web.pages import Pages, find_pages
from webviewer.web.security_headers import SecurityHeaders
from webviewer_control import metrics
from webviewer_control.relay.entrance import Entrance
from webviewer_control.relay.queue import WaitingRoom
from webviewer_control.routes.context import Context
from webviewer_control.routes.guard import guard
from webviewer_control.routes.table import ENDPOINTS, document
from webviewer_control.services.control import Control
from webviewer_control.services.line import Line
from webviewer_control.services.storages import ping_any

SINGLE_PAGES = frozenset({"login", "about"})
PAGE_FOLDERS = {"viewer": frozenset({"image", "mpr", "3d"}), "settings": None, "admin": None}


def create_app(control: Control, peers: Peers) -> Starlette:
    """Put HTTP in front of the services."""
    settings = control.settings
    gateway = control.attach(peers)
    own: dict[str, Callable[[], Awaitable[None]]] = {"database": control.database.ping}
    parts = own | {"storage": partial(ping_any, gateway.storages), "render": gateway.renders.ping}
    origins = OriginPolicy(settings.server_url, settings.allowed_origins)
    waiting = WaitingRoom(Line(control.records), control.bus)
    control.tasks.append(asyncio.create_task(waiting.watch_for_ever()))
    pages = Pages(find_pages(settings.html), SINGLE_PAGES, PAGE_FOLDERS)
    app = Starlette(
        routes=[
            *(_measured(endpoint) for endpoint in ENDPOINTS),
            WebSocketRoute("/eventQueue", Entrance(control, gateway, origins, waiting).serve, name="event_queue"),
            Mount("/", pages, name="pages"),
        ],
        middleware=[
            Middleware(Forwarded, trusted=settings.trusted_proxies, base_path=settings.base_path),
            Middleware(AccessLog),
            Middleware(SecurityHeaders, frame_ancestors=settings.frame_ancestors, server_url=settings.server_url),
            *([Middleware(DirectOnly)] if settings.demo else []),
        ],
        exception_handlers=HANDLERS,
    )
    app.router.redirect_slashes = False  # pages know their own addresses
    app.router.default = pages  # the bare base path is below no mount
    app.state.context = Context(control, gateway, origins, Readiness(parts), Readiness(own), waiting)
    app.state.openapi = document()
    app.middleware_stack = app.build_middleware_stack()  # wrong settings are found now, not by the first request
    return app


class DirectOnly:
    """ASGI middleware of the demonstration: whatever came through a proxy may come from anywhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what was forwarded."""
        if scope["type"] == "websocket" and seen(Request({**scope, "type": "http"})).forwarded:
            await WebSocketClose()(scope, receive, send)
        elif scope["type"] == "http" and seen(Request(scope)).forwarded:
            error = ForbiddenError("the demonstration has well-known passwords and is not served through proxies")
            await to_response(error)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _measured(endpoint: Endpoint) -> Route:
    """Return the endpoint's route, guarded, timed, and never kept by caches unless it says so."""
    route = endpoint.route(guard)
    answer: Callable[[Request], Awaitable[Response]] = route.endpoint

    async def run(request: Request) -> Response:
        started, status = time.perf_counter(), "error"
        try:
            response = await answer(request)
            status = f"{response.status_code // 100}xx"
        except WebViewerError as error:
            status = f"{status_of(type(error)) // 100}xx"
            raise
        finally:
            metrics.REQUESTS.labels(endpoint.operation_id, status).observe(time.perf_counter() - started)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return Route(endpoint.path, run, methods=[endpoint.method], name=endpoint.operation_id)
