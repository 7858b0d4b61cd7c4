"""The order of an upgrade: schema, storage, render, control; each stage waits for the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from webviewer_operator.cluster import Manifest
from webviewer_operator.manifests.plan import RENDER

MigrationState = Literal["missing", "running", "succeeded", "failed"]
_STUCK = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImagePull",
        "ErrImageNeverPull",
        "ImagePullBackOff",
        "InvalidImageName",
    }
)


@dataclass(frozen=True, slots=True)
class Rollout:
    """Which image each workload runs now; ``waiting`` names the stage that the next ones wait for."""

    images: Mapping[str, str]
    waiting: str


def plan_rollout(
    wanted: Mapping[str, str],
    live: Mapping[str, Manifest | None],
    migration: MigrationState,
    going: Mapping[str, int] | None = None,
) -> Rollout:
    """Decide the images. A workload that is not there yet waits for the schema only: at first they need each other.

    ``going`` is how many pods of a workload are drained: they are not ready on purpose.
    """
    going = going or {}
    images = {"database": wanted["database"]}
    ready, waiting = migration == "succeeded", "" if migration == "succeeded" else "migration"
    for name, stage in _stages(wanted):
        for key in stage:
            current = image_of(live.get(key))
            images[key] = wanted[key] if ready or current is None else current
        done = all(
            image_of(live.get(key)) == wanted[key] and rolled_out(live.get(key), going.get(key, 0)) for key in stage
        )
        if ready and not done:
            waiting = name
        ready = ready and done
    return Rollout(images, waiting)


def image_of(workload: Manifest | None) -> str | None:
    """Return the image of a workload's main container."""
    if workload is None:
        return None
    image: str = workload["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def rolled_out(workload: Manifest | None, going: int = 0) -> bool:
    """Return whether all pods are of the newest template, and ready but for ``going`` ones, and no older one is left."""
    if workload is None:
        return False
    status, metadata = workload.get("status") or {}, workload["metadata"]
    replicas = workload["spec"].get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas")]
    return seen and counts == [replicas] * 2 and status.get("readyReplicas", 0) >= replicas - going


def migration_state(job: Manifest | None) -> MigrationState:
    """Return how far the migration Job is."""
    if job is None:
        return "missing"
    conditions = (job.get("status") or {}).get("conditions", [])
    reached = {each["type"] for each in conditions if each["status"] == "True"}
    if "Complete" in reached:
        return "succeeded"
    return "failed" if "Failed" in reached else "running"


def trouble_of(pods: Sequence[Manifest]) -> str:
    """Return why pods do not start, in the words of Kubernetes; empty if they do, or are only slow."""
    for pod in sorted(pods, key=lambda each: str(each["metadata"]["name"])):
        status = pod.get("status") or {}
        for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
            waiting = container.get("state", {}).get("waiting") or {}
            if waiting.get("reason") in _STUCK:
                message = f": {waiting['message']}" if waiting.get("message") else ""
                return f"pod {pod['metadata']['name']}: {waiting['reason']}{message}"
        for condition in status.get("conditions", ()):
            if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
                return f"pod {pod['metadata']['name']}: {condition.get('message') or 'no node fits it'}"
    return ""


def _stages(wanted: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    pools = sorted(key for key in wanted if key.startswith(f"{RENDER}/"))
    return [("storage", ["storage"]), (RENDER, pools), ("control", ["control"])]
