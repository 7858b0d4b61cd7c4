"""Killed after any single write, the operator that comes next ends at the same objects."""

import pytest


class Killed(BaseException):
    """SIGKILL: nothing catches it."""


STORIES = {
    "create": [{"dataPolicy": "Retain"}],
    "upgrade": [{"version": "1.0.0"}, {"version": "2.0.0"}],
    "grow": [{"storage": {"volume": {"size": "10Gi"}}}, {"storage": {"volume": {"size": "20Gi"}}}],
    "shrink": [
        {"render": {"pools": {"default": {"replicas": 4}}}},
        {"render": {"pools": {"default": {"replicas": 1}}}},
    ],
    "prune": [{"control": {"ingress": {"host": "a.example.org"}}}, {}],
}


def same(world) -> dict:
    """What must come out the same: names of pods and values of secrets are made anew in each world."""
    found = world.content()
    for key in list(found):
        if key[0] == "Pod":
            del found[key]
        elif key[0] == "Secret":
            found[key] = sorted(found[key]["data"])
        elif key[0] in {"Deployment", "StatefulSet"}:
            found[key]["metadata"]["annotations"].pop("webviewer.dev/applied")
            found[key]["spec"]["template"]["metadata"]["annotations"] = None
    return found


async def play(world, specs: list[dict]) -> None:
    for spec in specs:
        world.apply(spec)
        await world.settle()


async def play_killed(world, specs: list[dict], write: int) -> bool:
    """Play, killed after the n-th write of the last spec; return whether there were so many."""
    await play(world, specs[:-1])
    world.apply(specs[-1])
    left = write

    def after_write():
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    world.kube.after_write = after_write
    try:
        await world.settle()
    except Killed:
        world.kube.after_write = lambda: None
        world.restart()
        await world.settle()
        return True
    return False


@pytest.mark.parametrize("story", STORIES)
async def test_it_ends_at_the_same_objects_whenever_it_was_killed(new_world, story):
    whole = new_world()
    await play(whole, STORIES[story])
    volumes = whole.names("PersistentVolumeClaim")
    write, killed = 0, True
    while killed:
        write += 1
        world = new_world()
        killed = await play_killed(world, STORIES[story], write)
        assert same(world) == same(whole), write
        assert world.names("PersistentVolumeClaim") == volumes
        assert world.status["phase"] == "Ready"
    assert write > 3


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
async def test_a_deletion_that_is_killed_is_finished_by_the_next(new_world, policy):
    write, killed = 0, True
    while killed:
        write += 1
        world = new_world()
        await play(world, [{"dataPolicy": policy}])
        world.delete()
        killed, left = False, write

        def after_write():
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed

        world.kube.after_write = after_write
        for _ in range(3):
            try:
                await world.round()
            except Killed:
                killed = True
                world.restart()
        world.kube.after_write = lambda: None
        kinds = {key[0] for key in world.kube.objects} - {"Event"}
        assert kinds == ({"Secret", "PersistentVolumeClaim"} if policy == "Retain" else set()), write
