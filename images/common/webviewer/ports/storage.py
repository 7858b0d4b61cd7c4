"""What control and render ask of a storage node."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from webviewer.domain.identity import Store
from webviewer.domain.image import Value
from webviewer.domain.load import VolumeUse
from webviewer.domain.study import (
    QuarantineItem,
    QuarantinePage,
    QuarantineQuery,
    SeriesManifest,
    StudyDetail,
    StudyPage,
    StudyQuery,
    UploadState,
)


class EncodedFrame(Value):
    """Stored bytes of one frame, as received. ``data`` is the whole file where the table says so."""

    instance: int
    """Index into the manifest."""
    frame: int
    data: bytes


class SeriesLocation(Value):
    """Where a series is: the answer of :meth:`StoragePort.find_series` on the wire."""

    store: str


@dataclass(frozen=True, slots=True)
class StudyArchive:
    """A ZIP that is being made: its length in bytes, and its pieces. It ends early only by an exception."""

    size: int
    chunks: AsyncIterator[bytes]


class StoreNames(Value):
    """Whose sizes are wanted: the body of :meth:`StoragePort.sizes` on the wire."""

    stores: tuple[str, ...]


class StoreSizes(Value):
    """Bytes of the images in stores: the answer of :meth:`StoragePort.sizes` on the wire."""

    bytes: dict[str, int]


class StorageDirectory(Protocol):
    """Storage nodes by their addresses."""

    def at(self, address: str) -> StoragePort:
        """Return the node; whether there is one at this address is seen when it is asked."""
        ...


class StoragePort(Protocol):
    """A storage node.

    Every method raises :class:`~webviewer.errors.NotAuthenticatedError` for a bad token,
    :class:`~webviewer.errors.ForbiddenError` where the grant lacks the action,
    :class:`~webviewer.errors.NotFoundError` for anything outside the grant's stores, and
    :class:`~webviewer.errors.PeerUnavailableError` when the node does not answer.
    """

    async def ping(self) -> None:
        """Return if the node serves requests."""
        ...

    async def shared_store(self, token: str) -> Store:
        """Return the node's shared store. Needs ``studies:list``."""
        ...

    async def put_store(self, token: str, store: Store) -> None:
        """Create the store or change its owner and AE title. Needs ``stores:manage``."""
        ...

    async def delete_store(self, token: str, store: str) -> None:
        """Delete a store with all its studies. Needs ``stores:manage``."""
        ...

    async def sizes(self, token: str, stores: Sequence[str]) -> Mapping[str, int]:
        """Return how many bytes the images of each of these stores have; 0 for one that is not here.

        Needs ``stores:manage``.
        """
        ...

    async def volume_use(self, token: str) -> VolumeUse:
        """Return how full the node's volume is. Needs ``stores:manage``."""
        ...

    async def list_studies(self, token: str, query: StudyQuery) -> StudyPage:
        """Search the grant's stores. Needs ``studies:list``."""
        ...

    async def get_study(self, token: str, study: str) -> StudyDetail:
        """Return a study of the grant's stores. Needs ``studies:list``."""
        ...

    async def find_series(self, token: str, series: str) -> str:
        """Return the opaque id of the store that holds ``series``. Needs ``studies:list``."""
        ...

    def study_archive(self, token: str, study: str) -> AbstractAsyncContextManager[StudyArchive]:
        """Open a ZIP of the study's files with a DICOMDIR. Needs ``studies:list`` and a grant with ``download``.

        Nothing is collected: the disk waits for the reader, and leaving the context ends the work.
        """
        ...

    async def delete_study(self, token: str, study: str) -> None:
        """Delete a study. Needs ``studies:delete``."""
        ...

    async def get_upload(self, token: str, digest: str) -> UploadState:
        """Return how far an upload into the grant's first store has come. Needs ``studies:write``."""
        ...

    async def put_upload_part(  # noqa: PLR0913 - each names one property of the part
        self, token: str, digest: str, *, size: int, offset: int, name: str, body: AsyncIterator[bytes]
    ) -> UploadState:
        """Append a part of a file to its upload into the grant's first store. Needs ``studies:write``.

        ``offset`` must equal what was received so far (:class:`~webviewer.errors.ConflictError`
        otherwise, with the right state readable by :meth:`get_upload`). The last part starts
        processing: DICOM is ingested, ZIPs are unpacked.
        """
        ...

    async def delete_upload(self, token: str, digest: str) -> None:
        """Forget an unfinished upload. Needs ``studies:write``."""
        ...

    async def list_quarantine(self, token: str, query: QuarantineQuery) -> QuarantinePage:
        """List damaged objects of the grant's stores. Needs ``studies:list``."""
        ...

    async def get_quarantined(self, token: str, item: str) -> QuarantineItem:
        """Return a damaged object of the grant's stores. Needs ``studies:list``."""
        ...

    async def delete_quarantined(self, token: str, item: str) -> None:
        """Delete a damaged object. Needs ``studies:delete``."""
        ...

    async def series_manifest(self, token: str) -> SeriesManifest:
        """Describe the grant's series. Needs ``pixels:read`` and a grant with ``series``."""
        ...

    def series_frames(self, token: str, first: int) -> AsyncGenerator[EncodedFrame, None]:
        """Stream all frames of the grant's series in one go, with back-pressure.

        Starts at manifest index ``first``, runs to the end, then from the instance before
        ``first`` down to 0. Needs ``pixels:read`` and a grant with ``series``.
        """
        ...
