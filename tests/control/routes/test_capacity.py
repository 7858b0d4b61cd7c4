"""Places of the render nodes, as whoever scales them asks for them."""

import json

import pytest
from pydantic import SecretStr

from webviewer.domain.load import NodeLoad
from webviewer.errors import PeerUnavailableError

SECRET = "node-secret-of-the-test"
HEADERS = {"Authorization": f"Bearer {SECRET}"}


class Nodes:
    """Render nodes by address; null = their name cannot be resolved."""

    def __init__(self):
        self.found = {}

    async def nodes(self):
        if self.found is None:
            raise PeerUnavailableError("the name of the render nodes cannot be resolved")
        return self.found


@pytest.fixture
async def scaled(start):
    """A control server with two render nodes, and a client that knows the secret of nodes."""
    nodes = Nodes()
    running = await start(node_secret=SecretStr(SECRET), render_nodes=nodes)
    kind = type(running.render)
    nodes.found = {"10.0.0.1": running.render, "10.0.0.2": kind(running.control.keyring.signer.public_jwks)}
    return running, nodes, await running.client(**HEADERS)


async def test_every_node_is_listed_with_its_load(scaled):
    _, nodes, client = scaled
    nodes.found["10.0.0.2"].load_now = NodeLoad(slots=8, used=8, draining=True)
    answer = (await client.get("/v2/capacity")).json()
    assert answer == {
        "nodes": [
            {"address": "10.0.0.1", "load": {"slots": 4, "used": 1, "draining": False}},
            {"address": "10.0.0.2", "load": {"slots": 8, "used": 8, "draining": True}},
        ],
        "queued": 0,
    }


async def test_a_node_that_does_not_answer_is_unknown_and_not_idle(scaled):
    _, nodes, client = scaled
    nodes.found["10.0.0.2"].load_now = None
    answer = (await client.get("/v2/capacity")).json()
    assert answer["nodes"][1] == {"address": "10.0.0.2", "load": None}


async def test_there_is_no_answer_when_nobody_knows_the_nodes(scaled):
    _, nodes, client = scaled
    nodes.found = None
    assert (await client.get("/v2/capacity")).status_code == 503


async def test_draining_is_passed_on_to_the_node_that_is_meant(scaled):
    running, nodes, client = scaled
    body = {"draining": True, "move": True}
    assert (await client.put("/v2/capacity/10.0.0.2/draining", json=body)).status_code == 204
    assert nodes.found["10.0.0.2"].load_now.draining
    assert nodes.found["10.0.0.2"].moved
    assert not running.render.load_now.draining
    assert (await client.put("/v2/capacity/10.0.0.9/draining", json=body)).status_code == 404
    assert (await client.put("/v2/capacity/10.0.0.2/draining", json={})).status_code == 422


async def test_only_who_has_the_secret_of_nodes_is_answered(scaled):
    running, _, _ = scaled
    await running.create_user()
    for client in (await running.client(), await running.login(), await running.client(Authorization="Bearer x")):
        assert (await client.get("/v2/capacity")).status_code == 401
        body = {"draining": True}
        assert (await client.put("/v2/capacity/10.0.0.1/draining", json=body)).status_code == 401


async def test_who_waits_for_a_place_is_counted(scaled, eventually):
    running, _, client = scaled
    user = await running.create_user()
    running.storage.add_study(user.store, "study", "series")
    running.render.full = True
    browser = await running.login()
    async with running.socket(browser) as socket:
        await socket.send(json.dumps({"type": "hello", "version": 1}))
        await socket.send(
            json.dumps({"type": "open", "viewport": 0, "study": "study", "series": "series", "size": [64, 64]})
        )
        while json.loads(await socket.recv()).get("name") != "queue":
            pass
        assert (await client.get("/v2/capacity")).json()["queued"] == 1
        running.render.full = False
    await eventually(lambda: len(running.app.state.context.waiting) == 0)


async def test_one_process_has_one_node(start):
    running = await start(node_secret=SecretStr(SECRET))
    client = await running.client(**HEADERS)
    (node,) = (await client.get("/v2/capacity")).json()["nodes"]
    assert node["address"] == "local"
