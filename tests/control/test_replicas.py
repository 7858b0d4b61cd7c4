"""Two controls on one PostgreSQL: what is ended at one ends at the other, too."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from sqlalchemy import text

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
