"""/eventQueue through a real server: entrance, relay, loss of the render node, end of the session."""

import asyncio
import json

import pytest
from sqlalchemy import delete, func, select
from websockets.exceptions import ConnectionClosed

from webviewer.errors import DrainingError
from webviewer.ports.render import LinkClosedError
from webviewer.wire.messages import MAX_MESSAGE_BYTES
from webviewer_control.relay import keeper, link
from webviewer_control.services.actor import SYSTEM
from webviewer_control.store.models import SessionRow, ViewportRow

HELLO = {"type": "hello", "version": 1}
OPEN = {"type": "open", "viewport": 1, "study": "study", "series": "series", "size": [512, 512], "sequence": 3}


@pytest.fixture
async def anna(request, start, monkeypatch):
    """A server with the settings that a test asks for, and a user who has a study."""
    monkeypatch.setattr(keeper, "_DEBOUNCE_SECONDS", 0.05)
    monkeypatch.setattr(link, "_BACK_OFF", (0.01,))
    monkeypatch.setattr(link, "FULL_RETRY_SECONDS", 0.1)
    running = await start(**getattr(request, "param", {}))
    user = await running.create_user()
    running.storage.add_study(user.store, "study", "series")
    running.storage.add_study("shared-store", "shared-study", "shared-series")
    running.page = await running.login()
    return running


async def say(socket, **message):
    await socket.send(json.dumps(message))


async def hear(socket, kind=None):
    """The next message; frames as bytes, or the next text of a kind."""
    async with asyncio.timeout(10):
        while True:
            received = await socket.recv()
            message = received if isinstance(received, bytes) else json.loads(received)
            if kind is None or (isinstance(message, dict) and message["type"] == kind):
                return message


async def enter(socket):
    await say(socket, **HELLO)
    assert (await hear(socket))["type"] == "hello"


async def closing(socket):
    """The code that the server closes with."""
    async with asyncio.timeout(10):
        while True:
            try:
                await socket.recv()
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else None


# ---------------------------------------------------------------- entrance


@pytest.mark.contract("O04")
async def test_hello_is_answered_with_the_session(anna):
    async with anna.socket(anna.page) as socket:
        await say(socket, **HELLO)
        answer = await hear(socket)
    session = (await anna.page.get("/v2/session")).json()
    assert answer == {"type": "hello", "version": 1, "session": session["id"], "anonymised": False}
    assert anna.render.links == []


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"type": "hello", "version": 0}, 4426),
        ({"type": "hello", "version": 1, "token": "wrong"}, 4401),
        (OPEN, 4401),
        ({"type": "nonsense"}, 4401),
    ],
)
async def test_a_wrong_first_message_closes_with_the_reason(anna, first, code):
    async with anna.socket(anna.page) as socket:
        await say(socket, **first)
        assert await closing(socket) == code


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
async def test_another_sites_page_is_refused_though_the_cookie_comes_along(anna, origin):
    async with anna.socket(anna.page, Origin=origin) as socket:
        await say(socket, **HELLO)
        assert await closing(socket) == 4403


async def test_a_link_session_enters_with_its_token_from_any_page(anna):
    _, secret = await anna.control.sessions.open("link", "127.0.0.1")
    async with anna.socket(Origin="https://ris.example") as socket:
        await say(socket, **HELLO, token=secret)
        assert (await hear(socket))["type"] == "hello"
        await say(socket, **OPEN)
        assert (await hear(socket))["code"] == "not_found"


async def test_a_browser_that_says_nothing_is_not_kept(anna, monkeypatch):
    monkeypatch.setattr("webviewer_control.relay.entrance.HELLO_SECONDS", 0.05)
    async with anna.socket(anna.page) as socket:
        assert await closing(socket) == 4401


async def test_an_administrator_has_no_pictures(anna):
    admin = await anna.admin()
    async with anna.socket(admin) as socket:
        await say(socket, **HELLO)
        assert await closing(socket) == 4401


# ---------------------------------------------------------------- relay


