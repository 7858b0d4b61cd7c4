"""How many pods may go at once when nodes are drained."""

from __future__ import annotations

from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.manifests import naming


def manifests(cluster: Cluster) -> list[Manifest]:
    """Return a PodDisruptionBudget per component and pool: one pod at a time, single ones may go."""
    found = [_budget(cluster, component) for component in ("control", "storage")]
    if cluster.spec.database.embedded:
        found.append(_budget(cluster, "database"))
    return found + [_budget(cluster, "render", pool) for pool in sorted(cluster.spec.render.pools)]


def _budget(cluster: Cluster, component: str, pool: str | None = None) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {
            "name": naming.object_name(cluster, component, *([pool] if pool else [])),
            "labels": naming.labels(cluster, component, pool),
        },
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": naming.selector(cluster, component, pool)},
        },
    }
