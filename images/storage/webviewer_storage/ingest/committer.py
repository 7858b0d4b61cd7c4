"""Group commit: what arrives while a batch is being committed forms the next batch.

So a lone sender waits for one short transaction, and many share one; nothing waits for a timer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from webviewer.domain.study import IngestOutcome
from webviewer_storage.ingest.facts import Receipt
from webviewer_storage.library import Library

_log = structlog.get_logger(__name__)
_MAX_BATCH = 256
_Waiting = tuple[Receipt, asyncio.Future[IngestOutcome]]


class Committer:
    """Turns single receipts into batches for the library."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Commit while the context is open; what waits at its end is committed first."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            await self._queue.join()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def commit(self, receipt: Receipt) -> IngestOutcome:
        """Wait until the object is durable (or refused) and return what became of it."""
        future: asyncio.Future[IngestOutcome] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((receipt, future))
        return await future

    async def _run(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < _MAX_BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                outcomes = await self._library.commit([receipt for receipt, _ in batch])
                for (_, future), outcome in zip(batch, outcomes, strict=True):
                    if not future.done():
                        future.set_result(outcome)
            except Exception as error:  # noqa: BLE001 - every sender must have an answer
                _log.exception("batch not committed", objects=len(batch))
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            finally:
                for _ in batch:
                    self._queue.task_done()
