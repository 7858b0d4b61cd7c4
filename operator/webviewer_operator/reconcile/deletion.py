"""The end of a cluster: pods go, data stays unless the spec says otherwise."""

from __future__ import annotations

from webviewer_operator.api.definition import GROUP
from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.kube import port
from webviewer_operator.kube.port import KubePort
from webviewer_operator.manifests import naming
from webviewer_operator.reconcile import secrets
from webviewer_operator.reconcile.events import Event

FINALIZER = f"{GROUP}/cleanup"


def held(resource: Manifest) -> bool:
    """Return whether the resource waits for us before it goes."""
    return FINALIZER in resource["metadata"].get("finalizers", [])


async def hold(kube: KubePort, resource: Manifest) -> None:
    """Let the resource wait for us."""
    await kube.apply(_identity(resource, [FINALIZER]))


async def finish(kube: KubePort, resource: Manifest, cluster: Cluster | None) -> Event | None:
    """Delete the data if that was asked for, then let the resource go: the garbage collector takes what it owns.

    Without a readable spec all data stays. Returns what a person should know.
    """
    if not held(resource):
        return None
    event = Event("DataRetained", "volumes, keys and passwords stay: a cluster of the same name finds them again")
    if cluster is not None and cluster.spec.data_policy == "Delete":
        await _delete_data(kube, cluster)
        event = Event("DataDeleted", "volumes, keys and passwords are deleted, as dataPolicy says", "Warning")
    await kube.apply(_identity(resource, []))
    return event


async def _delete_data(kube: KubePort, cluster: Cluster) -> None:
    """Delete pods' owners first: a volume that is in use is not deleted."""
    selector = naming.instance_selector(cluster.name)
    for kind in (port.DEPLOYMENT, port.STATEFUL_SET, port.JOB, port.CLAIM):
        for each in await kube.list(kind, cluster.namespace, selector):
            if "deletionTimestamp" not in each["metadata"]:
                await kube.delete(kind, cluster.namespace, each["metadata"]["name"], each["metadata"]["uid"])
    for name in {**secrets.names(cluster), **secrets.names_of_tls(cluster)}.values():
        secret = await kube.get(port.SECRET, cluster.namespace, name)
        if secret and (secret["metadata"].get("labels") or {}).get(naming.MANAGED_BY) == naming.MANAGER:
            await kube.delete(port.SECRET, cluster.namespace, name, secret["metadata"]["uid"])


def _identity(resource: Manifest, finalizers: list[str]) -> Manifest:
    metadata = {name: resource["metadata"][name] for name in ("name", "namespace", "uid")}
    if finalizers:
        metadata["finalizers"] = finalizers
    return {name: resource[name] for name in ("apiVersion", "kind")} | {"metadata": metadata}
