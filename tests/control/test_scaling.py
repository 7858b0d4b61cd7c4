"""The operator asks a real control for capacity."""

import contextlib

import httpx2
import pytest
from pydantic import SecretStr

from webviewer.domain.load import NodeLoad
from webviewer_operator.scaling.capacity import ControlAccess, HttpCapacity

SECRET = "node-secret-of-the-test"
ACCESS = ControlAccess(SECRET)


class OneNode:
    """A single render node at an address."""

    def __init__(self):
        self.found = {}

    async def nodes(self):
        return self.found


@pytest.fixture
async def asked(start):
    nodes = OneNode()
    running = await start(node_secret=SecretStr(SECRET), render_nodes=nodes)
    nodes.found = {"10.0.0.7": running.render}
    async with contextlib.aclosing(HttpCapacity(httpx2.URL(running.url).port)) as capacity:
        yield capacity, running.render


async def test_loads_come_by_address_and_draining_goes_the_same_way(asked):
    capacity, node = asked
    answer = await capacity.read(["127.0.0.1"], ACCESS)
    assert answer.loads == {"10.0.0.7": NodeLoad(slots=4, used=1, draining=False)}
    assert await capacity.set_draining("127.0.0.1", ACCESS, "10.0.0.7", draining=True, move=True)
    assert (await capacity.read(["127.0.0.1"], ACCESS)).loads["10.0.0.7"].draining
    assert node.moved
    assert not await capacity.set_draining("127.0.0.1", ACCESS, "10.0.0.8", draining=True)


async def test_nothing_is_known_when_one_control_does_not_answer(asked):
    capacity, _ = asked
    assert await capacity.read(["127.0.0.1", "127.0.0.2"], ControlAccess("wrong")) is None
    assert await capacity.read([], ACCESS) is None
    assert await capacity.read(["127.0.0.1", "::1"], ACCESS) is None
    assert not await capacity.set_draining("::1", ACCESS, "10.0.0.7", draining=True)
