"""Which cluster has a round when."""

import asyncio
import contextlib

import httpx2
import pytest

from webviewer import server
from webviewer_operator import controller as module
from webviewer_operator import probes
from webviewer_operator.controller import Controller
from webviewer_operator.kube.port import UnavailableError


@pytest.fixture
def run():
    """Run a controller while the test does its part."""

    @contextlib.asynccontextmanager
    async def running(reconcile):
        controller = Controller(reconcile)
        task = asyncio.create_task(controller.run())
        try:
            yield controller
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return running


async def test_a_swarm_of_changes_is_one_round(run):
    rounds = []
    done = asyncio.Event()

    async def reconcile(namespace, name):
        rounds.append((namespace, name))
        done.set()

    async with run(reconcile) as controller:
        for _ in range(50):
            controller.wake("a", "b")
        await done.wait()
        await asyncio.sleep(0)
    assert rounds == [("a", "b")]


async def test_a_cluster_has_one_round_at_a_time_and_others_do_not_wait_for_it(run):
    free, entered, other = asyncio.Event(), asyncio.Event(), asyncio.Event()
    inside = 0

    async def reconcile(_, name):
        nonlocal inside
        if name == "other":
            other.set()
            return
        inside += 1
        assert inside == 1
        entered.set()
        await free.wait()
        inside -= 1

    async with run(reconcile) as controller:
        controller.wake("a", "slow", 0)
        await entered.wait()
        entered.clear()
        controller.wake("a", "slow", 0)
        controller.wake("a", "other", 0)
        await asyncio.wait_for(other.wait(), 10)
        assert not entered.is_set()
        free.set()
        await asyncio.wait_for(entered.wait(), 10)


async def test_a_round_is_called_again_when_it_wants_to_be(run):
    moments = []
    third = asyncio.Event()

    async def reconcile(*_):
        moments.append(asyncio.get_running_loop().time())
        if len(moments) == 3:
            third.set()
        return 0.01

    async with run(reconcile) as controller:
        controller.wake("a", "b", 0)
        await asyncio.wait_for(third.wait(), 10)


@pytest.mark.parametrize("error", [UnavailableError("down"), ZeroDivisionError()])
async def test_a_round_that_fails_is_tried_again(run, error, monkeypatch):
    monkeypatch.setattr(module, "_BACK_OFF", (0.01,))
    tries = []
    good = asyncio.Event()

    async def reconcile(*_):
        tries.append(1)
        if len(tries) < 3:
            raise error
        good.set()

    async with run(reconcile) as controller:
        controller.wake("a", "b", 0)
        await asyncio.wait_for(good.wait(), 10)
        assert not controller.stalled()


async def test_liveness_fails_when_a_round_hangs(run, monkeypatch):
    entered = asyncio.Event()

    async def reconcile(*_):
        entered.set()
        await asyncio.Event().wait()

    listener = server.listen("127.0.0.1", 0)
    async with (
        run(reconcile) as controller,
        httpx2.AsyncClient(base_url=server.address(listener)) as http,
        server.serving(probes.create_app(controller.stalled), listener),
    ):
        controller.wake("a", "b", 0)
        await entered.wait()
        assert (await http.get("/healthz")).status_code == 200
        assert "webviewer_operator_longest_round_seconds" in (await http.get("/metrics")).text
        monkeypatch.setattr(module, "STALL_SECONDS", -1.0)
        assert (await http.get("/healthz")).status_code == 503
