"""Render pools between Kubernetes and the decision: pods with their loads, and the orders to drain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from webviewer_operator import metrics
from webviewer_operator.api.definition import GROUP
from webviewer_operator.api.spec import Pool
from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.kube import port
from webviewer_operator.kube.port import ConflictError, KubePort
from webviewer_operator.manifests.naming import MANAGER
from webviewer_operator.manifests.render import COMPONENT, deployment_name
from webviewer_operator.reconcile import moment
from webviewer_operator.reconcile.events import Event
from webviewer_operator.reconcile.observed import Observed
from webviewer_operator.reconcile.rollout import rolled_out
from webviewer_operator.scaling.capacity import CapacityAnswer, CapacityPort, ControlAccess
from webviewer_operator.scaling.decision import Decision, PodState, PoolState, decide

DRAINING = f"{GROUP}/draining-since"
"""Annotation of a pod that was chosen to go."""
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_CHEAP = "-1000"
_CHEAPEST = "-2000"
"""Of pods that nobody is left on: of all that are drained they go first."""


@dataclass(slots=True)
class Patience:
    """Since when fewer pods would be enough, by cluster and pool. A new operator starts to wait anew."""

    below: dict[tuple[str, str], float] = field(default_factory=dict)

    def forget(self, uid: str) -> None:
        """Forget a cluster."""
        self.below = {key: since for key, since in self.below.items() if key[0] != uid}


@dataclass(frozen=True, slots=True)
class Scaling:
    """What is decided for each pool; ``replicas`` is null where somebody else decides."""

    decisions: Mapping[str, Decision]
    replicas: Mapping[str, int | None]
    answer: CapacityAnswer | None


def plan_scaling(
    cluster: Cluster, observed: Observed, answer: CapacityAnswer | None, patience: Patience, now: float
) -> Scaling:
    """Decide for all pools."""
    decisions: dict[str, Decision] = {}
    replicas: dict[str, int | None] = {}
    first = True
    for name, pool in sorted(cluster.spec.render.pools.items(), key=lambda item: (item[0] != "default", item[0])):
        live = observed.find(port.DEPLOYMENT, deployment_name(cluster, name))
        if pool.external_scaling:
            replicas[name] = _left_alone(pool, live)
            continue
        if live is None or not live["spec"].get("replicas"):
            replicas[name] = pool.autoscaling.min_replicas if pool.autoscaling else pool.replicas
            continue
        # Who waits, waits for any pool: the first one that may grow serves him.
        queued = answer.queued if answer and first and pool.autoscaling else 0
        first = first and not pool.autoscaling
        key = (cluster.uid, name)
        state = _state(observed, name, live, answer)
        decision = decide(pool, replace(state, queued=queued, below_since=patience.below.get(key)), now)
        patience.below.pop(key, None)
        if decision.below_since is not None:
            patience.below[key] = decision.below_since
        decisions[name], replicas[name] = decision, decision.replicas
    return Scaling(decisions, replicas, answer)


async def carry_out(scaling: Scaling, cluster: Cluster, observed: Observed, kube: KubePort, now: float) -> list[Event]:
    """Mark the pods that are to go, and unmark those that are to stay."""
    events = []
    for name, decision in scaling.decisions.items():
        pods = {each["metadata"]["name"]: each for each in observed.pods_of(COMPONENT, name)}
        for pod in decision.drain:
            await _mark(kube, pods[pod], {DRAINING: moment.text(now), DELETION_COST: _CHEAP})
            metrics.DRAINS.inc()
            events.append(
                Event("Draining", f"pod {pod} takes no new sessions: {decision.wanted} are enough for {name}")
            )
        for pod in (*decision.release, *decision.withhold):
            since = pods[pod]["metadata"]["annotations"][DRAINING]
            cost = _CHEAPEST if pod in decision.release else _CHEAP
            await _mark(kube, pods[pod], {DRAINING: since, DELETION_COST: cost})
        for pod in decision.undrain:
            await _mark(kube, pods[pod], {})
            events.append(Event("DrainCancelled", f"pod {pod} is needed again"))
        live = observed.find(port.DEPLOYMENT, deployment_name(cluster, name))
        before = live["spec"].get("replicas", 0) if live else decision.replicas
        if before != decision.replicas:
            direction = "up" if decision.replicas > before else "down"
            metrics.SCALINGS.labels(direction).inc()
            events.append(Event(f"Scaled{direction.title()}", f"pool {name}: {before} -> {decision.replicas} pods"))
    return events


async def order(
    scaling: Scaling, observed: Observed, capacity: CapacityPort, controls: Sequence[str], access: ControlAccess
) -> None:
    """Bring what pods do in line with their marks: draining is repeated until the pod says that it does."""
    if scaling.answer is None or not controls:
        return
    for name, decision in scaling.decisions.items():
        for pod in observed.pods_of(COMPONENT, name):
            pod_name, address = pod["metadata"]["name"], _address(pod)
            load = scaling.answer.loads.get(address)
            if load is None or pod_name in decision.drain:
                continue  # marked just now: the next round sees the mark
            marked = _since(pod) is not None and pod_name not in decision.undrain
            if pod_name in decision.move or marked != load.draining:
                await capacity.set_draining(
                    controls[0], access, address, draining=marked, move=pod_name in decision.move
                )


def draining(pods: Sequence[Manifest]) -> int:
    """Return how many pods are marked."""
    return sum(_since(pod) is not None for pod in pods)


def _state(observed: Observed, name: str, live: Manifest, answer: CapacityAnswer | None) -> PoolState:
    loads = answer.loads if answer else {}
    pods = [
        PodState(
            name=each["metadata"]["name"],
            running=bool(_address(each)),
            load=loads.get(_address(each)),
            draining_since=_since(each),
            ready=_ready(each),
            released=_since(each) is not None and each["metadata"]["annotations"].get(DELETION_COST) == _CHEAPEST,
        )
        for each in observed.pods_of(COMPONENT, name)
    ]
    replicas = live["spec"]["replicas"]
    return PoolState(
        replicas=replicas,
        steady=_settled(live) and len(pods) == replicas,
        pods=pods,
        queued=0,
        known=answer is not None,
    )


def _settled(live: Manifest) -> bool:
    """Return whether the Deployment has seen its last change and has pods of one template only, ready or not."""
    status = live.get("status") or {}
    seen = status.get("observedGeneration", 0) >= live["metadata"].get("generation", 0)
    replicas = live["spec"]["replicas"]
    return rolled_out(live) or (seen and status.get("replicas") == status.get("updatedReplicas") == replicas)


def _left_alone(pool: Pool, live: Manifest | None) -> int | None:
    """Return the replicas to ask for where somebody else scales.

    A Deployment that is new gets a number to start with. Where the operator still owns the field, it keeps the value: to
    drop it would make the API server set it to one.
    """
    if live is None:
        return pool.replicas
    mine = (
        "f:replicas" in (entry.get("fieldsV1") or {}).get("f:spec", {})
        for entry in live["metadata"].get("managedFields", ())
        if entry.get("manager") == MANAGER and not entry.get("subresource")
    )
    replicas: int = live["spec"].get("replicas", pool.replicas)
    return replicas if any(mine) else None


async def _mark(kube: KubePort, pod: Manifest, annotations: Mapping[str, str]) -> None:
    metadata = {name: pod["metadata"][name] for name in ("name", "namespace", "uid")}
    if annotations:
        metadata["annotations"] = dict(annotations)
    try:
        await kube.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
    except ConflictError:
        return  # it has gone meanwhile


def _address(pod: Manifest) -> str:
    address: str = (pod.get("status") or {}).get("podIP") or ""
    return address


def _ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _since(pod: Manifest) -> float | None:
    text = (pod["metadata"].get("annotations") or {}).get(DRAINING)
    if text is None:
        return None
    found = moment.seconds(text)
    return 0.0 if found is None else found
