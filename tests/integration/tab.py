"""What a browser tab and a modality do, without browser and modality."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import time
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image
from websockets.sync.client import connect

from webviewer.domain.view import Quality
from webviewer.sample.series import PhantomSeries
from webviewer.wire.frame import HEADER_LENGTH, FrameFlag, FrameHeader

TIMEOUT = 60.0
PHANTOM = PhantomSeries(rows=96, columns=128, slices=24, spacing=3.4, step=20.0, name="integration")


class Page:
    """What a browser tab does, without the browser."""

    def __init__(self, url: str, login: str = "demo", password: str = "demo", origin: str = "") -> None:
        """Log in. ``origin`` is the address in the browser, where that is not the one that is asked."""
        self.url, self.origin = url, origin or url
        self.http = httpx2.Client(base_url=url, headers={"Origin": self.origin}, timeout=TIMEOUT, trust_env=False)
        answer = self.http.post("/v2/login", json={"user": login, "password": password})
        assert answer.status_code == 200, answer.text
        self.http.headers["X-CSRF-Token"] = answer.json()["csrf"]

    def close(self) -> None:
        self.http.close()

    @property
    def cookie(self) -> str:
        return "; ".join(f"{key}={value}" for key, value in self.http.cookies.items())

    def studies(self, **query: object) -> list[dict]:
        answer = self.http.get("/v2/studies", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["studies"]

    def wait_for_study(self, images: int, **query: object) -> dict:
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            for study in self.studies(**query):
                if study["ninst"] == images:
                    return study
            time.sleep(0.05)
        pytest.fail(f"no study of {images} images: {self.studies(**query)}")

    def upload(self, content: bytes, name: str) -> dict:
        digest = hashlib.sha256(content).hexdigest()
        query = {"offset": 0, "size": len(content), "name": name}
        answer = self.http.put(f"/v2/uploads/{digest}", params=query, content=content)
        assert answer.status_code == 200, answer.text
        deadline = time.monotonic() + TIMEOUT
        while (state := answer.json())["state"] not in {"done", "failed"} and time.monotonic() < deadline:
            time.sleep(0.05)
            answer = self.http.get(f"/v2/uploads/{digest}")
        return state

    def socket(self):
        address = self.url.replace("http", "ws", 1) + "/eventQueue"
        return connect(
            address, origin=self.origin, additional_headers={"Cookie": self.cookie}, compression=None, max_size=None
        )


class Viewport:
    """One viewport of an opened socket."""

    def __init__(self, socket, study: str, series: str, size: tuple[int, int]) -> None:
        self.socket = socket
        self.sequence = 0
        self.encoded = b""
        """The last final picture as it came."""
        socket.send(json.dumps({"type": "hello", "version": 1}))
        assert self.message("hello")
        message = {"type": "open", "viewport": 0, "study": study, "series": series, "size": size}
        socket.send(json.dumps(message))
        self.opened = self.message("opened")

    def message(self, kind: str) -> dict:
        while True:
            received = self.socket.recv(timeout=TIMEOUT)
            if isinstance(received, str):
                message = json.loads(received)
                assert message["type"] != "error", message
                if message["type"] == kind:
                    return message

    def view(self, *, active: bool = False, **patch: object) -> None:
        self.sequence += 1
        message = {"type": "view", "viewport": 0, "sequence": self.sequence, "patch": patch, "active": active}
        self.socket.send(json.dumps(message))

    def final(self) -> tuple[FrameHeader, np.ndarray]:
        """Acknowledge frames until the lossless one of the newest state is there."""
        while True:
            received = self.socket.recv(timeout=TIMEOUT)
            if isinstance(received, str):
                assert json.loads(received)["type"] != "error", received
                continue
            header = FrameHeader.unpack(received)
            self.socket.send(json.dumps({"type": "ack", "viewport": 0, "serial": header.serial}))
            fresh = header.sequence == self.sequence and not header.flags & FrameFlag.NEIGHBOUR
            if fresh and header.quality == Quality.LOSSLESS:
                self.encoded = received[HEADER_LENGTH:]
                return header, np.asarray(Image.open(io.BytesIO(self.encoded)))


def store(program: str, address: tuple[str, int], folder: Path, called: str = "WEBVIEWER") -> None:
    """Send a folder by storescu."""
    host, port = address
    subprocess.run(
        [program, "-aec", called, "+sd", host, f"{port}", f"{folder}"],
        check=True,
        timeout=TIMEOUT,
        capture_output=True,
        env=os.environ | {"TCP_NODELAY": "1"},
    )


def write_phantom(folder: Path) -> Path:
    """Write the objects of the phantom into a folder and return it."""
    for index, content in enumerate(PHANTOM.instances()):
        (folder / f"{index}.dcm").write_bytes(content)
    return folder


def expected_grey(index: int, center: float = 40.0, width: float = 400.0) -> np.ndarray:
    """PS3.3 C.11.2.1.2.1 written out for the phantom's slice."""
    values = PHANTOM.stored_values(index).astype(np.float64) - 1024
    grey = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255
    return np.clip(grey, 0, 255)
