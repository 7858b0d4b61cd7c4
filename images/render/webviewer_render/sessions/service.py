"""The render node as others see it: links of sessions, and thumbnails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog

from webviewer.domain.identity import Action
from webviewer.domain.load import NodeLoad
from webviewer.errors import DrainingError
from webviewer.settings import Settings
from webviewer.wire.grants import GrantVerifier
from webviewer.wire.messages import CloseCode
from webviewer_render import metrics
from webviewer_render.sessions.bandwidth import TokenBucket
from webviewer_render.sessions.context import Context
from webviewer_render.sessions.link import Link
from webviewer_render.sessions.thumbnails import Thumbnails

_log = structlog.get_logger(__name__)


class RenderSessions:
    """Implements :class:`webviewer.ports.render.RenderPort`."""

    def __init__(self, settings: Settings, context: Context, verifier: GrantVerifier, device: str) -> None:
        """``device`` is the name of what is drawn on."""
        self._bandwidth = settings.render_bandwidth
        self._context = context
        self._verifier = verifier
        self._device = device
        self._links: set[Link] = set()
        self._left = asyncio.Event()
        self._buckets: dict[str, TokenBucket] = {}
        self._thumbnails = Thumbnails(context)

    async def ping(self) -> None:
        """Return if pictures can be drawn now. Raises PeerUnavailableError or DrainingError."""
        if self._context.slots.draining:
            text = "the render node is about to stop"
            raise DrainingError(text)
        self._context.pool.check_ready()

    @asynccontextmanager
    async def connect(self, token: str) -> AsyncIterator[Link]:
        """Open a link for the grant's session, claiming a slot for it."""
        grant = self._verifier.verify(token, Action.VIEW)
        self._context.slots.claim(grant.session)
        bucket = self._buckets.setdefault(grant.session, TokenBucket(self._bandwidth, self._context.clock.now()))
        link = Link(grant, self._context, bucket)
        self._links.add(link)
        metrics.LINKS.set(len(self._links))
        try:
            yield link
        finally:
            link.close()
            self._links.discard(link)
            self._left.set()
            metrics.LINKS.set(len(self._links))
            if all(other.session != grant.session for other in self._links):
                self._buckets.pop(grant.session, None)
            await link.finish()

    async def thumbnail(
        self, token: str, pixels_token: str, size: int, storage: str | None = None
    ) -> tuple[bytes, str]:
        """Return (image, media type) of the middle frame of a series."""
        grant = self._verifier.verify(token, Action.VIEW)
        return await self._thumbnails.make(pixels_token, size, storage, anonymised=grant.anonymised)

    async def load(self, token: str) -> NodeLoad:
        """Return how busy the node is."""
        self._verifier.verify(token, Action.OPERATE)
        slots = self._context.slots
        return NodeLoad(slots=slots.total, used=len(slots), draining=slots.draining)

    async def held_series(self, token: str) -> Sequence[str]:
        """Return the series in memory."""
        self._verifier.verify(token, Action.OPERATE)
        return self._context.library.names

    async def device(self, token: str) -> str:
        """Return the name of what is drawn on."""
        self._verifier.verify(token, Action.OPERATE)
        return self._device

    async def set_draining(self, token: str, *, draining: bool, move: bool) -> None:
        """Take no new sessions, or take them again; ``move`` sends those that are here to other nodes."""
        self._verifier.verify(token, Action.OPERATE)
        if draining and move:
            self.drain()
            return
        slots = self._context.slots
        if draining != slots.draining:
            _log.info("draining" if draining else "taking sessions again", sessions=len(slots))
        slots.draining, slots.moving = draining, False

    async def wait_until_left(self) -> None:
        """Return when no link is open."""
        while self._links:
            self._left.clear()
            await self._left.wait()

    def drain(self) -> None:
        """Take nobody and ask everybody to move: the close code tells pages to reconnect."""
        self._context.slots.draining = self._context.slots.moving = True
        for link in list(self._links):
            link.close(CloseCode.MOVE, "the render node is about to stop")
        _log.info("drained")
