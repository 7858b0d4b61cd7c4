"""Render pools grow and shrink by Kubernetes' own controllers; a pod with sessions on it is never one that goes."""

import pytest

from webviewer_operator.kube import port
from webviewer_operator.kube.port import Kind

from .control_plane import wait_for
from .person import MERGE, path_of

AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
DEPLOYMENT = "viewer-render-default"
DRAINING = "webviewer.dev/draining-since"


def pool(replicas: int, **fields) -> dict:
    return {"render": {"pools": {"default": {"replicas": replicas, "slots": 4} | fields}}}


@pytest.fixture
def running(installed, person, sessions):
    """Return a function that starts a cluster of so many render pods and its operator."""

    def start(replicas: int, **fields):
        operator = installed.start(sessions.folder)
        person.apply(pool(replicas, **fields))
        person.wait_until_ready()
        return operator

    return start


def replicas(person) -> int:
    return person.get(port.DEPLOYMENT, DEPLOYMENT)["spec"]["replicas"]


def names(nodes) -> list[str]:
    return sorted(each["metadata"]["name"] for each in nodes.pods("render"))


def draining(nodes) -> set[str]:
    pods = nodes.pods("render")
    return {each["metadata"]["name"] for each in pods if DRAINING in (each["metadata"].get("annotations") or {})}


def rounds(person, operator, count: int = 3) -> None:
    """Let whole rounds pass: an annotation wakes the operator up."""
    for number in range(count):
        before = operator.rounds()
        person.annotate(note=f"{before}-{number}")
        wait_for(lambda seen=before: operator.rounds() > seen)


def soon(person, operator, condition) -> None:
    """Let rounds pass until that is so; by itself the operator looks after drained pods every quarter of a minute."""
    for _ in range(40):
        if condition():
            return
        rounds(person, operator, 1)
    pytest.fail("not reached in 40 rounds")


def scale(person, wanted: int) -> dict:
    return person.server.done("PATCH", f"{person.path}/scale", {"spec": {"replicas": wanted}}, MERGE)


def test_the_scale_subresource_drives_the_default_pool(running, person, nodes):
    running(1)
    assert scale(person, 3)["spec"]["replicas"] == 3
    person.wait(lambda: len(names(nodes)) == 3)
    person.wait_until_ready()
    found = person.server.done("GET", f"{person.path}/scale")
    assert (found["spec"]["replicas"], found["status"]["replicas"]) == (3, 3)
    selector = found["status"]["selector"].replace("=", "%3D").replace(",", "%2C")
    path = f"/api/v1/namespaces/{person.namespace}/pods?labelSelector={selector}"
    assert sorted(each["metadata"]["name"] for each in person.server.done("GET", path)["items"]) == names(nodes)


def test_an_autoscaler_of_kubernetes_drives_the_default_pool(running, person, nodes):
    running(1)
    target = {"apiVersion": port.CLUSTER.api_version, "kind": port.CLUSTER.name, "name": person.name}
    usage = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
    }
    body = {
        "apiVersion": AUTOSCALER.api_version,
        "kind": AUTOSCALER.name,
        "metadata": {"name": "viewer"},
        "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 5, "metrics": [usage]},
    }
    person.server.done("POST", path_of(AUTOSCALER, person.namespace), body)
    person.wait(lambda: len(names(nodes)) == 2)
    # The operator, which applies the rest of the cluster's objects, leaves the number to it.
    person.wait_until_ready()
    assert replicas(person) == 2
    found = person.get(AUTOSCALER, "viewer")["status"]
    conditions = {each["type"]: each["status"] for each in found["conditions"]}
    assert conditions["AbleToScale"] == "True"
    assert found["desiredReplicas"] == 2


def test_a_pod_goes_when_its_last_session_has_ended(running, person, nodes, sessions):
    operator = running(3, drainSeconds=3600)
    busy, empty, short = names(nodes)
    sessions.are(**{busy: 2, short: 1})
    scale(person, 1)
    soon(person, operator, lambda: names(nodes) == sorted([busy, short]))
    assert draining(nodes) == {short}
    rounds(person, operator)
    assert names(nodes) == sorted([busy, short])
    sessions.used.pop(short)
    soon(person, operator, lambda: names(nodes) == [busy])
    person.wait_until_ready()
    assert sessions.lost == []
    assert empty not in names(nodes)


def test_sessions_that_stay_too_long_are_moved_first(running, person, nodes, sessions):
    operator = running(2, drainSeconds=1)
    one, other = names(nodes)
    sessions.are(**{one: 2, other: 1})
    scale(person, 1)
    soon(person, operator, lambda: names(nodes) == [one])
    assert sessions.used == {one: 3}
    assert sessions.lost == []


def test_nothing_goes_while_the_load_is_not_known(running, person, nodes, sessions):
    operator = running(3)
    before = names(nodes)
    sessions.known = False
    # A round has to pass that got no answer.
    rounds(person, operator, 1)
    scale(person, 1)
    rounds(person, operator)
    assert names(nodes) == before
    assert draining(nodes) == set()
    assert person.condition("CapacityKnown")["status"] == "Unknown"
    sessions.known = True
    sessions.deaf = {before[0]}
    rounds(person, operator)
    assert names(nodes) == before
    sessions.deaf.clear()
    soon(person, operator, lambda: len(names(nodes)) == 1)
    assert sessions.lost == []


def test_an_operator_that_is_killed_while_a_pod_drains_does_not_forget_it(running, installed, person, nodes, sessions):
    operator = running(2, drainSeconds=3600)
    one, other = names(nodes)
    sessions.are(**{one: 2, other: 1})
    scale(person, 1)
    person.wait(lambda: draining(nodes) == {other})
    operator.kill()
    again = installed.start(sessions.folder)
    rounds(person, again)
    assert draining(nodes) == {other}
    assert names(nodes) == [one, other]
    sessions.used.pop(other)
    soon(person, again, lambda: names(nodes) == [one])
    assert sessions.lost == []
