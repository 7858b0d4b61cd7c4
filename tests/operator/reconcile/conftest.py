"""A world in memory: API server, controllers, operator."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import pytest

from webviewer_operator.kube import port
from webviewer_operator.reconcile.reconciler import Reconciler
from webviewer_operator.testing.controllers import Controllers
from webviewer_operator.testing.memory import MemoryKube

NAMESPACE, NAME = "imaging", "viewer"


@dataclass
class World:
    """One cluster and all that acts on it."""

    kube: MemoryKube = field(default_factory=MemoryKube)
    time: float = 1_800_000_000.0

    def __post_init__(self):
        self.controllers = Controllers(self.kube)
        self.restart()

    def restart(self):
        """A new operator that knows nothing of what the last one did."""
        self.operator = Reconciler(self.kube, self.controllers, lambda: self.time, "1.0.0")

    def apply(self, spec: dict | None = None, annotations: dict | None = None) -> None:
        """What a person does with kubectl."""
        metadata = {"name": NAME, "namespace": NAMESPACE} | ({"annotations": annotations} if annotations else {})
        hook, self.kube.after_write = self.kube.after_write, lambda: None
        manifest = {"apiVersion": port.CLUSTER.api_version, "kind": port.CLUSTER.name, "metadata": metadata}
        self.kube.apply_as("person", manifest | {"spec": spec or {}})
        self.kube.after_write = hook
        self.kube.writes.clear()

    def delete(self) -> None:
        self.kube.remove(("WebViewerCluster", NAMESPACE, NAME))

    async def round(self) -> float | None:
        return await self.operator.reconcile(NAMESPACE, NAME)

    async def settle(self, rounds: int = 30, seconds: float = 20) -> None:
        """Rounds until a round writes nothing and the controllers have nothing to do."""
        for _ in range(rounds):
            before = self.versions()
            self.kube.writes.clear()
            await self.round()
            self.controllers.step()
            self.time += seconds
            if not self.kube.writes and self.versions() == before:
                return
        pytest.fail(f"not settled after {rounds} rounds: {self.kube.writes}")

    def versions(self) -> dict:
        """What changes with any change, also of a status."""
        return {key: each["metadata"]["resourceVersion"] for key, each in self.kube.objects.items()}

    def content(self) -> dict:
        """All objects, without what only says when and how often."""
        hidden = {"resourceVersion", "managedFields", "uid", "generation", "ownerReferences", "creationTimestamp"}

        def shown(each: dict) -> dict:
            metadata = {k: v for k, v in each["metadata"].items() if k not in hidden}
            return copy.deepcopy({"metadata": metadata, "spec": each.get("spec"), "data": each.get("data")})

        return {
            key: shown(each)
            for key, each in self.kube.objects.items()
            if key[0] != "Event"
        }  # fmt: skip

    def find(self, kind: str, name: str) -> dict | None:
        return self.kube.objects.get((kind, NAMESPACE, name))

    def names(self, kind: str) -> set[str]:
        return {key[2] for key in self.kube.objects if key[0] == kind}

    @property
    def status(self) -> dict:
        return self.find("WebViewerCluster", NAME).get("status", {})

    def condition(self, kind: str) -> dict:
        return next(each for each in self.status["conditions"] if each["type"] == kind)

    def events(self) -> list[str]:
        return [each["reason"] for key, each in self.kube.objects.items() if key[0] == "Event"]

    def image(self, workload: str) -> str:
        kind = "StatefulSet" if workload in {"storage", "database"} else "Deployment"
        return self.find(kind, f"{NAME}-{workload}")["spec"]["template"]["spec"]["containers"][0]["image"]


@pytest.fixture
def world():
    return World()


@pytest.fixture
def new_world():
    return World


@pytest.fixture(scope="session")
def new_world_class():
    """For tests whose examples each need a world."""
    return World
