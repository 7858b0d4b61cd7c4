"""Messages between a receiver process and the main process: ``[u32 length][JSON]`` over a socket pair."""

from __future__ import annotations

import itertools
import json
import os
import socket
import struct
import threading
from typing import Any

_HEAD = struct.Struct("<L")
MAX_MESSAGE_BYTES = 512 * 1024 * 1024
ANSWER_SECONDS = 300


def encode(message: dict[str, Any]) -> bytes:
    """Return the bytes of a message."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return _HEAD.pack(len(body)) + body


def length_of(head: bytes) -> int:
    """Return the length of the body that follows. Raises ValueError beyond the limit."""
    (length,) = _HEAD.unpack(head)
    if length > MAX_MESSAGE_BYTES:
        text = "a message between the processes is too long"
        raise ValueError(text)
    return int(length)


class Link:
    """The receiver's end: any thread may ask; answers come back by number.

    The process ends with its parent: nothing that is received without it could be acknowledged.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[threading.Event, list[dict[str, Any]]]] = {}
        threading.Thread(target=self._listen, name="link", daemon=True).start()

    def tell(self, kind: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
        """Send without waiting for an answer."""
        self._send({"kind": kind, **fields})

    def ask(self, kind: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Send and wait. Raises TimeoutError."""
        number = next(self._numbers)
        done, answers = threading.Event(), list[dict[str, Any]]()
        self._waiting[number] = (done, answers)
        try:
            self._send({"kind": kind, "number": number, **fields})
            if not done.wait(ANSWER_SECONDS):
                text = "the main process does not answer"
                raise TimeoutError(text)
            return answers[0]
        finally:
            self._waiting.pop(number, None)

    def _send(self, message: dict[str, Any]) -> None:
        data = encode(message)
        with self._lock:
            self._connection.sendall(data)

    def _listen(self) -> None:
        try:
            with self._connection.makefile("rb") as stream:
                while len(head := stream.read(_HEAD.size)) == _HEAD.size:
                    answer = json.loads(stream.read(length_of(head)))
                    waiting = self._waiting.get(answer["number"])
                    if waiting:
                        waiting[1].append(answer)
                        waiting[0].set()
        finally:
            os._exit(1)
