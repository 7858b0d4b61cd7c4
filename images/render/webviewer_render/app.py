"""HTTP and the WebSocket in front of a render node, for control."""

from __future__ import annotations

import asyncio
from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from webviewer import errors
from webviewer.domain.load import DeviceName, HeldSeries, NodeLoad
from webviewer.errors import NotAuthenticatedError, WebViewerError
from webviewer.ports.render import LinkClosedError, RenderLink, RenderPort
from webviewer.roles import Peers
from webviewer.web.access_log import AccessLog
from webviewer.web.endpoint import Endpoint
from webviewer.web.errors import HANDLERS, to_response
from webviewer.web.health import Health, Readiness
from webviewer_render.services import RenderServices
from webviewer_render.sessions.thumbnails import MAX_SIDE, MIN_SIDE

_log = structlog.get_logger(__name__)
_GRANT = (errors.NotAuthenticatedError, errors.ForbiddenError)
_PIXELS_HEADER = "x-pixels-grant"


class ThumbnailQuery(BaseModel):
    """``size`` of the longer side in pixels; ``storage`` is the address of the storage node."""

    model_config = ConfigDict(extra="forbid")

    size: Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)] = 96
    storage: Annotated[str, Field(max_length=2000, pattern=r"^https?://")] | None = None


class Draining(BaseModel):
    """``draining``: take no new sessions; ``move``: send away those that are here, too."""

    model_config = ConfigDict(extra="forbid")

    draining: bool
    move: bool = False


class RenderEndpoints:
    """The handlers; the bearer token is passed on to the port."""

    def __init__(self, port: RenderPort) -> None:
        self._port = port
        self._readiness = Readiness({"workers": port.ping})

    async def healthz(self, _: Request) -> Health:
        """Say that the process runs."""
        return Health()

    async def readyz(self, _: Request) -> Health:
        """Say whether the workers have warmed up."""
        return await self._readiness.check()

    async def thumbnail(self, request: Request, query: ThumbnailQuery) -> Response:
        """Return the middle frame of a series, made small."""
        pixels = request.headers.get(_PIXELS_HEADER, "")
        token = _bearer(request.headers.get("authorization", ""))
        content, media_type = await self._port.thumbnail(token, pixels, query.size, query.storage)
        return Response(content, media_type=media_type, headers={"Cache-Control": "private, no-cache"})

    async def load(self, request: Request) -> NodeLoad:
        """Say how many sessions are here."""
        return await self._port.load(_bearer(request.headers.get("authorization", "")))

    async def series(self, request: Request) -> HeldSeries:
        """Say which series are in memory."""
        token = _bearer(request.headers.get("authorization", ""))
        return HeldSeries(series=tuple(await self._port.held_series(token)))

    async def device(self, request: Request) -> DeviceName:
        """Say what is drawn on."""
        token = _bearer(request.headers.get("authorization", ""))
        return DeviceName(device=await self._port.device(token))

    async def draining(self, request: Request, body: Draining) -> None:
        """Start or end draining."""
        token = _bearer(request.headers.get("authorization", ""))
        await self._port.set_draining(token, draining=body.draining, move=body.move)

    async def session(self, socket: WebSocket) -> None:
        """Carry one link. A refusal before it starts is an ordinary HTTP answer."""
        try:
            token = _bearer(socket.headers.get("authorization", ""))
            async with self._port.connect(token) as link:
                await socket.accept()
                await _carry(socket, link)
        except WebViewerError as error:
            if socket.client_state is not WebSocketState.CONNECTING:
                raise
            await socket.send_denial_response(to_response(error))

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Declare the API."""
        return (
            Endpoint("GET", "/healthz", self.healthz, "The process lives", access="public", response=Health),
            Endpoint(
                "GET",
                "/readyz",
                self.readyz,
                "The workers are warm",
                access="public",
                response=Health,
                errors=(errors.PeerUnavailableError, errors.DrainingError),
            ),
            Endpoint(
                "GET",
                "/v1/load",
                self.load,
                "How many sessions are here",
                access="grant",
                response=NodeLoad,
                errors=_GRANT,
            ),
            Endpoint(
                "GET",
                "/v1/series",
                self.series,
                "Which series are in memory",
                access="grant",
                response=HeldSeries,
                errors=_GRANT,
            ),
            Endpoint(
                "GET",
                "/v1/device",
                self.device,
                "What is drawn on",
                access="grant",
                response=DeviceName,
                errors=_GRANT,
            ),
            Endpoint(
                "PUT",
                "/v1/draining",
                self.draining,
                "Take no new sessions",
                access="grant",
                body=Draining,
                errors=(*_GRANT, errors.InvalidRequestError),
            ),
            Endpoint(
                "GET",
                "/v1/thumbnail",
                self.thumbnail,
                "The middle frame of a series, made small",
                access="grant",
                query=ThumbnailQuery,
                media_types=("image/*",),
                errors=(*_GRANT, errors.InvalidRequestError, errors.UnsupportedImageError, errors.PeerUnavailableError),
            ),
        )


def create_app(services: RenderServices, peers: Peers) -> Starlette:
    """Put HTTP in front of the services."""
    services.storages.own = peers.storage
    handlers = RenderEndpoints(services.port)
    app = Starlette(
        routes=[
            *(endpoint.route() for endpoint in handlers.endpoints()),
            WebSocketRoute("/v1/session", handlers.session, name="session"),
        ],
        exception_handlers=HANDLERS,
    )
    app.add_middleware(AccessLog)
    return app


async def _carry(socket: WebSocket, link: RenderLink) -> None:
    """Pass messages in both directions until one side ends."""
    incoming = asyncio.create_task(_receive(socket, link))
    outgoing = asyncio.create_task(_send(socket, link))
    try:
        await asyncio.wait({incoming, outgoing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (incoming, outgoing):
            task.cancel()
        results = await asyncio.gather(incoming, outgoing, return_exceptions=True)
    for result in results:
        if isinstance(result, LinkClosedError):
            await socket.close(result.close_code, result.message)
            return
        if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
            _log.error("link broken", exc_info=result)


async def _receive(socket: WebSocket, link: RenderLink) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        # Bytes are no message of ours; the link says so in its own words.
        await link.send(text if text is not None else "")


async def _send(socket: WebSocket, link: RenderLink) -> None:
    while True:
        message = await link.receive()
        if isinstance(message, str):
            await socket.send_text(message)
        else:
            await socket.send_bytes(message)


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        text = "a grant is needed: Authorization: Bearer"
        raise NotAuthenticatedError(text)
    return token
