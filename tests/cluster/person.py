"""What people do with their clusters, and what they see of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from webviewer_operator.api import definition
from webviewer_operator.kube import port
from webviewer_operator.kube.port import KINDS, Kind
from webviewer_operator.manifests import naming

from .control_plane import Server, wait_for

Object = dict[str, Any]
EXAMPLES = Path(__file__).parents[2] / "charts" / "webviewer" / "examples"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
KEPT = {"Secret", "PersistentVolumeClaim"}
"""Kinds that outlive a cluster, so it does not own them."""
_SELECTED = [kind for kind in KINDS.values() if kind not in {port.CLUSTER, port.EVENT, port.POD}]


def path_of(kind: Kind, namespace: str, name: str = "") -> str:
    """Return where objects of a kind are."""
    start = "/api/v1" if kind.api_version == "v1" else f"/apis/{kind.api_version}"
    return f"{start}/namespaces/{namespace}/{kind.plural}" + (f"/{name}" if name else "")


def example(name: str) -> Object:
    """Return an example of the chart."""
    found: Object = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())
    return found


@dataclass
class Person:
    """Somebody with a cluster in a namespace."""

    server: Server
    namespace: str
    name: str = "viewer"

    # ------------------------------------------------------------ does

    def apply(self, spec: Object, annotations: Object | None = None) -> Object:
        """Do what ``kubectl apply --server-side`` does."""
        metadata: Object = {"name": self.name, "namespace": self.namespace}
        if annotations:
            metadata["annotations"] = annotations
        resource = {"apiVersion": definition.API_VERSION, "kind": definition.KIND, "metadata": metadata, "spec": spec}
        query = "?fieldManager=kubectl&fieldValidation=Strict"
        found: Object = self.server.done("PATCH", self.path + query, resource, APPLY)
        return found

    def annotate(self, **annotations: str) -> None:
        """Set annotations of the cluster."""
        self.server.done("PATCH", self.path, {"metadata": {"annotations": annotations}}, MERGE)

    def delete(self) -> None:
        """Delete the cluster."""
        self.server.done("DELETE", self.path)

    def change(self, kind: Kind, name: str, patch: Object) -> Object:
        """Change some object."""
        found: Object = self.server.done("PATCH", path_of(kind, self.namespace, name), patch, MERGE)
        return found

    # ------------------------------------------------------------ sees

    @property
    def path(self) -> str:
        """Return where the cluster is."""
        return path_of(port.CLUSTER, self.namespace, self.name)

    def cluster(self) -> Object | None:
        """Return the cluster; null if it is gone."""
        return self.get(port.CLUSTER, self.name)

    def get(self, kind: Kind, name: str) -> Object | None:
        """Return an object; null if there is none."""
        answer = self.server.ask("GET", path_of(kind, self.namespace, name))
        return answer.json() if answer.is_success else None

    def list(self, kind: Kind) -> list[Object]:
        """Return the objects that the operator made for the cluster."""
        selector = naming.instance_selector(self.name).replace("=", "%3D").replace(",", "%2C")
        answer = self.server.ask("GET", f"{path_of(kind, self.namespace)}?labelSelector={selector}")
        items: list[Object] = answer.json()["items"] if answer.is_success else []
        return [each | {"apiVersion": kind.api_version, "kind": kind.name} for each in items]

    def objects(self) -> dict[tuple[str, str], Object]:
        """Return everything that was made for the cluster, without pods and Events, by kind and name."""
        found = [each for kind in _SELECTED for each in self.list(kind)]
        return {(each["kind"], each["metadata"]["name"]): each for each in found}

    def events(self) -> list[Object]:
        """Return the Events of the namespace."""
        found: list[Object] = self.server.done("GET", path_of(port.EVENT, self.namespace))["items"]
        return found

    def status(self) -> Object:
        """Return the cluster's status."""
        return (self.cluster() or {}).get("status") or {}

    def condition(self, kind: str) -> Object:
        """Return a condition; empty if it is not set."""
        return next((each for each in self.status().get("conditions", ()) if each["type"] == kind), {})

    def wait(self, condition: Callable[[], Any], seconds: float = 60) -> Any:
        """Wait until it holds."""
        return wait_for(condition, seconds, say=lambda: f"{self.status()}")

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Wait until the operator has seen the newest spec and everything is as it says."""

        def ready() -> bool:
            found = self.cluster() or {}
            status = found.get("status") or {}
            seen = status.get("observedGeneration") == found["metadata"]["generation"]
            return seen and status.get("phase") == "Ready"

        self.wait(ready, seconds)


def shown(objects: dict[tuple[str, str], Object]) -> dict[tuple[str, str], Object]:
    """Return what must be the same however often it was made: no moments, no identities, no random values."""
    found = {}
    for key, whole in objects.items():
        each = copy.deepcopy(whole)
        metadata = each["metadata"]
        annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k.startswith("example.org")}
        content = each.get("data")
        spec = each.get("spec") or {}
        template = spec.get("template") or {}
        (template.get("metadata") or {}).pop("annotations", None)  # digests of random secrets
        for name in ("clusterIP", "clusterIPs", "ports", "healthCheckNodePort", "selector", "volumeName"):
            if key[0] in {"Service", "Job"}:
                spec.pop(name, None)
        (template.get("metadata") or {}).get("labels", {}).pop("batch.kubernetes.io/controller-uid", None)
        (template.get("metadata") or {}).get("labels", {}).pop("controller-uid", None)
        found[key] = {
            "labels": metadata.get("labels"),
            "annotations": annotations,
            "owners": [owner["kind"] for owner in metadata.get("ownerReferences", ())],
            "data": sorted(content) if content else None,
            "spec": spec,
        }
    return found
