"""The render nodes as sessions use them: each at its own node, and at another one when that is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from zlib import crc32

import structlog

from webviewer.errors import DrainingError, NodeFullError, PeerUnavailableError, WebViewerError
from webviewer.ports.render import RenderDirectory, RenderLink, RenderPort
from webviewer_control.services.placement import Candidate, Placements
from webviewer_control.services.pulse import Pulse
from webviewer_control.services.rounds import repeat
from webviewer_control.services.sessions import Session
from webviewer_control.services.stores import Stores
from webviewer_control.store.finish import finish

CONNECT_SECONDS = 5.0
CHECK_SECONDS = 1.0
_LOOK_SECONDS = 4.0
_SILENT = "the render node does not answer"
_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Place:
    """A session at a node. ``lost`` is set when it has to leave: the node is silent, or another tab has moved."""

    session: str
    node: Candidate
    link: RenderLink
    busy: Callable[[], bool]
    hear: Callable[[], None]
    """To be called when the node has said something."""
    lost: asyncio.Event = field(default_factory=asyncio.Event)


class Renders:
    """Finds nodes for sessions by the ledger, and asks them: their word counts."""

    def __init__(
        self,
        placements: Placements,
        directory: RenderDirectory,
        stores: Stores,
        token: Callable[[], str],
        idle: float,
    ) -> None:
        """``token`` makes a grant to operate nodes; ``idle`` is that of ``placements``."""
        self._renew_seconds = idle / 3
        self._renewed = float("-inf")
        self._placements = placements
        self._directory = directory
        self._stores = stores
        self._token = token
        self._places: set[Place] = set()
        self._pulses: dict[int, Pulse] = {}

    @asynccontextmanager
    async def connect(self, session: Session, series: str, busy: Callable[[], bool]) -> AsyncIterator[Place]:
        """Open a link at the session's node, or at the next best one that takes it.

        ``busy`` tells whether viewports are open: the place is kept while they are. Raises NodeFullError if all refuse, and
        PeerUnavailableError if none answers.
        """
        async with AsyncExitStack() as stack:
            node, link = await self._claim(session, series, stack)
            pulse = self._pulse(node)
            place = Place(session.id, node, link, busy, pulse.hear)
            self._places.add(place)
            pulse.join(place.lost)
            pulse.hear()
            try:
                self._call_together(place)
                yield place
            finally:
                pulse.leave(place.lost)
                if not len(pulse) and self._pulses.get(node.id) is pulse:
                    del self._pulses[node.id]
                self._places.discard(place)
                if busy():
                    await self.rest(session)

    async def _claim(self, session: Session, series: str, stack: AsyncExitStack) -> tuple[Candidate, RenderLink]:
        refused: set[int] = set()
        cause: WebViewerError | None = None
        while True:
            try:
                node = await finish(self._placements.place(session.id, series, refused))
            except NodeFullError as error:
                await finish(self._placements.give_up(session.id, refused))
                raise cause or error from error
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    port = self._directory.at(node.address)
                    link = await stack.enter_async_context(port.connect(self._stores.view_grant(session)))
            except (NodeFullError, DrainingError) as error:
                _log.info("render node refuses", node=node.id, cause=error.code)
                cause = NodeFullError(error.message)
            except PeerUnavailableError as error:
                cause = cause or error
                await self._note_silence(node, error.message)
            except TimeoutError:
                cause = cause or PeerUnavailableError(_SILENT)
                if node.id not in self._pulses or not self._pulses[node.id].heard_within(CONNECT_SECONDS):
                    await self._note_silence(node, _SILENT)
            else:
                return node, link
            refused.add(node.id)

    async def check(self, node: Candidate) -> None:
        """Look at a node whose link broke, so that nobody waits for one that is dead."""
        if not await self._make_pulse(node).lives(CHECK_SECONDS):
            await self._note_silence(node, _SILENT)

    async def _note_silence(self, node: Candidate, cause: str) -> None:
        _log.warning("render node not reached", node=node.id, cause=cause)
        await finish(self._placements.note_failure(node.id, cause))

    async def rest(self, session: Session) -> None:
        """A viewport of the session was open until now: its place is kept for a while from this moment on."""
        with contextlib.suppress(PeerUnavailableError):  # it was kept not long ago
            await finish(self._placements.touch(session.id))

    async def thumbnail(
        self, session: Session, series: str, pixels_token: str, size: int, storage: str | None
    ) -> tuple[bytes, str]:
        """Have a small picture drawn at the session's node, or at any: it takes no slot. Raises as the port does."""
        view = self._stores.view_grant(session)
        own = await self._placements.of(session.id)
        nodes = await self._placements.nodes()
        missing = PeerUnavailableError("no render node has registered")
        # Sessions without a node spread by what they ask for: a node that has drawn a series once has it at hand.
        for node in sorted(
            nodes, key=lambda node: (node.failing, node.id != own, crc32(f"{node.id} {series}".encode()))
        ):
            try:
                return await self._directory.at(node.address).thumbnail(view, pixels_token, size, storage)
            except PeerUnavailableError as error:
                missing = error
        raise missing

    async def ping(self) -> None:
        """Return if a node can draw. Raises PeerUnavailableError."""
        missing: WebViewerError = PeerUnavailableError("no render node has registered")
        for node in await self._placements.nodes():
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await self._directory.at(node.address).ping()
            except WebViewerError as error:
                missing = error
            except TimeoutError:
                missing = PeerUnavailableError(_SILENT)
        raise missing

    async def look_for_ever(self) -> None:
        """Keep what is used, forget what is not, and follow sessions that have moved, every few seconds."""
        await repeat(self._look, min(_LOOK_SECONDS, self._renew_seconds), "places not looked at")

    async def _look(self) -> None:
        await self.follow()
        now = asyncio.get_running_loop().time()
        if now - self._renewed >= self._renew_seconds:
            self._renewed = now
            await self.renew()

    async def renew(self) -> None:
        """Keep the places of sessions with open viewports."""
        used = {place.session: place.node.id for place in self._places if place.busy()}
        if used:
            await finish(self._placements.renew(used))
        await finish(self._placements.sweep())

    async def follow(self) -> None:
        """Tell tabs whose session is at another node by now, because another control has moved it."""
        if not self._places:
            return
        places = await finish(self._placements.all({place.session for place in self._places}))
        for place in list(self._places):
            if places.get(place.session, place.node.id) != place.node.id:
                place.lost.set()

    def _call_together(self, arrived: Place) -> None:
        """All tabs of a session are at one node: the last one that found a node is right."""
        for place in self._places:
            if place.session == arrived.session and place.node.id != arrived.node.id:
                place.lost.set()

    def _pulse(self, node: Candidate) -> Pulse:
        """Return who asks the node; one for all of its sessions."""
        if node.id not in self._pulses:
            self._pulses[node.id] = self._make_pulse(node)
        return self._pulses[node.id]

    def _make_pulse(self, node: Candidate) -> Pulse:
        async def tell(cause: str) -> None:
            await finish(self._placements.note_failure(node.id, cause))

        return Pulse(self._directory.at(node.address), self._token, tell)


class LocalDirectory:
    """Implements :class:`webviewer.ports.render.RenderDirectory` where there is one node, in this process."""

    def __init__(self, render: RenderPort) -> None:
        self._render = render

    def at(self, address: str) -> RenderPort:  # noqa: ARG002 - the port's
        """Return the one node."""
        return self._render


class RegisteredNodes:
    """Implements :class:`webviewer.ports.render.RenderNodesPort` by the registry."""

    def __init__(self, placements: Placements, directory: RenderDirectory) -> None:
        self._placements = placements
        self._directory = directory

    async def nodes(self) -> Mapping[str, RenderPort]:
        """Return the nodes by host and port; see the port."""
        nodes = await self._placements.nodes()
        return {urlsplit(node.address).netloc or node.address: self._directory.at(node.address) for node in nodes}
