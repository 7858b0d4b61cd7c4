"""HTTP in front of a storage node, for the other roles."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from webviewer import errors
from webviewer.domain.identity import Store
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
from webviewer.errors import NotAuthenticatedError
from webviewer.ports.storage import EncodedFrame, SeriesLocation, StoragePort, StoreNames, StoreSizes
from webviewer.web.download import Download
from webviewer.web.endpoint import Endpoint
from webviewer.web.errors import handle_domain_error, handle_unexpected
from webviewer.web.health import Health, Readiness
from webviewer.wire.frame_stream import MEDIA_TYPE, encode_frames

_GRANT = (errors.NotAuthenticatedError, errors.ForbiddenError)
_FOUND = (*_GRANT, errors.NotFoundError)
_ZIP = "application/zip"
_BINARY = "application/octet-stream"


class PartQuery(BaseModel):
    """Where a part belongs."""

    model_config = ConfigDict(extra="forbid")

    size: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]


class FramesQuery(BaseModel):
    """Where the stream starts."""

    model_config = ConfigDict(extra="forbid")

    first: Annotated[int, Field(ge=0)] = 0


class StorageEndpoints:
    """The handlers; each passes the bearer token on to the port."""

    def __init__(self, port: StoragePort) -> None:
        self._port = port
        self._readiness = Readiness({"index": port.ping})

    async def healthz(self, _: Request) -> Health:
        """Say that the process runs."""
        return Health()

    async def readyz(self, _: Request) -> Health:
        """Say whether the index answers."""
        return await self._readiness.check()

    async def shared_store(self, request: Request) -> Store:
        """Return the node's shared store."""
        return await self._port.shared_store(_token(request))

    async def put_store(self, request: Request, body: Store) -> None:
        """Create or change a store."""
        await self._port.put_store(_token(request), body)

    async def delete_store(self, request: Request) -> None:
        """Delete a store."""
        await self._port.delete_store(_token(request), request.path_params["store"])

    async def sizes(self, request: Request, body: StoreNames) -> StoreSizes:
        """Tell the bytes of the images in stores."""
        return StoreSizes(bytes=dict(await self._port.sizes(_token(request), body.stores)))

    async def volume_use(self, request: Request) -> VolumeUse:
        """Tell how full the volume is."""
        return await self._port.volume_use(_token(request))

    async def search_studies(self, request: Request, body: StudyQuery) -> StudyPage:
        """Search the grant's stores."""
        return await self._port.list_studies(_token(request), body)

    async def get_study(self, request: Request) -> StudyDetail:
        """Return a study."""
        return await self._port.get_study(_token(request), request.path_params["study"])

    async def study_archive(self, request: Request) -> Response:
        """Stream a study as a ZIP."""
        stack = AsyncExitStack()
        archive = await stack.enter_async_context(
            self._port.study_archive(_token(request), request.path_params["study"])
        )
        return Download(archive.chunks, archive.size, stack, _ZIP)

    async def delete_study(self, request: Request) -> None:
        """Delete a study."""
        await self._port.delete_study(_token(request), request.path_params["study"])

    async def find_series(self, request: Request) -> SeriesLocation:
        """Return where a series is."""
        return SeriesLocation(store=await self._port.find_series(_token(request), request.path_params["series"]))

    async def get_upload(self, request: Request) -> UploadState:
        """Return how far an upload has come."""
        return await self._port.get_upload(_token(request), request.path_params["digest"])

    async def put_upload_part(self, request: Request, query: PartQuery) -> UploadState:
        """Append a part."""
        return await self._port.put_upload_part(
            _token(request),
            request.path_params["digest"],
            size=query.size,
            offset=query.offset,
            name=unquote(request.headers.get("x-file-name", "")),
            body=_body(request),
        )

    async def delete_upload(self, request: Request) -> None:
        """Forget an upload."""
        await self._port.delete_upload(_token(request), request.path_params["digest"])

    async def list_quarantine(self, request: Request, query: QuarantineQuery) -> QuarantinePage:
        """List the quarantine."""
        return await self._port.list_quarantine(_token(request), query)

    async def get_quarantined(self, request: Request) -> QuarantineItem:
        """Return a quarantined object."""
        return await self._port.get_quarantined(_token(request), request.path_params["item"])

    async def delete_quarantined(self, request: Request) -> None:
        """Delete a quarantined object."""
        await self._port.delete_quarantined(_token(request), request.path_params["item"])

    async def series_manifest(self, request: Request) -> SeriesManifest:
        """Describe the grant's series."""
        return await self._port.series_manifest(_token(request))

    async def series_frames(self, request: Request, query: FramesQuery) -> Response:
        """Stream the frames of the grant's series."""
        frames = self._port.series_frames(_token(request), query.first)
        # The first frame is read before the answer begins, so that errors still have a status.
        first = await anext(aiter(frames), None)
        return StreamingResponse(encode_frames(_with_first(first, frames)), media_type=MEDIA_TYPE)

    def declarations(self) -> list[Endpoint]:
        """Return all operations."""
        upload = "/v1/uploads/{digest}"
        put_errors = (
            *_FOUND,
            errors.InvalidRequestError,
            errors.ConflictError,
            errors.TooLargeError,
            errors.StorageFullError,
        )
        return [
            Endpoint("GET", "/healthz", self.healthz, "Alive", "public", response=Health),
            Endpoint("GET", "/readyz", self.readyz, "Ready", "public", response=Health),
            Endpoint(
                "GET", "/v1/stores/shared", self.shared_store, "Shared store", "grant", response=Store, errors=_GRANT
            ),
            Endpoint(
                "PUT", "/v1/stores", self.put_store, "Create or change a store", "grant", body=Store,
                errors=(*_GRANT, errors.ConflictError, errors.InvalidRequestError),
            ),
            Endpoint(
                "DELETE", "/v1/stores/{store}", self.delete_store, "Delete a store", "grant",
                errors=(*_FOUND, errors.ConflictError),
            ),
            Endpoint(
                "POST", "/v1/stores/sizes", self.sizes, "Bytes of stores", "grant",
                body=StoreNames, response=StoreSizes, errors=_GRANT,
            ),
            Endpoint(
                "GET", "/v1/volume", self.volume_use, "How full the volume is", "grant",
                response=VolumeUse, errors=_GRANT,
            ),
            Endpoint(
                "POST", "/v1/studies/search", self.search_studies, "Search studies", "grant",
                body=StudyQuery, response=StudyPage, errors=_GRANT,
            ),
            Endpoint(
                "GET", "/v1/studies/{study}", self.get_study, "A study", "grant", response=StudyDetail, errors=_FOUND
            ),
            Endpoint(
                "GET", "/v1/studies/{study}/archive", self.study_archive, "A study as a ZIP", "grant",
                media_types=(_ZIP,), errors=_FOUND,
            ),
            Endpoint("DELETE", "/v1/studies/{study}", self.delete_study, "Delete a study", "grant", errors=_FOUND),
            Endpoint(
                "GET", "/v1/series/{series}/store", self.find_series, "Where a series is", "grant",
                response=SeriesLocation, errors=_FOUND,
            ),
            Endpoint(
                "GET", upload, self.get_upload, "State of an upload", "grant", response=UploadState, errors=_FOUND
            ),
            Endpoint(
                "PUT", upload, self.put_upload_part, "Append a part", "grant", query=PartQuery,
                body_media_type=_BINARY, response=UploadState, errors=put_errors,
            ),
            Endpoint(
                "DELETE", upload, self.delete_upload, "Drop an upload", "grant", errors=(*_FOUND, errors.ConflictError)
            ),
            Endpoint(
                "GET", "/v1/quarantine", self.list_quarantine, "List the quarantine", "grant",
                query=QuarantineQuery, response=QuarantinePage, errors=_GRANT,
            ),
            Endpoint(
                "GET", "/v1/quarantine/{item}", self.get_quarantined, "A quarantined object", "grant",
                response=QuarantineItem, errors=_FOUND,
            ),
            Endpoint(
                "DELETE", "/v1/quarantine/{item}", self.delete_quarantined, "Delete a quarantined object", "grant",
                errors=_FOUND,
            ),
            Endpoint(
                "GET", "/v1/manifest", self.series_manifest, "Describe the grant's series", "grant",
                response=SeriesManifest, errors=_FOUND,
            ),
            Endpoint(
                "GET", "/v1/frames", self.series_frames, "Stream the frames of the grant's series", "grant",
                query=FramesQuery, media_types=(MEDIA_TYPE,), errors=(*_FOUND, errors.DamagedObjectError),
            ),
        ]  # fmt: skip


def create_app(port: StoragePort) -> Starlette:
    """Return the application."""
    endpoints = StorageEndpoints(port).declarations()
    return Starlette(
        routes=[endpoint.route() for endpoint in endpoints],
        exception_handlers={errors.WebViewerError: handle_domain_error, Exception: handle_unexpected},
    )


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        text = "a grant is needed"
        raise NotAuthenticatedError(text)
    return token


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        # What came so far is kept: the sender goes on from there.
        return


async def _with_first(first: EncodedFrame | None, rest: AsyncIterator[EncodedFrame]) -> AsyncIterator[EncodedFrame]:
    if first is not None:
        yield first
    async for frame in rest:
        yield frame
