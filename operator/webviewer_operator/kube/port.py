"""What the operator asks of the API server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from webviewer_operator.api import definition
from webviewer_operator.cluster import Manifest

Propagation = Literal["Background", "Orphan"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of namespaced object."""

    api_version: str
    name: str
    plural: str


CLUSTER = Kind(definition.API_VERSION, definition.KIND, definition.PLURAL)
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
STATEFUL_SET = Kind("apps/v1", "StatefulSet", "statefulsets")
JOB = Kind("batch/v1", "Job", "jobs")
SERVICE = Kind("v1", "Service", "services")
SECRET = Kind("v1", "Secret", "secrets")
POD = Kind("v1", "Pod", "pods")
CLAIM = Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
EVENT = Kind("v1", "Event", "events")
BUDGET = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
NETWORK_POLICY = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
INGRESS = Kind("networking.k8s.io/v1", "Ingress", "ingresses")
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
CLAIM_TEMPLATE = Kind("resource.k8s.io/v1", "ResourceClaimTemplate", "resourceclaimtemplates")
KINDS = {
    (kind.api_version, kind.name): kind
    for kind in (
        CLUSTER, DEPLOYMENT, STATEFUL_SET, JOB, SERVICE, SECRET, POD, CLAIM, EVENT, BUDGET, NETWORK_POLICY, INGRESS,
        HTTP_ROUTE, CLAIM_TEMPLATE,
    )
}  # fmt: skip


class KubeError(Exception):
    """The API server did not do what it was asked."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConflictError(KubeError):
    """The object is another one by now, or its fields are somebody else's."""


class RefusedError(KubeError):
    """The object is wrong, or we may not do that: trying again changes nothing until somebody changes something."""


class NotServedError(KubeError):
    """The API server does not know the kind."""


class UnavailableError(KubeError):
    """No answer, or too many requests: try again."""


class KubePort(Protocol):
    """Objects by kind, namespace and name. All methods raise :class:`KubeError`."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return the object, null if there is none."""
        ...

    async def list(self, kind: Kind, namespace: str | None, selector: str = "") -> list[Manifest]:
        """Return the objects whose labels match ``a=b,c=d``; of all namespaces where it is null."""
        ...

    async def apply(self, manifest: Manifest) -> Manifest:
        """Make the fields of ``manifest`` so, and forget those that were applied before and are not in it.

        Fields of others stay as they are. With ``metadata.uid`` nothing is created: raises ConflictError where the
        object is gone or another one.
        """
        ...

    async def apply_status(self, manifest: Manifest) -> Manifest:
        """The same for ``status``. Raises ConflictError where the object is gone."""
        ...

    async def delete(
        self, kind: Kind, namespace: str, name: str, uid: str, propagation: Propagation = "Background"
    ) -> None:
        """Delete this object; one that is gone or another one by now is no error."""
        ...


def kind_of(manifest: Manifest) -> Kind:
    """Return the kind of a manifest. Raises KeyError for one that the operator does not use."""
    return KINDS[manifest["apiVersion"], manifest["kind"]]


def key_of(manifest: Manifest) -> tuple[str, str]:
    """Return (kind, name), unique inside a cluster's namespace."""
    return manifest["kind"], manifest["metadata"]["name"]
