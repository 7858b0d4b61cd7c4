"""Sessions at several render nodes: who gets which, and what happens when a node refuses, dies, hangs or drains."""

import asyncio
import contextlib
import json
from collections import Counter
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from webviewer import __version__
from webviewer.clients.render_clients import RenderClients
from webviewer.ports.render import LinkClosedError
from webviewer.roles import Peers
from webviewer.web.endpoint import SESSION_COOKIE
from webviewer_control.relay import link
from webviewer_control.services import pulse
from webviewer_control.store.models import PlacementRow
from webviewer_render.app import create_app
from webviewer_render.sessions.clock import LoopClock
from webviewer_render.sessions.slots import SlotTable

NODES = 3
OPEN = {"type": "open", "viewport": 1, "study": "study", "series": "series", "size": [512, 512]}


class Fleet:
    """A control of a cluster, and render nodes in memory behind the real render application."""

    def __init__(self, running, stack):
        self.running = running
        self.control = running.control
        self.renders = []
        self.stack = stack

    async def add_node(self, render, serve):
        services = SimpleNamespace(port=render, storages=SimpleNamespace(own=None))
        render.address = await serve(create_app(services, Peers()))
        self.renders.append(render)
        await self.report(render)

    async def report(self, render, version=__version__):
        client = await self.running.client(Authorization="Bearer cluster")
        body = {
            "key": f"k{self.renders.index(render)}",
            "role": "render",
            "address": render.address,
            "version": version,
        }
        answer = await client.put("/v2/nodes", json=body)
        assert answer.status_code == 200, answer.text
        render.id = answer.json()["id"]

    async def session(self):
        """A session of anna's; its cookie is its secret."""
        user = await self.control.users.find_login("anna")
        session, secret = await self.control.sessions.open("user", "127.0.0.1", user)
        return SimpleNamespace(id=session.id, headers={"Cookie": f"{SESSION_COOKIE}={secret}"})

    async def tab(self, session, *, opened=True):
        """A tab of a session that shows the series."""
        socket = await self.stack.enter_async_context(self.running.socket(**session.headers))
        await socket.send(json.dumps({"type": "hello", "version": 1}))
        await socket.send(json.dumps(OPEN))
        if opened:
            await hear(socket, "opened")
        return socket

    async def placed(self):
        async with self.control.database.reading() as transaction:
            rows = await transaction.execute(select(PlacementRow.session_id, PlacementRow.node_id))
            return dict(rows.all())

    def sessions(self):
        """How many sessions have a link at each node."""
        return Counter(index for index, render in enumerate(self.renders) for _ in at(render))


def at(render):
    return {link.grant.session for link in render.links if not link.left}


async def hear(socket, kind):
    async with asyncio.timeout(20):
        while True:
            received = await socket.recv()
            message = json.loads(received) if isinstance(received, str) else {"type": "frame"}
            if message["type"] == kind:
                return message


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(link, "_BACK_OFF", (0.01,))
    monkeypatch.setattr(link, "FULL_RETRY_SECONDS", 0.1)


@pytest.fixture
async def fleet(request, start, serve, memory_render, postgresql):
    """Three nodes behind a control with the settings that a test asks for."""
    async with contextlib.AsyncExitStack() as stack:
        directory = RenderClients()
        stack.push_async_callback(directory.aclose)
        running = await start(
            database_url=postgresql(), unified=False, node_secret="cluster", renders=directory,
            **getattr(request, "param", {}),
        )  # fmt: skip
        user = await running.create_user()
        running.storage.add_study(user.store, "study", "series")
        fleet = Fleet(running, stack)
        keys = running.control.keyring.signer.public_jwks
        for _ in range(NODES):
            await fleet.add_node(memory_render(keys), serve)
        yield fleet


async def test_sessions_spread_evenly_and_all_tabs_of_one_are_at_its_node(fleet):
    sessions = [await fleet.session() for _ in range(3 * NODES)]
    await asyncio.gather(*(fleet.tab(session) for session in sessions))
    assert fleet.sessions() == {0: 3, 1: 3, 2: 3}
    await asyncio.gather(*(fleet.tab(session) for session in sessions))
    assert fleet.sessions() == {0: 3, 1: 3, 2: 3}
    assert [len(render.links) for render in fleet.renders] == [6, 6, 6]


