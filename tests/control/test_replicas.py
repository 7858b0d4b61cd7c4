"""Two controls on one PostgreSQL: what is ended at one ends at the other, too, and tabs wait in one line."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from webviewer_control.relay import link, queue
from webviewer_control.services import sessions


@pytest.fixture
async def pair(start, postgresql, monkeypatch):
    """The same data folder holds the instance key of both; nothing else is shared but the database."""
    url = postgresql()
    monkeypatch.setattr(sessions, "_SWEEP_SECONDS", 3600)  # what is seen here came by the bus
    first = await start(database_url=url, unified=False)
    second = await start(database_url=url, unified=False)
    await first.create_user()
    page = await first.login()
    socket = await first.stack.enter_async_context(second.socket(page, Origin=second.url))
    await socket.send(json.dumps({"type": "hello", "version": 1}))
    assert json.loads(await socket.recv())["type"] == "hello"  # the other control knows the cookie
    return SimpleNamespace(first=first, second=second, page=page, socket=socket)


async def listening(control):
    """Ids of the database's connections that listen."""
    async with control.database.reading() as transaction:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        return set((await transaction.scalars(text(query))).all())


async def until_both_listen(control, *, but=frozenset()):
    async with asyncio.timeout(20):
        while len((await listening(control)) - but) < 2:
            await asyncio.sleep(0.05)


async def ends(socket):
    async with asyncio.timeout(5):
        await socket.wait_closed()
    return socket.close_code


async def test_a_log_out_at_one_control_closes_the_sockets_at_the_other(pair):
    await until_both_listen(pair.first.control)
    await pair.page.post("/v2/logout")
    assert await ends(pair.socket) == 4440


async def test_a_control_that_lost_its_connection_listens_again(pair):
    await until_both_listen(pair.first.control)
    before = await listening(pair.first.control)
    async with pair.first.control.database.writing() as transaction:
        for pid in before:
            await transaction.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    await until_both_listen(pair.first.control, but=before)
    await pair.page.post("/v2/logout")
    assert await ends(pair.socket) == 4440


async def test_what_the_bus_loses_the_sweep_finds(pair):
    async with pair.first.control.database.writing() as transaction:
        await transaction.execute(text("DELETE FROM control.sessions"))
    await pair.second.control.sessions.sweep()
    assert await ends(pair.socket) == 4440


OPEN = {"type": "open", "viewport": 1, "study": "study", "series": "series", "size": [64, 48]}


async def wait_in_line(control, page):
    """Open a study where no node has a place; returns the socket and the place that it was told."""
    socket = await control.stack.enter_async_context(control.socket(page, Origin=control.url))
    await socket.send(json.dumps({"type": "hello", "version": 1}))
    await socket.send(json.dumps(OPEN))
    return socket, await hear(socket, "event")


async def hear(socket, kind):
    async with asyncio.timeout(20):
        while (message := json.loads(await socket.recv()))["type"] != kind:
            pass
    return message.get("value")


async def test_tabs_of_both_controls_wait_in_one_line_and_go_in_their_turn(pair, monkeypatch):
    monkeypatch.setattr(queue, "_REFRESH_SECONDS", 3600)  # what is seen here came by the bus
    monkeypatch.setattr(link, "FULL_RETRY_SECONDS", 0.1)
    await until_both_listen(pair.first.control)
    controls = (pair.first, pair.second)
    user = await pair.first.control.users.find_login("anna")
    for control in controls:
        control.storage.add_study(user.store, "study", "series")
        control.render.full = True
    places = [await wait_in_line(controls[number % 2], await pair.first.login()) for number in range(4)]
    assert [place for _, place in places] == [1, 2, 3, 4]
    late = await pair.second.admin()
    assert (await late.get("/v2/admin/overview")).json()["waiting"] == 4
    # The second one is at a node that has a place, and not yet the first in the line.
    pair.second.render.full = False
    sockets = [socket for socket, _ in places]
    for _ in range(3):
        assert await hear(sockets[1], "event") == 2
    await sockets[0].close()
    await hear(sockets[1], "opened")
    while await hear(sockets[2], "event") != 1:
        pass
    while await hear(sockets[3], "event") != 2:
        pass
    pair.first.render.full = False
    for socket in sockets[2:]:
        await hear(socket, "opened")
    assert (await late.get("/v2/admin/overview")).json()["waiting"] == 0
