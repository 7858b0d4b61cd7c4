"""What the viewports of all sessions share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from webviewer.ports.storage import StoragePort
from webviewer_render.decoded.frame_cache import FrameCache
from webviewer_render.decoded.library import SeriesLibrary
from webviewer_render.pool.workers import WorkerPool
from webviewer_render.sessions.clock import Clock
from webviewer_render.sessions.slots import SlotTable


@dataclass(frozen=True, slots=True)
class Context:
    """``storage`` returns the storage node at an address, or the one of this process for None."""

    pool: WorkerPool
    library: SeriesLibrary
    frames: FrameCache
    slots: SlotTable
    clock: Clock
    storage: Callable[[str | None], StoragePort]
