"""Resumable uploads: parts come in order, the whole is checked, then it is ingested in the background."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from webviewer.domain.study import IngestOutcome, UploadState, refusal
from webviewer.errors import (
    ConflictError,
    DamagedObjectError,
    InvalidRequestError,
    NotFoundError,
    StorageFullError,
    TooLargeError,
    WebViewerError,
)
from webviewer.reasons import Reason, Why
from webviewer.settings import Settings
from webviewer_storage import metrics
from webviewer_storage.index.reader import count_studies, stored_study
from webviewer_storage.ingest.intake import Intake
from webviewer_storage.ingest.text import clean
from webviewer_storage.library import Library
from webviewer_storage.uploads.archive import READ_ERRORS, Archive, Member
from webviewer_storage.uploads.ledger import UploadLedger, UploadRecord, summary_of

_log = structlog.get_logger(__name__)
_BUFFER_BYTES = 1024 * 1024
_CONCURRENT = 2
_MEMBERS_AT_ONCE = 4
_EXPIRY_SECONDS = 3600
_ZIP_MARK = b"PK\x03\x04"
_DICOM_MARK, _DICOM_OFFSET = b"DICM", 128
_Key = tuple[str, str]


class Uploads:
    """The uploads of a node."""

    def __init__(self, settings: Settings, library: Library, intake: Intake) -> None:
        self._settings = settings
        self._library = library
        self._intake = intake
        self._ledger = UploadLedger(settings.data)
        self._locks: dict[_Key, asyncio.Lock] = {}
        self._running: dict[_Key, UploadState] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_CONCURRENT)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Go on with what a stop interrupted, and forget what is older than a day."""
        await self._resume()
        self._start(self._expire())
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def get(self, store: str, digest: str) -> UploadState:
        """Return how far an upload has come. Raises NotFoundError if nothing is known of it."""
        running = self._running.get((store, digest))
        if running:
            return running
        record = await asyncio.to_thread(self._ledger.load, store, digest)
        if record is None or not await self._still_true(record):
            known = await self._known(store, digest)
            if known:
                return known
            text = "nothing was received of this upload"
            raise NotFoundError(text)
        if record.state.state != "receiving":
            return record.state
        received = await asyncio.to_thread(self._ledger.received, store, digest)
        return record.state.model_copy(update={"received": received})

    async def put_part(  # noqa: PLR0913 - each names one property of the part
        self, store: str, digest: str, *, size: int, offset: int, name: str, body: AsyncIterator[bytes]
    ) -> UploadState:
        """Append a part; the last one starts processing."""
        self._ledger.file(store, digest)  # refuses names that are no digests
        if size > self._settings.max_upload_bytes:
            text = f"an upload has at most {self._settings.max_upload_bytes} bytes"
            raise TooLargeError(text)
        if size <= 0:
            text = "the file is empty"
            raise InvalidRequestError(text)
        lock = self._locks.setdefault((store, digest), asyncio.Lock())
        if lock.locked():
            text = "another part of this upload is being received"
            raise ConflictError(text)
        async with lock:
            try:
                return await self._put_part(store, digest, size, offset, clean(name, 255), body)
            finally:
                self._locks.pop((store, digest), None)

    async def _put_part(  # noqa: PLR0913 - as above
        self, store: str, digest: str, size: int, offset: int, name: str, body: AsyncIterator[bytes]
    ) -> UploadState:
        if (store, digest) in self._running:
            return self._running[store, digest]
        known = await self._known(store, digest, size)
        if known:
            return known
        record = await asyncio.to_thread(self._ledger.load, store, digest)
        received = await asyncio.to_thread(self._ledger.received, store, digest)
        if record is None or record.state.state != "receiving" or record.size != size:
            state = UploadState(digest=digest, size=size, received=0, state="receiving")
            record = UploadRecord(store=store, digest=digest, size=size, name=name, state=state)
            received = 0
        if offset != received:
            text = f"{received} bytes were received so far: go on from there"
            raise ConflictError(text)
        await asyncio.to_thread(self._intake.blobs.check_room, size - received)
        await asyncio.to_thread(self._ledger.save, record)
        received = await self._receive(record, received, body)
        if received < size:
            return record.state.model_copy(update={"received": received})
        return await self._complete(record)

    async def _receive(self, record: UploadRecord, offset: int, body: AsyncIterator[bytes]) -> int:
        """Write the body; what came before an interruption is kept. Return the number of bytes there."""
        store, digest = record.store, record.digest
        await asyncio.to_thread(self._ledger.append, store, digest, offset, b"")
        await asyncio.to_thread(self._ledger.truncate, store, digest, offset)
        position, buffer = offset, bytearray()

        async def flush() -> None:
            nonlocal position
            data = bytes(buffer)
            buffer.clear()
            await asyncio.to_thread(self._ledger.append, store, digest, position, data)
            position += len(data)

        try:
            async for chunk in body:
                buffer += chunk
                if position + len(buffer) > record.size:
                    await asyncio.to_thread(self._ledger.truncate, store, digest, offset)
                    buffer.clear()
                    text = "the part is longer than the rest of the upload"
                    raise InvalidRequestError(text)
                if len(buffer) >= _BUFFER_BYTES:
                    await flush()
            await flush()
            await asyncio.to_thread(self._ledger.sync, store, digest)
        except OSError as error:
            if isinstance(error, WebViewerError):
                raise
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._ledger.truncate, store, digest, offset)
            text = f"the part could not be written: {error.strerror}"
            raise StorageFullError(text) from error
        return position

    async def _complete(self, record: UploadRecord) -> UploadState:
        path = self._ledger.file(record.store, record.digest)
        if await asyncio.to_thread(_digest_of, path) != record.digest:
            await asyncio.to_thread(self._ledger.drop_bytes, record.store, record.digest)
            update = {"state": "failed", "received": 0, **_failure(Why.DIGEST_DIFFERS())}
            record = record.model_copy(update={"state": record.state.model_copy(update=update)})
            await asyncio.to_thread(self._ledger.save, record)
            return record.state
        update = {"state": "processing", "received": record.size}
        record = record.model_copy(update={"state": record.state.model_copy(update=update)})
        await asyncio.to_thread(self._ledger.save, record)
        self._process_soon(record)
        return record.state

    async def delete(self, store: str, digest: str) -> None:
        """Forget an upload that is not being processed."""
        self._ledger.file(store, digest)
        if (store, digest) in self._running or (store, digest) in self._locks:
            text = "the upload is being received or processed"
            raise ConflictError(text)
        await asyncio.to_thread(self._ledger.drop, store, digest)

    async def delete_store(self, store: str) -> None:
        """Forget all uploads of a store."""
        await asyncio.to_thread(self._ledger.drop_store, store)

    async def _known(self, store: str, digest: str, size: int = 0) -> UploadState | None:
        """Return the state of an upload whose very bytes are stored already."""
        async with self._library.read() as connection:
            study = await stored_study(connection, store, digest)
        if study is None:
            return None
        outcome = IngestOutcome(status="duplicate", study=study)
        size = size or await asyncio.to_thread(lambda: self._library.blobs.path(digest).stat().st_size)
        return UploadState(
            digest=digest, size=size, received=size, state="done", processed=1, total=1, outcomes=(outcome,)
        )

    async def _still_true(self, record: UploadRecord) -> bool:
        """Whether the studies an upload went to exist: after their deletion the file is sent again."""
        studies = {outcome.study for outcome in record.state.outcomes if outcome.study}
        if not studies:
            return True
        async with self._library.read() as connection:
            return await count_studies(connection, record.store, studies) == len(studies)

    def _process_soon(self, record: UploadRecord) -> None:
        self._running[record.store, record.digest] = record.state
        self._start(self._process(record))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _process(self, record: UploadRecord) -> None:
        key = record.store, record.digest
        try:
            async with self._slots:
                metrics.UPLOADS.inc()
                try:
                    outcomes = await self._ingest(record)
                    update = {"state": "done", "outcomes": tuple(outcomes), "processed": len(outcomes)}
                except DamagedObjectError as error:
                    update = {"state": "failed", **_failure(error.why or Why.ARCHIVE_DAMAGED())}
                except StorageFullError:
                    update = {"state": "failed", **_failure(Why.STORAGE_FULL())}
                except Exception:  # noqa: BLE001 - the upload must end in a state
                    _log.exception("upload not processed")
                    update = {"state": "failed", **_failure(Why.INTERNAL())}
                finally:
                    metrics.UPLOADS.dec()
            state = self._running[key].model_copy(update=update)
            await asyncio.to_thread(self._ledger.save, record.model_copy(update={"state": state}))
            await asyncio.to_thread(self._ledger.drop_bytes, *key)
            _log.info("upload processed", state=state.state, outcomes=summary_of(state.outcomes))
        finally:
            self._running.pop(key, None)

    async def _ingest(self, record: UploadRecord) -> list[IngestOutcome]:
        path = self._ledger.file(record.store, record.digest)
        if not await asyncio.to_thread(_is_archive, path):
            return [await self._intake.take_linked(record.store, path, record.digest, record.name)]
        with await asyncio.to_thread(
            Archive, path, self._intake.blobs.incoming, self._settings.max_upload_bytes * 4
        ) as archive:
            members = await asyncio.to_thread(archive.members)
            self._progress(record, 0, len(members))
            outcomes: list[IngestOutcome] = []
            for start in range(0, len(members), _MEMBERS_AT_ONCE):
                group = members[start : start + _MEMBERS_AT_ONCE]
                outcomes += await asyncio.gather(*(self._take_member(record.store, member) for member in group))
                self._progress(record, len(outcomes), len(members))
        return outcomes

    async def _take_member(self, store: str, member: Member) -> IngestOutcome:
        name = clean(member.name, 255)
        if member.refused:
            return refusal("rejected", member.refused, name)
        try:
            with member.open() as file:
                return await self._intake.take_stream(store, file, member.limit, name)
        except StorageFullError:
            raise
        except TooLargeError:
            limit = min(member.limit, self._settings.max_object_bytes)
            return refusal("rejected", Why.OBJECT_LARGE(limit=limit), name)
        except READ_ERRORS:
            return refusal("rejected", Why.MEMBER_DAMAGED(), name)

    def _progress(self, record: UploadRecord, processed: int, total: int) -> None:
        key = record.store, record.digest
        self._running[key] = self._running[key].model_copy(update={"processed": processed, "total": total})

    async def _resume(self) -> None:
        for record in await asyncio.to_thread(lambda: list(self._ledger.records())):
            if record.state.state != "processing":
                continue
            if await asyncio.to_thread(self._ledger.received, record.store, record.digest) == record.size:
                self._process_soon(record)
            else:
                await asyncio.to_thread(self._ledger.drop, record.store, record.digest)

    async def _expire(self) -> None:
        while True:
            gone = await asyncio.to_thread(self._ledger.expire)
            if gone:
                _log.info("uploads expired", files=gone)
            await asyncio.sleep(_EXPIRY_SECONDS)


def _failure(why: Reason) -> dict[str, Any]:
    return {"reason": why.text, "why": why}


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_DICOM_OFFSET + len(_DICOM_MARK))
    # The preamble of a DICOM file may hold anything (PS3.10 7.1).
    return head.startswith(_ZIP_MARK) and not head.endswith(_DICOM_MARK)
