"""The images of this commit in containers."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest

from .engine import Engine, find

START_SECONDS = 120


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    running = Engine(find())
    try:
        yield running
    finally:
        running.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Cluster:
    """The three roles in containers."""

    urls: dict[str, str]
    containers: dict[str, str]


def _wait(engine: Engine, container: str, url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/readyz", timeout=5).status_code == httpx2.codes.OK:
                return
        time.sleep(0.2)
    pytest.fail(f"{url} did not become ready:\n{engine('logs', container)[-3000:]}")


@pytest.fixture(scope="module")
def cluster(engine, postgresql) -> Cluster:
    """Control, storage and render in containers of a number without name, on PostgreSQL outside of them."""
    for name in ("control", "storage", "render"):
        engine.image(name)
    database = postgresql()
    postgresql.folder.chmod(0o755)  # the users of the containers look for the socket in it
    common = ["--env=WEBVIEWER_NODE_SECRET=images-test", f"--env=WEBVIEWER_DATABASE_URL={database}"]
    mount = f"--volume={postgresql.folder}:{postgresql.folder}"
    ports = {name: free_port() for name in ("control", "storage", "render", "dicom")}
    urls = {name: f"http://127.0.0.1:{ports[name]}" for name in ("control", "storage", "render")}
    for role in ("control", "storage"):
        engine.run(role, "db", "upgrade", "--data", "/data", "--role", role, options=(*common, mount, "--network=host"))
    arguments = {
        "control": ["--storage-url", urls["storage"], "--render-url", urls["render"]],
        "storage": ["--control-url", urls["control"], "--dicom-port", str(ports["dicom"])],
        "render": ["--control-url", urls["control"]],
    }
    demo = {"control": ["--env=WEBVIEWER_DEMO=1"]}
    containers = {
        role: engine.start(
            role, role, "--data", "/data", "--port", str(ports[role]), "--metrics-port", "0", *rest,
            options=(*common, mount, *demo.get(role, [])),
        )
        for role, rest in arguments.items()
    }  # fmt: skip
    for role in ("storage", "render", "control"):
        _wait(engine, containers[role], urls[role])
    return Cluster(urls, containers)
