"""``webviewer bench hand-over``: from the end of a render node to the same picture, drawn by another one."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from webviewer.bench import machine, phantoms, report, table
from webviewer.bench.server import Server, Tab, Viewport
from webviewer.domain.view import Quality
from webviewer.errors import PeerUnavailableError

_SIDE = 512
_PATIENCE = 120.0
_SECRET = "bench"  # noqa: S105 - of a cluster on loopback that lives for a minute
_NODES = ("render-0", "render-1")
_ENDS = {
    "kill": ("killed (SIGKILL)", signal.SIGKILL, 3.0),
    "stop": ("told to stop (SIGTERM)", signal.SIGTERM, None),
    "hang": ("standing still (SIGSTOP)", signal.SIGSTOP, 10.0),
}
"""What happens to the node: its name, the signal, and the target in seconds."""


@dataclass(slots=True)
class _Cluster:
    """Control and storage on SQLite, and two render nodes, each a process on loopback."""

    folder: Path
    stack: contextlib.ExitStack
    urls: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str) -> None:
        """Start a part and wait until it listens."""
        role = name.partition("-")[0]
        command = [sys.executable, "-m", "webviewer", role, "--data", str(self.folder / name), "--metrics-port", "0"]
        demo = {"WEBVIEWER_DEMO": "1"} if role == "control" else {}
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*command, "--log-level", "error", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"WEBVIEWER_NODE_SECRET": _SECRET} | demo,
        )
        self.processes[name] = process
        self.stack.callback(_end, process)
        found = next((match for line in process.stdout or () if (match := re.match(r"listening on (\S+)", line))), None)
        if found is None:
            text = f"{name} did not start"
            raise PeerUnavailableError(text)
        self.urls[name] = found[1]

    def start_node(self, name: str) -> None:
        """Start a render node and wait until control knows that it can draw."""
        self.start(name, "--port", "0", "--control-url", self.urls["control"])
        deadline = time.monotonic() + _PATIENCE
        while self._load(name) is None or not httpx2.get(f"{self.urls[name]}/readyz").is_success:
            if time.monotonic() > deadline:
                text = f"{name} did not become ready"
                raise PeerUnavailableError(text)
            time.sleep(0.2)

    def own_node(self) -> str:
        """Return the node that holds the only session."""
        return next(name for name in _NODES if (self._load(name) or {}).get("used"))

    def _load(self, name: str) -> dict[str, Any] | None:
        headers = {"Authorization": f"Bearer {_SECRET}"}
        answer = httpx2.get(f"{self.urls['control']}/v2/capacity", headers=headers, timeout=_PATIENCE)
        address = self.urls[name].removeprefix("http://")
        nodes = answer.raise_for_status().json()["nodes"]
        return next((node["load"] for node in nodes if node["address"] == address), None)


def run(*, series: Path | None, times: int, out: Path | None) -> int:
    """Measure and report; returns the exit status."""
    with _running() as cluster, phantoms.files_of(series, phantoms.STACK) as files:
        tab = Tab(Server(cluster.urls["control"], cluster.processes["control"].pid))
        opened = tab.upload(files)
        seconds: dict[str, list[float]] = {how: [] for how in _ENDS}
        for _ in range(times):
            for how in _ENDS:
                seconds[how].append(_hand_over(cluster, tab, opened, how))
        tab.close()
        figures = {"machine": machine.describe(), "slices": len(files), "seconds": seconds}
    report.deliver("hand-over", figures, _text(figures), out)
    return 0


@contextlib.contextmanager
def _running() -> Iterator[_Cluster]:
    with tempfile.TemporaryDirectory(prefix="webviewer-bench-") as folder, contextlib.ExitStack() as stack:
        cluster = _Cluster(Path(folder), stack)
        for role in ("control", "storage"):
            command = [sys.executable, "-m", "webviewer", "db", "upgrade", "--role", role, "--data", f"{folder}/{role}"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program
        storage = _free_port()
        cluster.start("control", "--port", "0", "--storage-url", f"http://127.0.0.1:{storage}")
        cluster.start("storage", "--port", str(storage), "--no-dicom", "--control-url", cluster.urls["control"])
        for name in _NODES:
            cluster.start_node(name)
        yield cluster


def _hand_over(cluster: _Cluster, tab: Tab, opened: tuple[str, str], how: str) -> float:
    """Return seconds from the end of the session's node to the same lossless picture."""
    with tab.socket() as line:
        viewport = Viewport(line, *opened, _SIDE)
        viewport.frame_of(0, Quality.LOSSLESS)
        changed = viewport.change(active=False, zoom=1.5, window={"center": 50.0, "width": 350.0})
        before = viewport.frame_of(changed, Quality.LOSSLESS)
        name = cluster.own_node()
        started = time.perf_counter()
        os.kill(cluster.processes[name].pid, _ENDS[how][1])
        after = viewport.frame_of(changed, Quality.LOSSLESS)
        seconds = time.perf_counter() - started
        if after.payload != before.payload:
            text = "another picture came after the hand-over"
            raise PeerUnavailableError(text)
        viewport.close()
    _end(cluster.processes[name])
    cluster.start_node(name)
    return seconds


def _text(figures: dict[str, Any]) -> str:
    rows = []
    for how, (name, _, most) in _ENDS.items():
        values = figures["seconds"][how]
        rows.append((name, table.number(statistics.median(values)), *table.limited("", max(values), most)[1:]))
    head = ("the node is", "median, s", "longest, s", "target, s", "verdict")
    return f"From the signal to the same lossless picture ({figures['slices']} slices)\n\n{table.markdown(head, rows)}"


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait(_PATIENCE)
    if process.stdout:
        process.stdout.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
