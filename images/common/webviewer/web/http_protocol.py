"""HTTP/1.1 as uvicorn reads it, with limits that uvicorn leaves to a proxy in front."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_SECONDS = 20.0
"""From the connection, or the end of the last answer, to the end of a request's header."""
MAX_HEAD_BYTES = 64 * 1024


class LimitedHttp(HttpToolsProtocol):
    """Ends connections whose request headers take too long or are too long.

    Without it anybody may hold a connection for ever by sending nothing, or fill the memory with a
    header that never ends. Bodies are bounded where they are read.
    """

    _deadline: asyncio.TimerHandle | None = None
    _unread = 0
    """Bytes since the parser last delivered something that is consumed: header and trailer are collected."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent
        """Start the clock."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and count what has to be kept."""
        self._unread += len(data)
        cycle: RequestResponseCycle | None = self.cycle
        if self._deadline is None and (cycle is None or cycle.response_complete):
            self._wait_for_head()
        super().data_received(data)
        if self._unread > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._stop_waiting()
            self.send_400_response("The request header is too long.")

    def on_headers_complete(self) -> None:
        """Begin the request."""
        self._stop_waiting()
        self._unread = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._unread = 0
        super().on_message_complete()

    def _wait_for_head(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()
