"""Who may open ``/eventQueue``: origin, hello, version and session, before anything else is said."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket

from webviewer.errors import ForbiddenError, NotAuthenticatedError, PeerUnavailableError, WebViewerError
from webviewer.web.endpoint import SESSION_COOKIE
from webviewer.web.forwarded import seen
from webviewer.web.origin import OriginPolicy
from webviewer.wire.messages import PROTOCOL_VERSION, ClientHello, CloseCode, ServerHello
from webviewer_control.relay.incoming import read_message
from webviewer_control.relay.queue import WaitingRoom
from webviewer_control.relay.socket import Relay, close
from webviewer_control.services.control import Control, Gateway
from webviewer_control.services.sessions import Session

HELLO_SECONDS = 10.0
MAX_SOCKETS = 32
_TRY_AGAIN = 1013


class Entrance:
    """The WebSocket endpoint. It is accepted first, because only then a close code reaches the page."""

    def __init__(self, control: Control, gateway: Gateway, origins: OriginPolicy, waiting: WaitingRoom) -> None:
        self._control = control
        self._gateway = gateway
        self._origins = origins
        self._waiting = waiting

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one socket."""
        await websocket.accept()
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                hello = await self._hello(websocket)
            if hello is None:
                return
            if hello.version != PROTOCOL_VERSION:
                await close(websocket, CloseCode.RELOAD, "reload the page")
                return
            session = await self._authenticate(websocket, hello)
        except (TimeoutError, NotAuthenticatedError):
            await close(websocket, CloseCode.NOT_AUTHENTICATED)
            return
        except ForbiddenError as error:
            await close(websocket, CloseCode.FORBIDDEN, error.code)
            return
        except PeerUnavailableError as error:
            await close(websocket, _TRY_AGAIN, error.code)
            return
        if self._control.sessions.sockets(session) >= MAX_SOCKETS:
            await close(websocket, _TRY_AGAIN, "too many tabs")
            return
        relay = Relay(websocket, self._control, self._gateway, session, self._waiting)
        await websocket.send_text(ServerHello(session=session.id, anonymised=session.anonymised).model_dump_json())
        await relay.run()

    async def _hello(self, websocket: WebSocket) -> ClientHello | None:
        received = await websocket.receive()
        if received["type"] == "websocket.disconnect":
            return None
        try:
            message = read_message(received.get("text"))
        except WebViewerError as error:
            raise NotAuthenticatedError(error.message) from error
        if not isinstance(message, ClientHello):
            text = "hello comes first"
            raise NotAuthenticatedError(text)
        return message

    async def _authenticate(self, websocket: WebSocket, hello: ClientHello) -> Session:
        """Find the session. A token beats the cookie, and needs no origin: no browser adds it by itself."""
        if hello.token is not None:
            session = await self._control.sessions.find(hello.token, "link")
        else:
            self._origins.check(websocket.headers, seen(websocket))
            secret = websocket.cookies.get(SESSION_COOKIE, "")
            session = await self._control.sessions.find(secret, "user") if secret else None
        if session is None:
            text = "log in first"
            raise NotAuthenticatedError(text)
        return session
