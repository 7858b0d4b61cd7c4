"""An answer of known length that is made while it is sent, and breaks visibly if it cannot be finished."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from webviewer.errors import WebViewerError

_log = structlog.get_logger(__name__)


class Download(StreamingResponse):
    """Sends ``chunks``, which have ``size`` bytes together, and closes ``source`` whatever becomes of it.

    When the chunks end early by a WebViewerError the answer ends without the bytes that it has announced: the server closes the
    connection, and nobody takes a part for the whole.
    """

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        size: int,
        source: AsyncExitStack,
        media_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(chunks, media_type=media_type, headers={**(headers or {}), "Content-Length": str(size)})
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        async with self._source:
            try:
                await super().__call__(scope, receive, send)
            except ClientDisconnect:
                _log.info("download left")
            except WebViewerError as error:
                _log.warning("download broken", cause=error.code)
