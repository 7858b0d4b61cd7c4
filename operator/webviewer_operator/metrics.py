"""Prometheus metrics of the operator."""

from __future__ import annotations

import contextlib

from prometheus_client import Counter, Gauge, Histogram

CLUSTERS = Gauge("webviewer_operator_clusters", "Clusters that are looked after")
READY = Gauge(
    "webviewer_operator_cluster_ready", "Whether all of the cluster is as its spec says", ["namespace", "cluster"]
)
RECONCILES = Counter("webviewer_operator_reconciles", "Rounds by outcome", ["outcome"])
SECONDS = Histogram(
    "webviewer_operator_reconcile_seconds", "Time of a round", buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
)
WRITES = Counter("webviewer_operator_writes", "Write requests to the API server", ["verb", "kind"])
WAITING = Gauge("webviewer_operator_waiting", "Clusters that wait for a round")
RUNNING_SECONDS = Gauge("webviewer_operator_longest_round_seconds", "Age of the oldest round that has not ended")
CAPACITY_FAILURES = Counter("webviewer_operator_capacity_failures", "Times that control did not tell its capacity")
SCALINGS = Counter("webviewer_operator_scalings", "Changes of the size of a render pool", ["direction"])
DRAINS = Counter("webviewer_operator_drains", "Render pods that began to drain")

# They are told from the start: the first failure is a step from 0, not a series that was not there before.
for _outcome in ("done", "failed"):
    RECONCILES.labels(_outcome)
for _direction in ("up", "down"):
    SCALINGS.labels(_direction)


def show_ready(namespace: str, cluster: str, *, ready: bool | None) -> None:
    """Say whether a cluster is ready. Null = nobody expects it to be: there is no series, so no alert."""
    if ready is not None:
        READY.labels(namespace, cluster).set(ready)
        return
    with contextlib.suppress(KeyError):  # there may never have been one
        READY.remove(namespace, cluster)
