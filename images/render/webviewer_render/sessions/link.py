"""One link: the conversation with a browser tab, in this process or behind a WebSocket."""

from __future__ import annotations

import asyncio

import structlog
from pydantic import BaseModel, ValidationError

from webviewer.domain.identity import Grant
from webviewer.domain.merging import describe
from webviewer.errors import InvalidRequestError, NotFoundError, TooLargeError, WebViewerError
from webviewer.ports.render import LinkClosedError
from webviewer.wire.messages import (
    MAX_MESSAGE_BYTES,
    Ack,
    Close,
    Closed,
    ErrorMessage,
    Measure,
    NodeMessage,
    NodeOpen,
    Percentiles,
    Pick,
    Query,
    View,
    node_message,
)
from webviewer_render.decoded.series import Series
from webviewer_render.sessions.bandwidth import TokenBucket
from webviewer_render.sessions.context import Context
from webviewer_render.sessions.viewport import Viewport

_log = structlog.get_logger(__name__)
MAX_VIEWPORTS = 64
_MAX_UNREAD = 2000
_TOO_SLOW = 1008
_GOING_AWAY = 1001


class NotOpenError(NotFoundError):
    """The viewport shows nothing: ``open`` comes first."""

    code = "not_open"


class Link:
    """Implements :class:`webviewer.ports.render.RenderLink`. A wrong message is answered by an error and nothing else."""

    def __init__(self, grant: Grant, context: Context, bucket: TokenBucket) -> None:
        self.session = grant.session
        self._grant = grant
        self._context = context
        self._bucket = bucket
        self._out: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._end: LinkClosedError | None = None
        self._viewports: dict[int, Viewport] = {}
        self._serials: dict[int, int] = {}
        self._opening: dict[Viewport, asyncio.Task[None]] = {}

    # ------------------------------------------------------------ the port

    async def send(self, text: str) -> None:
        """Take a message. Raises LinkClosedError."""
        if self._end is not None:
            raise self._end
        viewport: int | None = None
        try:
            message = _parse(text)
            viewport = message.viewport
            self._handle(message)
        except WebViewerError as error:
            self.post(ErrorMessage.of(error, viewport))

    async def receive(self) -> str | bytes:
        """Wait for the next message or frame. Raises LinkClosedError, after what was sent before the end."""
        message = await self._out.get()
        if message is None:
            self._out.put_nowait(None)
            raise self._end or LinkClosedError(_GOING_AWAY, "the link has ended")
        return message

    def post(self, message: BaseModel | bytes) -> None:
        """Send a message or frame to the browser."""
        if self._end is not None:
            return
        self._out.put_nowait(message if isinstance(message, bytes) else message.model_dump_json())
        if self._out.qsize() > _MAX_UNREAD:
            # Frames are bounded by acknowledgements; this one asks without listening.
            self.close(_TOO_SLOW, "messages are not read")

    def close(self, close_code: int = _GOING_AWAY, message: str = "the link has ended") -> None:
        """End the link and free its viewports."""
        if self._end is not None:
            return
        self._end = LinkClosedError(close_code, message)
        for number in list(self._viewports):
            self._close(number)
        self._out.put_nowait(None)

    async def finish(self) -> None:
        """Wait for what the link had begun."""
        await asyncio.gather(*self._opening.values(), return_exceptions=True)

    # ------------------------------------------------------------ messages

    def _handle(self, message: NodeMessage) -> None:
        if isinstance(message, NodeOpen):
            self._open(message)
            return
        viewport = self._viewports.get(message.viewport)
        if isinstance(message, Close):
            self._close(message.viewport)
            return
        if viewport is None:
            if isinstance(message, Ack):
                return  # of a frame that was on its way when the viewport closed
            text = "the viewport is not open"
            raise NotOpenError(text)
        if isinstance(message, View):
            viewport.change(message)
        elif isinstance(message, Ack):
            viewport.acknowledge(message)
        else:
            _ask(viewport, message)

    def _open(self, message: NodeOpen) -> None:
        number = message.viewport
        if number not in self._viewports and len(self._viewports) >= MAX_VIEWPORTS:
            text = f"a page may have at most {MAX_VIEWPORTS} viewports"
            raise TooLargeError(text)
        viewport = Viewport(
            message,
            self._serials.get(number, 0),
            self._context,
            self,
            self._bucket,
            anonymised=self._grant.anonymised,
        )
        self._close(number)
        try:
            self._context.slots.viewport_opened(self.session)
        except WebViewerError as error:
            self.post(Closed.of(error, number))
            return
        self._viewports[number] = viewport
        self._opening[viewport] = asyncio.create_task(self._bind(viewport, message))

    async def _bind(self, viewport: Viewport, message: NodeOpen) -> None:
        """Find the pixels, unless the viewport is closed meanwhile."""
        series: Series | None = None
        try:
            series = await self._context.library.open(
                message.pixels, message.series, self._context.storage, whole=message.window != "image"
            )
            viewport.start(series)
            self._context.library.balance()
        except WebViewerError as error:
            self._refuse(viewport, Closed.of(error, viewport.number))
        except Exception:  # noqa: BLE001
            _log.exception("series not opened")
            text = "the series cannot be opened; see the server's log"
            self._refuse(viewport, Closed(viewport=viewport.number, code="internal", message=text))
        finally:
            self._opening.pop(viewport, None)
            if series is not None and viewport.series is not series:
                self._context.library.release(series)

    def _refuse(self, viewport: Viewport, why: Closed) -> None:
        if self._viewports.get(viewport.number) is viewport:
            self._close(viewport.number)
            self.post(why)

    def _close(self, number: int) -> None:
        viewport = self._viewports.pop(number, None)
        if viewport is None:
            return
        # Serials go on: an acknowledgement of a former picture must not count for a new one.
        self._serials[number] = viewport.serial
        if task := self._opening.pop(viewport, None):
            task.cancel()
        viewport.close()
        if viewport.series is not None:
            self._context.library.release(viewport.series)
        self._context.slots.viewport_closed(self.session)


def _ask(viewport: Viewport, message: Query | Pick | Percentiles | Measure) -> None:
    if isinstance(message, Query):
        viewport.query(message)
    elif isinstance(message, Pick):
        viewport.pick(message)
    elif isinstance(message, Percentiles):
        viewport.percentiles(message)
    else:
        viewport.measure(message)


def _parse(text: str) -> NodeMessage:
    if len(text) > MAX_MESSAGE_BYTES or len(text.encode(errors="replace")) > MAX_MESSAGE_BYTES:
        text = f"a message may have at most {MAX_MESSAGE_BYTES} bytes"
        raise TooLargeError(text)
    try:
        return node_message.validate_json(text)
    except (ValidationError, UnicodeEncodeError, RecursionError) as error:
        reason = describe(error) if isinstance(error, ValidationError) else "not JSON"
        raise InvalidRequestError(reason) from error
