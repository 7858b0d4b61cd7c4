"""A cluster on loopback for measurements: two controls behind a balancer, two render nodes, storage, PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

from webviewer.bench.balancer import Balancer
from webviewer.bench.own_postgresql import running_postgresql
from webviewer.errors import PeerUnavailableError

RENDERS = ("render-0", "render-1")
CONTROLS = ("control-0", "control-1")
_PATIENCE = 120.0
_SECRET = "bench"  # noqa: S105 - of a cluster on loopback that lives for minutes


class SmallCluster:
    """Its processes by name; a part that was killed is started again at its old address."""

    def __init__(self, folder: Path, database_url: str) -> None:
        """Nothing runs yet."""
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self._folder, self._database_url = folder, database_url
        self._ports = {name: _free_port() for name in (*CONTROLS, *RENDERS, "storage")}
        self._metrics = {name: _free_port() for name in CONTROLS}
        self._balancer = Balancer([self._ports[name] for name in CONTROLS])
        self.url = f"http://127.0.0.1:{self._balancer.port}"
        self._http = httpx2.Client(base_url=self.url, headers={"Origin": self.url}, timeout=_PATIENCE)

    def start_all(self) -> None:
        """Make the tables and start everything. Raises PeerUnavailableError."""
        for role in ("control", "storage"):
            command = [sys.executable, "-m", "webviewer", "db", "upgrade", "--role", role]
            command += ["--data", str(self._folder / role), "--database-url", self._database_url]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program
        for name in ("control-0", "control-1", "storage", *RENDERS):
            self.start(name)
        self._http.post("/v2/admin/login", json={"user": "admin", "password": "admin"}).raise_for_status()
        self.wait_until_ready()

    def start(self, name: str) -> None:
        """Start a part and wait until it listens. Raises PeerUnavailableError."""
        role = name.partition("-")[0]
        database, control = ["--database-url", self._database_url], ["--control-url", self.url]
        own = {
            "control": ["--storage-url", f"http://127.0.0.1:{self._ports['storage']}", *database],
            "storage": ["--no-dicom", *control, *database],
            "render": control,
        }
        # Replicas share the instance key, so they have one folder.
        command = [sys.executable, "-m", "webviewer", role, "--data", str(self._folder / role), "--log-level", "error"]
        command += ["--port", str(self._ports[name]), "--metrics-port", str(self._metrics.get(name, 0)), *own[role]]
        environment = os.environ | {"WEBVIEWER_NODE_SECRET": _SECRET}
        if role == "control":
            environment["WEBVIEWER_DEMO"] = "1"
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603 - our own program
        self.processes[name] = process
        if not any(re.match(r"listening on ", line) for line in process.stdout or ()):
            text = f"{name} did not start"
            raise PeerUnavailableError(text)

    def end(self, name: str) -> None:
        """Kill a part, whether it hangs or not; killing what is dead is no error."""
        process = self.processes[name]
        process.kill()
        process.wait(_PATIENCE)
        if process.stdout:
            process.stdout.close()

    def own_render(self) -> str:
        """Return the render node of the only session. Raises PeerUnavailableError if there is none."""
        for name, node in self._nodes().items():
            if node["used"]:
                return name
        text = "no render node has the session"
        raise PeerUnavailableError(text)

    def own_control(self) -> str:
        """Return the control that serves the only event socket. Raises PeerUnavailableError if none does."""
        for name, port in self._metrics.items():
            if "webviewer_control_sockets 1.0" in httpx2.get(f"http://127.0.0.1:{port}/metrics").text:
                return name
        text = "no control has a socket"
        raise PeerUnavailableError(text)

    def wait_until_ready(self) -> None:
        """Wait until every control is ready and knows of every render node that it can draw. Raises PeerUnavailableError."""
        deadline = time.monotonic() + _PATIENCE
        while not self._is_ready():
            if time.monotonic() > deadline:
                text = "the cluster did not become ready"
                raise PeerUnavailableError(text)
            time.sleep(0.2)

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx2.TransportError):
            ready = all(
                httpx2.get(f"http://127.0.0.1:{self._ports[name]}/readyz", timeout=5).is_success for name in CONTROLS
            )
            nodes = self._nodes()
            return ready and set(nodes) == set(RENDERS) and all(n["state"] == "available" for n in nodes.values())
        return False

    def _nodes(self) -> dict[str, dict[str, Any]]:
        names = {self._ports[name]: name for name in RENDERS}
        nodes = self._http.get("/v2/admin/nodes").raise_for_status().json()["nodes"]
        found = {int(node["address"].rpartition(":")[2]): node for node in nodes}
        return {name: found[port] for port, name in names.items() if port in found}

    def close(self) -> None:
        """End everything."""
        for name in self.processes:
            self.end(name)
        self._http.close()
        self._balancer.close()


@contextlib.contextmanager
def running_cluster() -> Iterator[SmallCluster]:
    """Run one for the length of a ``with``. Raises PeerUnavailableError."""
    with tempfile.TemporaryDirectory(prefix="webviewer-bench-") as folder, running_postgresql() as make_database:
        cluster = SmallCluster(Path(folder), make_database())
        try:
            cluster.start_all()
            yield cluster
        finally:
            cluster.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
