"""Names and labels of a cluster's objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webviewer_operator.api.definition import GROUP
from webviewer_operator.cluster import Cluster

MANAGER = "webviewer-operator"
"""Field manager of server-side apply, and label of everything that the operator made."""
MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
POOL = f"{GROUP}/pool"
HTTP_PORTS = {"control": 8090, "storage": 8091, "render": 8092}
DICOM_PORT = 11112
NODES_PORT = 8443
"""Where control serves the other parts by TLS; pages are served on its HTTP port, to what terminates TLS in front of it."""
METRICS_PORT = 9180
DATABASE_PORT = 5432


def selector(cluster: Cluster, component: str, pool: str | None = None) -> dict[str, str]:
    """Return the labels that find the pods of a component. They never change: selectors are immutable."""
    labels = {"app.kubernetes.io/name": "webviewer", INSTANCE: cluster.name, COMPONENT: component}
    return labels | ({POOL: pool} if pool else {})


def labels(cluster: Cluster, component: str, pool: str | None = None) -> dict[str, str]:
    """Return the labels of an object."""
    return selector(cluster, component, pool) | {MANAGED_BY: MANAGER}


def instance_selector(name: str) -> str:
    """Return the label selector of everything made for the cluster of this name."""
    return f"{INSTANCE}={name},{MANAGED_BY}={MANAGER}"


def object_name(cluster: Cluster, *parts: str) -> str:
    """Return ``<cluster>-<part>-…``."""
    return "-".join((cluster.name, *parts))


def http_url(cluster: Cluster, service: str, role: str) -> str:
    """Return where pods of this cluster reach a Service of the role."""
    return f"{scheme(cluster)}://{host(cluster, service)}:{node_port(cluster, role)}"


def pod_url(cluster: Cluster, role: str, pod: str) -> str:
    """Return the address of one pod of a StatefulSet, by the name that its headless Service gives it."""
    return f"{scheme(cluster)}://{pod}.{host(cluster, role)}:{HTTP_PORTS[role]}"


def host(cluster: Cluster, service: str) -> str:
    """Return the DNS name of a Service of this cluster."""
    return f"{object_name(cluster, service)}.{cluster.namespace}.svc"


def scheme(cluster: Cluster) -> str:
    """Return how parts talk to each other."""
    return "https" if cluster.spec.tls.enabled else "http"


def node_port(cluster: Cluster, role: str) -> int:
    """Return the port on which a role serves the other parts."""
    return NODES_PORT if role == "control" and cluster.spec.tls.enabled else HTTP_PORTS[role]


def metadata(
    cluster: Cluster, component: str, name: str = "", annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the metadata of an object of a component; its name is the component's unless another is given."""
    found: dict[str, Any] = {"name": object_name(cluster, name or component), "labels": labels(cluster, component)}
    return found | ({"annotations": dict(annotations)} if annotations else {})
