"""The running parts of the render role."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from webviewer import tls
from webviewer.clients.storage import StorageClient
from webviewer.errors import PeerUnavailableError
from webviewer.ports.storage import StoragePort
from webviewer.roles import Mode
from webviewer.settings import Settings
from webviewer.wire.grants import GrantVerifier
from webviewer_render import devices, metrics
from webviewer_render.decoded.frame_cache import FrameCache
from webviewer_render.decoded.library import SeriesLibrary
from webviewer_render.pool.workers import WorkerPool
from webviewer_render.sessions.clock import Clock, LoopClock
from webviewer_render.sessions.context import Context
from webviewer_render.sessions.service import RenderSessions
from webviewer_render.sessions.slots import SlotTable

MOVE_SECONDS = 20.0
"""So long may sessions take to leave a node that stops."""


class Storages:
    """Storage nodes by address: the one of this process in unified mode, clients otherwise."""

    def __init__(self, default_url: str, trusted: ssl.SSLContext | None = None) -> None:
        self._trusted = trusted
        self.own: StoragePort | None = None
        self._default_url = default_url
        self._clients: dict[str, StorageClient] = {}

    def __call__(self, url: str | None) -> StoragePort:
        """Return the storage node. Raises PeerUnavailableError where none is known."""
        url = url or self._default_url
        if self.own is not None:
            return self.own
        if not url:
            text = "the address of the storage node is not known"
            raise PeerUnavailableError(text)
        if url not in self._clients:
            self._clients[url] = StorageClient(url, tls=self._trusted)
        return self._clients[url]

    async def aclose(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            await client.aclose()


@dataclass(frozen=True, slots=True)
class RenderServices:
    """``port`` is what the other roles see."""

    port: RenderSessions
    context: Context
    storages: Storages


async def move_sessions(services: RenderServices) -> None:
    """Send all sessions to other nodes and wait, not for ever, until they have gone."""
    services.port.drain()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(MOVE_SECONDS):
            await services.port.wait_until_left()


@asynccontextmanager
async def build(settings: Settings, mode: Mode, clock: Clock | None = None) -> AsyncIterator[RenderServices]:
    """Start workers and yield the services; they are ready for pictures when the workers have warmed up."""
    device = await asyncio.to_thread(devices.choose, settings.device)
    pool = WorkerPool(settings.render_workers, settings.max_thread_pool_threads, device.backend)
    keep = not (settings.no_image_cache or settings.no_volume_cache)
    storages = Storages("" if mode.unified else settings.storage_url, tls.client_context(settings.tls_authority))
    clock = clock or LoopClock()
    context = Context(
        pool=pool,
        library=SeriesLibrary(pool, settings.volume_budget_bytes, keep=keep, authority=settings.tls_authority),
        frames=FrameCache(0 if settings.no_image_cache else settings.frame_cache_bytes),
        slots=SlotTable(settings.render_slots, clock, settings.slot_idle),
        clock=clock,
        storage=storages,
    )
    port = RenderSessions(settings, context, GrantVerifier(mode.keys, settings.node_name or "render"), device.name)
    metrics.PENDING_JOBS.set_function(lambda: pool.pending)
    await pool.start()
    try:
        yield RenderServices(port, context, storages)
    finally:
        port.drain()
        context.slots.close()
        context.library.close()
        await pool.stop()
        await storages.aclose()