async def test_reading_the_list_and_its_thumbnails_holds_no_node(fleet):
    page = await fleet.running.login()
    assert (await page.get("/v2/studies")).json()["total"] == 1
    assert (await page.get("/v2/studies/study/series/series/thumbnail")).status_code == 200
    assert await fleet.placed() == {}
    assert sum(render.drawn for render in fleet.renders) == 1


async def test_a_node_that_is_full_is_passed_over_and_where_all_are_the_place_in_the_queue_is_told(fleet, eventually):
    first, second, third = fleet.renders
    first.full = second.full = True
    await fleet.tab(await fleet.session())
    await fleet.tab(await fleet.session())
    assert fleet.sessions() == {2: 2}
    third.full = True
    waiting = [await fleet.session() for _ in range(2)]
    for place, session in enumerate(waiting, 1):
        session.socket = await fleet.tab(session, opened=False)
        event = await hear(session.socket, "event")
        assert (event["name"], event["value"]) == ("queue", place)
    first.full = second.full = False
    for session in waiting:
        await hear(session.socket, "opened")
    assert fleet.sessions() == {0: 1, 1: 1, 2: 2}
    assert set((await fleet.placed()).values()) == {render.id for render in fleet.renders}


async def test_the_node_decides_whatever_the_ledger_says(fleet):
    for render in fleet.renders:
        render.slots = SlotTable(2, LoopClock())
    sessions = [await fleet.session() for _ in range(2 * NODES)]
    await asyncio.gather(*(fleet.tab(session) for session in sessions))
    assert [len(render.slots) for render in fleet.renders] == [2, 2, 2]
    # Forgotten here, but not by the nodes: all of them refuse.
    async with fleet.control.database.writing() as transaction:
        for row in await transaction.scalars(select(PlacementRow)):
            await transaction.delete(row)
    event = await hear(await fleet.tab(await fleet.session(), opened=False), "event")
    assert (event["name"], event["value"]) == ("queue", 1)


async def test_a_node_that_drains_keeps_its_sessions_and_gets_no_new_ones(fleet):
    old = await fleet.session()
    await fleet.tab(old)
    [own] = [render for render in fleet.renders if at(render)]
    admin = await fleet.running.admin()
    off = await admin.patch(f"/v2/admin/nodes/{own.id}", json={"active": False})
    assert off.json()["state"] == "draining"
    for _ in range(4):
        await fleet.tab(await fleet.session())
    assert len(at(own)) == 1
    await fleet.tab(old)
    assert len(own.links) == 2


async def test_a_node_that_is_not_warm_is_asked_last(fleet, serve, memory_render):
    cold = memory_render(fleet.control.keyring.signer.public_jwks)
    cold.warm = False
    await fleet.add_node(cold, serve)
    for _ in range(2 * NODES):
        await fleet.tab(await fleet.session())
    assert fleet.sessions() == {0: 2, 1: 2, 2: 2}
    cold.warm = True
    while (await fleet.control.nodes.get(cold.id)).cause:
        await fleet.report(cold)
    for _ in range(2):
        await fleet.tab(await fleet.session())
    assert len(at(cold)) == 2


@pytest.mark.parametrize("fleet", [{"placement": "volume-affinity"}], indirect=True)
async def test_with_affinity_a_node_that_has_the_series_gets_one_session_more_than_the_others(fleet):
    fleet.renders[1].held = ("series",)
    await fleet.control.nodes.look()
    for _ in range(3):
        await fleet.tab(await fleet.session())
    assert fleet.sessions() == {0: 1, 1: 2}
    for _ in range(3):
        await fleet.tab(await fleet.session())
    assert fleet.sessions() == {0: 2, 1: 3, 2: 1}


async def test_nodes_of_another_release_are_used(fleet):
    for render in fleet.renders:
        await fleet.report(render, "0.0.1")
    for _ in range(NODES):
        await fleet.tab(await fleet.session())
    assert fleet.sessions() == {0: 1, 1: 1, 2: 1}


async def test_a_place_is_given_back_a_minute_after_the_tab_was_closed(fleet):
    session = await fleet.session()
    socket = await fleet.tab(session)
    gateway = fleet.running.app.state.context.gateway
    fleet.running.clock.advance(seconds=59)
    await gateway.renders.renew()
    fleet.running.clock.advance(seconds=59)
    await socket.send(json.dumps({"type": "close", "viewport": 1}))
    await socket.close()
    while any(at(render) for render in fleet.renders):
        await asyncio.sleep(0.01)
    fleet.running.clock.advance(seconds=59)
    await gateway.renders.renew()
    assert list(await fleet.placed()) == [session.id]
    fleet.running.clock.advance(seconds=2)
    await gateway.renders.renew()
    assert await fleet.placed() == {}


