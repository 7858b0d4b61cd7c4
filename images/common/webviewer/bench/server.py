"""A server of our own on a scratch folder, and a tab that talks to it as a browser would."""

from __future__ import annotations

import hashlib
import json
import math
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from websockets.sync.client import ClientConnection, connect

from webviewer.bench import process_tree
from webviewer.errors import PeerUnavailableError
from webviewer.wire.frame import HEADER_LENGTH, FrameHeader
from webviewer.wire.messages import PROTOCOL_VERSION

_PART_BYTES = 16 * 1024 * 1024
_PATIENCE = 120.0
_ARCHIVE_FILES = 100
_IDLE = 0.05
"""Share of a core below which the server counts as doing nothing."""
_GLANCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running product: its address and the process at the root of its tree."""

    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """Return what all its processes have spent so far."""
        return process_tree.cpu_seconds(self.pid)

    def front_cpu_seconds(self) -> float:
        """Return what its first process has spent so far: HTTP, sockets, sessions and the dispatch of work."""
        return process_tree.own_cpu_seconds(self.pid)

    def wait_idle(self) -> None:
        """Wait until it does nothing: workers that start, or what an upload or an opening set going, belong to no frame."""
        spent = -math.inf
        while self.cpu_seconds() - spent > _IDLE * _GLANCE_SECONDS:
            spent = self.cpu_seconds()
            time.sleep(_GLANCE_SECONDS)


@contextmanager
def running_server(*options: str) -> Iterator[Server]:
    """Run ``webviewer serve --demo`` on an empty folder, with more ``options``."""
    with tempfile.TemporaryDirectory(prefix="webviewer-bench-") as folder:
        command = [sys.executable, "-m", "webviewer", "serve", "--demo", "--no-sample", "--no-dicom", "--port", "0"]
        command += ["--data", folder, "--log-level", "warning", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
        try:
            lines = process.stdout or ()
            found = next((match for line in lines if (match := re.match(r"listening on (\S+)", line))), None)
            if found is None:
                text = "the server did not start"
                raise PeerUnavailableError(text)
            yield Server(found[1], process.pid)
        finally:
            process.terminate()
            process.wait(30)
            if process.stdout:
                process.stdout.close()


class Tab:
    """A logged-in tab with one socket."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._http = httpx2.Client(base_url=server.url, headers={"Origin": server.url}, timeout=_PATIENCE)
        self._wait_ready()
        answer = self._http.post("/v2/login", json={"user": "demo", "password": "demo"}).raise_for_status()
        self._http.headers["X-CSRF-Token"] = answer.json()["csrf"]
        # A user who has not confirmed the notice has it between his hand and the picture.
        self._http.put("/v2/settings/notice.diagnosis", json={"value": True}).raise_for_status()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def cookies(self) -> dict[str, str]:
        """The session cookie, for a browser."""
        return dict(self._http.cookies.items())

    def upload(self, files: Sequence[Path]) -> tuple[str, str]:
        """Store the files of one series; return the ids of its study and series."""
        study = ""
        for start in range(0, len(files), _ARCHIVE_FILES):
            study = self._upload_archive(files[start : start + _ARCHIVE_FILES])
        detail = self._http.get(f"/v2/studies/{study}").raise_for_status().json()
        return study, detail["series"][0]["id"]

    def _upload_archive(self, files: Sequence[Path]) -> str:
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for number, file in enumerate(files):
                archive.writestr(f"{number:05}.dcm", file.read_bytes())
        content = packed.getbuffer()
        digest = hashlib.sha256(content).hexdigest()
        state: dict[str, Any] = {}
        for offset in range(0, len(content), _PART_BYTES):
            query: dict[str, str | int] = {"offset": offset, "size": len(content), "name": "series.zip"}
            part = bytes(content[offset : offset + _PART_BYTES])
            state = self._http.put(f"/v2/uploads/{digest}", params=query, content=part).raise_for_status().json()
        deadline = time.monotonic() + _PATIENCE
        while state["state"] == "processing" and time.monotonic() < deadline:
            time.sleep(0.05)
            state = self._http.get(f"/v2/uploads/{digest}").raise_for_status().json()
        stored = [str(outcome["study"]) for outcome in state["outcomes"] if outcome["study"]]
        if len(stored) != len(files):
            text = f"the server stored {len(stored)} of {len(files)} files ({state['state']})"
            raise PeerUnavailableError(text)
        return stored[0]

    def socket(self) -> ClientConnection:
        """Open ``/eventQueue`` and say hello."""
        cookie = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        address = self.server.url.replace("http", "ws", 1) + "/eventQueue"
        headers = {"Cookie": cookie, "Origin": self.server.url}
        socket: ClientConnection = connect(address, additional_headers=headers, compression=None, max_size=None)
        socket.send(json.dumps({"type": "hello", "version": PROTOCOL_VERSION}))
        return socket

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while self._http.get("/readyz").status_code != httpx2.codes.OK:
            if time.monotonic() > deadline:
                text = "the server did not become ready"
                raise PeerUnavailableError(text)
            time.sleep(0.1)


class Frame(NamedTuple):
    """A picture as it comes: its header, and the encoded pixels."""

    header: FrameHeader
    payload: bytes


class Viewport:
    """Viewport 0 of a socket. ``window`` is a kind of window."""

    def __init__(self, socket: ClientConnection, study: str, series: str, side: int, *, window: str = "image") -> None:
        self._socket = socket
        self._sequence = 0
        self.started = time.perf_counter()
        message = {
            "type": "open", "viewport": 0, "study": study, "series": series, "size": [side, side], "window": window,
        }  # fmt: skip
        socket.send(json.dumps(message))
        self.opened: dict[str, Any] = {}
        while not self.opened:
            received = socket.recv(timeout=_PATIENCE)
            if isinstance(received, str) and json.loads(received)["type"] == "opened":
                self.opened = json.loads(received)

    def change(self, *, active: bool, **patch: object) -> int:
        """Send a ``view``; return its sequence."""
        self._sequence += 1
        message = {"type": "view", "viewport": 0, "sequence": self._sequence, "patch": patch, "active": active}
        self._socket.send(json.dumps(message))
        return self._sequence

    def frame(self) -> Frame:
        """Receive and acknowledge the next frame."""
        while True:
            received = self._socket.recv(timeout=_PATIENCE)
            if isinstance(received, bytes):
                header = FrameHeader.unpack(received)
                self._socket.send(json.dumps({"type": "ack", "viewport": 0, "serial": header.serial}))
                return Frame(header, received[HEADER_LENGTH:])

    def frame_of(self, sequence: int, quality: int | None = None) -> Frame:
        """Receive frames until one shows state ``sequence`` (in ``quality``)."""
        while True:
            frame = self.frame()
            if frame.header.sequence >= sequence and quality in {None, int(frame.header.quality)}:
                return frame

    def close(self) -> None:
        """Free the viewport."""
        self._socket.send(json.dumps({"type": "close", "viewport": 0}))
