"""The metric that alerts go by: who is expected to be ready, and is."""

from prometheus_client import REGISTRY


def ready():
    return REGISTRY.get_sample_value("webviewer_operator_cluster_ready", {"namespace": "imaging", "cluster": "viewer"})


async def test_a_cluster_counts_as_not_ready_until_it_is(world):
    world.apply()
    await world.round()
    assert ready() == 0
    await world.settle()
    assert ready() == 1


async def test_a_suspended_cluster_does_not_count(world):
    world.apply({"suspend": True})
    await world.settle()
    assert ready() is None
    world.apply({})
    await world.settle()
    assert ready() == 1


async def test_a_paused_cluster_does_not_count(world):
    world.apply()
    await world.settle()
    world.apply({}, {"webviewer.dev/paused": "true"})
    await world.settle()
    assert ready() is None


async def test_a_cluster_that_is_gone_leaves_nothing_behind(world):
    world.apply()
    await world.settle()
    world.delete()
    await world.round()
    await world.round()
    assert ready() is None
