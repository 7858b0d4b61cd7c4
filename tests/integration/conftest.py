"""The whole product as processes: everything in one, and each role in its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from webviewer_operator.certificates import issue, make_authority

START_SECONDS = 120
STOP_SECONDS = 20


@dataclass
class Deployment:
    """A running product: its address, its DICOM port, and its processes by role."""

    url: str
    dicom_port: int
    processes: dict[str, subprocess.Popen[str]]
    logs: dict[str, Path] = field(default_factory=dict)
    metrics: dict[str, str] = field(default_factory=dict)
    """Where each role tells its metrics, as host:port."""

    def log(self, role: str) -> str:
        return self.logs[role].read_text(errors="replace")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Launcher:
    """Starts ``webviewer`` commands and stops every one of them by its pid."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []

    def start(self, name: str, *arguments: str, **environment: str) -> tuple[subprocess.Popen[str], Path]:
        log = self.folder / f"{name}.log"
        process = subprocess.Popen(
            [sys.executable, "-m", "webviewer", *arguments, "--log", str(log), "--no-log-to-console"],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        self.started.append(process)
        return process, log

    def wait_for_address(self, process: subprocess.Popen[str], log: Path) -> str:
        for line in process.stdout or ():
            if found := re.match(r"listening on (http://\S+)", line):
                return found[1]
        pytest.fail(f"ended with {process.wait()} before it listened:\n{log.read_text()[-3000:]}")

    def close(self) -> None:
        for process in reversed(self.started):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()


def wait_until_ready(url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/readyz", timeout=5).status_code == httpx2.codes.OK:
                return
        time.sleep(0.1)
    pytest.fail(f"{url} did not become ready:\n{log.read_text()[-3000:]}")


class Certificates:
    """Files of an authority and of a part's certificate, as the operator makes them for pods."""

    def __init__(self, folder: Path, name: str, dns: str = "localhost") -> None:
        self.authority = make_authority(name, time.time())
        part = issue(self.authority, [dns], time.time())
        contents = {"authority": self.authority.certificate, "certificate": part.certificate, "key": part.key}
        self.paths = {kind: folder / f"{name}-{kind}.pem" for kind in contents}
        for kind, path in self.paths.items():
            path.write_text(contents[kind], encoding="ascii")

    def arguments(self) -> list[str]:
        return [text for kind, path in self.paths.items() for text in (f"--tls-{kind}", str(path))]


@contextlib.contextmanager
def unified(folder: Path, *arguments: str) -> Iterator[Deployment]:
    launcher = Launcher(folder)
    port = free_port()
    try:
        process, log = launcher.start(
            "unified", "serve", "--demo", "--no-sample", "--data", str(folder / "data"), "--port", "0",
            "--dicom-port", str(port), *arguments,
        )  # fmt: skip
        url = launcher.wait_for_address(process, log)
        wait_until_ready(url, log)
        metrics = {"unified": url.removeprefix("http://")}
        yield Deployment(url, port, {"unified": process}, {"unified": log}, metrics)
    finally:
        launcher.close()


@contextlib.contextmanager
def cluster(folder: Path, database_url: str | None) -> Iterator[Deployment]:
    """The roles talk by TLS to each other, as pods do; pages are served without, to a proxy."""
    launcher = Launcher(folder)
    ports = {name: free_port() for name in ("control", "nodes", "storage", "render", "dicom")}
    metrics = {name: free_port() for name in ("control", "storage", "render")}
    pages = f"http://127.0.0.1:{ports['control']}"
    urls = {name: f"https://localhost:{ports[name]}" for name in ("nodes", "storage", "render")}
    certificates = Certificates(folder, "parts").arguments()
    secret = {"WEBVIEWER_NODE_SECRET": "integration-test"}
    database = ["--database-url", database_url] if database_url else []
    try:
        for role in ("control", "storage"):
            subprocess.run(
                [sys.executable, "-m", "webviewer", "db", "upgrade", "--role", role, "--data", str(folder / role), *database],
                check=True,
                timeout=60,
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
        common = {
            "control": [
                "--nodes-port", str(ports["nodes"]), "--storage-url", urls["storage"], "--render-url", urls["render"], *database,
            ],
            "storage": ["--control-url", urls["nodes"], "--dicom-port", str(ports["dicom"]), *database],
            "render": ["--control-url", urls["nodes"]],
        }  # fmt: skip
        started = {}
        for role, arguments in common.items():
            environment = secret | ({"WEBVIEWER_DEMO": "1"} if role == "control" else {})
            started[role] = launcher.start(
                role, role, "--data", str(folder / role), "--port", str(ports[role]), "--metrics-port", str(metrics[role]),
                *certificates, *arguments, **environment,
            )  # fmt: skip
        wait_until_ready(pages, started["control"][1])  # it asks the others
        processes = {role: process for role, (process, _) in started.items()}
        addresses = {role: f"127.0.0.1:{port}" for role, port in metrics.items()}
        logs = {role: log for role, (_, log) in started.items()}
        yield Deployment(pages, ports["dicom"], processes, logs, addresses)
    finally:
        launcher.close()


@pytest.fixture
def certificates(tmp_path):
    """A function that makes an authority of this name and a certificate by it."""
    return lambda name, dns="localhost": Certificates(tmp_path, name, dns)


@pytest.fixture(scope="session")
def make_certificates() -> type[Certificates]:
    """What makes an authority and a certificate by it, for a fixture that outlives a test."""
    return Certificates


@pytest.fixture(scope="session")
def launch() -> type[Launcher]:
    """What starts processes, for a test that wants its own."""
    return Launcher


@pytest.fixture(scope="module", params=["unified", "cluster"])
def deployment(request, tmp_path_factory) -> Iterator[Deployment]:
    """The product in one process on SQLite, and as three processes on PostgreSQL."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "unified":
        with unified(folder) as running:
            yield running
    else:
        with cluster(folder, request.getfixturevalue("postgresql")()) as running:
            yield running


@pytest.fixture(scope="module")
def module_deployment(tmp_path_factory) -> Iterator[Deployment]:
    """The product in one process, for the tests of a module."""
    with unified(tmp_path_factory.mktemp("module")) as running:
        yield running


@pytest.fixture(scope="module")
def operator_metrics() -> Iterator[str]:
    """Where an operator tells its metrics, as host:port."""
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("lone_operator.py")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    said = re.match(r"listening on http://(\S+)", process.stdout.readline())
    assert said, "the operator did not start"
    yield said[1]
    process.terminate()
    process.communicate()


@pytest.fixture
def lone_deployment(tmp_path) -> Iterator[Deployment]:
    """The product in one process, for a test that harms it."""
    with unified(tmp_path) as running:
        yield running


@pytest.fixture
def talkative_deployment(tmp_path) -> Iterator[Deployment]:
    """The product in one process, writing down all that it would ever log."""
    with unified(tmp_path, "--log-level", "debug") as running:
        yield running
