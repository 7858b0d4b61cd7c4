"""Killed after every single write to the API server, operator after operator ends at the same objects."""

import dataclasses
import json

import pytest

from webviewer_operator.kube import port

from .control_plane import wait_for
from .person import KEPT, shown
from .proxy import Request

SPEC = {"version": "1.0.0", "control": {"ingress": {"host": "viewer.example.org"}}}
NEWER = SPEC | {"version": "2.0.0"}
QUIET_SECONDS = 2.0


def pools(replicas: int) -> dict:
    return {"render": {"pools": {"default": {"replicas": replicas}}}}


STORY = {"create": SPEC | pools(3), "upgrade": NEWER | pools(3), "scale down": NEWER | pools(1)}


def kind_of(request: Request) -> str:
    """Return what a write is, the same for all that tell the same: Events have names of their own each time."""
    body = request.body or {}
    if "/events/" in request.path:
        return f"event {body['reason']}"
    if request.path.endswith("/status"):
        status = body["status"]
        told = [(each["type"], each["status"], each["reason"]) for each in status.get("conditions", ())]
        return f"status {json.dumps([status.get('phase'), status.get('ready'), told])}"
    return f"{request.method} {request.path}"


@dataclasses.dataclass
class Killer:
    """Kills the operator after each write of a kind that it has not been killed after before."""

    installed: object
    capacity: object
    operator: object = None
    done: set = dataclasses.field(default_factory=set)
    armed: bool = False

    def __post_init__(self):
        self.installed.proxy.after_write = self.after_write

    def after_write(self, request: Request) -> None:
        if self.armed and kind_of(request) not in self.done:
            self.done.add(kind_of(request))
            self.operator.kill()

    def keep_running(self) -> None:
        if self.operator is None or not self.operator.running:
            self.operator = self.installed.start(self.capacity)

    def until(self, reached) -> None:
        """Let operators live and die until that is so and nothing is written any more."""

        def look() -> bool:
            self.keep_running()
            return bool(reached())

        wait_for(look, 150, every=0.05, say=lambda: f"{len(self.done)} kills\n{self.operator.text()[-2000:]}")
        self.settle()

    def settle(self) -> None:
        seen, since = -1, 0

        def settled() -> bool:
            nonlocal seen, since
            self.keep_running()
            count = len(self.installed.proxy.writes)
            seen, since = count, since + 1 if count == seen else 0
            return since * 0.1 >= QUIET_SECONDS

        wait_for(settled, every=0.1)


def ready(person) -> bool:
    found = person.cluster() or {}
    status = found.get("status") or {}
    return status.get("observedGeneration") == found["metadata"]["generation"] and status.get("phase") == "Ready"


def claims(person) -> dict[str, str]:
    return {each["metadata"]["name"]: each["metadata"]["uid"] for each in person.list(port.CLAIM)}


def delete(person, killer, left: set[str]) -> None:
    person.delete()
    killer.until(lambda: {kind for kind, _ in person.objects()} <= left and person.cluster() is None)


@pytest.mark.timeout(400)
def test_it_ends_at_the_same_objects_whenever_it_is_killed(installed, person, sessions):
    killer = Killer(installed, sessions.folder)
    whole = {}
    for chapter, spec in STORY.items():
        person.apply(spec | {"dataPolicy": "Delete"})
        killer.until(lambda: ready(person))
        whole[chapter] = shown(person.objects())
    delete(person, killer, set())

    killer.armed = True
    kills, volumes = {}, {}
    for chapter, spec in STORY.items():
        killer.done.clear()
        person.apply(spec | {"dataPolicy": "Retain"})
        # A busy machine may be slower than the quiet that counts as the end.
        killer.until(lambda chapter=chapter: ready(person) and shown(person.objects()) == whole[chapter])
        assert shown(person.objects()) == whole[chapter]
        volumes = volumes or claims(person)
        assert claims(person) == volumes
        kills[chapter] = len(killer.done)
    killer.done.clear()
    delete(person, killer, KEPT)
    assert claims(person) == volumes
    kills["delete"] = len(killer.done)

    # A new one of the same name finds the old data; with it everything goes.
    person.apply(SPEC | {"dataPolicy": "Delete"})
    killer.until(lambda: ready(person))
    assert claims(person) == volumes
    killer.done.clear()
    delete(person, killer, set())
    kills["delete with data"] = len(killer.done)
    # After each of them the next operator had to find its way.
    assert kills["create"] > 25, kills
    assert min(kills["upgrade"], kills["scale down"], kills["delete with data"]) > 3, kills
    assert kills["delete"], kills
    assert sessions.lost == []
