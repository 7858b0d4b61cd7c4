"""The registry of nodes: those that register themselves and those that are entered by hand."""

import socket

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from webviewer import __version__
from webviewer.domain.identity import Action
from webviewer.wire.grants import GrantVerifier

SECRET = {"Authorization": "Bearer cluster"}


class HttpNode:
    """A node that says how it is, over HTTP as the real one does; it checks grants."""

    def __init__(self, keys):
        self.verifier = GrantVerifier(keys, "render")
        self.ready = True
        self.draining = False
        self.moved = False
        self.device_name = "NVIDIA Test 8 GB"

    def app(self):
        return Starlette(
            routes=[
                Route("/readyz", self.readyz),
                Route("/v1/load", self.load),
                Route("/v1/device", self.device),
                Route("/v1/draining", self.drain, methods=["PUT"]),
            ]
        )

    async def readyz(self, _):
        return JSONResponse({"status": "ok"}, 200 if self.ready else 503)

    def _check(self, request):
        self.verifier.verify(request.headers["authorization"].removeprefix("Bearer "), Action.OPERATE)

    async def load(self, request):
        self._check(request)
        return JSONResponse({"slots": 8, "used": 3, "draining": self.draining})

    async def device(self, request):
        self._check(request)
        return (
            JSONResponse({"device": self.device_name})
            if self.device_name
            else JSONResponse({"code": "not_found", "message": "nothing here"}, 404)
        )

    async def drain(self, request):
        self._check(request)
        body = await request.json()
        self.draining, self.moved = body["draining"], body["move"]
        return Response(status_code=204)


@pytest.fixture
async def cluster(start, database_url):
    return await start(database_url=database_url, unified=False, node_secret="cluster")


@pytest.fixture
async def node(cluster, serve):
    node = HttpNode(cluster.control.keyring.signer.public_jwks)
    node.url = await serve(node.app())
    return node


async def report(cluster, node, **changes):
    client = await cluster.client(**SECRET)
    body = {"key": "k1", "role": "render", "address": node.url, "version": __version__, "ae_title": ""} | changes
    return await client.put("/v2/nodes", json=body)


