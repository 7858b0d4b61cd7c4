"""The link of one socket to the render node: made when a viewport opens, remade when it breaks."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable

import structlog
from pydantic import ValidationError

from webviewer.errors import NodeFullError
from webviewer.ports.render import LinkClosedError, RenderLink
from webviewer.wire.messages import CloseCode, Closed, Event, NodeOpen, Open, Opened, PixelSource, View
from webviewer_control import metrics
from webviewer_control.relay.queue import WaitingRoom
from webviewer_control.relay.viewports import Bound, Viewports
from webviewer_control.services.control import Gateway
from webviewer_control.services.placement import Candidate
from webviewer_control.services.renders import Place
from webviewer_control.services.sessions import Session

FULL_RETRY_SECONDS = 2.0
_BACK_OFF = (0.1, 0.5, 1.0, 2.0, 5.0)
_PATIENCE = 3
"""After so many failures in a row a tab goes to the end of the line."""
_log = structlog.get_logger(__name__)


class BrowserGoneError(Exception):
    """The browser closed its socket; ``deliver`` raises it."""


class NodeLink:
    """Carries messages to the render node, and its messages and frames to ``deliver``.

    Frames are passed on one at a time and unread: the next one is taken from the node when the
    browser has taken the last, so a slow browser slows the node down and fills no memory here. Of
    the node's texts only ``opened`` and ``closed`` are looked at: they say what a viewport shows.
    """

    def __init__(
        self,
        gateway: Gateway,
        session: Session,
        viewports: Viewports,
        deliver: Callable[[str | bytes], Awaitable[None]],
        tab: str,
    ) -> None:
        """``tab`` tells the tabs of all controls apart."""
        self._gateway = gateway
        self._session = session
        self._viewports = viewports
        self._deliver = deliver
        self._tab = tab
        self._link: RenderLink | None = None
        self._order = asyncio.Lock()
        self._lost = False

    async def open(self, message: Open, store: str, storage: str | None) -> None:
        """Bind a viewport and tell the node; without a link it is told when there is one."""
        async with self._order:
            bound = self._viewports.open(message, store, storage)
            await self._send_now(self._open_text(message.viewport, bound))

    async def view(self, message: View, text: str) -> None:
        """Merge a change and pass it on, in one step: a link that is being remade gets it exactly once."""
        async with self._order:
            self._viewports.merge(message)
            await self._send_now(text)

    async def send(self, text: str) -> None:
        """Pass a message on; without a link there is nobody it could concern."""
        async with self._order:
            await self._send_now(text)

    async def run(self, waiting: WaitingRoom) -> None:
        """Keep the link alive while viewports are open, until cancelled."""
        failures, refused = 0, False
        while True:
            if not self._viewports:
                await waiting.leave(self._tab)
            await self._viewports.wait_for_any()
            node: Candidate | None = None
            try:
                await self._stand_in_line(waiting, refused=refused)
                if not self._viewports:
                    continue
                refused = False
                async with self._gateway.renders.connect(self._session, self._series(), self._is_busy) as place:
                    await waiting.leave(self._tab)
                    node = place.node
                    await self._attach(place.link)
                    failures = 0
                    await self._pump_until_idle(place)
            except BrowserGoneError:
                raise
            except NodeFullError:
                refused = True
            except Exception as error:  # noqa: BLE001 - whatever broke the link, it has to be made again
                await self._note_loss(error)
                moved = isinstance(error, LinkClosedError) and error.close_code == CloseCode.MOVE and not failures
                if node is not None and not moved:
                    await self._gateway.renders.check(node)
                pause = 0.0 if moved else _BACK_OFF[min(failures, len(_BACK_OFF) - 1)]
                failures += 1
                if failures >= _PATIENCE:
                    await waiting.leave(self._tab)  # whoever is first and gets nowhere must not stop all others
                await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
            finally:
                self._link = None

    async def _stand_in_line(self, waiting: WaitingRoom, *, refused: bool) -> None:
        """Return when it is this tab's turn to ask for a node, or nothing is open any more; its place is told meanwhile.

        ``refused``: every node has just said that it is full.
        """
        if not refused and await waiting.passes(self._tab, self._session.id):
            return
        while self._viewports:
            place = await waiting.place(self._tab, self._session.id)
            await self._event("queue", place)
            if place == 1 and not refused:
                return
            await waiting.wait(self._tab, FULL_RETRY_SECONDS * random.uniform(0.9, 1.1))  # noqa: S311 - no secret
            refused = False

    async def _attach(self, link: RenderLink) -> None:
        """Open on the new link what is open in the browser, in the state it was last in."""
        async with self._order:
            for viewport, bound in self._viewports.items():
                await link.send(self._open_text(viewport, bound))
                if bound.base is None and bound.patch:
                    view = View(viewport=viewport, sequence=bound.sequence, patch=bound.patch)
                    await link.send(view.model_dump_json())
            self._link = link
        if self._lost:
            self._lost = False
            await self._event("render-restored")

    async def _pump_until_idle(self, place: Place) -> None:
        pump = asyncio.create_task(self._pump(place))
        idle = asyncio.create_task(self._viewports.wait_idle(self._gateway.slot_idle))
        lost = asyncio.create_task(place.lost.wait())
        try:
            await asyncio.wait({pump, idle, lost}, return_when=asyncio.FIRST_COMPLETED)
            if pump.done():
                pump.result()
            if lost.done():
                # The node hangs, or another tab has moved on: the next one is asked for at once.
                raise LinkClosedError(CloseCode.MOVE, "the session has to leave its render node")
        finally:
            for task in (pump, idle, lost):
                task.cancel()
            await asyncio.gather(pump, idle, lost, return_exceptions=True)

    def _is_busy(self) -> bool:
        return len(self._viewports) > 0

    def _series(self) -> str:
        """Return what the session came for."""
        return next((bound.series for _, bound in self._viewports.items()), "")

    async def _pump(self, place: Place) -> None:
        while True:
            message = await place.link.receive()
            place.hear()
            if isinstance(message, str):
                self._look_at(message)
            else:
                metrics.FRAMES.inc()
                metrics.FRAME_BYTES.inc(len(message))
            await self._deliver(message)

    def _look_at(self, text: str) -> None:
        try:
            value = json.loads(text)
            kind = value.get("type")
            if kind == "opened":
                opened = Opened.model_validate(value)
                self._viewports.started(opened.viewport, opened.series, opened.view)
            elif kind == "closed":
                self._viewports.close(Closed.model_validate(value).viewport)
        except (ValueError, AttributeError, ValidationError):
            _log.warning("render sent a message that cannot be read")

    def _open_text(self, viewport: int, bound: Bound) -> str:
        token = self._gateway.stores.pixels_grant(self._session, bound.store, bound.series)
        message = NodeOpen(
            viewport=viewport,
            series=bound.series,
            size=bound.size,
            window=bound.window,
            orientation=bound.orientation,
            view=bound.view(),
            sequence=bound.sequence,
            pixels=PixelSource(token=token, storage=bound.storage),
        )
        return message.model_dump_json()

    async def _send_now(self, text: str) -> None:
        if self._link is None:
            return
        try:
            await self._link.send(text)
        except LinkClosedError:
            self._link = None  # the pump notices too and makes a new one

    async def _note_loss(self, error: Exception) -> None:
        cause = error.message if isinstance(error, LinkClosedError) else type(error).__name__
        _log.warning("link to render lost", session=self._session.id, cause=cause)
        metrics.RENDER_LOSSES.inc()
        if not self._lost:
            self._lost = True
            await self._event("render-lost")

    async def _event(self, name: str, value: int | None = None) -> None:
        await self._deliver(Event.model_validate({"name": name, "value": value}).model_dump_json())
