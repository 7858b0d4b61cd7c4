"""What a round has seen, as conditions and numbers."""

from __future__ import annotations

from dataclasses import dataclass

from webviewer_operator.api.spec import DEFAULT_POOL
from webviewer_operator.api.status import ClusterStatus, ComponentStatus, PoolStatus, SessionStatus
from webviewer_operator.cluster import Manifest
from webviewer_operator.manifests import naming
from webviewer_operator.manifests.plan import RENDER, render_key
from webviewer_operator.reconcile import rollout, status
from webviewer_operator.reconcile.round import Round, base_status
from webviewer_operator.reconcile.status import Conditions
from webviewer_operator.scaling.pools import Scaling, draining

_MIG = "/mig-"


@dataclass(frozen=True, slots=True)
class Report:
    """Makes the status of a round."""

    round: Round
    scaling: Scaling
    waiting: str
    conditions: Conditions

    def status(self, before: ClusterStatus) -> ClusterStatus:
        """Return the whole status."""
        suspended = self.round.cluster.spec.suspend
        self._schema()
        self._components()
        self._gpus()
        done = self._summary()
        live = self.round.live
        phase = status.phase_of(self.conditions, empty=all(each is None for each in live.values()))
        pools = {name: self._pool(name) for name in sorted(self.round.cluster.spec.render.pools)}
        selector = naming.selector(self.round.cluster, RENDER, DEFAULT_POOL)
        ready, total = self._counts()
        return base_status(self.round.cluster).model_copy(
            update={
                "phase": "Suspended" if suspended else phase,
                "version": self._version() if done else before.version,
                "ready": f"{ready}/{total}",
                "replicas": pools[DEFAULT_POOL].replicas,
                "selector": ",".join(f"{key}={value}" for key, value in sorted(selector.items())),
                "sessions": self._sessions(),
                "control": _component(live["control"]),
                "storage": _component(live["storage"]),
                "pools": pools,
                "conditions": self.conditions.all(),
            }
        )

    def _schema(self) -> None:
        found, ready = self.round.migration, self.round.database_ready
        embedded = self.round.cluster.spec.database.embedded
        missing = "waits for the database pod" if embedded else "the Secret with the address of the database is missing"
        reason = "Answers" if embedded else "AddressKnown"
        self.conditions.set(status.DATABASE_READY, ready, reason if ready else "NotReady", "" if ready else missing)
        name = self.round.job_name
        reasons = {
            "succeeded": ("Succeeded", ""),
            "running": ("Running", f"Job {name} runs"),
            "missing": ("Waiting", "waits for the database"),
            "failed": (
                "JobFailed",
                f"Job {name} failed: read its log, then set the annotation webviewer.dev/retry-migration",
            ),
        }
        self.conditions.set(status.SCHEMA_MIGRATED, found == "succeeded", *reasons[found])

    def _components(self) -> None:
        for kind, keys in self._by_condition().items():
            pending = [key for key in keys if not self.round.done(key)]
            text = f"{', '.join(pending)} not rolled out" if pending else ""
            if self.waiting and pending:
                text += f"; the upgrade waits for {self.waiting}"
            self.conditions.set(kind, not pending, "NotRolledOut" if pending else "RolledOut", text)
        known = self.scaling.answer is not None
        self.conditions.set(
            status.CAPACITY_KNOWN,
            "True" if known else "Unknown",
            "Answered" if known else "NoAnswer",
            "" if known else "control does not tell its capacity: no pod is removed",
        )

    def _gpus(self) -> None:
        pools = self.round.cluster.spec.render.pools
        slices = [
            n for n, pool in sorted(pools.items()) if pool.gpu.mode == "DevicePlugin" and _MIG in pool.gpu.resource_name
        ]
        if slices:
            text = f"pools {', '.join(slices)}: MIG slices have no OpenGL, so projections are drawn by compute kernels only"
            self.conditions.set(status.GPU_MODE_UNSUITABLE, "True", "NoOpenGL", text)

    def _summary(self) -> bool:
        """Set the conditions that sum the others up; return whether all is as the spec says."""
        reason, troubles = self._troubles()
        self.conditions.set(status.DEGRADED, bool(troubles), reason or "AllWell", troubles)
        pending = [key for key in sorted(self._expected()) if not self.round.done(key)]
        done = not pending and self.round.migration == "succeeded" and not self.round.problems
        if self.round.cluster.spec.suspend:
            self.conditions.set(status.READY, "False", "Suspended", "suspended: no pods run, all data is kept")
            self.conditions.set(status.PROGRESSING, "False", "Suspended")
            return False
        waits = "" if done else f"waits for {', '.join(pending) or 'the schema'}"
        self.conditions.set(status.READY, done, "AllReady" if done else reason or "NotReady", troubles or waits)
        self.conditions.set(status.PROGRESSING, not done, "Done" if done else "RollingOut", waits)
        return done

    def _troubles(self) -> tuple[str, str]:
        """Return (reason, message) of what a person has to mend; empty if nothing has."""
        if self.round.problems:
            return "Refused", status.sentence(self.round.problems)
        if self.round.migration == "failed":
            return "MigrationFailed", f"Job {self.round.job_name} failed"
        trouble = "" if self.round.cluster.spec.suspend else rollout.trouble_of(self.round.observed.living)
        return ("PodsDoNotStart" if trouble else ""), trouble

    def _by_condition(self) -> dict[str, list[str]]:
        pools = [render_key(name) for name in sorted(self.round.cluster.spec.render.pools)]
        return {status.STORAGE_READY: ["storage"], status.RENDER_READY: pools, status.CONTROL_READY: ["control"]}

    def _expected(self) -> set[str]:
        embedded = self.round.cluster.spec.database.embedded
        return {key for key in self.round.wanted if key != "database" or embedded}

    def _version(self) -> str:
        return self.round.cluster.spec.version or self.round.own_version

    def _counts(self) -> tuple[int, int]:
        live = [self.round.live[key] for key in sorted(self._expected())]
        ready = sum(((each or {}).get("status") or {}).get("readyReplicas", 0) for each in live)
        return ready, sum((each or {}).get("spec", {}).get("replicas", 1) for each in live)

    def _sessions(self) -> SessionStatus | None:
        answer = self.scaling.answer
        if answer is None:
            return None
        loads = [load for load in answer.loads.values() if load]
        return SessionStatus(
            used=sum(load.used for load in loads), queued=answer.queued, slots=sum(load.slots for load in loads)
        )

    def _pool(self, name: str) -> PoolStatus:
        live = self.round.live[render_key(name)]
        component = _component(live)
        pods = self.round.observed.pods_of(RENDER, name)
        decision = self.scaling.decisions.get(name)
        addresses = [(pod.get("status") or {}).get("podIP") for pod in pods]
        loads = [self.scaling.answer.loads.get(each) for each in addresses if each] if self.scaling.answer else []
        known = [load for load in loads if load]
        return PoolStatus(
            replicas=component.replicas,
            ready=component.ready,
            image=component.image,
            desired=decision.wanted if decision else (live or {}).get("spec", {}).get("replicas", 0),
            draining=draining(pods),
            used_slots=sum(load.used for load in known) if known else None,
            slots=sum(load.slots for load in known) if known else None,
        )


def _component(live: Manifest | None) -> ComponentStatus:
    found = (live or {}).get("status") or {}
    return ComponentStatus(
        replicas=found.get("replicas", 0), ready=found.get("readyReplicas", 0), image=rollout.image_of(live) or ""
    )