async def test_open_adds_a_grant_and_everything_else_is_passed_on(anna, eventually):
    async with anna.socket(anna.page) as socket:
        await enter(socket)
        await say(socket, **OPEN)
        assert (await hear(socket, "opened"))["view"]["position"] == 42.0
        [node] = anna.render.links
        sent = node.sent[0]
        assert {key: sent[key] for key in ("type", "viewport", "series", "size", "sequence", "view")} == {
            "type": "open",
            "viewport": 1,
            "series": "series",
            "size": [512, 512],
            "sequence": 3,
            "view": None,
        }
        assert sent["pixels"]["storage"] is None
        assert "study" not in sent
        messages = [
            {"type": "view", "viewport": 1, "sequence": 4, "patch": {"zoom": 2.0}, "active": True},
            {"type": "ack", "viewport": 1, "serial": 1, "displayed_ms": 3.5},
            {"type": "query", "viewport": 1, "id": 1, "point": [1.0, 2.0], "position": 3.0},
            {"type": "percentiles", "viewport": 1, "id": 2, "of": "series", "percents": [1, 99]},
            {"type": "close", "viewport": 1},
        ]
        for message in messages:
            await say(socket, **message)
        await eventually(lambda: len(node.sent) == 6)
        assert node.sent[1:] == messages
        await node.push(b"\x01frame\x00")
        await node.push('{"type":"answer","viewport":1,"id":1,"value":null,"future":"field"}')
        assert await hear(socket) == b"\x01frame\x00"
        assert (await hear(socket))["future"] == "field"


async def test_the_shared_store_is_open_to_every_user(anna):
    async with anna.socket(anna.page) as socket:
        await enter(socket)
        await say(socket, **OPEN | {"study": "shared-study", "series": "shared-series"})
        assert (await hear(socket, "opened"))["series"] == "shared-series"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "invalid"),
        ("[]", "invalid"),
        ('{"type": "fly"}', "invalid"),
        ('{"type": "view", "viewport": 1, "sequence": -1}', "invalid"),
        ('{"type": "view", "viewport": 7, "sequence": 1, "patch": {}}', "not_open"),
        ('{"type": "view", "viewport": 1, "sequence": 2, "patch": {}}', "invalid"),
        ('{"type": "view", "viewport": 1, "sequence": 9, "patch": {"window": {"center": 1, "width": 0}}}', "invalid"),
        ('{"type": "view", "viewport": 1, "sequence": 9, "patch": {"zoom": -1}}', "invalid"),
        (json.dumps(OPEN | {"view": {"position": 1e300}}), "invalid"),
        ('{"type": "view", "viewport": 1, "sequence": 9, "patch": {"position": NaN}}', "invalid"),
        ('{"type": "view", "viewport": 1, "sequence": 9, "patch": {"position": 1e999}}', "invalid"),
        ('{"type": "view", "viewport": 1, "sequence": 9, "patch": {"colour_map": "\\u0000"}}', "invalid"),
        ('{"type": "view", "viewport": 1, "sequence": 9, "patch": {"unknown": 1}}', "invalid"),
        ('{"type": "open", "viewport": 2, "study": "s", "series": "s", "size": [1, 1]}', "invalid"),
        ('{"type": "hello", "version": 1}', "invalid"),
        ("[" * 1000, "invalid"),
        (b"\x00\x01", "invalid"),
    ],
)
async def test_a_bad_message_is_answered_and_the_socket_lives(anna, text, code):
    async with anna.socket(anna.page) as socket:
        await enter(socket)
        await say(socket, **OPEN)
        await hear(socket, "opened")
        await socket.send(text)
        assert (await hear(socket, "error"))["code"] == code
        await say(socket, type="view", viewport=1, sequence=5, patch={"position": 1.0})
        [node] = anna.render.links
        await say(socket, type="close", viewport=1)
        await socket.ping()
        assert all("unknown" not in json.dumps(message) for message in node.sent)


async def test_garbage_without_end_closes_the_socket(anna):
    async with anna.socket(anna.page) as socket:
        await enter(socket)
        for _ in range(16):
            await socket.send("garbage")
        assert await closing(socket) == 1008


async def test_a_message_beyond_the_limit_closes_the_socket(anna):
    async with anna.socket(anna.page) as socket:
        await enter(socket)
        await socket.send('"' + "x" * MAX_MESSAGE_BYTES + '"')
        assert await closing(socket) == 1009


