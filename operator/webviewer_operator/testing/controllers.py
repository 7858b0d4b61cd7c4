"""What Kubernetes' own controllers do with the operator's objects: pods, volumes, Jobs; one step at a time."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from webviewer.domain.load import NodeLoad
from webviewer_operator.cluster import Manifest
from webviewer_operator.kube import port
from webviewer_operator.manifests.naming import COMPONENT
from webviewer_operator.manifests.quantity import same
from webviewer_operator.scaling.capacity import CapacityAnswer, ControlAccess
from webviewer_operator.scaling.pools import DELETION_COST
from webviewer_operator.testing.memory import Key, MemoryKube

_APPLIED_BY = "controllers"


@dataclass
class Controllers:
    """Acts on a :class:`MemoryKube`.

    ``broken`` are images whose pods never become ready, ``failing`` those whose migration fails. ``removed`` lists the
    names of render pods that were taken away, with the sessions that were on them.
    """

    kube: MemoryKube
    broken: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    sessions: dict[str, int] = field(default_factory=dict)
    draining: set[str] = field(default_factory=set)
    queued: int = 0
    slots: int = 4
    silent: bool = False
    deaf: set[str] = field(default_factory=set)
    removed: list[tuple[str, int]] = field(default_factory=list)
    made: int = 0

    # ------------------------------------------------------------ controllers

    def step(self) -> None:
        """Let every controller act once."""
        for key, each in list(self.kube.objects.items()):
            if key not in self.kube.objects:
                continue
            if key[0] in {"Deployment", "StatefulSet"}:
                self._workload(key, each)
            if key[0] == "Job":
                self._job(key, each)

    def _workload(self, key: Key, workload: Manifest) -> None:
        template, replicas = workload["spec"]["template"], workload["spec"].get("replicas", 1)
        pods = self._pods(workload)
        old = [pod for pod in pods if self.kube.objects[pod]["spec"] != template["spec"]]
        if old:
            self._remove(old[0])
        elif len(pods) > replicas:
            self._remove(min(pods, key=self._rank))
        while len(self._pods(workload)) < replicas:
            self._make(key, workload)
        self._count(key, workload)

    def _rank(self, pod: Key) -> tuple[bool, int, str]:
        """Order in which a ReplicaSet gives pods up: not ready ones, then the cheaper ones."""
        each = self.kube.objects[pod]
        cost = (each["metadata"].get("annotations") or {}).get(DELETION_COST, "0")
        return _ready(each) and pod[2] not in self.draining, int(cost), pod[2]

    def _pods(self, workload: Manifest) -> list[Key]:
        uid = workload["metadata"]["uid"]
        wanted = workload["spec"]["selector"]["matchLabels"]
        found = []
        for key, each in self.kube.objects.items():
            if key[0] != "Pod" or key[1] != workload["metadata"]["namespace"]:
                continue
            if not wanted.items() <= each["metadata"]["labels"].items():
                continue
            # A controller adopts what its selector finds.
            each["metadata"]["ownerReferences"] = [{"uid": uid}]
            found.append(key)
        return found

    def _make(self, key: Key, workload: Manifest) -> None:
        template = workload["spec"]["template"]
        stateful = key[0] == "StatefulSet"
        self.made += 1
        number = len(self._pods(workload)) if stateful else self.made
        name = f"{key[2]}-{number}"
        image = template["spec"]["containers"][0]["image"]
        good = image not in self.broken
        state = {} if good else {"waiting": {"reason": "ImagePullBackOff"}}
        pod: Manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": copy.deepcopy(template["metadata"]) | {"name": name, "namespace": key[1]},
            "spec": copy.deepcopy(template["spec"]),
            "status": {
                "podIP": f"10.0.0.{self.made}",
                "conditions": [{"type": "Ready", "status": "True" if good else "False"}],
                "containerStatuses": [{"name": "main", "state": state}],
            },
        }
        pod["metadata"]["ownerReferences"] = [{"uid": workload["metadata"]["uid"]}]
        self._put(pod)
        for claim in workload["spec"].get("volumeClaimTemplates", ()) if stateful else ():
            self._claim(claim, f"{claim['metadata']['name']}-{name}", key[1])

    def _claim(self, template: Manifest, name: str, namespace: str) -> None:
        if ("PersistentVolumeClaim", namespace, name) not in self.kube.objects:
            metadata = copy.deepcopy(template["metadata"]) | {"name": name, "namespace": namespace}
            self._put(copy.deepcopy(template) | {"metadata": metadata})

    def _remove(self, pod: Key) -> None:
        if self.kube.objects[pod]["metadata"]["labels"][COMPONENT] == "render":
            self.removed.append((pod[2], self.sessions.get(pod[2], 0)))
        self.sessions.pop(pod[2], None)
        self.draining.discard(pod[2])
        self.kube.remove(pod)

    def _count(self, key: Key, workload: Manifest) -> None:
        pods = [self.kube.objects[pod] for pod in self._pods(workload)]
        new = [pod for pod in pods if pod["spec"] == workload["spec"]["template"]["spec"]]
        counts = {
            "observedGeneration": workload["metadata"]["generation"],
            "replicas": len(pods),
            "updatedReplicas": len(new),
            "readyReplicas": sum(_ready(pod) and pod["metadata"]["name"] not in self.draining for pod in pods),
        }
        self._status(key, counts)

    def _job(self, key: Key, job: Manifest) -> None:
        pod = job["spec"]["template"]["spec"]
        images = {each["image"] for each in (*pod["containers"], *pod.get("initContainers", ()))}
        kind = "Failed" if images & self.failing else "Complete"
        self._status(key, {"conditions": [{"type": kind, "status": "True"}]})

    def _status(self, key: Key, status: Manifest) -> None:
        kind = next(kind for kind in port.KINDS.values() if kind.name == key[0])

        def change(each: Manifest) -> None:
            each["status"] = status

        if self.kube.objects[key].get("status") != status:
            self.kube.change(kind, key[1], key[2], change)

    def _put(self, manifest: Manifest) -> None:
        before = len(self.kube.writes)
        hook, self.kube.after_write = self.kube.after_write, lambda: None
        self.kube.apply_as(_APPLIED_BY, manifest)
        if "status" in manifest:
            self.kube.apply_as(_APPLIED_BY, manifest, status=True)
        self.kube.after_write = hook
        del self.kube.writes[before:]

    # ------------------------------------------------------------ control, as scaling asks it

    async def read(self, controls: list[str], access: ControlAccess) -> CapacityAnswer | None:
        """Answer as control would; see the port of scaling."""
        if self.silent or not controls or not access.secret:
            return None
        loads = {address: self._load(name) for name, address in self._render_pods().items()}
        return CapacityAnswer(loads, self.queued)

    async def set_draining(
        self, control: str, access: ControlAccess, address: str, *, draining: bool, move: bool = False
    ) -> bool:
        """Obey as a render pod would; see the port of scaling."""
        del control, access
        for name, where in self._render_pods().items():
            if where == address and name not in self.deaf:
                (self.draining.add if draining else self.draining.discard)(name)
                if move:
                    self._move(name)
                return True
        return False

    def _move(self, name: str) -> None:
        """Let the sessions of a pod go to the others."""
        others = sorted(self._render_pods().keys() - {name} - self.draining)
        for number in range(self.sessions.pop(name, 0)):
            if others:
                other = others[number % len(others)]
                self.sessions[other] = self.sessions.get(other, 0) + 1

    def _load(self, name: str) -> NodeLoad | None:
        if name in self.deaf:
            return None
        return NodeLoad(slots=self.slots, used=self.sessions.get(name, 0), draining=name in self.draining)

    def _render_pods(self) -> dict[str, str]:
        return {
            key[2]: each["status"]["podIP"]
            for key, each in self.kube.objects.items()
            if key[0] == "Pod" and each["metadata"]["labels"][COMPONENT] == "render"
        }


def volume_size(claim: Manifest, size: str) -> bool:
    """Return whether the volume has this size."""
    return same(claim["spec"]["resources"]["requests"]["storage"], size)


def _ready(pod: Manifest) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"]["conditions"])
