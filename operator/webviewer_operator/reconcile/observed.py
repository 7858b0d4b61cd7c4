"""What is there: one look at all objects of a cluster."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.kube import port
from webviewer_operator.kube.port import Kind, KubePort, NotServedError, key_of
from webviewer_operator.manifests import naming, secret_names
from webviewer_operator.manifests.naming import COMPONENT, POOL
from webviewer_operator.manifests.plan import overrides
from webviewer_operator.reconcile import secrets

OWNED = (
    port.BUDGET,
    port.NETWORK_POLICY,
    port.SERVICE,
    port.STATEFUL_SET,
    port.DEPLOYMENT,
    port.JOB,
    port.INGRESS,
    port.HTTP_ROUTE,
    port.CLAIM_TEMPLATE,
)
_NEWER = frozenset({port.HTTP_ROUTE, port.CLAIM_TEMPLATE})
"""Kinds that not every API server has."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Objects by (kind, name), pods, volume claims, Secrets by purpose, and the Secret with the database's address.

    ``referred``: Secrets that variables of pods are taken from, by name.
    """

    objects: dict[tuple[str, str], Manifest]
    pods: list[Manifest]
    claims: list[Manifest]
    secrets: dict[str, Manifest | None]
    database: Manifest | None
    referred: dict[str, Manifest | None]

    def find(self, kind: Kind, name: str) -> Manifest | None:
        """Return an object."""
        return self.objects.get((kind.name, name))

    @property
    def living(self) -> list[Manifest]:
        """Pods that are neither over (evicted ones stay on the list) nor about to go."""
        return [
            each
            for each in self.pods
            if "deletionTimestamp" not in each["metadata"]
            and (each.get("status") or {}).get("phase") not in {"Failed", "Succeeded"}
        ]

    def pods_of(self, component: str, pool: str | None = None) -> list[Manifest]:
        """Return the living pods of a component."""
        return [
            each
            for each in self.living
            if each["metadata"]["labels"].get(COMPONENT) == component
            and (pool is None or each["metadata"]["labels"].get(POOL) == pool)
        ]


async def observe(kube: KubePort, cluster: Cluster) -> Observed:
    """Look at everything, without a cache: a decision must not rest on what was so a moment ago."""
    selector = naming.instance_selector(cluster.name)

    async def listed(kind: Kind) -> list[Manifest]:
        try:
            return await kube.list(kind, cluster.namespace, selector)
        except NotServedError:
            if kind not in _NEWER:
                raise
            return []

    async def secret(name: str) -> Manifest | None:
        return await kube.get(port.SECRET, cluster.namespace, name)

    purposes = secrets.names(cluster)
    others = sorted({name for each in overrides(cluster).values() for name, _ in secret_names.referred(each)})
    lists, found, reference, referred = await asyncio.gather(
        asyncio.gather(*(listed(kind) for kind in (*OWNED, port.POD, port.CLAIM))),
        asyncio.gather(*(secret(name) for name in purposes.values())),
        secret(secret_names.database_reference(cluster)[0]),
        asyncio.gather(*(secret(name) for name in others)),
    )
    *owned, pods, claims = lists
    objects = {key_of(each): each for every in owned for each in every}
    own = dict(zip(purposes, found, strict=True))
    return Observed(objects, pods, claims, own, reference, dict(zip(others, referred, strict=True)))
