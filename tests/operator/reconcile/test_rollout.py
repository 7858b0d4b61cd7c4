"""What counts as running, and what a person is told of pods that do not."""

import pytest

from webviewer_operator.reconcile.observed import Observed
from webviewer_operator.reconcile.rollout import rolled_out, trouble_of

LABELS = {"app.kubernetes.io/component": "render", "webviewer.dev/pool": "default"}


def pod(name: str, **status) -> dict:
    return {"metadata": {"name": name, "labels": LABELS}, "status": status}


def waiting(reason: str, message: str = "") -> dict:
    return {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": message}}}]}


def workload(replicas: int, ready: int, updated: int | None = None, seen: int = 2) -> dict:
    counts = {"replicas": replicas, "updatedReplicas": replicas if updated is None else updated, "readyReplicas": ready}
    return {
        "metadata": {"generation": 2},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": seen, **counts},
    }


@pytest.mark.parametrize(
    ("found", "going", "done"),
    [
        (workload(2, 2), 0, True),
        (workload(2, 1), 0, False),
        (workload(2, 1), 1, True),
        (workload(2, 2, updated=1), 0, False),
        (workload(2, 2, seen=1), 0, False),
        (None, 0, False),
    ],
)
def test_a_workload_is_rolled_out_when_all_its_pods_are_new_and_ready_but_for_those_that_are_drained(
    found, going, done
):
    assert rolled_out(found, going) is done


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (waiting("ImagePullBackOff", "no such image"), "pod a: ImagePullBackOff: no such image"),
        (waiting("CrashLoopBackOff"), "pod a: CrashLoopBackOff"),
        (waiting("ContainerCreating"), ""),
        (
            {"conditions": [{"type": "PodScheduled", "reason": "Unschedulable", "message": "no GPU is left"}]},
            "pod a: no GPU is left",
        ),
        ({}, ""),
    ],
)
def test_why_a_pod_does_not_start_is_said_in_the_words_of_kubernetes(status, words):
    assert trouble_of([pod("a", **status)]) == words


def test_pods_that_are_over_do_not_count():
    pods = [pod("evicted", phase="Failed"), pod("done", phase="Succeeded"), pod("alive", phase="Running")]
    pods.append(pod("leaving") | {"metadata": {"name": "leaving", "labels": LABELS, "deletionTimestamp": "now"}})
    observed = Observed({}, pods, [], {}, None, {})
    assert [each["metadata"]["name"] for each in observed.pods_of("render", "default")] == ["alive"]
    assert observed.pods_of("render", "other") == []
