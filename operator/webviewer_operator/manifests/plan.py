"""What the builders must know beside the spec: decisions that depend on what is running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from webviewer_operator.api.spec import PodOverrides
from webviewer_operator.cluster import Cluster

RENDER = "render"


def render_key(pool: str) -> str:
    """Return the key of a pool's workload in :class:`Plan`."""
    return f"{RENDER}/{pool}"


def overrides(cluster: Cluster) -> dict[str, PodOverrides]:
    """Return what a person adds to the pods of our own images, by workload."""
    spec = cluster.spec
    pools = {render_key(name): pool.pod for name, pool in spec.render.pools.items()}
    return {"control": spec.control.pod, "storage": spec.storage.pod} | pools


@dataclass(frozen=True, slots=True)
class Plan:
    """Decisions of this round.

    Keys are ``control``, ``storage``, ``database`` and ``render/<pool>``.
    ``images``: which image the workload runs now; a later stage of an upgrade keeps its old one.
    ``sums``: digest of the secrets that its pods read; a new one restarts them.
    ``replicas``: of the pools; null = left to somebody else.
    ``storage``: nodes whose schema is there; null = all.
    """

    images: Mapping[str, str]
    sums: Mapping[str, str] = field(default_factory=dict)
    replicas: Mapping[str, int | None] = field(default_factory=dict)
    storage: int | None = None


def wanted_images(cluster: Cluster, own_version: str) -> dict[str, str]:
    """Return the image of every workload as the spec asks for it."""
    images = cluster.spec.images
    version = cluster.spec.version or own_version

    def image(role: str) -> str:
        return getattr(images, role) or f"{images.repository}-{role}:{version}"

    nvidia = images.render_nvidia or f"{images.repository}-render:{version}-nvidia"
    pools = {
        render_key(name): pool.image or (image("render") if pool.gpu.mode == "None" else nvidia)
        for name, pool in cluster.spec.render.pools.items()
    }
    return {"control": image("control"), "storage": image("storage"), "database": images.postgres} | pools
