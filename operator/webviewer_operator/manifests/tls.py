"""TLS between pods: which names a part's certificate is of, and how it gets to its pods."""

from __future__ import annotations

from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.manifests import naming, pod, secret_names

_FOLDER = "/tls"
_SETTINGS = {
    "WEBVIEWER_TLS_CERTIFICATE": secret_names.TLS_CERTIFICATE,
    "WEBVIEWER_TLS_KEY": secret_names.TLS_KEY,
    "WEBVIEWER_TLS_AUTHORITY": secret_names.AUTHORITIES,
}


def server_names(cluster: Cluster, component: str) -> tuple[str, ...]:
    """Return the DNS names by which other pods reach the component."""
    if component == "storage":
        service = naming.host(cluster, component)
        return service, f"*.{service}"  # each node has a name of its own
    return tuple(naming.host(cluster, service) for service in (component, f"{component}-nodes"))


def variables(cluster: Cluster) -> list[Manifest]:
    """Return the settings that a part finds its certificate by."""
    if not cluster.spec.tls.enabled:
        return []
    return [pod.variable(name, f"{_FOLDER}/{key}") for name, key in _SETTINGS.items()]


def volumes(cluster: Cluster, component: str) -> list[Manifest]:
    """Return the volume of the component's certificate."""
    if not cluster.spec.tls.enabled:
        return []
    return [pod.secret_volume("tls", naming.object_name(cluster, secret_names.TLS[component]))]


def mounts(cluster: Cluster) -> list[Manifest]:
    """Return where it is mounted."""
    return [{"name": "tls", "mountPath": _FOLDER, "readOnly": True}] if cluster.spec.tls.enabled else []
