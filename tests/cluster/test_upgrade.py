"""From one version to the next: in order, with both alive; it stops where a step fails, and goes back when told to."""

from dataclasses import dataclass, field

import pytest

from webviewer_operator.kube import port

from .nodes import Nodes

ROLES = ("storage", "render", "control")


def spec(version: str) -> dict:
    pools = {"default": {"replicas": 2}}
    return {"version": version, "render": {"pools": pools}, "control": {"replicas": 2}}


@dataclass
class Watched:
    """What was ready at each look of the nodes: (role, version) -> number of pods; and when a role had only the new."""

    nodes: Nodes
    looks: list[dict[tuple[str, str], int]] = field(default_factory=list)

    def look(self) -> None:
        found: dict[tuple[str, str], int] = {}
        for pod in self.nodes.pods():
            role = pod["metadata"]["labels"].get("app.kubernetes.io/component")
            ready = any(
                each["type"] == "Ready" and each["status"] == "True"
                for each in pod.get("status", {}).get("conditions", ())
            )
            if role in ROLES and ready:
                key = role, pod["spec"]["containers"][0]["image"].rpartition(":")[2]
                found[key] = found.get(key, 0) + 1
        if not self.looks or self.looks[-1] != found:
            self.looks.append(found)

    def first(self, role: str, version: str) -> int:
        return next(index for index, look in enumerate(self.looks) if look.get((role, version)))

    def last(self, role: str, version: str) -> int:
        return max(index for index, look in enumerate(self.looks) if look.get((role, version)))


@pytest.fixture
def watched(nodes) -> Watched:
    found = Watched(nodes)
    nodes.each_look.append(found.look)
    return found


@pytest.fixture
def running(installed, person, sessions, watched):
    """A cluster of version 1.0.0."""
    installed.start(sessions.folder)
    person.apply(spec("1.0.0"))
    person.wait_until_ready()


def images(person) -> dict[str, str]:
    names = {"storage": port.STATEFUL_SET, "render-default": port.DEPLOYMENT, "control": port.DEPLOYMENT}
    found = {}
    for name, kind in names.items():
        template = person.get(kind, f"viewer-{name}")["spec"]["template"]
        found[name.partition("-")[0]] = template["spec"]["containers"][0]["image"].rpartition(":")[2]
    return found


def all_of(version: str) -> dict[str, str]:
    return dict.fromkeys(ROLES, version)


def test_an_upgrade_goes_storage_render_control_and_both_versions_serve_meanwhile(running, person, watched):
    watched.looks.clear()
    person.apply(spec("2.0.0"))
    person.wait_until_ready()
    assert person.status()["version"] == "2.0.0"
    assert images(person) == all_of("2.0.0")
    watched.look()
    # The next one begins when the one before has nothing old any more.
    for before, after in (("storage", "render"), ("render", "control")):
        assert watched.last(before, "1.0.0") < watched.first(after, "2.0.0")
    together = [look for look in watched.looks if {version for _, version in look} == {"1.0.0", "2.0.0"}]
    assert together
    # Of those that are asked by people there was always one ready.
    for role in ("render", "control"):
        assert all(look.get((role, "1.0.0"), 0) + look.get((role, "2.0.0"), 0) >= 1 for look in watched.looks)


def test_it_stops_where_pods_do_not_start_and_goes_back_when_told_to(running, person, nodes, watched):
    nodes.broken.add("webviewer-render:2.0.0")
    person.apply(spec("2.0.0"))
    found = person.wait(lambda: trouble(person))
    assert found["reason"] == "PodsDoNotStart"
    assert "ImagePullBackOff" in found["message"]
    assert images(person) == {"storage": "2.0.0", "render": "2.0.0", "control": "1.0.0"}
    assert ready_pods(nodes, "render") == {"1.0.0": 2}
    assert ready_pods(nodes, "control") == {"1.0.0": 2}
    assert person.status()["version"] == "1.0.0"
    person.apply(spec("1.0.0"))
    person.wait_until_ready()
    assert images(person) == all_of("1.0.0")
    assert not trouble(person)


def test_a_migration_that_fails_changes_no_workload_and_runs_again_when_asked(running, person, nodes):
    nodes.failing.add("webviewer-control:2.0.0")
    person.apply(spec("2.0.0"))
    jobs = person.wait(lambda: [job for job in person.list(port.JOB) if not job.get("status", {}).get("succeeded")])
    # Its retries take minutes: somebody has no patience.
    person.change(port.JOB, jobs[0]["metadata"]["name"], {"spec": {"backoffLimit": 0}})
    assert person.wait(lambda: trouble(person))["reason"] == "MigrationFailed"
    assert person.condition("SchemaMigrated")["reason"] == "JobFailed"
    assert images(person) == all_of("1.0.0")
    assert ready_pods(nodes, "storage") == {"1.0.0": 1}
    nodes.failing.clear()
    person.annotate(**{"webviewer.dev/retry-migration": "1"})
    person.wait(lambda: person.status().get("version") == "2.0.0")
    assert images(person) == all_of("2.0.0")


def trouble(person) -> dict:
    found = person.condition("Degraded")
    return found if found.get("status") == "True" else {}


def ready_pods(nodes, role: str) -> dict[str, int]:
    found = Watched(nodes)
    found.look()
    return {version: count for (of, version), count in found.looks[0].items() if of == role}
