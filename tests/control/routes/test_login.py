"""Log-in, sessions, throttling, CSRF and origin, through a real server."""

import datetime as dt

import pytest
from sqlalchemy import select

from webviewer.settings import Settings
from webviewer_control.store.models import JournalRow, SessionRow


@pytest.fixture
async def anna(running):
    await running.create_user()
    return running


async def journal(running):
    async with running.control.database.reading() as transaction:
        return (await transaction.scalars(select(JournalRow).order_by(JournalRow.id))).all()


async def test_a_log_in_sets_a_cookie_that_scripts_cannot_read(anna):
    client = await anna.client()
    answer = await client.post("/v2/login", json={"user": "ANNA", "password": "secret"})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["kind"], body["login"], body["demo"]) == ("user", "anna", False)
    assert 1700 < body["expires_in"] <= 1800
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie
    assert "Max-Age" not in cookie
    session = await client.get("/v2/session")
    assert session.json()["id"] == body["id"]
    assert session.headers["cache-control"] == "no-store"


async def test_the_database_holds_no_usable_secret(anna):
    client = await anna.login()
    async with anna.control.database.reading() as transaction:
        row = (await transaction.scalars(select(SessionRow))).one()
    secret = client.cookies["webviewer_session"]
    assert secret not in {value for value in vars(row).values() if isinstance(value, str)}
    client = await anna.client()
    client.cookies.set("webviewer_session", row.secret)
    assert (await client.get("/v2/session")).status_code == 401


async def test_cookies_are_secure_and_bound_to_the_base_path_behind_https(start):
    running = await start(server_url="https://clinic.example/web-viewer/", base_path="web-viewer")
    await running.create_user()
    client = await running.client(Origin="https://clinic.example")
    answer = await client.post("/v2/login", json={"user": "anna", "password": "secret"})
    assert "Secure" in answer.headers["set-cookie"]
    assert "Path=/web-viewer;" in answer.headers["set-cookie"] + ";"


async def test_an_unknown_user_costs_the_same_work_as_a_wrong_password(anna, monkeypatch):
    checked = []
    original = anna.control.logins.passwords._check
    monkeypatch.setattr(anna.control.logins.passwords, "_check", lambda *a: checked.append(a) or original(*a))
    client = await anna.client()
    unknown = await client.post("/v2/login", json={"user": "nobody", "password": "x"})
    wrong = await client.post("/v2/login", json={"user": "anna", "password": "x"})
    assert unknown.json() == wrong.json() == {"code": "wrong_credentials", "message": "wrong user name or password"}
    assert unknown.status_code == wrong.status_code == 401
    assert len(checked) == 2
    assert all(stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for stored, _ in checked)


async def test_who_guesses_waits_longer_and_longer_and_nobody_else_does(start):
    running = await start(trusted_proxies=("127.0.0.1",))
    await running.create_user()
    await running.create_user("berta")
    attacker = await running.client(**{"X-Forwarded-For": "203.0.113.9"})
    statuses = [
        (await attacker.post("/v2/login", json={"user": "anna", "password": "x"})).status_code for _ in range(5)
    ]
    assert statuses == [401, 401, 401, 429, 429]
    answer = await attacker.post("/v2/login", json={"user": "Anna", "password": "secret"})
    assert answer.json()["code"] == "throttled"
    assert int(answer.headers["retry-after"]) >= 1
    elsewhere = await running.client(**{"X-Forwarded-For": "198.51.100.1"})
    assert (await elsewhere.post("/v2/login", json={"user": "anna", "password": "secret"})).status_code == 200
    assert (await attacker.post("/v2/login", json={"user": "berta", "password": "secret"})).status_code == 200


