"""What kubelets would say: pods of a namespace start, become ready, finish. Everything else is Kubernetes' own work."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from .control_plane import Server

EVERY_SECONDS = 0.1
_MERGE = "application/strategic-merge-patch+json"
Pod = dict[str, Any]


@dataclass
class Nodes:
    """Looks at the pods again and again. ``broken`` are images that cannot be pulled, ``failing`` those that exit with 1.

    ``unready`` are names of pods that are not ready any more. Addresses are of this machine, so that who asks a pod hears
    at once that nobody is there. ``each_look`` is called after every look.
    """

    server: Server
    namespace: str
    broken: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    unready: set[str] = field(default_factory=set)
    each_look: list[Callable[[], None]] = field(default_factory=list)
    _told: dict[str, Pod] = field(default_factory=dict)
    _addresses: dict[str, str] = field(default_factory=dict)
    _network: int = field(default_factory=lambda: secrets.randbelow(200) + 20)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def working(self) -> Any:
        """Work beside the test."""
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def pods(self, component: str = "") -> list[Pod]:
        """Return the pods of the namespace, of one component if it is named."""
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        query = f"?labelSelector=app.kubernetes.io/component%3D{component}" if component else ""
        found: list[Pod] = self.server.done("GET", path + query)["items"]
        return found

    def _work(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            with contextlib.suppress(httpx2.TransportError):
                for pod in self.pods():
                    self._tell(pod)
                for look in self.each_look:
                    look()

    def _tell(self, pod: Pod) -> None:
        metadata = pod["metadata"]
        state = self._state(pod)
        if "deletionTimestamp" in metadata or self._told.get(metadata["uid"]) == state:
            return
        path = f"/api/v1/namespaces/{self.namespace}/pods/{metadata['name']}/status"
        # One that has gone meanwhile needs no state.
        if self.server.ask("PATCH", path, {"status": state}, _MERGE).is_success:
            self._told[metadata["uid"]] = state

    def _state(self, pod: Pod) -> Pod:
        containers = [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]
        images = {each["image"] for each in containers}
        if images & self.broken:
            return self._status(pod, "Pending", {"waiting": {"reason": "ImagePullBackOff"}}, ready=False)
        if pod["spec"]["restartPolicy"] != "Never":
            ready = pod["metadata"]["name"] not in self.unready
            return self._status(pod, "Running", {"running": {}}, ready=ready)
        code = int(bool(images & self.failing))
        return self._status(pod, "Failed" if code else "Succeeded", {"terminated": {"exitCode": code}}, ready=False)

    def _status(self, pod: Pod, phase: str, state: Pod, *, ready: bool) -> Pod:
        uid = pod["metadata"]["uid"]
        if uid not in self._addresses:
            number = next(self._numbers)
            self._addresses[uid] = f"127.{self._network}.{number // 250}.{number % 250 + 1}"
        told = "True" if ready else "False"
        conditions = {"PodScheduled": "True", "Initialized": "True", "ContainersReady": told, "Ready": told}
        found = {
            "phase": phase,
            "conditions": [{"type": kind, "status": value} for kind, value in conditions.items()],
            "containerStatuses": [
                {
                    "name": each["name"],
                    "image": each["image"],
                    "imageID": "",
                    "ready": ready,
                    "restartCount": 0,
                    "state": state,
                }
                for each in pod["spec"]["containers"]
            ],
        }
        address = self._addresses[uid]
        return found if phase == "Pending" else found | {"podIP": address, "podIPs": [{"ip": address}]}
