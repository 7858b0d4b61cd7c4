"""A tab that comes back when its line is cut."""

from __future__ import annotations

import contextlib
import json
import time

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.sync.client import connect

from webviewer.domain.view import Quality
from webviewer.wire.frame import HEADER_LENGTH, FrameFlag, FrameHeader

TIMEOUT = 90.0


class ReturningTab:
    """What the page does: it draws nothing, but comes back when its line is cut, and opens what it has shown."""

    def __init__(self, url: str, cookie: str, study: str, series: str) -> None:
        self.url, self.cookie, self.study, self.series = url, cookie, study, series
        self.sequence = 0
        self.view: dict[str, object] | None = None
        self.returns = -1
        self._stack = contextlib.ExitStack()
        self._connect()

    def _connect(self) -> None:
        address = self.url.replace("http", "ws", 1) + "/eventQueue"
        headers = {"Cookie": self.cookie}
        deadline = time.monotonic() + TIMEOUT
        while True:
            self.close()
            with contextlib.suppress(OSError, EOFError, InvalidHandshake, InvalidMessage, ConnectionClosed):
                self.socket = self._stack.enter_context(
                    connect(address, origin=self.url, additional_headers=headers, compression=None, max_size=None)
                )
                self.socket.send(json.dumps({"type": "hello", "version": 1}))
                self.socket.send(json.dumps(self._open()))
                self.returns += 1
                return
            assert time.monotonic() < deadline, "nobody answers"
            time.sleep(0.25)

    def _open(self) -> dict[str, object]:
        return {
            "type": "open", "viewport": 0, "study": self.study, "series": self.series, "size": [256, 200],
            "sequence": self.sequence, "view": self.view,
        }  # fmt: skip

    def change(self, **patch: object) -> None:
        self.sequence += 1
        self.view = (self.view or {}) | patch
        self.socket.send(json.dumps({"type": "view", "viewport": 0, "sequence": self.sequence, "patch": patch}))

    def final(self, seconds: float = TIMEOUT) -> bytes:
        """Return the next lossless picture of the newest state, whoever draws it."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                received = self.socket.recv(timeout=max(0.0, deadline - time.monotonic()))
            except ConnectionClosed:
                self._connect()
                continue
            if isinstance(received, str):
                message = json.loads(received)
                assert message["type"] not in {"error", "closed"}, message
                if message["type"] == "opened" and self.view is None:
                    self.view = message["view"]
                continue
            header = FrameHeader.unpack(received)
            self.socket.send(json.dumps({"type": "ack", "viewport": 0, "serial": header.serial}))
            fresh = header.sequence == self.sequence and not header.flags & FrameFlag.NEIGHBOUR
            if fresh and header.quality == Quality.LOSSLESS:
                return received[HEADER_LENGTH:]

    def close(self) -> None:
        self._stack.close()
