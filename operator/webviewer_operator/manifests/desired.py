"""Everything that a cluster needs, ready to be applied."""

from __future__ import annotations

import hashlib
import json

from webviewer_operator.api.definition import GROUP
from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.manifests import control, database, disruption, network, render, storage
from webviewer_operator.manifests.plan import Plan

APPLIED = f"{GROUP}/applied"
"""Annotation: digest of what was applied last, so that dropped fields are noticed."""


def surroundings(cluster: Cluster) -> list[Manifest]:
    """Return what needs no pods: budgets and policies."""
    return [finished(cluster, each) for each in (*disruption.manifests(cluster), *network.manifests(cluster))]


def workloads(cluster: Cluster, plan: Plan) -> list[Manifest]:
    """Return the workloads with their Services, in the order in which they are applied."""
    found = [
        *database.manifests(cluster, plan),
        *storage.manifests(cluster, plan),
        *render.manifests(cluster, plan),
        *control.manifests(cluster, plan),
    ]
    return [finished(cluster, each) for each in found]


def finished(cluster: Cluster, manifest: Manifest, *, owned: bool = True) -> Manifest:
    """Add namespace, owner and the digest. What is not ``owned`` stays when the cluster is deleted."""
    metadata = manifest["metadata"] | {"namespace": cluster.namespace}
    if owned:
        metadata["ownerReferences"] = [cluster.owner]
    manifest = manifest | {"metadata": metadata}
    content = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(content.encode()).hexdigest()[:32]
    annotations = metadata.get("annotations", {}) | {APPLIED: digest}
    return manifest | {"metadata": metadata | {"annotations": annotations}}
