"""The storage node over HTTP."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
from pydantic import BaseModel

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
from webviewer.errors import NotFoundError
from webviewer.ports.storage import EncodedFrame, SeriesLocation, StoreNames, StoreSizes, StudyArchive
from webviewer.tls import unreachable
from webviewer.web.errors import from_problem
from webviewer.wire.frame_stream import decode_frames

_TIMEOUT = httpx2.Timeout(60.0, connect=20.0)
"""Seconds. Hundreds of sessions that open at once keep a control too busy to see in five that it is connected."""
_LIMITS = httpx2.Limits(max_connections=200, max_keepalive_connections=50)
_WHO = "the storage node"
_CHUNK_BYTES = 1024 * 1024
M = TypeVar("M", bound=BaseModel)


class StorageClient:
    """Implements :class:`webviewer.ports.storage.StoragePort`; close it by :meth:`aclose`."""

    def __init__(
        self, base_url: str, transport: httpx2.AsyncBaseTransport | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        # trust_env off: a proxy of the environment is for the world, not for a node beside us.
        self._client = httpx2.AsyncClient(
            base_url=base_url.rstrip("/"),
            timeout=_TIMEOUT,
            limits=_LIMITS,
            transport=transport,
            trust_env=False,
            verify=tls or True,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ping(self) -> None:
        """Return if the node serves requests."""
        await self._send("GET", "/readyz")

    async def shared_store(self, token: str) -> Store:
        """Return the node's shared store."""
        return await self._read(Store, "GET", "/v1/stores/shared", token)

    async def put_store(self, token: str, store: Store) -> None:
        """Create the store or change its owner and AE title."""
        await self._send("PUT", "/v1/stores", token, content=store.model_dump_json())

    async def delete_store(self, token: str, store: str) -> None:
        """Delete a store with all its studies."""
        await self._send("DELETE", f"/v1/stores/{_part(store)}", token)

    async def sizes(self, token: str, stores: Sequence[str]) -> Mapping[str, int]:
        """Return the bytes of the images in stores."""
        content = StoreNames(stores=tuple(stores)).model_dump_json()
        return (await self._read(StoreSizes, "POST", "/v1/stores/sizes", token, content=content)).bytes

    async def volume_use(self, token: str) -> VolumeUse:
        """Return how full the node's volume is."""
        return await self._read(VolumeUse, "GET", "/v1/volume", token)

    async def list_studies(self, token: str, query: StudyQuery) -> StudyPage:
        """Search the grant's stores."""
        # As a body: what is searched for are names, and addresses end in access logs.
        return await self._read(StudyPage, "POST", "/v1/studies/search", token, content=query.model_dump_json())

    async def get_study(self, token: str, study: str) -> StudyDetail:
        """Return a study of the grant's stores."""
        return await self._read(StudyDetail, "GET", f"/v1/studies/{_part(study)}", token)

    async def find_series(self, token: str, series: str) -> str:
        """Return the id of the store that holds the series."""
        return (await self._read(SeriesLocation, "GET", f"/v1/series/{_part(series)}/store", token)).store

    @asynccontextmanager
    async def study_archive(self, token: str, study: str) -> AsyncGenerator[StudyArchive, None]:
        """Open a ZIP of the study's files."""
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with self._client.stream("GET", f"/v1/studies/{_part(study)}/archive", headers=headers) as answer:
                if not answer.is_success:
                    raise from_problem(answer.status_code, await answer.aread())
                yield StudyArchive(int(answer.headers["content-length"]), answer.aiter_raw())
        except httpx2.TransportError as error:
            raise unreachable(_WHO, error) from error

    async def delete_study(self, token: str, study: str) -> None:
        """Delete a study."""
        await self._send("DELETE", f"/v1/studies/{_part(study)}", token)

    async def get_upload(self, token: str, digest: str) -> UploadState:
        """Return how far an upload has come."""
        return await self._read(UploadState, "GET", f"/v1/uploads/{_part(digest)}", token)

    async def put_upload_part(  # noqa: PLR0913 - each names one property of the part
        self, token: str, digest: str, *, size: int, offset: int, name: str, body: AsyncIterator[bytes]
    ) -> UploadState:
        """Append a part of a file to its upload."""
        params: dict[str, Any] = {"size": size, "offset": offset}
        # The name may be a patient's: it travels in a header, which no access log keeps.
        headers = {"X-File-Name": quote(name), "Content-Type": "application/octet-stream"}
        path = f"/v1/uploads/{_part(digest)}"
        return await self._read(UploadState, "PUT", path, token, content=body, params=params, headers=headers)

    async def delete_upload(self, token: str, digest: str) -> None:
        """Forget an unfinished upload."""
        await self._send("DELETE", f"/v1/uploads/{_part(digest)}", token)

    async def list_quarantine(self, token: str, query: QuarantineQuery) -> QuarantinePage:
        """List damaged objects of the grant's stores."""
        return await self._read(QuarantinePage, "GET", "/v1/quarantine", token, params=query.model_dump(mode="json"))

    async def get_quarantined(self, token: str, item: str) -> QuarantineItem:
        """Return a damaged object of the grant's stores."""
        return await self._read(QuarantineItem, "GET", f"/v1/quarantine/{_part(item)}", token)

    async def delete_quarantined(self, token: str, item: str) -> None:
        """Delete a damaged object."""
        await self._send("DELETE", f"/v1/quarantine/{_part(item)}", token)

    async def series_manifest(self, token: str) -> SeriesManifest:
        """Describe the grant's series."""
        return await self._read(SeriesManifest, "GET", "/v1/manifest", token)

    async def series_frames(self, token: str, first: int) -> AsyncGenerator[EncodedFrame, None]:
        """Stream all frames of the grant's series."""
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with self._client.stream("GET", "/v1/frames", params={"first": first}, headers=headers) as answer:
                if not answer.is_success:
                    raise from_problem(answer.status_code, await answer.aread())
                async for frame in decode_frames(answer.aiter_raw(_CHUNK_BYTES)):
                    yield frame
        except httpx2.TransportError as error:
            raise unreachable(_WHO, error) from error

    async def _read(self, model: type[M], method: str, path: str, token: str, **arguments: Any) -> M:  # noqa: ANN401 - passed on
        return model.model_validate_json(await self._send(method, path, token, **arguments))

    async def _send(self, method: str, path: str, token: str = "", **arguments: Any) -> bytes:  # noqa: ANN401 - passed on
        headers = {"Content-Type": "application/json", **arguments.pop("headers", {})}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            answer = await self._client.request(method, path, headers=headers, **arguments)
        except httpx2.TransportError as error:
            raise unreachable(_WHO, error) from error
        if not answer.is_success:
            raise from_problem(answer.status_code, answer.content)
        return answer.content


def _part(name: str) -> str:
    """Return a name as one segment of a path. Raises NotFoundError for what no id looks like."""
    if not name or "/" in name:
        text = "there is nothing of this name"
        raise NotFoundError(text)
    return quote(name, safe="")
