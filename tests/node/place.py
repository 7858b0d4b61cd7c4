"""Where the tests install WebViewer: on a node of this machine, or on somebody's cluster."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.control_plane import Server
from tests.cluster.processes import tied

from .node import Node


@dataclass(frozen=True)
class Place:
    """A cluster with nodes. ``node`` is null where it is not on this machine.

    ``images`` are references by name: control, storage, render, operator, postgres.
    """

    server: Server
    program: Path
    images: dict[str, str]
    node: Node | None

    def kubectl(self, *arguments: str, content: str | None = None) -> str:
        """Run kubectl, and return what it says."""
        command = [f"{self.program}", f"--kubeconfig={self.server.kubeconfig}", *arguments]
        done = subprocess.run(command, input=content, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def reach(self, namespace: str, service: str, port: int) -> Iterator[tuple[str, int]]:
        """Give an address of a Service: its own on this machine's node, else one that kubectl forwards."""
        if self.node:
            found = self.server.done("GET", f"/api/v1/namespaces/{namespace}/services/{service}")
            yield found["spec"]["clusterIP"], port
            return
        command = [
            self.program, f"--kubeconfig={self.server.kubeconfig}", "port-forward", "--namespace", namespace,
            f"service/{service}", f":{port}",
        ]  # fmt: skip
        process = subprocess.Popen(tied(command), stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout
            said = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert said, "kubectl forwards nothing"
            yield "127.0.0.1", int(said[1])
        finally:
            process.terminate()
            process.communicate()


def given() -> Path | None:
    """Return the kubeconfig of somebody's cluster, if one is given."""
    found = os.environ.get("WEBVIEWER_TEST_KUBECONFIG")
    return Path(found) if found else None
