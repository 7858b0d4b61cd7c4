"""Measures the operator on a control plane of our own: ``python -m tests.cluster.measure`` prints the table.

Clusters are applied at once. *Written* is the time from a cluster's creation to the last object that is created for it, by
the API server's own log; nodes.py says what pods reach, and looks ten times a second.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from webviewer_operator.kube import port

from . import control_plane as plane
from . import programs
from .conftest import account_token, wait_until_served
from .control_plane import Server, wait_for
from .helm import CHART
from .namespaces import CRD
from .nodes import Nodes
from .person import Person

NAMESPACE, ACCOUNT = "measured", "webviewer-operator"
FIRST, ALL = 20, 100
IDLE_SECONDS = 60


def main() -> int:
    """Measure and print."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is stopped
    found = programs.find()
    if isinstance(found, str):
        print(found, file=sys.stderr)  # noqa: T201 - a command
        return 1
    with tempfile.TemporaryDirectory() as name, plane.running(found, Path(name)) as server:
        process = start(server, Path(name))
        try:
            print("| figure | value |\n| --- | --- |")  # noqa: T201 - a command
            for what, value in measure(server, process):
                print(f"| {what} | {value} |", flush=True)  # noqa: T201 - a command
        finally:
            process.terminate()
            process.wait(20)
    return 0


def start(server: Server, folder: Path) -> subprocess.Popen[bytes]:
    """Install the chart as Helm renders it, and start the operator as its service account."""
    server.done("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    helm = Path(__file__).parents[2] / ".cache" / "tools" / "helm"
    environment = {"PATH": os.environ["PATH"], "HOME": f"{folder}", "KUBECONFIG": f"{server.kubeconfig}"}
    command = [helm if helm.exists() else "helm", "install", "webviewer", CHART, "--namespace", NAMESPACE]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    wait_until_served(server, CRD)
    token = account_token(server, NAMESPACE, ACCOUNT)
    cluster = yaml.safe_load(server.kubeconfig.read_text())["clusters"][0]["cluster"]
    authority = Path(cluster["certificate-authority"])
    kubeconfig = plane.write_kubeconfig(folder / "operator.kubeconfig", server.url, token, authority)
    with (folder / "operator.log").open("wb") as log:
        arguments = ["operator", "--namespace", NAMESPACE, "--port", "0"]
        return subprocess.Popen(
            [sys.executable, "-m", "webviewer", *arguments],
            env=os.environ | {"KUBECONFIG": f"{kubeconfig}"}, stdout=log, stderr=log,
        )  # fmt: skip


def measure(server: Server, process: subprocess.Popen[bytes]) -> Iterator[tuple[str, str]]:
    """Apply the first clusters at once, then the others; look at the memory of the operator with all at rest."""
    with Nodes(server, NAMESPACE).working():
        apply(server, range(FIRST))
        times = written(server, FIRST)
        yield f"{FIRST} clusters at once: all objects written, median s", f"{times[len(times) // 2]:.1f}"
        yield f"{FIRST} clusters at once: p95 s", f"{times[math.ceil(0.95 * len(times)) - 1]:.1f}"
        yield f"operator with {FIRST} clusters, MiB resident", f"{memory(process):.0f}"
        apply(server, range(FIRST, ALL))
        wait_until_ready(server, ALL)
    yield f"operator with {ALL} clusters, MiB resident", f"{memory(process):.0f}"
    before, writes = processor(process), count_writes(server)
    time.sleep(IDLE_SECONDS)
    yield f"operator with {ALL} clusters at rest, CPU s per minute", f"{processor(process) - before:.1f}"
    yield f"write requests in a minute at rest with {ALL} clusters", f"{count_writes(server) - writes}"


def apply(server: Server, numbers: range) -> None:
    """Apply small clusters."""
    for number in numbers:
        Person(server, NAMESPACE, f"c{number}").apply({})


def wait_until_ready(server: Server, count: int) -> None:
    """Wait until so many are ready."""
    path = Person(server, NAMESPACE).path.rpartition("/")[0]

    def ready() -> bool:
        items = server.done("GET", path)["items"]
        return sum((each.get("status") or {}).get("phase") == "Ready" for each in items) == count

    wait_for(ready, 900, every=1)


def written(server: Server, count: int) -> list[float]:
    """Return for each cluster how long it took until its last object was created, in seconds, sorted."""
    wait_until_ready(server, count)
    found = []
    entries = log_of(server)
    for number in range(count):
        name = f"c{number}"
        made = server.done("GET", Person(server, NAMESPACE, name).path)["metadata"]
        start_time = created_at(made)
        mine = [
            moment(each["stageTimestamp"])
            for each in entries
            if each["verb"] == "patch"
            and each.get("responseStatus", {}).get("code") == 201
            and each["objectRef"]["resource"] != port.EVENT.plural
            and each["objectRef"]["name"].startswith(f"{name}-")
        ]
        found.append(max(mine) - start_time)
    return sorted(found)


def created_at(metadata: dict) -> float:
    """Return when an object was created, to the second below: times are too long rather than too short."""
    return moment(metadata["creationTimestamp"])


def log_of(server: Server) -> list[dict]:
    """Return what the operator has asked for."""
    assert server.audit
    return [json.loads(line) for line in server.audit.read_text().splitlines() if f":{ACCOUNT}" in line]


def count_writes(server: Server) -> int:
    """Return how often it has asked to write."""
    return sum(each["verb"] in {"create", "patch", "update", "delete"} for each in log_of(server))


def moment(text: str) -> float:
    """Return seconds since the epoch."""
    return dt.datetime.fromisoformat(text).timestamp()


def memory(process: subprocess.Popen[bytes]) -> float:
    """Return the resident memory in MiB."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS")) / 1024


def processor(process: subprocess.Popen[bytes]) -> float:
    """Return user and system time in seconds."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
