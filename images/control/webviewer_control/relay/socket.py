"""One ``/eventQueue`` socket from hello to close."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, field

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from webviewer.errors import InvalidRequestError, TooLargeError, WebViewerError
from webviewer.web.forwarded import seen
from webviewer.wire.messages import (
    Ack,
    ClientHello,
    ClientMessage,
    Close,
    CloseCode,
    ErrorMessage,
    Event,
    Measure,
    Open,
    Percentiles,
    Pick,
    Ping,
    Pong,
    Query,
    View,
)
from webviewer_control import metrics
from webviewer_control.relay.incoming import read_message
from webviewer_control.relay.keeper import keep_saved
from webviewer_control.relay.link import BrowserGoneError, NodeLink
from webviewer_control.relay.openings import Openings
from webviewer_control.relay.queue import WaitingRoom
from webviewer_control.relay.viewports import Viewports
from webviewer_control.services.control import Control, Gateway
from webviewer_control.services.sessions import Session
from webviewer_control.services.watch import Watch
from webviewer_control.store.finish import finish
from webviewer_control.store.models import new_id

MAX_BAD_MESSAGES = 16
WARN_SECONDS = 60
_WATCH_SECONDS = 1.0
_CLOSE_SECONDS = 2.0
_POLICY_VIOLATION = 1008
_ABNORMAL = 1006
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Relay:
    """Serves an authenticated socket until one side closes it or the session ends."""

    websocket: WebSocket
    control: Control
    gateway: Gateway
    session: Session
    waiting: WaitingRoom
    id: str = field(default_factory=new_id)
    viewports: Viewports = field(default_factory=Viewports)
    link: NodeLink = field(init=False)
    openings: Openings = field(init=False)
    bad: int = 0

    def __post_init__(self) -> None:
        address = seen(self.websocket).address
        self.openings = Openings(self.control, self.gateway, self.session, address)
        self.link = NodeLink(self.gateway, self.session, self.viewports, self.deliver, self.id)

    async def run(self) -> None:
        """Serve; returns after the socket is closed."""
        with self.control.sessions.watch(self.session) as watch, metrics.SOCKETS.track_inprogress():
            tasks: list[asyncio.Task[int]] = [
                asyncio.create_task(self._read()),
                asyncio.create_task(self._until_ended(watch)),
                asyncio.create_task(self._link()),
            ]
            keeper = asyncio.create_task(
                keep_saved(self.control.viewports, self.viewports, self.id, self.session.id), name="keeper"
            )
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                code = next(iter(done)).result()
            except BrowserGoneError:
                code = _ABNORMAL
            finally:
                for task in (*tasks, keeper):
                    task.cancel()
                await asyncio.gather(*tasks, keeper, return_exceptions=True)
                await self.waiting.leave(self.id)
                await self.openings.finish()
                self.viewports.close_all()
        if code != _ABNORMAL:
            await close(self.websocket, code)

    async def deliver(self, message: str | bytes) -> None:
        """Send to the browser; waits while it is slow. Raises BrowserGoneError."""
        try:
            if isinstance(message, str):
                await self.websocket.send_text(message)
            else:
                await self.websocket.send_bytes(message)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise BrowserGoneError from error

    async def _link(self) -> int:
        await self.link.run(self.waiting)
        return _ABNORMAL

    async def _until_ended(self, watch: Watch) -> int:
        """Return when the session has ended, after a warning if that is only a matter of time."""
        warned = False
        while True:
            try:
                async with asyncio.timeout(_WATCH_SECONDS):
                    await watch.ended.wait()
            except TimeoutError:
                left = (watch.deadline - self.control.clock()) / dt.timedelta(seconds=1)
                if left <= WARN_SECONDS and not warned:
                    message = Event(name="session-ending", value=max(0, round(left)))
                    await self.deliver(message.model_dump_json())
                warned = left <= WARN_SECONDS
            else:
                return CloseCode.SESSION_ENDED

    async def _read(self) -> int:
        """Read messages until the browser closes, or sends too much that cannot be read."""
        while True:
            received = await self.websocket.receive()
            if received["type"] == "websocket.disconnect":
                return _ABNORMAL
            text = received.get("text")
            try:
                message = read_message(text)
            except (InvalidRequestError, TooLargeError) as error:
                self.bad += 1
                await self._complain(error, None)
                if self.bad >= MAX_BAD_MESSAGES:
                    return _POLICY_VIOLATION
                continue
            self.bad = 0
            try:
                await self._handle(message, str(text))
            except WebViewerError as error:
                await self._complain(error, getattr(message, "viewport", None))

    async def _handle(self, message: ClientMessage, text: str) -> None:
        match message:
            case Open():
                await self._open(message)
            case View():
                await self.link.view(message, text)
            case Close():
                self.viewports.close(message.viewport)
                await self.link.send(text)
                if not self.viewports:
                    await self.gateway.renders.rest(self.session)
            case Ack() | Query() | Pick() | Percentiles() | Measure():
                await self.link.send(text)
            case Ping():
                await self.deliver(Pong(id=message.id).model_dump_json())
            case ClientHello():
                complaint = "hello is said once"
                raise InvalidRequestError(complaint)
        if not isinstance(message, Ack | Ping):
            # These come by themselves; all else is a sign that somebody is there.
            await self._touch()

    async def _touch(self) -> None:
        self.session = await finish(self.control.sessions.touch(self.session))

    async def _open(self, message: Open) -> None:
        """Bind a viewport, if one of the session's stores holds the series."""
        self.viewports.check_room(message.viewport)
        await self._touch()  # before the answer: what else an opening writes must not make it wait
        await self.link.open(message, *await finish(self._find(message.series)))
        self.openings.opened(message)

    async def _find(self, series: str) -> tuple[str, str | None]:
        """Return the store of a series that the session may see, and where its pixels are read. Raises NotFoundError."""
        node = await self.gateway.stores.node(self.session)
        token = await self.gateway.stores.read_grant(self.session)
        return await node.port.find_series(token, series), node.url

    async def _complain(self, error: WebViewerError, viewport: int | None) -> None:
        message = ErrorMessage.of(error, viewport)
        await self.deliver(message.model_dump_json())


async def close(websocket: WebSocket, code: int, reason: str = "") -> None:
    """Close a socket; a browser that takes nothing any more is not waited for."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await websocket.close(code, reason)
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        _log.debug("browser took no close", code=code)
