"""Composition of the storage role."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from starlette.applications import Starlette

from webviewer.domain.study import IngestOutcome
from webviewer.roles import Mode, Peers, Role
from webviewer.settings import Settings
from webviewer.wire.grants import GrantVerifier
from webviewer_storage import app, metrics
from webviewer_storage.blobs.folder import BlobFolder
from webviewer_storage.dimse.supervisor import DicomServer
from webviewer_storage.index.database import open_index, upgrade
from webviewer_storage.ingest.committer import Committer
from webviewer_storage.ingest.intake import Intake
from webviewer_storage.library import Library, lock_folder
from webviewer_storage.service import StorageService
from webviewer_storage.stores import Stores
from webviewer_storage.uploads.service import Uploads

_log = structlog.get_logger(__name__)
_VOLUME_SECONDS = 15


@dataclass(frozen=True, slots=True)
class StorageServices:
    """A running storage node. ``port`` is what other roles call."""

    port: StorageService
    stores: Stores
    intake: Intake
    dicom: DicomServer | None

    @property
    def shared_store(self) -> str:
        """Id of the store that the node's own AE title leads to."""
        return self.stores.shared.id

    @property
    def dicom_port(self) -> int | None:
        """The bound DICOM port, None where DICOM is off."""
        return self.dicom.port if self.dicom else None

    async def ingest_file(self, store: str, path: Path, name: str) -> IngestOutcome:
        """Copy a file of this machine into a store. Raises StorageFullError."""
        return await self.intake.take_file(store, path, name, source="local")


@asynccontextmanager
async def build(settings: Settings, mode: Mode) -> AsyncIterator[StorageServices]:
    """Open the index, mend what a crash left, then listen."""
    async with AsyncExitStack() as stack:
        stack.enter_context(lock_folder(settings.data))
        # A database of its own, or a node that is alone, needs nobody to decide when to migrate.
        migrate = mode.unified or settings.database_url is None
        engine = await stack.enter_async_context(open_index(settings, migrate=migrate))
        blobs = BlobFolder(settings.data, settings.min_free_bytes)
        library = Library(engine, blobs)
        await library.recover()
        stores = Stores(library, settings.ae_title)
        await stores.load()
        committer = Committer(library)
        await stack.enter_async_context(committer.running())
        intake = Intake(blobs, committer, settings.max_object_bytes)
        stack.callback(intake.close)
        uploads = Uploads(settings, library, intake)
        await stack.enter_async_context(uploads.running())
        dicom: DicomServer | None = None
        if not settings.no_dicom:
            dicom = DicomServer(settings, blobs, stores, committer)
            await stack.enter_async_context(dicom.running())
        verifier = GrantVerifier(mode.keys, settings.node_name or "storage")
        service = StorageService(verifier, library, stores, uploads, local_paths=mode.unified)
        watch = asyncio.create_task(_watch_volume(blobs))
        stack.push_async_callback(_cancel, watch)
        yield StorageServices(service, stores, intake, dicom)


def create_app(services: StorageServices, _: Peers) -> Starlette:
    """Put HTTP in front of the services."""
    return app.create_app(services.port)


async def _watch_volume(blobs: BlobFolder) -> None:
    while True:
        free, total = await asyncio.to_thread(blobs.usage)
        metrics.FREE_BYTES.set(free)
        metrics.TOTAL_BYTES.set(total)
        await asyncio.sleep(_VOLUME_SECONDS)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


ROLE: Role[StorageServices] = Role("storage", 8091, build, create_app, upgrade)
