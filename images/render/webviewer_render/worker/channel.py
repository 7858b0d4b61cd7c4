"""The worker's end of the two sockets; see :mod:`webviewer_render.worker.protocol`."""

from __future__ import annotations

import os
import socket
import threading

from pydantic import BaseModel

from webviewer_render.worker.protocol import ARENA_NUMBER, PREFIX, Command, command, pack


class Channel:
    """Blocking: one thread receives, any thread sends."""

    def __init__(self, messages: socket.socket, arenas: socket.socket) -> None:
        self._messages = messages
        self._arenas = arenas
        self._sending = threading.Lock()
        self._descriptors: dict[int, int] = {}

    def receive(self) -> tuple[Command, bytes] | None:
        """Wait for a command and its payload; None when the front has gone."""
        prefix = self._read(PREFIX.size)
        if prefix is None:
            return None
        header_length, payload_length = PREFIX.unpack(prefix)
        header, payload = self._read(header_length), self._read(payload_length)
        if header is None or payload is None:
            return None
        return command.validate_json(bytes(header)), bytes(payload)

    def receive_arena(self, number: int) -> int:
        """Return the descriptor of an arena whose ``attach`` was received: the front sent it before."""
        while number not in self._descriptors:
            content, descriptors, _, _ = socket.recv_fds(self._arenas, ARENA_NUMBER.size, 1)
            if not content or not descriptors:
                text = "the front has gone"
                raise ConnectionError(text)
            self._descriptors[ARENA_NUMBER.unpack(content)[0]] = descriptors[0]
        return self._descriptors.pop(number)

    def send(self, message: BaseModel, payload: bytes = b"") -> None:
        """Send a reply; without a front there is nothing left to do for this process."""
        content = pack(message, payload)
        try:
            with self._sending:
                self._messages.sendall(content)
        except OSError:
            os._exit(0)

    def _read(self, length: int) -> bytearray | None:
        content = bytearray(length)
        view = memoryview(content)
        while view:
            received = self._messages.recv_into(view)
            if not received:
                return None
            view = view[received:]
        return content
