"""The status: conditions that keep their times, and what is worth an Event when they turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from webviewer_operator.api.status import ClusterStatus, Condition, ConditionStatus, Phase
from webviewer_operator.cluster import Manifest
from webviewer_operator.reconcile import moment
from webviewer_operator.reconcile.events import Event

READY = "Ready"
PROGRESSING = "Progressing"
DEGRADED = "Degraded"
DATABASE_READY = "DatabaseReady"
SCHEMA_MIGRATED = "SchemaMigrated"
STORAGE_READY = "StorageReady"
RENDER_READY = "RenderReady"
CONTROL_READY = "ControlReady"
CAPACITY_KNOWN = "CapacityKnown"
GPU_MODE_UNSUITABLE = "GPUModeUnsuitable"
PAUSED = "Paused"
SPEC_INVALID = "SpecInvalid"
_BAD_WHEN_TRUE = frozenset({DEGRADED, GPU_MODE_UNSUITABLE, SPEC_INVALID})
_TOLD = frozenset({READY, DEGRADED, SCHEMA_MIGRATED, GPU_MODE_UNSUITABLE, SPEC_INVALID, PAUSED})
"""Conditions whose turning is an Event; the others only explain these."""


@dataclass(slots=True)
class Conditions:
    """Conditions of this round."""

    generation: int
    now: float
    before: dict[str, Condition]
    found: dict[str, Condition] = field(default_factory=dict)

    def set(self, kind: str, status: ConditionStatus | bool, reason: str, message: str = "") -> None:  # noqa: FBT001 - True and False are the values of a condition
        """Set a condition; it keeps its time while its status stays."""
        value: ConditionStatus = status if isinstance(status, str) else "True" if status else "False"
        old = self.before.get(kind)
        since = old.last_transition_time if old and old.status == value else moment.text(self.now)
        self.found[kind] = Condition(
            type=kind,
            status=value,
            reason=reason,
            message=message,
            last_transition_time=since,
            observed_generation=self.generation,
        )

    def all(self) -> tuple[Condition, ...]:
        """Return the conditions by name."""
        return tuple(self.found[kind] for kind in sorted(self.found))

    def events(self) -> list[Event]:
        """Return what has turned since the last round and is worth telling."""
        found = []
        for kind in sorted(_TOLD & self.found.keys()):
            now, old = self.found[kind], self.before.get(kind)
            if (old.status, old.reason) == (now.status, now.reason) if old else now.status != "True":
                continue
            if kind in _BAD_WHEN_TRUE and now.status != "True":
                continue
            bad = kind in _BAD_WHEN_TRUE or (kind == SCHEMA_MIGRATED and now.reason == "JobFailed")
            reason = now.reason if now.status != "True" or bad else kind
            found.append(Event(reason, now.message or kind, "Warning" if bad else "Normal"))
        return found


def read(resource: Manifest) -> ClusterStatus:
    """Return the status as it was written last; an empty one where there is none that can be read."""
    try:
        found = ClusterStatus.model_validate(resource.get("status") or {})
    except ValidationError:
        return ClusterStatus()
    # Merging may have left the conditions in another order.
    return found.model_copy(update={"conditions": tuple(sorted(found.conditions, key=lambda each: each.type))})


def manifest(resource: Manifest, status: ClusterStatus) -> Manifest:
    """Return what to apply."""
    metadata = {name: resource["metadata"][name] for name in ("name", "namespace")}
    identity = {name: resource[name] for name in ("apiVersion", "kind")}
    return identity | {"metadata": metadata, "status": status.model_dump(mode="json", by_alias=True, exclude_none=True)}


def phase_of(conditions: Conditions, *, empty: bool) -> Phase:
    """Return one word for all conditions."""

    def holds(kind: str) -> bool:
        return kind in conditions.found and conditions.found[kind].status == "True"

    if holds(DEGRADED):
        return "Degraded"
    if holds(READY):
        return "Ready"
    return "Pending" if empty else "Progressing"


def sentence(problems: Sequence[str]) -> str:
    """Return problems as one message that is not too long."""
    return "; ".join(problems)[:2000]
