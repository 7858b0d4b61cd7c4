"""Who may talk to whom inside the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.manifests import naming

_DNS = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]


def manifests(cluster: Cluster) -> list[Manifest]:
    """Return a NetworkPolicy per component, unless the spec does without."""
    if not cluster.spec.network_policy.enabled:
        return []
    dicom = cluster.spec.storage.dicom
    storage = [_allow(cluster, ["control", "render"], naming.HTTP_PORTS["storage"])]
    if dicom.enabled:
        senders = [{"ipBlock": {"cidr": network}} for network in dicom.allowed_networks]
        storage.append({"ports": [_port(naming.DICOM_PORT)]} | ({"from": senders} if senders else {}))
    found = [
        _policy(cluster, "control", [{"ports": [_port(number) for number in _control_ports(cluster)]}]),
        _policy(cluster, "storage", storage),
        _policy(
            cluster,
            "render",
            [_allow(cluster, ["control"], naming.HTTP_PORTS["render"])],
            # It decodes what strangers sent: it reaches nothing but what it needs.
            egress=[
                {"to": [_pods(cluster, "control")], "ports": [_port(naming.node_port(cluster, "control"))]},
                {"to": [_pods(cluster, "storage")], "ports": [_port(naming.HTTP_PORTS["storage"])]},
                {"ports": _DNS},
            ],
        ),
    ]
    if cluster.spec.database.embedded:
        users = ["control", "storage", "migration"]
        found.append(_policy(cluster, "database", [_allow(cluster, users, naming.DATABASE_PORT)], metrics=False))
    return found


def _control_ports(cluster: Cluster) -> Sequence[int]:
    """Ports of pages and of nodes. The operator asks for the load, from a namespace that nobody knows here."""
    return sorted({naming.HTTP_PORTS["control"], naming.node_port(cluster, "control")})


def _policy(
    cluster: Cluster,
    component: str,
    ingress: Sequence[Manifest],
    *,
    egress: Sequence[Manifest] | None = None,
    metrics: bool = True,
) -> Manifest:
    spec: Manifest = {
        "podSelector": {"matchLabels": naming.selector(cluster, component)},
        "policyTypes": ["Ingress"] if egress is None else ["Ingress", "Egress"],
        "ingress": [*ingress, *([_scrapers(cluster)] if metrics else [])],
    }
    if egress is not None:
        spec["egress"] = list(egress)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": naming.object_name(cluster, component),
            "labels": naming.labels(cluster, component),
        },
        "spec": spec,
    }


def _scrapers(cluster: Cluster) -> Manifest:
    names = cluster.spec.network_policy.metrics_namespaces
    expression = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(names)}
    namespaces: Manifest = {"matchExpressions": [expression]} if names else {}
    return {"from": [{"namespaceSelector": namespaces}], "ports": [_port(naming.METRICS_PORT)]}


def _allow(cluster: Cluster, components: Sequence[str], port: int) -> Manifest:
    return {"from": [_pods(cluster, component) for component in components], "ports": [_port(port)]}


def _pods(cluster: Cluster, component: str) -> Manifest:
    return {"podSelector": {"matchLabels": naming.selector(cluster, component)}}


def _port(number: int) -> Manifest:
    return {"port": number, "protocol": "TCP"}