async def test_a_page_has_a_bounded_number_of_viewports(anna, monkeypatch):
    monkeypatch.setattr("webviewer_control.relay.viewports.MAX_VIEWPORTS", 2)
    async with anna.socket(anna.page) as socket:
        await enter(socket)
        for viewport in range(3):
            await say(socket, **OPEN | {"viewport": viewport})
        error = await hear(socket, "error")
        assert (error["code"], error["viewport"]) == ("too_large", 2)


async def test_a_session_has_a_bounded_number_of_tabs(anna, monkeypatch):
    monkeypatch.setattr("webviewer_control.relay.entrance.MAX_SOCKETS", 1)
    async with anna.socket(anna.page) as first, anna.socket(anna.page) as second:
        await enter(first)
        await say(second, **HELLO)
        assert await closing(second) == 1013


async def test_a_slow_browser_slows_the_node_and_fills_no_memory(anna, eventually):
    async with anna.socket(anna.page) as socket:
        await enter(socket)
        await say(socket, **OPEN)
        await hear(socket, "opened")
        [node] = anna.render.links
        taken = node.taken
        frame = bytes(4 * 1024 * 1024)
        for _ in range(50):
            await node.push(frame)
        socket.transport.pause_reading()
        await eventually(lambda: node.taken > taken)
        before = -1
        while before != node.taken:  # until nothing moves any more
            before = node.taken
            await asyncio.sleep(0.2)
        assert node.taken - taken < 10
        socket.transport.resume_reading()
        for _ in range(50):
            assert len(await hear(socket)) == len(frame)


# ---------------------------------------------------------------- the node goes away


async def test_a_lost_node_is_replaced_and_gets_the_newest_state(anna, eventually):
    async with anna.socket(anna.page) as socket:
        await enter(socket)
        await say(socket, **OPEN)
        await hear(socket, "opened")
        window = {"center": 40.0, "width": 400.0}
        await say(socket, type="view", viewport=1, sequence=4, patch={"zoom": 2.0, "window": window})
        await say(socket, type="view", viewport=1, sequence=5, patch={"window": None}, size=[256, 300])
        [node] = anna.render.links
        await eventually(lambda: len(node.sent) == 3)
        await node.fail()
        assert (await hear(socket))["name"] == "render-lost"
        assert (await hear(socket, "event"))["name"] == "render-restored"
        again = anna.render.links[1].sent[0]
        assert (again["type"], again["sequence"], again["size"]) == ("open", 5, [256, 300])
        assert (again["view"]["position"], again["view"]["zoom"], again["view"]["window"]) == (42.0, 2.0, None)


async def test_changes_made_while_no_node_is_there_are_not_lost(anna, eventually):
    anna.render.answers = False  # the first node says nothing before it dies
    async with anna.socket(anna.page) as socket:
        await enter(socket)
        await say(socket, **OPEN)
        await eventually(lambda: anna.render.links and anna.render.links[0].sent)
        anna.render.full = True
        await anna.render.links[0].fail(LinkClosedError(4001, "move"))
        assert (await hear(socket))["name"] == "render-lost"
        queued = await hear(socket)
        assert (queued["name"], queued["value"]) == ("queue", 1)
        await say(socket, type="view", viewport=1, sequence=9, patch={"invert": True})
        await say(socket, type="query", viewport=1, id=1, point=[0, 0], position=0)
        await hear(socket, "event")
        anna.render.full = False
        await eventually(lambda: len(anna.render.links) == 2 and len(anna.render.links[1].sent) == 2)
        opened, view = anna.render.links[1].sent
        assert (opened["view"], opened["sequence"]) == (None, 9)
        assert (view["type"], view["sequence"], view["patch"]) == ("view", 9, {"invert": True})


async def test_a_full_node_shows_the_place_in_the_queue(anna):
    anna.render.full = True
    async with anna.socket(anna.page) as first, anna.socket(anna.page) as second:
        for place, socket in enumerate((first, second), 1):
            await enter(socket)
            await say(socket, **OPEN)
            event = await hear(socket)
            assert (event["name"], event["value"]) == ("queue", place)
        anna.render.full = False
        for socket in (first, second):
            assert (await hear(socket, "opened"))["viewport"] == 1


