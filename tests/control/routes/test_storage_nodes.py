"""Several storage nodes: each user has one, and all that is his is there."""

import json
from urllib.parse import parse_qsl

import httpx2
import pytest
from sqlalchemy import update

from webviewer import __version__
from webviewer_control.services.actor import SYSTEM
from webviewer_control.store.models import NodeRow

SECRET = {"Authorization": "Bearer cluster"}
OPEN = {"type": "open", "viewport": 1, "study": "study", "series": "series", "size": [512, 512]}
FIRST, SECOND = "http://127.0.0.1:1", "http://127.0.0.1:2"


class Site:
    """A cluster with two storage nodes that have registered, the first of them before the second."""

    def __init__(self, running, nodes):
        self.running = running
        self.nodes = nodes

    async def register(self, key, address):
        body = {"key": key, "role": "storage", "address": address, "version": __version__, "ae_title": "WEBVIEWER"}
        async with httpx2.AsyncClient(base_url=self.running.url, headers=SECRET) as http:
            (await http.put("/v2/nodes", json=body)).raise_for_status()

    async def user(self, login, node=None, **fields):
        admin = await self.running.admin()
        body = {"login": login, "password": "secret", "storage_node": node} | fields
        answer = await admin.post("/v2/admin/users", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def stores(self, address):
        return [store for store in self.nodes[address].stores.values() if store.kind == "user"]


class Directory(dict):
    """Nodes by address, as the port gives them."""

    def at(self, address):
        return self[address]


@pytest.fixture
async def site(start, memory_storage, database_url):
    nodes = Directory()
    running = await start(database_url=database_url, unified=False, node_secret="cluster", storages=nodes)
    keys = running.control.keyring.signer.public_jwks
    nodes.update({FIRST: memory_storage(keys, "shared-first"), SECOND: memory_storage(keys, "shared-second")})
    found = Site(running, nodes)
    await found.register("key-1", FIRST)
    await found.register("key-2", SECOND)
    return found


@pytest.mark.contract("A08", "F05")
async def test_a_user_is_put_where_the_administrator_says_or_where_the_fewest_are(site):
    assert [(await site.user(login, node))["storage_node"] for login, node in (("a", 2), ("b", None), ("c", None))] == [
        2, 1, 1,
    ]  # fmt: skip
    assert (len(site.stores(FIRST)), len(site.stores(SECOND))) == (2, 1)
    assert (await site.user("d"))["storage_node"] == 2
    admin = await site.running.admin()
    query = {"sort": "storage_node", "descending": True}
    users = (await admin.get("/v2/admin/users", params=query)).json()["users"]
    assert [user["storage_node"] for user in users] == [2, 2, 1, 1]


@pytest.mark.contract("F05")
@pytest.mark.parametrize("node", [3, 7])
async def test_only_an_active_storage_node_can_be_chosen(site, node):
    await site.running.control.nodes.add(3, "http://127.0.0.1:3", "render", SYSTEM)
    admin = await site.running.admin()
    body = {"login": "anna", "password": "secret", "storage_node": node}
    answer = await admin.post("/v2/admin/users", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "storage_node")
    anna = await site.user("anna")
    changed = await admin.patch(f"/v2/admin/users/{anna['id']}", json={"storage_node": node})
    assert (changed.status_code, changed.json()["code"]) == (422, "storage_node")


@pytest.mark.contract("A08")
async def test_all_that_a_session_sees_is_at_the_node_of_its_user(site):
    await site.user("anna", 1)
    await site.user("berta", 2)
    for address, login in ((FIRST, "a"), (SECOND, "b")):
        node = site.nodes[address]
        node.add_study(node.shared, f"shared of {login}", f"series of {login}")
        node.add_study(site.stores(address)[0].id, f"own of {login}", f"own series of {login}")
    anna, berta = await site.running.login("anna"), await site.running.login("berta")
    for browser, letter in ((anna, "a"), (berta, "b")):
        studies = (await browser.get("/v2/studies")).json()["studies"]
        assert {study["id"] for study in studies} == {f"own of {letter}", f"shared of {letter}"}
    assert (await berta.get("/v2/studies/own of a")).status_code == 404
    site.nodes[FIRST].broken = True
    assert (await anna.get("/v2/studies")).status_code == 503
    assert (await berta.get("/v2/studies")).status_code == 200
    assert (await anna.get("/readyz")).status_code == 200, "some can work"


@pytest.mark.contract("A08")
async def test_render_nodes_read_pixels_at_the_node_of_the_user(site, eventually):
    await site.user("berta", 2)
    node = site.nodes[SECOND]
    node.add_study(node.shared, "study", "series")
    browser = await site.running.login("berta")
    async with site.running.socket(browser) as socket:
        await socket.send(json.dumps({"type": "hello", "version": 1}))
        await socket.send(json.dumps(OPEN))
        await eventually(lambda: site.running.render.links and site.running.render.links[0].sent)
    [opened] = site.running.render.links[0].sent
    assert opened["pixels"]["storage"] == SECOND


@pytest.mark.contract("F05", "F07")
async def test_a_user_moves_only_without_studies(site):
    anna = await site.user("anna", 1, ae_title="HERS")
    browser, admin = await site.running.login("anna"), await site.running.admin()
    site.nodes[FIRST].add_study(site.stores(FIRST)[0].id, "study", "series")
    path = f"/v2/admin/users/{anna['id']}"
    refused = await admin.patch(path, json={"storage_node": 2})
    assert (refused.status_code, refused.json()["code"]) == (409, "has_studies")
    assert "1 studies" in refused.json()["message"]
    assert [store.ae_title for store in site.stores(FIRST)] == ["HERS"], "what is sent to her still comes in"
    site.nodes[FIRST].studies.clear()
    moved = await admin.patch(path, json={"storage_node": 2, "ae_title": "ANNA", "version": anna["version"]})
    assert (moved.status_code, moved.json()["storage_node"], moved.json()["ae_title"]) == (200, 2, "ANNA")
    titles = [[store.ae_title for store in site.stores(address)] for address in (FIRST, SECOND)]
    assert titles == [[None], ["ANNA"]], "what comes to the former node now is refused, and what came is not lost"
    assert (await browser.get("/v2/session")).status_code == 401
    events = (await admin.get("/v2/admin/journal", params={"event": "user-changed"})).json()["events"]
    moves = [event["details"] for event in events if "new_node" in event["details"]]
    assert [(details["old_node"], details["new_node"]) for details in moves] == [(1, 2)]
    assert (await (await site.running.login("anna")).get("/v2/studies")).status_code == 200


async def test_a_user_who_has_moved_is_deleted_everywhere(site):
    anna = await site.user("anna", 1)
    admin = await site.running.admin()
    assert (await admin.patch(f"/v2/admin/users/{anna['id']}", json={"storage_node": 2})).status_code == 200
    assert (await admin.delete(f"/v2/admin/users/{anna['id']}")).status_code == 204
    assert (site.stores(FIRST), site.stores(SECOND)) == ([], [])


async def test_a_node_that_cannot_take_a_user_does_not_get_him(site):
    anna = await site.user("anna", 1)
    admin = await site.running.admin()
    site.nodes[SECOND].broken = True
    answer = await admin.patch(f"/v2/admin/users/{anna['id']}", json={"storage_node": 2})
    assert answer.status_code == 503
    assert (await admin.get(f"/v2/admin/users/{anna['id']}")).json()["storage_node"] == 1
    assert len(site.stores(FIRST)) == 1


async def test_a_node_with_users_is_not_deleted_and_one_without_is(site):
    await site.user("anna", 2)
    site.running.clock.advance(minutes=5)
    admin = await site.running.admin()
    kept, gone = await admin.delete("/v2/admin/nodes/2"), await admin.delete("/v2/admin/nodes/1")
    assert (kept.status_code, kept.json()["code"], gone.status_code) == (409, "in_use", 204)


async def test_a_node_that_takes_the_place_of_another_gets_its_users(site):
    anna = await site.user("anna", 2)
    await site.register("key-3", SECOND)
    admin = await site.running.admin()
    assert (await admin.get(f"/v2/admin/users/{anna['id']}")).json()["storage_node"] == 2
    assert (await (await site.running.login("anna")).get("/v2/studies")).status_code == 200


async def test_the_administrator_sees_what_all_nodes_put_aside_and_clears_it(site):
    for address, names in ((FIRST, ("a", "b", "c")), (SECOND, ("d", "e"))):
        for name in names:
            site.nodes[address].add_quarantined(site.nodes[address].shared, name)
    admin = await site.running.admin()

    async def page(offset, limit):
        found = (await admin.get("/v2/admin/quarantine", params={"offset": offset, "limit": limit})).json()
        assert found["total"] == 5
        return "".join(item["id"] for item in found["items"])

    assert [await page(*place) for place in ((0, 2), (2, 2), (4, 2), (3, 20), (9, 20))] == ["ab", "cd", "e", "de", ""]
    assert (await admin.get("/v2/admin/overview")).json()["quarantined"] == 5
    assert (await admin.delete("/v2/admin/quarantine/e")).status_code == 204
    assert (await admin.delete("/v2/admin/quarantine/e")).status_code == 404
    assert "e" not in site.nodes[SECOND].quarantine


async def test_the_administrator_deletes_shared_studies_of_any_node(site):
    node = site.nodes[SECOND]
    node.add_study(node.shared, "study", "series")
    admin = await site.running.admin()
    assert (await admin.delete("/v2/studies/study")).status_code == 204
    assert (await admin.delete("/v2/studies/study")).status_code == 404


async def test_users_of_before_any_node_belong_to_the_first_that_registers(start, memory_storage):
    nodes = Directory()
    running = await start(unified=False, node_secret="cluster", storages=nodes)
    keys = running.control.keyring.signer.public_jwks
    nodes.update({FIRST: memory_storage(keys), SECOND: memory_storage(keys)})
    found = Site(running, nodes)
    assert (await found.user("anna"))["storage_node"] is None
    await found.register("key-1", FIRST)
    await found.register("key-2", SECOND)
    admin = await running.admin()
    assert [user["storage_node"] for user in (await admin.get("/v2/admin/users")).json()["users"]] == [1]


# ---------------------------------------------------------------- links


async def open_link(site, query):
    browser = await site.running.client()
    answer = await browser.post("/v2/link-openings", json=dict(parse_qsl(query)))
    assert answer.status_code == 201, answer.text
    return await site.running.control.sessions.find(answer.json()["token"], "link")


async def test_a_link_is_read_at_the_node_of_its_study(site):
    """Z13, by links of two users and one of the administrator."""
    await site.user("anna", 1)
    await site.user("berta", 2)
    admin = await site.running.admin()
    for address, login in ((FIRST, "anna"), (SECOND, "berta")):
        node = site.nodes[address]
        node.add_study(site.stores(address)[0].id, f"own of {login}", f"series of {login}")
        node.add_study(node.shared, f"shared of {login}", f"shared series of {login}")
        browser = await site.running.login(login)
        for maker, study in ((browser, f"own of {login}"), (admin, f"shared of {login}")):
            made = (await maker.post("/v2/links", json={"study": study})).json()
            session = await open_link(site, made["queries"]["link_query"])
            assert (await site.running.stores.node(session)).url == address
            assert session.stores == (node.studies[study][0],)


@pytest.mark.contract("A09")
async def test_a_session_of_nobody_and_no_store_gets_the_storage_node_with_the_fewest_sessions(site):
    """As a link to a global PACS will open them."""
    await site.user("anna", 1)
    sessions, stores = site.running.control.sessions, site.running.stores

    async def node_of_new():
        session, _ = await sessions.open("link", "127.0.0.1")
        return (await stores.node(session)).url

    assert await node_of_new() == FIRST
    await site.running.login("anna")
    assert [await node_of_new() for _ in range(3)] == [SECOND, SECOND, FIRST]
    async with site.running.control.database.writing() as transaction:
        await transaction.execute(update(NodeRow).where(NodeRow.address == SECOND).values(active=False))
    assert await node_of_new() == FIRST


async def test_the_size_of_users_images_is_asked_once_per_node_and_is_unknown_where_one_is_silent(site, monkeypatch):
    users = [await site.user(login, node) for login, node in (("a", 1), ("b", 2), ("c", 1))]
    for number, login in enumerate("abc"):
        row = await site.running.control.users.find_login(login)
        node = FIRST if users[number]["storage_node"] == 1 else SECOND
        site.nodes[node].add_study(row.store, f"study of {login}", "series")
    asked = []
    for address, node in site.nodes.items():

        async def count(token, stores, node=node, address=address):
            asked.append(address)
            return await type(node).sizes(node, token, stores)

        monkeypatch.setattr(node, "sizes", count)
    admin = await site.running.admin()

    async def sizes():
        asked.clear()
        page = (await admin.get("/v2/admin/users")).json()["users"]
        assert sorted(asked) == [FIRST, SECOND]
        return {user["login"]: user["stored"] for user in page}

    assert await sizes() == {"a": 1000, "b": 1000, "c": 1000}
    site.nodes[SECOND].broken = True
    assert await sizes() == {"a": 1000, "b": None, "c": 1000}