@pytest.mark.contract("F06")
async def test_an_inactive_user_is_told_so_only_with_the_right_password(running):
    await running.create_user(active=False)
    client = await running.client()
    wrong = await client.post("/v2/login", json={"user": "anna", "password": "x"})
    right = await client.post("/v2/login", json={"user": "anna", "password": "secret"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong_credentials")
    assert (right.status_code, right.json()["code"]) == (403, "inactive")


async def test_a_session_ends_when_idle_and_a_used_one_lives_on(anna):
    client = await anna.login()
    for _ in range(4):
        anna.clock.advance(minutes=20)
        assert (await client.get("/v2/session")).status_code == 200
    anna.clock.advance(minutes=31)
    assert (await client.get("/v2/session")).status_code == 401
    await anna.control.sessions.sweep()
    rows = await journal(anna)
    assert [row.event for row in rows][-2:] == ["session-opened", "session-timed-out"]


async def test_a_session_ends_after_its_lifetime_however_busy(anna):
    client = await anna.login()
    for _ in range(36):
        anna.clock.advance(minutes=19, seconds=59)
        assert (await client.get("/v2/session")).status_code == 200
    anna.clock.advance(minutes=1)
    assert (await client.get("/v2/session")).status_code == 401


async def test_log_out_ends_the_session_and_takes_the_cookie(anna):
    client = await anna.login()
    secret = client.cookies["webviewer_session"]
    answer = await client.post("/v2/logout")
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]
    client.cookies.set("webviewer_session", secret)
    assert (await client.get("/v2/session")).status_code == 401


async def test_logging_in_again_ends_the_browsers_former_session(anna):
    client = await anna.login()
    before = client.cookies["webviewer_session"]
    await client.post("/v2/login", json={"user": "anna", "password": "secret"})
    other = await anna.client(Cookie=f"webviewer_session={before}")
    assert (await other.get("/v2/session")).status_code == 401


async def test_a_new_password_ends_the_other_sessions_only(anna):
    here, elsewhere = await anna.login(), await anna.login()
    wrong = await here.post("/v2/password", json={"old": "no", "new": "better"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "old_password")
    empty = await here.post("/v2/password", json={"old": "secret", "new": ""})
    assert empty.json()["code"] == "password_empty"
    assert (await here.post("/v2/password", json={"old": "secret", "new": "better"})).status_code == 204
    assert (await here.get("/v2/session")).status_code == 200
    assert (await elsewhere.get("/v2/session")).status_code == 401
    await anna.login(password="better")


async def test_a_change_without_the_csrf_value_is_refused(anna):
    client = await anna.login()
    for value in ("", "wrong", (await (await anna.login()).get("/v2/session")).json()["csrf"]):
        client.headers["X-CSRF-Token"] = value
        answer = await client.put("/v2/settings/theme", json={"value": "dark"})
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    assert (await client.get("/v2/settings")).json() == {"values": {}}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        # A name that its owner points at this machine: the page's origin equals Host, and is not ours.
        {"Origin": "http://evil.example:8090", "Host": "evil.example:8090"},
    ],
)
async def test_changes_from_other_sites_pages_are_refused(anna, headers):
    client = await anna.login()
    answer = await client.put("/v2/settings/theme", json={"value": "dark"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin")
    login = await client.post("/v2/login", json={"user": "anna", "password": "secret"}, headers=headers)
    assert (login.status_code, login.json()["code"]) == (403, "origin")


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "{url}"}])
async def test_changes_from_the_own_page_and_from_programs_are_accepted(anna, headers):
    client = await anna.login()
    headers = {name: value.format(url=anna.url) for name, value in headers.items()}
    assert (await client.put("/v2/settings/theme", json={"value": 1}, headers=headers)).status_code == 204


async def test_where_the_bearer_is_wrong_the_cookie_does_not_count(anna):
    client = await anna.login()
    answer = await client.get("/v2/session", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401


async def test_a_link_session_is_known_by_its_token_only(anna):
    session, secret = await anna.control.sessions.open("link", "127.0.0.1")
    client = await anna.client(Authorization=f"Bearer {secret}")
    assert (await client.get("/v2/session")).json()["kind"] == "link"
    assert (await client.get("/v2/session")).json()["id"] == session.id
    assert (await client.get("/v2/studies")).json()["total"] == 0
    assert (await client.get("/v2/settings")).status_code == 403
    assert (await client.get("/v2/admin/session")).status_code == 401
    cookie = await anna.client(Cookie=f"webviewer_session={secret}")
    assert (await cookie.get("/v2/session")).status_code == 401


async def test_the_journal_tells_who_came_and_who_was_refused(anna):
    client = await anna.client()
    await client.post("/v2/login", json={"user": "anna", "password": "x"})
    await client.post("/v2/admin/login", json={"user": "admin", "password": "x"})
    client = await anna.login()
    await client.post("/v2/logout")
    rows = await journal(anna)
    assert [(row.event, row.login) for row in rows] == [
        ("user-changed", "system"),
        ("user-login-failed", "anna"),
        ("administrator-login-failed", "admin"),
        ("session-opened", "anna"),
        ("session-closed", "anna"),
    ]
    assert all("secret" not in str(row.details) for row in rows)
    assert rows[0].details == {"change": "created", "affected": "anna", "new_status": "active"}
    assert rows[1].details == {"address": "127.0.0.1", "attempted": "anna", "reason": "credentials"}
    assert rows[0].time.tzinfo is dt.UTC


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b'{"user": "anna"}', 422),
        (b'{"user": "anna", "password": 5}', 422),
        (b'{"user": "anna", "password": "x", "more": 1}', 422),
        (b'{"user": "an\\u0000na", "password": "x"}', 422),
        (b'{"user": "\\ud800", "password": "x"}', 422),
        (b'{"user": "\xff", "password": "x"}', 422),
        (b"[" * 100_000, 422),
        (b'{"user": ' + b"[" * 100 + b"]" * 100 + b', "password": "x"}', 422),
        (b'{"user": "' + b"x" * (1024 * 1024) + b'"}', 413),
    ],
)
async def test_bad_bodies_get_a_clear_answer(anna, body, status):
    client = await anna.client()
    answer = await client.post("/v2/login", content=body)
    assert answer.status_code == status
    assert answer.json()["message"]


async def test_the_log_in_survives_a_restart(start, tmp_path):
    first = await start()
    await first.create_user()
    client = await first.login()
    second = await start(data=Settings(data=tmp_path / "data").data)
    again = await second.client(Cookie=f"webviewer_session={client.cookies['webviewer_session']}")
    assert (await again.get("/v2/session")).json()["login"] == "anna"
