"""A tab that comes back when its line is cut, as the page does: for measurements and tests."""

from __future__ import annotations

import contextlib
import json
import time

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.sync.client import connect

from webviewer.domain.view import Quality
from webviewer.errors import PeerUnavailableError
from webviewer.wire.frame import HEADER_LENGTH, FrameFlag, FrameHeader
from webviewer.wire.messages import PROTOCOL_VERSION

_PATIENCE = 90.0
_FIRST_DELAY, _LONGEST_DELAY = 0.25, 5.0
"""Seconds before the second and further attempts to come back; those of the page, which spreads them by a quarter."""


class ReturningTab:
    """It draws nothing, but opens again what it has shown, in its newest state."""

    def __init__(self, url: str, cookie: str, study: str, series: str, size: tuple[int, int] = (256, 200)) -> None:
        """Open a series. Raises PeerUnavailableError if nobody answers for long."""
        self.url, self.cookie, self.study, self.series, self.size = url, cookie, study, series, size
        self.sequence = 0
        self.view: dict[str, object] | None = None
        self.returns = -1
        """How often it had to come back."""
        self._stack = contextlib.ExitStack()
        self._connect()

    def _connect(self) -> None:
        address = self.url.replace("http", "ws", 1) + "/eventQueue"
        headers = {"Cookie": self.cookie, "Origin": self.url}
        deadline = time.monotonic() + _PATIENCE
        delay = 0.0
        while time.monotonic() < deadline:
            self.close()
            time.sleep(delay)
            delay = min(_LONGEST_DELAY, 2 * delay or _FIRST_DELAY)
            with contextlib.suppress(OSError, EOFError, InvalidHandshake, InvalidMessage, ConnectionClosed):
                self._socket = self._stack.enter_context(
                    connect(address, additional_headers=headers, compression=None, max_size=None)
                )
                self._socket.send(json.dumps({"type": "hello", "version": PROTOCOL_VERSION}))
                self._socket.send(json.dumps(self._open()))
                self.returns += 1
                return
        text = "nobody answers at the event socket"
        raise PeerUnavailableError(text)

    def _open(self) -> dict[str, object]:
        return {
            "type": "open", "viewport": 0, "study": self.study, "series": self.series, "size": list(self.size),
            "sequence": self.sequence, "view": self.view,
        }  # fmt: skip

    def change(self, **patch: object) -> None:
        """Change what is shown."""
        self.sequence += 1
        self.view = (self.view or {}) | patch
        self._socket.send(json.dumps({"type": "view", "viewport": 0, "sequence": self.sequence, "patch": patch}))

    def final(self, seconds: float = _PATIENCE) -> bytes:
        """Return the next lossless picture of the newest state, whoever draws it.

        Raises TimeoutError if it does not come in so many seconds, PeerUnavailableError if an error comes.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                received = self._socket.recv(timeout=max(0.0, deadline - time.monotonic()))
            except ConnectionClosed:
                self._connect()
                continue
            if isinstance(received, str):
                self._read(json.loads(received))
                continue
            header = FrameHeader.unpack(received)
            self._socket.send(json.dumps({"type": "ack", "viewport": 0, "serial": header.serial}))
            fresh = header.sequence == self.sequence and not header.flags & FrameFlag.NEIGHBOUR
            if fresh and header.quality == Quality.LOSSLESS:
                return received[HEADER_LENGTH:]

    def _read(self, message: dict[str, object]) -> None:
        if message["type"] in {"error", "closed"}:
            text = f"the server says {message}"
            raise PeerUnavailableError(text)
        view = message.get("view")
        if message["type"] == "opened" and self.view is None and isinstance(view, dict):
            self.view = view

    def close(self) -> None:
        """Cut the line; whoever asks for a picture afterwards comes back."""
        self._stack.close()