async def nodes(admin, **query):
    answer = await admin.get("/v2/admin/nodes", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["nodes"]


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.contract("I01", "I05")
async def test_a_node_registers_itself_and_is_asked_how_it_is(cluster, node):
    assert (await report(cluster, node)).status_code == 200
    await cluster.control.nodes.look()
    admin = await cluster.admin()
    [found] = await nodes(admin)
    assert found["id"] == 1
    assert (found["address"], found["role"], found["state"], found["active"]) == (node.url, "render", "available", True)
    assert (found["used"], found["slots"], found["by_hand"], found["version"]) == (0, 8, False, __version__)
    await report(cluster, node)
    assert len(await nodes(admin)) == 1
    await report(cluster, node, version="0.0.1")
    assert (await nodes(admin))[0]["state"] == "other-version"


@pytest.mark.contract("I01")
async def test_a_node_that_falls_silent_is_unavailable_and_a_pods_row_goes_in_time(cluster, node):
    await report(cluster, node)
    admin = await cluster.admin()
    cluster.clock.advance(minutes=1)
    [found] = await nodes(admin)
    assert found["state"] == "unavailable"
    node.ready = False
    await cluster.control.nodes.look()
    assert (await nodes(admin))[0]["cause"] == "HTTP 503"
    cluster.clock.advance(minutes=61)
    await cluster.control.nodes.look()
    assert await nodes(await cluster.admin()) == []


@pytest.mark.contract("I03", "I04", "I05")
async def test_a_node_is_entered_by_hand_pinged_switched_off_and_deleted(cluster, node):
    admin = await cluster.admin()
    page = (await admin.get("/v2/admin/nodes")).json()
    assert page["next_id"] == 1
    made = await admin.post("/v2/admin/nodes", json={"id": 7, "address": node.url, "role": "render"})
    assert made.status_code == 201
    assert (made.json()["id"], made.json()["state"], made.json()["used"], made.json()["by_hand"]) == (
        7,
        "available",
        0,
        True,
    )
    assert (await admin.get("/v2/admin/nodes")).json()["next_id"] == 8
    again = await admin.post("/v2/admin/nodes", json={"id": None, "address": node.url, "role": "render"})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert (await admin.post("/v2/admin/nodes/7/ping")).json()["ms"] > 0
    off = await admin.patch("/v2/admin/nodes/7", json={"active": False})
    assert (off.json()["active"], off.json()["state"], node.draining) == (False, "draining", True)
    on = await admin.patch("/v2/admin/nodes/7", json={"active": True})
    assert (on.json()["active"], on.json()["state"], node.draining) == (True, "available", False)
    assert (await admin.delete("/v2/admin/nodes/7")).status_code == 204
    assert await nodes(admin) == []
    events = (await admin.get("/v2/admin/journal", params={"event": "node-changed"})).json()["events"]
    told = [event["details"].get("new_status") or event["details"]["change"] for event in reversed(events)]
    assert told == ["created", "inactive", "active", "deleted"]


async def test_a_node_says_what_it_draws_on_and_another_at_its_address_is_asked_anew(cluster, node):
    await report(cluster, node)
    await cluster.control.nodes.look()
    admin = await cluster.admin()
    assert [found["device"] for found in await nodes(admin)] == ["NVIDIA Test 8 GB"]
    node.device_name = ""  # of a release that does not say so
    await cluster.control.nodes.look()
    assert [found["device"] for found in await nodes(admin)] == ["NVIDIA Test 8 GB"]
    await report(cluster, node, key="k2")
    await cluster.control.nodes.look()
    [found] = await nodes(admin)
    assert (found["device"], found["state"]) == ("", "available")


async def test_a_render_node_is_drained_and_taken_back_into_service(cluster, node):
    await report(cluster, node)
    await cluster.control.nodes.look()
    admin = await cluster.admin()
    drained = await admin.put("/v2/admin/nodes/1/draining", json={"draining": True})
    assert (drained.json()["state"], drained.json()["active"]) == ("draining", True)
    assert (node.draining, node.moved) == (True, True)
    back = await admin.put("/v2/admin/nodes/1/draining", json={"draining": False})
    assert (back.json()["state"], node.draining, node.moved) == ("available", False, False)
    events = (await admin.get("/v2/admin/journal", params={"event": "node-changed"})).json()["events"]
    assert [event["details"]["new_status"] for event in reversed(events)] == ["draining", "active"]
    await admin.patch("/v2/admin/nodes/1", json={"active": False})
    assert (await admin.put("/v2/admin/nodes/1/draining", json={"draining": False})).status_code == 409
    await report(cluster, node, key="k2", role="storage")
    assert (await admin.put("/v2/admin/nodes/1/draining", json={"draining": True})).status_code == 409
    silent = {"id": 2, "address": f"http://127.0.0.1:{closed_port()}", "role": "render"}
    await admin.post("/v2/admin/nodes", json=silent)
    refused = await admin.put("/v2/admin/nodes/2/draining", json={"draining": True})
    assert (refused.status_code, refused.json()["code"]) == (409, "node_offline")


@pytest.mark.contract("I02", "I03")
async def test_the_status_of_a_node_changes_only_while_it_answers(cluster, node):
    admin = await cluster.admin()
    address = f"http://127.0.0.1:{closed_port()}"
    made = (await admin.post("/v2/admin/nodes", json={"id": None, "address": address, "role": "render"})).json()
    assert (made["state"], bool(made["cause"])) == ("unavailable", True)
    refused = await admin.patch(f"/v2/admin/nodes/{made['id']}", json={"active": False})
    assert (refused.status_code, refused.json()["code"]) == (409, "node_offline")
    asked = await admin.post(f"/v2/admin/nodes/{made['id']}/ping")
    assert (asked.status_code, asked.json()["code"]) == (409, "node_offline")
    moved = await admin.patch(f"/v2/admin/nodes/{made['id']}", json={"address": node.url, "ae_title": "STORE"})
    assert (moved.json()["address"], moved.json()["ae_title"], moved.json()["state"]) == (
        node.url,
        "STORE",
        "available",
    )
    assert (await admin.patch(f"/v2/admin/nodes/{made['id']}", json={"active": False})).status_code == 200


@pytest.mark.parametrize(
    "address",
    ["", "10.0.0.1:80", "http://a b:80", "http://a", "ftp://a:80", "http://a:80/x", "http://a:0", "http://a:70000"],
)
async def test_an_address_has_the_form_of_one(cluster, address):
    admin = await cluster.admin()
    answer = await admin.post("/v2/admin/nodes", json={"id": None, "address": address, "role": "render"})
    assert (answer.status_code, answer.json()["code"]) == (422, "node_address")


async def test_a_storage_node_with_users_and_a_node_that_lives_are_not_deleted(cluster, node):
    await report(cluster, node, key="k2", role="storage", ae_title="STORE")
    admin = await cluster.admin()
    [found] = await nodes(admin)
    assert found["ae_title"] == "STORE"
    living = await admin.delete(f"/v2/admin/nodes/{found['id']}")
    assert (living.status_code, living.json()["code"]) == (409, "in_use")
    await cluster.create_user()
    for answer in (
        await admin.patch(f"/v2/admin/nodes/{found['id']}", json={"active": False}),
        await admin.delete(f"/v2/admin/nodes/{found['id']}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "in_use")


async def test_a_row_that_was_entered_by_hand_becomes_that_of_the_node_that_registers(cluster, node):
    admin = await cluster.admin()
    await admin.post("/v2/admin/nodes", json={"id": 5, "address": node.url, "role": "render"})
    await report(cluster, node)
    [found] = await nodes(admin)
    assert (found["id"], found["version"]) == (5, __version__)


async def test_only_a_part_of_the_cluster_registers(cluster, node):
    client = await cluster.client()
    body = {"key": "k1", "role": "render", "address": node.url, "version": "1", "ae_title": ""}
    assert (await client.put("/v2/nodes", json=body)).status_code == 401
    wrong = await cluster.client(Authorization="Bearer wrong")
    assert (await wrong.put("/v2/nodes", json=body)).status_code == 401


@pytest.mark.contract("N03")
async def test_nodes_are_sorted_and_paged(cluster, node):
    admin = await cluster.admin()
    for number in (3, 1, 2):
        address = f"http://127.0.0.{number}:{closed_port()}"
        await report(cluster, node, key=f"k{number}", address=address)
    for sort in ("id", "address", "role", "active", "sessions", "ae_title", "version", "last_seen"):
        found = await nodes(admin, sort=sort, descending=True)
        assert len(found) == 3
    addresses = [found["address"][:16] for found in await nodes(admin, sort="address")]
    assert addresses == sorted(addresses)
    assert len(await nodes(admin, offset=2, limit=2)) == 1
