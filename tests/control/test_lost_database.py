"""PostgreSQL goes away under running control and comes back."""

import asyncio
import json

import pytest


@pytest.fixture
async def running(start, lone_postgresql):
    return await start(database_url=lone_postgresql())


async def test_calls_are_answered_503_with_a_reason_and_work_again_afterwards(running, lone_postgresql):
    await running.create_user()
    client = await running.login()
    await asyncio.to_thread(lone_postgresql.stop)
    for method, path, body in (
        ("GET", "/v2/session", None),
        ("GET", "/v2/studies", None),
        ("PUT", "/v2/settings/view", {"value": 1}),
        ("POST", "/v2/login", {"user": "anna", "password": "secret"}),
    ):
        answer = await client.request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, "peer_unavailable")
        assert "database" in answer.json()["message"]
    await asyncio.to_thread(lone_postgresql.start)
    assert (await client.get("/v2/session")).status_code == 200
    assert (await client.put("/v2/settings/view", json={"value": 1})).status_code == 204


async def test_an_open_socket_lives_through_it(running, lone_postgresql):
    await running.create_user()
    client = await running.login()
    running.storage.add_study("shared-store", "study", "series")
    async with running.socket(client) as socket, asyncio.timeout(30):
        await socket.send(json.dumps({"type": "hello", "version": 1}))
        await socket.recv()
        await asyncio.to_thread(lone_postgresql.stop)
        running.clock.advance(minutes=2)  # the next message is an activity to write down
        opening = {"type": "open", "viewport": 1, "study": "study", "series": "series", "size": [64, 64]}
        await socket.send(json.dumps(opening))
        while (message := json.loads(await socket.recv()))["type"] != "error":
            pass
        assert (message["code"], message["viewport"]) == ("peer_unavailable", 1)
        await asyncio.to_thread(lone_postgresql.start)
        await socket.send(json.dumps(opening | {"viewport": 2}))
        while not (message["type"] == "opened" and message["viewport"] == 2):
            message = json.loads(await socket.recv())
            assert message["type"] != "error"


async def test_a_new_socket_is_asked_to_come_again(running, lone_postgresql):
    await running.create_user()
    client = await running.login()
    await asyncio.to_thread(lone_postgresql.stop)
    async with running.socket(client) as socket, asyncio.timeout(30):
        await socket.send(json.dumps({"type": "hello", "version": 1}))
        await socket.wait_closed()
        assert socket.close_code == 1013
