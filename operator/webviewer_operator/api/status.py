"""What the operator has seen: the status of a ``WebViewerCluster``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from webviewer_operator.api.schema_types import Resource

Phase = Literal["Pending", "Progressing", "Ready", "Degraded", "Suspended", "Paused", "Deleting"]
ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(Resource):
    """As meta/v1 Condition."""

    type: Annotated[str, Field(max_length=316)]
    status: ConditionStatus
    reason: Annotated[str, Field(max_length=1024)]
    message: Annotated[str, Field(max_length=32768)] = ""
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    observed_generation: int = 0


class ComponentStatus(Resource):
    """Pods of a component."""

    replicas: int = 0
    ready: int = 0
    image: str = ""


class PoolStatus(Resource):
    """Pods and sessions of a render pool. Sessions are null while control has not said."""

    replicas: int = 0
    ready: int = 0
    desired: int = 0
    draining: int = 0
    image: str = ""
    used_slots: int | None = None
    slots: int | None = None


class SessionStatus(Resource):
    """Sessions of the whole cluster, as control said last."""

    used: int
    queued: int
    slots: int


class ClusterStatus(Resource):
    """The last look at the cluster."""

    observed_generation: int = 0
    phase: Phase = "Pending"
    url: str = ""
    version: str = ""
    """The version that all components have reached."""
    ready: str = ""
    """Ready pods of all that should be, such as 4/5."""
    replicas: int = 0
    """Of the pool default, for the scale subresource."""
    selector: str = ""
    """Of the pods of the pool default, for the scale subresource."""
    sessions: SessionStatus | None = None
    control: ComponentStatus = ComponentStatus()
    storage: ComponentStatus = ComponentStatus()
    pools: dict[str, PoolStatus] = {}
    conditions: Annotated[
        tuple[Condition, ...],
        Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}),
    ] = ()
