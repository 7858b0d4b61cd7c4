"""Files and rows together: every change of both goes through here, one transaction at a time."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from webviewer.db.engine import outages_named, read_only
from webviewer.domain.study import IngestOutcome, refusal
from webviewer.errors import InvalidRequestError, PeerUnavailableError
from webviewer.reasons import Reason, Why
from webviewer_storage import metrics
from webviewer_storage.blobs.folder import BlobFolder
from webviewer_storage.blobs.same_data import same_data_set
from webviewer_storage.index import deletion
from webviewer_storage.index.writer import BatchWriter, WriterMemory
from webviewer_storage.ingest.facts import Receipt

_log = structlog.get_logger(__name__)
_LOCK_NAME = "storage.lock"
_KEPT = frozenset({"stored", "quarantined", "conflict"})


class Library:
    """The index and the blobs of a node.

    One lock orders all changes: between the commit of a batch and the moves of its files nobody
    unlinks a blob, and the other way round.
    """

    def __init__(self, engine: AsyncEngine, blobs: BlobFolder) -> None:
        self._engine = engine
        self.blobs = blobs
        self._reader = read_only(engine)
        self._lock = asyncio.Lock()
        self._memory = WriterMemory()
        self._doomed: set[str] = set()
        self._identical: set[str] = set()
        self._undecided: dict[str, str] = {}
        """Name -> digest of files whose rows may exist: the database may have gone away behind the commit."""

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a consistent view of the index. Raises PeerUnavailableError while its database does not answer."""
        with outages_named():
            async with self._reader.connect() as connection:
                yield connection

    async def recover(self) -> None:
        """Finish what a crash interrupted: committed files move on, all others go."""
        waiting = await asyncio.to_thread(self.blobs.leftovers)
        async with self._engine.begin() as connection:
            known = await deletion.referenced(connection, list(set(waiting.values())))
            doomed = await deletion.doomed(connection)
            alive = await deletion.referenced(connection, doomed)
            await deletion.forget_doomed(connection, list(alive))
        await asyncio.to_thread(self._settle, waiting, known)
        self._doomed = set(doomed) - alive
        await self._remove_doomed()
        if waiting or doomed:
            finished = sum(digest in known for digest in waiting.values())
            _log.info("recovered", finished=finished, dropped=len(waiting) - finished, removed=len(doomed))

    def _settle(self, waiting: dict[str, str], known: set[str]) -> None:
        for name, digest in waiting.items():
            if digest in known:
                self.blobs.prepare(digest)
                self.blobs.adopt(name, digest)
            else:
                self.blobs.discard(name)

    async def commit(self, receipts: Sequence[Receipt]) -> list[IngestOutcome]:
        """Make a batch durable: one transaction, then the moves. Returns outcomes in order.

        An object that cannot be indexed is ``rejected`` alone; the others of its batch are not touched.
        While the database does not answer all are.
        """
        started = time.monotonic()
        async with self._lock:
            try:
                outcomes = await self._write(receipts)
            except PeerUnavailableError:
                outcomes = [self._put_off(receipt, Why.DATABASE_AWAY()) for receipt in receipts]
            except (SQLAlchemyError, OSError):
                outcomes = [await self._write_alone(receipt) for receipt in receipts]
            await asyncio.to_thread(self._move, receipts, outcomes)
            await self._tidy()
        metrics.COMMIT_SECONDS.observe(time.monotonic() - started)
        metrics.COMMIT_OBJECTS.observe(len(receipts))
        for receipt, outcome in zip(receipts, outcomes, strict=True):
            way = receipt.source.split()[0]
            metrics.INGESTED.labels(way, outcome.status).inc()
            if outcome.status == "stored":
                metrics.INGESTED_BYTES.labels(way).inc(receipt.size)
        return outcomes

    async def _write(self, receipts: Sequence[Receipt]) -> list[IngestOutcome]:
        await asyncio.to_thread(self._prepare, receipts)
        # What a failed batch changed is not trusted.
        memory, self._memory = self._memory, WriterMemory()
        with outages_named():
            async with self._engine.begin() as connection:
                writer = BatchWriter(connection, self._same_data, memory)
                outcomes = await writer.write(receipts)
                revived = self._doomed & {receipt.digest for receipt in receipts}
                if revived:
                    await deletion.forget_doomed(connection, list(revived))
        self._memory = writer.memory()
        self._doomed -= revived
        self._identical |= writer.identical
        return outcomes

    async def _write_alone(self, receipt: Receipt) -> IngestOutcome:
        try:
            return (await self._write([receipt]))[0]
        except PeerUnavailableError:
            return self._put_off(receipt, Why.DATABASE_AWAY())
        except (SQLAlchemyError, OSError) as error:
            _log.debug("object not indexed", exc_info=error)
            return self._put_off(receipt, Why.NOT_INDEXED())

    def _put_off(self, receipt: Receipt, why: Reason) -> IngestOutcome:
        """Refuse an object, but keep its file until it is known whether its row was committed."""
        _log.error("object not indexed", cause=why.code)
        self._undecided[receipt.file] = receipt.digest
        return refusal("rejected", why, receipt.name)

    async def _tidy(self) -> None:
        """Finish, now or after a later batch, what a lost database left undone."""
        try:
            if self._undecided:
                async with self.read() as connection:
                    known = await deletion.referenced(connection, list(set(self._undecided.values())))
                await asyncio.to_thread(self._settle, self._undecided, known)
                self._undecided = {}
            await self._remove_doomed()
        except PeerUnavailableError as error:
            _log.warning("files not tidied", cause=error.message)

    async def _same_data(self, digest: str, receipt: Receipt) -> bool:
        pair = self.blobs.path(digest), self.blobs.incoming / receipt.file
        return await asyncio.to_thread(same_data_set, *pair)

    def _prepare(self, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            self.blobs.prepare(receipt.digest)
        self.blobs.sync_incoming()

    def _move(self, receipts: Sequence[Receipt], outcomes: Sequence[IngestOutcome]) -> None:
        for receipt, outcome in zip(receipts, outcomes, strict=True):
            # The same bytes sent again mend a blob that somebody lost.
            mends = receipt.file in self._identical and not self.blobs.path(receipt.digest).exists()
            try:
                if outcome.status in _KEPT or mends:
                    self.blobs.adopt(receipt.file, receipt.digest)
                elif receipt.file not in self._undecided:
                    self.blobs.discard(receipt.file)
            except OSError as error:
                _log.error("file not moved", cause=error.strerror, digest=receipt.digest)
        self._identical.clear()

    @asynccontextmanager
    async def change(self) -> AsyncIterator[AsyncConnection]:
        """Change rows in one transaction; blobs doomed by it are unlinked after its commit."""
        async with self._lock:
            self._memory = WriterMemory()
            with outages_named():
                async with self._engine.begin() as connection:
                    yield connection
                    doomed = await deletion.doomed(connection)
            self._doomed = set(doomed)
            await self._tidy()

    async def _remove_doomed(self) -> None:
        digests = sorted(self._doomed)
        if not digests:
            return

        def unlink() -> None:
            for digest in digests:
                self.blobs.remove(digest)

        await asyncio.to_thread(unlink)
        with outages_named():
            async with self._engine.begin() as connection:
                await deletion.forget_doomed(connection, digests)
        self._doomed.clear()


def lock_folder(data: Path) -> BinaryIO:
    """Take the folder for this process, until the returned file is closed.

    Raises InvalidRequestError if it is taken.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = (data / _LOCK_NAME).open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        text = f"another storage process uses {data}: stop it, or give this one its own folder by --data"
        raise InvalidRequestError(text) from error
    file.write(str(os.getpid()).encode())
    return file
