"""The storage node as other roles see it: checks grants and answers."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager

from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from webviewer.codecs.burnt_in import read_annotation
from webviewer.codecs.header import read_header
from webviewer.domain.identity import Action, Grant, Store
from webviewer.domain.image import BurntIn
from webviewer.domain.load import VolumeUse
from webviewer.domain.study import (
    InstanceSource,
    QuarantineItem,
    QuarantinePage,
    QuarantineQuery,
    SeriesManifest,
    StudyDetail,
    StudyPage,
    StudyQuery,
    UploadState,
)
from webviewer.errors import ForbiddenError, NotFoundError, WebViewerError
from webviewer.ports.storage import EncodedFrame, StudyArchive
from webviewer.wire.grants import GrantVerifier
from webviewer_storage.anonymity import (
    detail_without_names,
    manifest_without_names,
    page_without_names,
    search_without_names,
)
from webviewer_storage.index import deletion, quarantine, reader
from webviewer_storage.index.scope import Scope
from webviewer_storage.index.search import search
from webviewer_storage.library import Library
from webviewer_storage.media.study_archive import StudyZip
from webviewer_storage.pixels.frames import stream_frames
from webviewer_storage.stores import Stores
from webviewer_storage.uploads.service import Uploads


class StorageService:
    """Implements :class:`webviewer.ports.storage.StoragePort`."""

    def __init__(
        self, verifier: GrantVerifier, library: Library, stores: Stores, uploads: Uploads, *, local_paths: bool
    ) -> None:
        self._verifier = verifier
        self._library = library
        self._stores = stores
        self._uploads = uploads
        self._local_paths = local_paths

    async def ping(self) -> None:
        """Return if the index answers."""
        async with self._library.read() as connection:
            await connection.execute(sql("SELECT 1"))

    async def shared_store(self, token: str) -> Store:
        """Return the node's shared store."""
        self._verifier.verify(token, Action.LIST)
        return self._stores.shared

    async def put_store(self, token: str, store: Store) -> None:
        """Create the store or change its owner and AE title."""
        self._verifier.verify(token, Action.MANAGE_STORES)
        await self._stores.put(store)

    async def delete_store(self, token: str, store: str) -> None:
        """Delete a store with all its studies."""
        self._verifier.verify(token, Action.MANAGE_STORES)
        await self._stores.delete(store)
        await self._uploads.delete_store(store)

    async def sizes(self, token: str, stores: Sequence[str]) -> Mapping[str, int]:
        """Return the bytes of the images in stores."""
        self._verifier.verify(token, Action.MANAGE_STORES)
        return await self._stores.sizes(stores)

    async def volume_use(self, token: str) -> VolumeUse:
        """Return how full the node's volume is."""
        self._verifier.verify(token, Action.MANAGE_STORES)
        return await asyncio.to_thread(self._library.blobs.use)

    async def list_studies(self, token: str, query: StudyQuery) -> StudyPage:
        """Search the grant's stores."""
        grant = self._verifier.verify(token, Action.LIST)
        async with self._library.read() as connection:
            if not grant.anonymised:
                return await search(connection, Scope.of(grant), query)
            allowed = search_without_names(query)
            if allowed is None:
                return StudyPage(total=0, offset=query.offset, studies=())
            return page_without_names(await search(connection, Scope.of(grant), allowed))

    async def get_study(self, token: str, study: str) -> StudyDetail:
        """Return a study of the grant's stores."""
        grant = self._verifier.verify(token, Action.LIST)
        async with self._library.read() as connection:
            detail = await reader.study_detail(connection, Scope.of(grant), study)
            if not grant.anonymised:
                return detail
            hidden = await self._without_pictures(connection, Scope.of(grant), study)
        return detail_without_names(detail, hidden)

    async def find_series(self, token: str, series: str) -> str:
        """Return the id of the store that holds the series."""
        grant = self._verifier.verify(token, Action.LIST)
        async with self._library.read() as connection:
            return await reader.store_of_series(connection, Scope.of(grant), series)

    @asynccontextmanager
    async def study_archive(self, token: str, study: str) -> AsyncGenerator[StudyArchive, None]:
        """Open the ZIP of a study."""
        grant = self._verifier.verify(token, Action.LIST)
        if not grant.download or grant.anonymised:
            text = "the grant does not allow a download"
            raise ForbiddenError(text)
        async with self._library.read() as connection:
            files = await reader.study_files(connection, Scope.of(grant), study)
        # Documents are asked for their titles, and a directory of thousands of records takes a while.
        made = await asyncio.to_thread(StudyZip, self._library.blobs, files, dt.datetime.now())  # noqa: DTZ005 - ZIPs have no zone
        async with aclosing(made.chunks()) as chunks:
            yield StudyArchive(made.size, chunks)

    async def delete_study(self, token: str, study: str) -> None:
        """Delete a study."""
        grant = self._verifier.verify(token, Action.DELETE)
        async with self._library.change() as connection:
            await deletion.delete_study(connection, Scope.of(grant), study)

    async def get_upload(self, token: str, digest: str) -> UploadState:
        """Return how far an upload has come."""
        return await self._uploads.get(self._upload_store(token), digest)

    async def put_upload_part(  # noqa: PLR0913 - each names one property of the part
        self, token: str, digest: str, *, size: int, offset: int, name: str, body: AsyncIterator[bytes]
    ) -> UploadState:
        """Append a part of a file to its upload."""
        store = self._upload_store(token)
        return await self._uploads.put_part(store, digest, size=size, offset=offset, name=name, body=body)

    async def delete_upload(self, token: str, digest: str) -> None:
        """Forget an unfinished upload."""
        await self._uploads.delete(self._upload_store(token), digest)

    async def list_quarantine(self, token: str, query: QuarantineQuery) -> QuarantinePage:
        """List damaged objects of the grant's stores."""
        grant = self._whole_stores(token, Action.LIST)
        async with self._library.read() as connection:
            return await quarantine.page(connection, grant.stores, query)

    async def get_quarantined(self, token: str, item: str) -> QuarantineItem:
        """Return a damaged object of the grant's stores."""
        grant = self._whole_stores(token, Action.LIST)
        async with self._library.read() as connection:
            return await quarantine.find(connection, grant.stores, item)

    async def delete_quarantined(self, token: str, item: str) -> None:
        """Delete a damaged object."""
        grant = self._whole_stores(token, Action.DELETE)
        async with self._library.change() as connection:
            await deletion.delete_quarantined(connection, grant.stores, item)

    async def series_manifest(self, token: str) -> SeriesManifest:
        """Describe the grant's series."""
        manifest = await self._manifest(self._verifier.verify(token, Action.PIXELS))
        if not self._local_paths:
            return manifest
        # An absolute path stays right whatever the working folder of a render worker is.
        instances = tuple(
            source.model_copy(update={"path": str(self._library.blobs.path(source.digest).absolute())})
            for source in manifest.instances
        )
        return manifest.model_copy(update={"instances": instances})

    async def series_frames(self, token: str, first: int) -> AsyncGenerator[EncodedFrame, None]:
        """Stream all frames of the grant's series."""
        manifest = await self._manifest(self._verifier.verify(token, Action.PIXELS))
        async for frame in stream_frames(self._library.blobs, manifest, max(first, 0)):
            yield frame

    async def _manifest(self, grant: Grant) -> SeriesManifest:
        if grant.series is None:
            text = "the grant names no series"
            raise ForbiddenError(text)
        async with self._library.read() as connection:
            rows = await reader.manifest_rows(connection, Scope.of(grant), grant.series)
        # Thousands of descriptions take a while to parse.
        return await asyncio.to_thread(self._described, rows, anonymised=grant.anonymised)

    async def _without_pictures(self, connection: AsyncConnection, scope: Scope, study: str) -> set[str]:
        """Return the series that lose all of their pictures because names may be burnt into them."""
        doubtful = [
            series
            for series, one in (await reader.one_picture_each(connection, study)).items()
            if not await asyncio.to_thread(self._shows_something, one)
        ]
        hidden: set[str] = set()
        for series in doubtful:
            if scope.series in {None, series}:
                rows = await reader.manifest_rows(connection, scope, series)
                if not await asyncio.to_thread(self._shows_something, rows):
                    hidden.add(series)
        return hidden

    def _shows_something(self, rows: reader.ManifestRows) -> bool:
        return any(source.image for source in self._described(rows, anonymised=True).instances)

    def _described(self, rows: reader.ManifestRows, *, anonymised: bool) -> SeriesManifest:
        manifest = reader.manifest(rows)
        if not anonymised:
            return manifest
        classes = tuple(row.sop_class for row in rows.instances)
        return manifest_without_names(manifest, rows.study, classes, self._annotation)

    def _annotation(self, source: InstanceSource) -> BurntIn:
        """Read again what an object says of names in its pixels: the index of a former release does not know it."""
        try:
            with self._library.blobs.path(source.digest).open("rb") as file:
                return read_annotation(read_header(file).dataset)
        except (OSError, WebViewerError):
            return "yes"

    def _whole_stores(self, token: str, action: Action) -> Grant:
        """Return a grant for what belongs to stores. Raises ForbiddenError for one of a study, or an anonymised one."""
        grant = self._verifier.verify(token, action)
        if grant.study is not None or grant.anonymised:
            text = "the grant is for showing studies and for nothing beside it"
            raise ForbiddenError(text)
        return grant

    def _upload_store(self, token: str) -> str:
        grant = self._whole_stores(token, Action.WRITE)
        if not grant.stores or not self._stores.exists(grant.stores[0]):
            text = "the store does not exist"
            raise NotFoundError(text)
        return grant.stores[0]
