"""The way of a file that is already here (uploads, members of archives, the sample) into the library."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, TypeVar

from webviewer.domain.study import IngestOutcome, refusal
from webviewer.errors import DamagedObjectError
from webviewer.reasons import Reason, Why
from webviewer_storage.blobs.folder import BlobFolder, Received, receive
from webviewer_storage.ingest.committer import Committer
from webviewer_storage.ingest.facts import ObjectFacts, Receipt
from webviewer_storage.ingest.reader import MediaDirectoryError, NotDicomError, read_facts
from webviewer_storage.ingest.text import clean

OWNER = "main"
T = TypeVar("T")
_NAME_LENGTH = 255
_THREADS = 4


class Intake:
    """Reads objects in threads and commits them. Close it at the end."""

    def __init__(self, blobs: BlobFolder, committer: Committer, max_object_bytes: int) -> None:
        self.blobs = blobs
        self._committer = committer
        self._limit = max_object_bytes
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="intake")

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)

    async def take_file(self, store: str, path: Path, name: str, source: str = "upload") -> IngestOutcome:
        """Copy a file and ingest the copy. Raises StorageFullError."""

        def copy() -> Received:
            self.blobs.check_room(path.stat().st_size)
            with path.open("rb") as file:
                return receive(self.blobs, file, OWNER, self._limit)

        return await self.take(store, await self._run(copy), name, source)

    async def take_stream(self, store: str, file: BinaryIO, limit: int, name: str) -> IngestOutcome:
        """Copy an open file of at most ``limit`` bytes and ingest the copy.

        Raises StorageFullError, TooLargeError beyond the limit, and whatever ``file`` raises.
        """

        def copy() -> Received:
            self.blobs.check_room()
            return receive(self.blobs, file, OWNER, min(limit, self._limit))

        return await self.take(store, await self._run(copy), name, "upload")

    async def take_linked(self, store: str, path: Path, digest: str, name: str) -> IngestOutcome:
        """Ingest a file of known digest that is durable on the same volume, without copying it."""
        received = await self._run(lambda: self.blobs.link(path, digest, OWNER))
        if received.size > self._limit:
            return await self._drop(received, refusal("rejected", Why.OBJECT_LARGE(limit=self._limit), name))
        return await self.take(store, received, name, "upload")

    async def take(self, store: str, received: Received, name: str, source: str) -> IngestOutcome:
        """Ingest a complete file of ``incoming``."""
        name = clean(name.replace("\\", "/").rsplit("/", 1)[-1], _NAME_LENGTH)
        facts: ObjectFacts | None = None
        why: Reason | None = None
        try:
            facts = await self._run(lambda: read_facts(self.blobs.incoming / received.name))
        except NotDicomError:
            return await self._drop(received, refusal("not-dicom", Why.NO_DICOM_FILE(), name))
        except MediaDirectoryError:
            return await self._drop(received, refusal("rejected", Why.MEDIA_DIRECTORY(), name))
        except DamagedObjectError as error:
            why = error.why or Why.HEADER_DAMAGED()
        receipt = Receipt(
            store=store,
            file=received.name,
            digest=received.digest,
            size=received.size,
            source=source,
            name=name,
            facts=facts,
            why=why,
        )
        return await self._committer.commit(receipt)

    async def _drop(self, received: Received, outcome: IngestOutcome) -> IngestOutcome:
        await self._run(lambda: self.blobs.discard(received.name))
        return outcome

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
