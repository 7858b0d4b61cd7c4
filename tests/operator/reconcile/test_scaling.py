"""Scaling in a whole world: no pod goes with sessions on it, whatever happens in whatever order."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from webviewer_operator.testing.controllers import Controllers

POOL = {
    "slots": 4,
    "drainSeconds": 100,
    "autoscaling": {"minReplicas": 1, "maxReplicas": 6, "bufferSlots": 2, "stabilizationSeconds": 40},
}


def spec(**changes) -> dict:
    return {"render": {"pools": {"default": POOL | changes}}}


def replicas(world) -> int:
    return world.find("Deployment", "viewer-render-default")["spec"]["replicas"]


def render_pods(world) -> list[str]:
    return sorted(name for name in world.names("Pod") if "render" in name)


async def rounds(world, count: int, seconds: float = 20) -> None:
    for _ in range(count):
        await world.round()
        world.controllers.step()
        world.time += seconds


async def grown(world, sessions: int = 4) -> list[str]:
    """A pool of three pods, each with sessions."""
    world.apply(spec(autoscaling=POOL["autoscaling"] | {"minReplicas": 3}))
    await world.settle()
    pods = render_pods(world)
    world.controllers.sessions = dict.fromkeys(pods, sessions)
    world.apply(spec())
    await rounds(world, 1)
    return pods


async def test_a_pool_grows_with_its_sessions_and_with_those_who_wait(world):
    world.apply(spec())
    await world.settle()
    assert replicas(world) == 1
    world.controllers.sessions = dict.fromkeys(render_pods(world), 4)
    world.controllers.queued = 3
    await rounds(world, 2)
    assert replicas(world) == 3
    assert "ScaledUp" in world.events()
    assert world.status["sessions"] == {"used": 4, "queued": 3, "slots": 12}


async def test_an_empty_pod_is_drained_and_then_removed(world):
    one, *others = await grown(world, 1)
    world.controllers.sessions = {one: 2}
    await rounds(world, 10)
    assert render_pods(world) == [one]
    assert sorted(world.controllers.removed) == [(name, 0) for name in others]
    assert world.events().count("Draining") == 2
    assert "ScaledDown" in world.events()
    world.kube.writes.clear()
    await rounds(world, 3)
    assert world.kube.writes == []


async def test_a_pod_with_sessions_is_waited_for_and_then_they_are_moved(world):
    pods = await grown(world, 1)
    await rounds(world, 4)
    going = set(world.controllers.draining)
    assert len(going) == 1
    assert replicas(world) == 3
    assert world.status["pools"]["default"]["draining"] == 1
    assert world.status["phase"] == "Ready"
    await rounds(world, 8)
    assert world.controllers.removed == [(going.pop(), 0)]
    assert len(render_pods(world)) == 2
    assert set(render_pods(world)) < set(pods)


async def test_nothing_is_removed_while_control_is_silent(world):
    pods = await grown(world, 0)
    world.controllers.silent = True
    await rounds(world, 20)
    assert render_pods(world) == pods
    assert world.condition("CapacityKnown")["status"] == "Unknown"
    assert "sessions" not in world.status
    world.controllers.silent = False
    await rounds(world, 12)
    assert len(render_pods(world)) == 1


async def test_nothing_is_removed_while_one_pod_is_not_heard_of(world):
    pods = await grown(world, 0)
    world.controllers.deaf.add(pods[0])
    await rounds(world, 20)
    assert set(pods) <= set(render_pods(world))


async def test_a_pod_that_is_needed_again_is_not_drained_any_more(world):
    pods = await grown(world, 1)
    await rounds(world, 4)
    assert world.controllers.draining
    world.controllers.sessions = dict.fromkeys(pods, 4)
    await rounds(world, 3)
    assert not world.controllers.draining
    assert set(pods) <= set(render_pods(world))
    assert "DrainCancelled" in world.events()


async def test_the_scale_subresource_is_followed_by_draining(world):
    world.apply(spec(autoscaling=None, replicas=3))
    await world.settle()
    first = render_pods(world)[0]
    world.controllers.sessions = {first: 3}
    world.apply(spec(autoscaling=None, replicas=1))
    await rounds(world, 6)
    assert render_pods(world) == [first]
    assert world.status["replicas"] == 1


async def test_a_new_operator_goes_on_where_the_last_one_stopped(world):
    pods = await grown(world, 1)
    for _ in range(16):
        await rounds(world, 1)
        if world.controllers.draining:
            world.restart()
    assert all(sessions == 0 for _, sessions in world.controllers.removed)
    assert len(render_pods(world)) == 2
    assert set(render_pods(world)) < set(pods)


EVENTS = st.one_of(
    st.tuples(st.just("come"), st.integers(0, 5)),
    st.tuples(st.just("leave"), st.integers(0, 5)),
    st.tuples(st.sampled_from(["wait", "silent", "heard", "restart", "round", "step", "deaf", "all hear"]), st.just(0)),
    st.tuples(st.just("size"), st.integers(1, 6)),
)


def happen(world, what: str, which: int) -> None:
    """What others do."""
    controllers: Controllers = world.controllers
    pods = render_pods(world)
    name = pods[which % len(pods)] if pods else ""
    used = controllers.sessions.get(name, 0)
    if what == "come" and name and name not in controllers.draining and used < controllers.slots:
        controllers.sessions[name] = used + 1
    elif what == "leave" and used:
        controllers.sessions[name] = used - 1
    elif what in {"silent", "heard"}:
        controllers.silent = what == "silent"
    elif what == "deaf" and name:
        controllers.deaf.add(name)
    elif what == "all hear":
        controllers.deaf.clear()
    elif what == "restart":
        world.restart()
    elif what == "step":
        controllers.step()
    elif what == "size":
        world.apply(spec(autoscaling=POOL["autoscaling"] | {"minReplicas": which}))
    elif what == "wait":
        world.time += 45


@settings(max_examples=25, deadline=None)
@given(st.lists(EVENTS, max_size=60))
def test_no_pod_is_ever_removed_with_sessions_on_it(new_world_class, story):
    async def play() -> None:
        world = new_world_class()
        world.apply(spec())
        await world.settle()
        for what, which in story:
            happen(world, what, which)
            if what == "round":
                await world.round()
            assert all(sessions == 0 for _, sessions in world.controllers.removed)
        world.controllers.silent = False
        world.controllers.deaf.clear()
        world.controllers.sessions.clear()
        world.apply(spec())
        await rounds(world, 15, seconds=45)
        assert all(sessions == 0 for _, sessions in world.controllers.removed)
        assert len(render_pods(world)) == 1

    asyncio.run(play())
