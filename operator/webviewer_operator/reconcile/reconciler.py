"""The reconciler: brings one cluster nearer to its spec, whatever was done before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from pydantic import ValidationError

from webviewer_operator import metrics
from webviewer_operator.api.status import ClusterStatus
from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.kube import port
from webviewer_operator.kube.port import KubePort
from webviewer_operator.manifests import control, naming, secret_names
from webviewer_operator.reconcile import deletion, events, rollout, secrets, status
from webviewer_operator.reconcile.events import Event
from webviewer_operator.reconcile.observed import Observed, observe
from webviewer_operator.reconcile.report import Report
from webviewer_operator.reconcile.round import Round
from webviewer_operator.reconcile.status import Conditions
from webviewer_operator.scaling import pools
from webviewer_operator.scaling.capacity import CapacityAnswer, CapacityPort, ControlAccess
from webviewer_operator.scaling.pools import Patience, Scaling

SOON_SECONDS = 5.0
"""Until the next round while something is on its way; changes of objects wake it up earlier."""
SCALING_SECONDS = 15.0
RESYNC_SECONDS = 300.0
_AT_REST = frozenset({"Suspended", "Paused"})
"""Phases that a person asked for."""
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Reconciler:
    """Everything is decided anew from what is there: being killed between any two writes costs time only.

    ``now`` tells seconds since the epoch; ``version`` is the operator's own, and that of clusters which name none.
    """

    kube: KubePort
    capacity: CapacityPort
    now: Callable[[], float]
    version: str
    patience: Patience = field(default_factory=Patience)

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """Do one round; return in how many seconds the next one is due, null if the cluster is gone.

        Raises KubeError; the caller tries again later.
        """
        resource = await self.kube.get(port.CLUSTER, namespace, name)
        if resource is None:
            metrics.show_ready(namespace, name, ready=None)
            return None
        try:
            cluster = Cluster.of(resource)
        except ValidationError as error:
            return await self._unreadable(resource, error)
        if cluster.deleting:
            await self._finish(resource, cluster)
            return None
        if cluster.paused:
            return await self._pause(resource, cluster)
        if not deletion.held(resource):
            await deletion.hold(self.kube, resource)
        return await self._round(resource, cluster)

    async def _round(self, resource: Manifest, cluster: Cluster) -> float:
        observed = await observe(self.kube, cluster)
        told: list[Event] = []
        first = Round(self.kube, cluster, observed, self.version)
        if await first.make_secrets(self.now()):
            told += first.events
            observed = await observe(self.kube, cluster)
        now = self.now()
        controls, access = _controls(observed), _access(cluster, observed)
        answer = await self._ask(cluster, controls, access)
        scaling = self._scale(cluster, observed, answer, now)
        this = Round(self.kube, cluster, observed, self.version)
        plan, found = this.plan(scaling)
        told += await pools.carry_out(scaling, cluster, observed, self.kube, now)
        await this.apply_all(plan)
        await pools.order(scaling, observed, self.capacity, controls, access)
        report = Report(this, scaling, found.waiting, self._conditions(resource, cluster))
        before = status.read(resource)
        await self._tell(resource, before, report.status(before), [*told, *this.events, *report.conditions.events()])
        return _due(cluster, report)

    async def _ask(self, cluster: Cluster, controls: list[str], access: ControlAccess) -> CapacityAnswer | None:
        if cluster.spec.suspend or not controls or not access.secret:
            return None
        return await self.capacity.read(controls, access)

    def _scale(self, cluster: Cluster, observed: Observed, answer: CapacityAnswer | None, now: float) -> Scaling:
        if cluster.spec.suspend:
            self.patience.forget(cluster.uid)
            return Scaling({}, {}, None)
        return pools.plan_scaling(cluster, observed, answer, self.patience, now)

    async def _tell(self, resource: Manifest, before: ClusterStatus, after: ClusterStatus, told: list[Event]) -> None:
        """Write Events, then the status: a crash between the two tells an Event again rather than never."""
        for event in told:
            await self.kube.apply(events.manifest(resource, event, self.now()))
            metadata = resource["metadata"]
            _log.info("event", cluster=metadata["name"], namespace=metadata["namespace"], reason=event.reason)
        ready = None if after.phase in _AT_REST else after.phase == "Ready"
        metrics.show_ready(resource["metadata"]["namespace"], resource["metadata"]["name"], ready=ready)
        if after != before:
            await self.kube.apply_status(status.manifest(resource, after))

    def _conditions(self, resource: Manifest, cluster: Cluster) -> Conditions:
        before = {each.type: each for each in status.read(resource).conditions}
        return Conditions(cluster.generation, self.now(), before)

    async def _pause(self, resource: Manifest, cluster: Cluster) -> float:
        """Say so and change nothing else."""
        before, conditions = status.read(resource), self._conditions(resource, cluster)
        conditions.found = {kind: each for kind, each in conditions.before.items() if kind != status.PAUSED}
        conditions.set(
            status.PAUSED, "True", "Annotated", "the annotation webviewer.dev/paused is set: nothing is changed"
        )
        after = before.model_copy(
            update={"phase": "Paused", "observed_generation": cluster.generation, "conditions": conditions.all()}
        )
        await self._tell(resource, before, after, conditions.events())
        return RESYNC_SECONDS

    async def _unreadable(self, resource: Manifest, error: ValidationError) -> float | None:
        """Say what is wrong with the spec; everything stays as it is."""
        metadata = resource["metadata"]
        if "deletionTimestamp" in metadata:
            await self._finish(resource, None)
            return None
        lines = (f"spec.{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors())
        before = status.read(resource)
        known = {each.type: each for each in before.conditions}
        conditions = Conditions(metadata.get("generation", 0), self.now(), known, dict(known))
        conditions.set(status.SPEC_INVALID, "True", "SpecInvalid", status.sentence(list(lines)))
        conditions.set(status.READY, "False", "SpecInvalid", "see the condition SpecInvalid")
        generation = metadata.get("generation", 0)
        after = before.model_copy(
            update={"phase": "Degraded", "observed_generation": generation, "conditions": conditions.all()}
        )
        await self._tell(resource, before, after, conditions.events())
        return RESYNC_SECONDS

    async def _finish(self, resource: Manifest, cluster: Cluster | None) -> None:
        self.patience.forget(resource["metadata"]["uid"])
        event = await deletion.finish(self.kube, resource, cluster)
        if event is not None:
            await self.kube.apply(events.manifest(resource, event, self.now()))


def _controls(observed: Observed) -> list[str]:
    """Return the addresses of control pods that answer requests."""
    found = []
    for pod in observed.pods_of("control"):
        state = pod.get("status") or {}
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in state.get("conditions", ()))
        if ready and state.get("podIP"):
            found.append(state["podIP"])
    return sorted(found)


def _access(cluster: Cluster, observed: Observed) -> ControlAccess:
    """Return how control's pods are asked: with the nodes' secret, and by TLS where its certificate is of this authority."""
    secret = secrets.value(observed.secrets.get(secret_names.NODES), secret_names.NODE_SECRET)
    if not cluster.spec.tls.enabled:
        return ControlAccess(secret)
    own = observed.secrets.get(secret_names.TLS[control.COMPONENT])
    name = naming.host(cluster, control.NODES_SERVICE)
    return ControlAccess(secret, secrets.value(own, secret_names.AUTHORITIES), name)


def _due(cluster: Cluster, report: Report) -> float:
    found = report.conditions.found
    if found[status.PROGRESSING].status == "True" or not rollout.rolled_out(report.round.live["control"]):
        return SOON_SECONDS
    moving = any(each.below_since is not None for each in report.scaling.decisions.values())
    going = any(pools.draining(report.round.observed.pods_of("render", name)) for name in cluster.spec.render.pools)
    scaled = any(pool.autoscaling for pool in cluster.spec.render.pools.values())
    return SCALING_SECONDS if moving or going or scaled else RESYNC_SECONDS