async def test_a_viewport_that_the_node_closed_is_not_opened_again(anna, eventually):
    async with anna.socket(anna.page) as socket:
        await enter(socket)
        await say(socket, **OPEN)
        await say(socket, **OPEN | {"viewport": 2})
        await hear(socket, "opened")
        [node] = anna.render.links
        await node.push('{"type":"closed","viewport":1,"code":"not_found","message":"deleted"}')
        await hear(socket, "closed")
        await node.fail(DrainingError("stopping"))
        await eventually(lambda: len(anna.render.links) == 2 and anna.render.links[1].sent)
        assert [message["viewport"] for message in anna.render.links[1].sent] == [2]


@pytest.mark.parametrize("anna", [{"slot_idle": 0.05}], indirect=True)
async def test_without_viewports_the_node_is_left_and_found_again(anna, eventually):
    async with anna.socket(anna.page) as socket:
        await enter(socket)
        await say(socket, **OPEN)
        await hear(socket, "opened")
        await say(socket, type="close", viewport=1)
        await eventually(lambda: anna.render.links[0].left)
        await say(socket, **OPEN)
        await hear(socket, "opened")
        assert len(anna.render.links) == 2


# ---------------------------------------------------------------- the session ends


async def logged_out(running):
    await running.page.post("/v2/logout")


async def revoked(running):
    row = await running.control.users.find_login("anna")
    await running.control.sessions.end_of_user(row.id, SYSTEM, "closed")


async def deactivated(running):
    row = await running.control.users.find_login("anna")
    await running.control.users.change(row.id, {"active": False}, running.stores)


async def timed_out(running):
    running.clock.advance(hours=1)


async def ended_by_another_replica(running):
    async with running.control.database.writing() as transaction:
        await transaction.execute(delete(SessionRow))


@pytest.mark.parametrize("end", [logged_out, revoked, deactivated, timed_out, ended_by_another_replica])
async def test_the_socket_of_an_ended_session_is_closed_within_5_seconds(anna, end):
    async with anna.socket(anna.page) as socket:
        await enter(socket)
        await say(socket, **OPEN)
        await hear(socket, "opened")
        await end(anna)
        async with asyncio.timeout(5):
            assert await closing(socket) == 4440


async def test_the_page_is_warned_before_the_session_ends(anna):
    async with anna.socket(anna.page) as socket:
        await enter(socket)
        anna.clock.advance(minutes=29, seconds=15)
        event = await hear(socket, "event")
        assert event["name"] == "session-ending"
        assert 30 < event["value"] <= 45
        await say(socket, **OPEN)
        await hear(socket, "opened")
        anna.clock.advance(minutes=2)
        await anna.control.sessions.sweep()
        assert (await anna.page.get("/v2/session")).status_code == 200


async def test_a_ping_is_answered_at_once_and_keeps_no_session_alive(anna):
    async with anna.socket(anna.page) as socket:
        await enter(socket)
        await say(socket, type="ping", id=7)
        assert (await hear(socket, "pong"))["id"] == 7
        anna.clock.advance(minutes=29, seconds=15)
        await say(socket, type="ping", id=8)
        assert (await hear(socket, "pong"))["id"] == 8
        anna.clock.advance(minutes=2)
        await anna.control.sessions.sweep()
        async with asyncio.timeout(5):
            assert await closing(socket) == 4440


# ---------------------------------------------------------------- what is kept


async def test_the_newest_state_is_kept_with_the_session_and_forgotten_with_the_socket(anna):
    session = (await anna.page.get("/v2/session")).json()["id"]
    kept = []

    async def look():
        kept[:] = await anna.control.viewports.of_session(session)

    async def until(condition):
        async with asyncio.timeout(10):
            while not condition():
                await look()
                await asyncio.sleep(0.01)

    async with anna.socket(anna.page) as socket:
        await enter(socket)
        await say(socket, **OPEN)
        await say(socket, **OPEN | {"viewport": 2, "view": {"position": 7.5}})
        for sequence in range(4, 30):
            await say(socket, type="view", viewport=1, sequence=sequence, patch={"zoom": sequence / 4})
        await until(lambda: len(kept) == 2 and kept[0].view.get("zoom") == 7.25)
        assert (kept[0].study, kept[0].series, kept[0].view["position"]) == ("study", "series", 42.0)
        assert kept[1].view["position"] == 7.5
        await say(socket, type="close", viewport=2)
        await until(lambda: len(kept) == 1)
    await until(lambda: not kept)
    async with anna.control.database.reading() as transaction:
        assert await transaction.scalar(select(func.count()).select_from(ViewportRow)) == 0
