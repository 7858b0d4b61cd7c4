"""An upgrade goes storage, render, control; it stops where something fails, and goes back."""

import pytest

A, B = "1.0.0", "2.0.0"


def images(world) -> dict[str, str]:
    return {name: world.image(name).partition(":")[2] for name in ("storage", "render-default", "control")}


async def ready_at(world, version: str) -> None:
    world.apply({"version": version})
    await world.settle()
    assert set(images(world).values()) == {version}


async def test_the_stages_follow_each_other_and_each_is_ready_before_the_next(world):
    await ready_at(world, A)
    world.apply({"version": B})
    seen = []
    for _ in range(40):
        await world.round()
        state = images(world)
        if not seen or seen[-1] != state:
            seen.append(state)
        world.controllers.step()
    order = [sum(version == B for version in state.values()) for state in seen]
    assert order == [0, 1, 2, 3]
    assert seen[1]["storage"] == B
    assert seen[2]["render-default"] == B
    assert world.status["version"] == B
    assert world.status["phase"] == "Ready"


async def test_the_schema_is_brought_to_the_new_version_before_any_pod_is(world):
    await ready_at(world, A)
    world.apply({"version": B})
    await world.round()
    assert len(world.names("Job")) == 2
    assert set(images(world).values()) == {A}
    assert world.status["version"] == A


async def test_a_migration_that_fails_stops_the_upgrade_with_everything_alive(world):
    await ready_at(world, A)
    world.controllers.failing.add(f"webviewer-storage:{B}")
    world.apply({"version": B})
    await world.settle()
    assert set(images(world).values()) == {A}
    assert world.status["phase"] == "Degraded"
    assert world.condition("SchemaMigrated")["reason"] == "JobFailed"
    assert "JobFailed" in world.events()
    world.controllers.failing.clear()
    world.apply({"version": B}, {"webviewer.dev/retry-migration": "1"})
    await world.settle()
    assert set(images(world).values()) == {B}
    assert world.status["phase"] == "Ready"


@pytest.mark.parametrize(
    ("broken", "reached"),
    [
        ("storage", {"storage": B, "render-default": A, "control": A}),
        ("render", {"storage": B, "render-default": B, "control": A}),
    ],
)
async def test_an_image_that_does_not_start_stops_the_upgrade_there(world, broken, reached):
    await ready_at(world, A)
    world.controllers.broken.add(f"webviewer-{broken}:{B}")
    world.apply({"version": B})
    await world.settle()
    assert images(world) == reached
    assert world.status["phase"] == "Degraded"
    assert "ImagePullBackOff" in world.condition("Degraded")["message"]
    assert world.status["version"] == A
    await ready_at(world, A)
    assert world.status["phase"] == "Ready"


async def test_going_back_runs_no_migration_again(world):
    await ready_at(world, A)
    await ready_at(world, B)
    jobs = world.names("Job")
    await ready_at(world, A)
    assert world.names("Job") == jobs


async def test_other_changes_do_not_wait_for_an_upgrade_that_is_stuck(world):
    await ready_at(world, A)
    world.controllers.broken.add(f"webviewer-storage:{B}")
    world.apply({"version": B})
    await world.settle()
    world.apply({"version": B, "control": {"replicas": 2}})
    await world.settle()
    assert world.find("Deployment", "viewer-control")["spec"]["replicas"] == 2
    assert images(world)["control"] == A


async def test_old_migrations_are_forgotten_but_not_the_last_few(world):
    for number in range(9):
        await ready_at(world, f"1.0.{number}")
    assert 1 < len(world.names("Job")) <= 7
