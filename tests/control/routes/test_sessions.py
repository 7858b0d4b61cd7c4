"""Where somebody is logged in, and logging out from there."""

import pytest

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


@pytest.fixture
async def anna(start, database_url):
    running = await start(database_url=database_url)
    await running.create_user()
    return running


async def sessions(client):
    return (await client.get("/v2/sessions")).json()["sessions"]


@pytest.mark.contract("R01")
async def test_a_user_sees_where_he_is_logged_in_and_closes_one_of_them(anna):
    here, elsewhere = await anna.login(), await anna.client(**{"User-Agent": FIREFOX})
    answer = await elsewhere.post("/v2/login", json={"user": "anna", "password": "secret"})
    other = answer.json()["id"]
    found = await sessions(here)
    assert [(each["current"], each["address"]) for each in found] == [(False, "127.0.0.1"), (True, "127.0.0.1")]
    assert (found[0]["id"], found[0]["agent"]) == (other, FIREFOX)
    assert (await here.delete(f"/v2/sessions/{other}")).status_code == 204
    assert (await elsewhere.get("/v2/session")).status_code == 401
    assert [each["current"] for each in await sessions(here)] == [True]
    assert (await here.delete(f"/v2/sessions/{other}")).status_code == 404


@pytest.mark.contract("R01")
async def test_logging_out_everywhere_ends_this_session_too(anna):
    clients = [await anna.login() for _ in range(3)]
    assert (await clients[0].delete("/v2/sessions")).status_code == 204
    for client in clients:
        assert (await client.get("/v2/session")).status_code == 401


async def test_sessions_that_have_timed_out_are_not_listed_before_they_are_swept(anna):
    here, _ = await anna.login(), await anna.login()
    for _ in range(2):
        anna.clock.advance(minutes=20)
        await here.get("/v2/session")
    assert [each["current"] for each in await sessions(here)] == [True]


@pytest.mark.contract("F07", "F10")
async def test_the_administrator_closes_one_of_a_users_sessions(anna):
    user = await anna.control.users.find_login("anna")
    first, second, admin = await anna.login(), await anna.login(), await anna.admin()
    found = (await admin.get(f"/v2/admin/users/{user.id}/sessions")).json()["sessions"]
    assert [each["current"] for each in found] == [False, False]
    closed = (await first.get("/v2/session")).json()["id"]
    assert (await admin.delete(f"/v2/admin/users/{user.id}/sessions/{closed}")).status_code == 204
    assert (await first.get("/v2/session")).status_code == 401
    assert (await second.get("/v2/session")).status_code == 200
    assert (await admin.delete(f"/v2/admin/users/{user.id}/sessions/{closed}")).status_code == 404
    assert (await admin.get("/v2/admin/users/nobody/sessions")).status_code == 404


async def test_a_link_opening_has_no_sessions_to_show(anna):
    _, secret = await anna.control.sessions.open("link", "127.0.0.1")
    client = await anna.client(Authorization=f"Bearer {secret}")
    assert (await client.get("/v2/sessions")).status_code == 403
    assert (await client.delete("/v2/sessions")).status_code == 403
