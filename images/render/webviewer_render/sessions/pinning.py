"""Work that needs the pixels of a slice."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from webviewer_render.decoded.series import Series


def with_pixels(series: Series, slot: int, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    """Start ``work`` and keep the pixels of a slice from now until it ends, even if it is cancelled before it began."""
    series.pin(slot)
    task = asyncio.create_task(work)
    task.add_done_callback(lambda _: series.unpin(slot))
    return task
