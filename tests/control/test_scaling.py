"""The operator asks a real control for capacity."""

import contextlib
import time
from dataclasses import replace

import httpx2
import pytest
from pydantic import SecretStr

from webviewer import server
from webviewer.domain.load import NodeLoad
from webviewer.tls import server_context
from webviewer_operator.certificates import issue, make_authority
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


async def test_control_is_asked_by_tls_and_a_stranger_in_its_place_is_not_believed(start, tmp_path):
    nodes = OneNode()
    running = await start(node_secret=SecretStr(SECRET), render_nodes=nodes)
    nodes.found = {"10.0.0.7": running.render}
    authority, other = make_authority("imaging/viewer", time.time()), make_authority("imaging/viewer", time.time())
    issued = issue(authority, ["viewer-control-nodes.imaging.svc"], time.time())
    (tmp_path / "certificate.pem").write_text(issued.certificate)
    (tmp_path / "key.pem").write_text(issued.key)
    secured = server_context(tmp_path / "certificate.pem", tmp_path / "key.pem")
    listener = server.listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    async with (
        server.serving(running.app, listener, secured),
        contextlib.aclosing(HttpCapacity(tls_port=port)) as capacity,
    ):
        access = ControlAccess(SECRET, authority.certificate, "viewer-control-nodes.imaging.svc")
        assert (await capacity.read(["127.0.0.1"], access)).loads["10.0.0.7"].slots == 4
        assert await capacity.set_draining("127.0.0.1", access, "10.0.0.7", draining=True)
        for wrong in (replace(access, authority=other.certificate), replace(access, name="else.svc")):
            assert await capacity.read(["127.0.0.1"], wrong) is None
            assert not await capacity.set_draining("127.0.0.1", wrong, "10.0.0.7", draining=False)
