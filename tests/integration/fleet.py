"""Two controls behind a balancer, three render nodes and a storage node, each a process, on one PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from webviewer.bench.balancer import Balancer
from webviewer.settings import Settings
from webviewer.wire.keyring import KeyRing
from webviewer_control.store.database import Database
from webviewer_control.store.models import NodeRow, PlacementRow

TIMEOUT = 90.0
SLOT_IDLE = 5
SECRET = "hand-over-test"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Fleet:
    """Starts and restarts the processes; a browser comes to ``url``, which is the balancer of the two controls."""

    renders = 3
    slots = 102
    study = series = ""
    """Ids of what the test looks at."""

    def __init__(self, launcher, folder: Path, database_url: str, certificates) -> None:
        self.launcher, self.folder, self.database_url = launcher, folder, database_url
        names = ("control-0", "control-1", "nodes-0", "nodes-1", "metrics-0", "metrics-1", "storage")
        self.ports = {name: free_port() for name in names}
        self.pages = Balancer([self.ports["control-0"], self.ports["control-1"]])
        self.nodes = Balancer([self.ports["nodes-0"], self.ports["nodes-1"]])
        self.url = f"http://127.0.0.1:{self.pages.port}"
        self.tls = certificates.arguments()
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.logs: dict[str, Path] = {}
        self.render_ports: dict[str, int] = {}
        for control in ("control-0", "control-1"):
            self._share_key(folder / control)

    def start_all(self) -> None:
        """Make the tables and start everything."""
        for role in ("control", "storage"):
            command = [
                sys.executable,
                "-m",
                "webviewer",
                "db",
                "upgrade",
                "--role",
                role,
                "--data",
                str(self.folder / "upgrade"),
            ]
            subprocess.run(
                [*command, "--database-url", self.database_url], check=True, timeout=60, stdout=subprocess.DEVNULL
            )
        for name in ("control-0", "control-1", "storage", *(f"render-{number}" for number in range(self.renders))):
            self.start(name)
        self.wait_until_ready()

    def _share_key(self, data: Path) -> None:
        """Replicas have the instance key from a Secret."""
        if not (self.folder / "key" / "instance.key").exists():
            (self.folder / "key").mkdir()
            KeyRing.load(self.folder / "key")
        data.mkdir()
        (data / "instance.key").write_bytes((self.folder / "key" / "instance.key").read_bytes())
        (data / "instance.key").chmod(0o600)

    def start(self, name: str) -> None:
        role = name.partition("-")[0]
        more = {
            "control": [
                "--database-url", self.database_url, "--storage-url", f"https://localhost:{self.ports['storage']}",
                "--render-url", "https://localhost:1",
            ],
            "storage": ["--database-url", self.database_url, "--no-dicom"],
            "render": ["--max-thread-pool-threads", "2"],
        }[role]  # fmt: skip
        if role == "control":
            more += ["--port", str(self.ports[name]), "--nodes-port", str(self.ports[name.replace("control", "nodes")])]
        else:
            port = self.ports.get(name, 0)
            more += ["--port", str(port), "--control-url", f"https://localhost:{self.nodes.port}"]
        environment = {
            "WEBVIEWER_NODE_SECRET": SECRET,
            "WEBVIEWER_SLOT_IDLE": str(SLOT_IDLE),
            "WEBVIEWER_RENDER_SLOTS": str(self.slots),
        }
        if role == "control":
            environment["WEBVIEWER_DEMO"] = "1"
        metrics = str(self.ports.get(name.replace("control", "metrics"), 0)) if role == "control" else "0"
        self.processes[name], self.logs[name] = self.launcher.start(
            name, role, "--data", str(self.folder / name), "--metrics-port", metrics, *self.tls, *more, **environment
        )
        if role == "render":
            self.render_ports[name] = self._port(name)

    def _port(self, name: str) -> int:
        for line in self.processes[name].stdout or ():
            if found := re.match(r"listening on https?://\S+:(\d+)", line):
                return int(found[1])
        pytest.fail(f"{name} ended before it listened:\n{self.logs[name].read_text()[-3000:]}")

    def harm(self, name: str, number: signal.Signals) -> None:
        os.kill(self.processes[name].pid, number)

    def restart(self, name: str) -> None:
        """Start what was killed; at a render node's end another one comes, at another address."""
        self.processes[name].wait(TIMEOUT)
        self.start(name)
        self.wait_until_ready()

    def loads(self) -> dict[str, int]:
        """How many sessions the render nodes say that they hold; who does not answer is left out."""
        headers = {"Authorization": f"Bearer {SECRET}"}
        nodes = httpx2.get(f"{self.url}/v2/capacity", headers=headers, timeout=TIMEOUT).json()["nodes"]
        used = {int(node["address"].rpartition(":")[2]): node["load"]["used"] for node in nodes if node["load"]}
        return {name: used[port] for name, port in self.render_ports.items() if port in used}

    def own_render(self) -> str:
        """The node of the only session that there is."""
        [name] = [name for name, used in self.loads().items() if used]
        return name

    def own_control(self) -> str:
        """The control that serves the only socket that there is."""
        for name in ("control-0", "control-1"):
            port = self.ports[name.replace("control", "metrics")]
            if "webviewer_control_sockets 1.0" in httpx2.get(f"http://127.0.0.1:{port}/metrics").text:
                return name
        pytest.fail("no control has a socket")

    def wait_until(self, condition, what: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(f"{name}: {log.read_text()[-1500:]}" for name, log in self.logs.items())
                pytest.fail(f"{what} did not come true:\n{logs}")
            time.sleep(0.1)

    def wait_until_ready(self) -> None:
        self.wait_until(self._is_ready, "readiness of all")

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx2.TransportError, KeyError, ValueError):
            answers = [httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=5) for port in self.pages.ports]
            if all(answer.is_success for answer in answers) and len(self.loads()) == self.renders:
                return set(self.database(self._available)) >= set(self.render_ports.values())
        return False

    async def _available(self, transaction) -> list[int]:
        rows = await transaction.scalars(select(NodeRow).where(NodeRow.role == "render", NodeRow.cause == ""))
        return [int(row.address.rpartition(":")[2]) for row in rows]

    def wait_until_empty(self) -> None:
        """No node holds a session, and the ledger knows of none: nothing leaks, whoever was killed."""
        self.wait_until(lambda: set(self.loads().values()) == {0} and not self.database(self._placed), "empty nodes")

    async def _placed(self, transaction) -> list[str]:
        return list(await transaction.scalars(select(PlacementRow.session_id)))

    def database(self, work):
        """Run ``work(transaction)`` on control's database, in a thread of its own: this one may have Playwright's loop."""

        async def run():
            database = Database(Settings(data=self.folder, database_url=SecretStr(self.database_url)))
            try:
                async with database.writing() as transaction:
                    return await work(transaction)
            finally:
                await database.close()

        return in_thread(run)

    def close(self) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)
        self.launcher.close()
        self.pages.close()
        self.nodes.close()


def in_thread(work):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result(2 * TIMEOUT)