async def test_the_nodes_page_tells_the_sessions_of_each_node(fleet):
    for _ in range(4):
        await fleet.tab(await fleet.session())
    admin = await fleet.running.admin()
    found = (await admin.get("/v2/admin/nodes", params={"sort": "sessions", "descending": True})).json()["nodes"]
    assert [node["used"] for node in found] == [2, 1, 1]
    own = next(render for render in fleet.renders if render.id == found[0]["id"])
    assert len(at(own)) == 2


# ---------------------------------------------------------------- a node is lost


async def test_a_session_whose_node_is_lost_goes_on_at_another_one_with_all_its_tabs(fleet, eventually):
    session = await fleet.session()
    tabs = [await fleet.tab(session), await fleet.tab(session)]
    [own] = [render for render in fleet.renders if at(render)]
    for socket in tabs:
        await socket.send(json.dumps({"type": "view", "viewport": 1, "sequence": 4, "patch": {"zoom": 2.0}}))
    await eventually(lambda: all(len(link.sent) == 2 for link in own.links))
    own.answering.clear()
    for node_link in own.links:
        await node_link.fail()
    for socket in tabs:
        assert (await hear(socket, "event"))["name"] == "render-lost"
        assert (await hear(socket, "event"))["name"] == "render-restored"
        assert (await hear(socket, "opened"))["view"]["zoom"] == 2.0
    [other] = [render for render in fleet.renders if render is not own and render.links]
    assert len(other.links) == 2
    assert await fleet.placed() == {session.id: other.id}


async def test_a_link_that_breaks_at_a_node_that_lives_is_made_there_again(fleet):
    socket = await fleet.tab(await fleet.session())
    [own] = [render for render in fleet.renders if at(render)]
    await own.links[0].fail()
    await hear(socket, "opened")
    assert len(own.links) == 2


async def test_a_node_that_hangs_is_left_though_its_connections_stand(fleet, monkeypatch):
    for name, seconds in (("BEAT_SECONDS", 0.1), ("PATIENCE_SECONDS", 0.5), ("LAST_CHANCE_SECONDS", 0.2)):
        monkeypatch.setattr(pulse, name, seconds)
    sockets = [await fleet.tab(await fleet.session()) for _ in range(NODES)]
    own = fleet.renders[0]
    [hanging] = own.links
    own.answering.clear()
    moved = sockets[0]
    assert (await hear(moved, "event"))["name"] == "render-lost"
    assert (await hear(moved, "opened"))["viewport"] == 1
    assert hanging.left
    assert 0 not in fleet.sessions()
    await fleet.tab(await fleet.session())
    assert fleet.sessions() == {1: 2, 2: 2}
    own.answering.set()
    await fleet.report(own)
    await fleet.tab(await fleet.session())
    assert fleet.sessions() == {0: 1, 1: 2, 2: 2}


async def test_a_node_that_says_move_is_left_at_once(fleet):
    socket = await fleet.tab(await fleet.session())
    [own] = [render for render in fleet.renders if at(render)]
    own.full = True
    await own.links[0].fail(LinkClosedError(4001, "about to stop"))
    await hear(socket, "opened")
    assert not at(own)
    assert sum(fleet.sessions().values()) == 1


async def test_a_tab_follows_its_session_that_another_control_has_moved(fleet):
    session = await fleet.session()
    socket = await fleet.tab(session)
    [own] = [render for render in fleet.renders if at(render)]
    other = next(render for render in fleet.renders if render is not own)
    async with fleet.control.database.writing() as transaction:
        (await transaction.get_one(PlacementRow, session.id)).node_id = other.id
    await fleet.running.app.state.context.gateway.renders.follow()
    await hear(socket, "opened")
    assert (at(own), at(other)) == (set(), {session.id})


async def test_a_socket_that_ends_leaves_no_link_and_its_session_no_place(fleet):
    session = await fleet.session()
    socket = await fleet.tab(session)
    page = await fleet.running.client(**session.headers)
    answer = await page.get("/v2/session")
    await page.post("/v2/logout", headers={"X-CSRF-Token": answer.json()["csrf"]})
    async with asyncio.timeout(5):
        await socket.wait_closed()
    assert socket.close_code == 4440
    assert not any(at(render) for render in fleet.renders)
    async with fleet.control.database.reading() as transaction:
        assert await transaction.scalar(select(func.count()).select_from(PlacementRow)) == 0
