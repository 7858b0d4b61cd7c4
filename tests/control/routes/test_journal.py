"""The authorisation journal as the administrator reads it, on both engines."""

import csv
import datetime as dt
import io

import pytest

from webviewer_control.services.actor import Actor


@pytest.fixture
async def server(start, database_url):
    return await start(database_url=database_url, trusted_proxies=("127.0.0.1",))


async def page(admin, **query):
    answer = await admin.get("/v2/admin/journal", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def events(admin, **query):
    return (await page(admin, **query))["events"]


@pytest.mark.contract("J01", "J02", "J03", "J04")
async def test_every_kind_of_event_tells_who_did_what_from_where(server):
    admin = await server.admin()
    user = (await admin.post("/v2/admin/users", json={"login": "anna", "password": "secret"})).json()["id"]
    far = await server.client(**{"X-Forwarded-For": "203.0.113.9"})
    await far.post("/v2/login", json={"user": "anna", "password": "wrong"})
    await far.post("/v2/login", json={"user": "stranger", "password": "x"})
    await far.post("/v2/admin/login", json={"user": "root", "password": "x"})
    session = (await far.post("/v2/login", json={"user": "anna", "password": "secret"})).json()
    far.headers["X-CSRF-Token"] = session["csrf"]
    server.clock.advance(seconds=90)
    await far.post("/v2/logout")
    change = {"login": "berta", "active": False, "password": "other", "ae_title": "BERTA"}
    await admin.patch(f"/v2/admin/users/{user}", json=change)
    found = {event["id"]: event for event in await events(admin, sort="id", descending=False)}
    told = [(e["event"], e["user"], e["details"]) for _, e in sorted(found.items())]
    own = (await admin.get("/v2/admin/session")).json()["id"]
    by_admin = {"address": "127.0.0.1", "session": own}
    away = {"address": "203.0.113.9"}
    inside = {"session": session["id"], "kind": "user"}
    assert told == [
        ("session-opened", "admin", by_admin | {"kind": "administrator"}),
        ("user-changed", "admin", by_admin | {"change": "created", "affected": "anna", "new_status": "active"}),
        ("user-login-failed", "anna", away | {"attempted": "anna", "reason": "credentials"}),
        ("user-login-failed", "stranger", away | {"attempted": "stranger", "reason": "credentials"}),
        ("administrator-login-failed", "root", away | {"attempted": "root", "reason": "credentials"}),
        ("session-opened", "anna", away | inside),
        ("session-closed", "anna", away | inside | {"reason": "logged-out", "seconds": 90}),
        (
            "user-changed",
            "admin",
            by_admin
            | {
                "change": "changed",
                "affected": "anna",
                "old_login": "anna",
                "new_login": "berta",
                "old_ae_title": "-",
                "new_ae_title": "BERTA",
                "new_status": "inactive",
                "password": True,
            },
        ),
    ]


@pytest.mark.contract("J02", "J03")
async def test_a_time_out_is_the_owners_and_a_closing_by_hand_the_administrators(server):
    user = await server.create_user()
    await server.login()
    server.clock.advance(minutes=31)
    await server.control.sessions.sweep()
    admin, client = await server.admin(), await server.login()
    closed = (await client.get("/v2/session")).json()["id"]
    await admin.delete(f"/v2/admin/users/{user.id}/sessions")
    [by_hand, *_] = await events(admin, event="session-closed")
    assert (by_hand["user"], by_hand["details"]["reason"]) == ("admin", "closed")
    assert (by_hand["details"]["affected"], by_hand["details"]["closed_session"]) == ("anna", closed)
    [late] = await events(admin, event="session-timed-out")
    assert (late["user"], late["details"]["reason"]) == ("anna", "timed-out")
    assert late["details"]["seconds"] >= 31 * 60


@pytest.mark.contract("J05")
async def test_events_are_found_by_user_kind_and_date(server):
    await server.create_user("Anna")
    await server.login("anna")
    admin = await server.admin()
    assert {event["user"] for event in await events(admin, user="ANNA")} == {"Anna"}
    assert {event["event"] for event in await events(admin, event="session-opened")} == {"session-opened"}
    assert await events(admin, user="ann") == []
    now = server.clock()
    tomorrow = (now + dt.timedelta(days=1)).isoformat()
    assert await events(admin, after=tomorrow) == []
    whole = await page(admin)
    assert (await page(admin, before=tomorrow))["total"] == whole["total"] == 3
    both = await events(admin, user="anna", event="session-opened", after="2026-01-01T00:00:00Z", before=tomorrow)
    assert [event["user"] for event in both] == ["Anna"]
    for wrong in ({"event": "unknown"}, {"after": "yesterday"}, {"after": "2026-01-01T00:00:00"}, {"sort": "details"}):
        assert (await admin.get("/v2/admin/journal", params=wrong)).status_code == 422


@pytest.mark.contract("J01", "J06")
async def test_pages_of_every_order_hold_each_event_once(server):
    journal, database = server.control.journal, server.control.database
    kinds = ("session-opened", "session-closed", "user-changed")
    for number in range(60):
        async with database.writing() as transaction:
            by = Actor(f"u{number % 7}", address="198.51.100.1")
            server.control.records.journal.add(transaction, kinds[number % 3], by, number=number)
        server.clock.advance(seconds=1)
    admin = await server.admin()
    total = (await page(admin))["total"]
    assert len(await events(admin)) == 20
    keys = {"id": "id", "time": "time", "event": "event", "user": "user"}
    for sort, key in keys.items():
        for descending in (False, True):
            seen = []
            for offset in range(0, total, 7):
                seen += await events(admin, sort=sort, descending=descending, offset=offset, limit=7)
            assert len({event["id"] for event in seen}) == len(seen) == total, (sort, descending)
            values = [(event[key], event["time"], event["id"]) for event in seen]
            assert values == sorted(values, reverse=descending), (sort, descending)
    assert await events(admin, offset=total) == []
    newest = await events(admin, limit=1)
    assert newest[0]["id"] == total
    assert await journal.prune(server.clock() - dt.timedelta(seconds=30)) > 0
    assert (await page(admin))["total"] < total


@pytest.mark.contract("J05")
async def test_the_filtered_journal_is_exported_and_no_spreadsheet_calculates_it(server):
    client = await server.client()
    await client.post("/v2/login", json={"user": "=cmd|' /C calc'!A0", "password": "x"})
    admin = await server.admin()
    answer = await admin.get("/v2/admin/journal/export", params={"event": "user-login-failed"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert "journal.csv" in answer.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["id", "time", "event", "user", "details"]
    assert [row[3] for row in rows[1:]] == ["'=cmd|' /C calc'!A0"]
    assert '"reason": "credentials"' in rows[1][4]


async def test_old_events_go_when_the_administrator_says_how_long_they_are_kept(server):
    await server.create_user()
    await server.login()
    server.clock.advance(days=40)
    admin = await server.admin()
    assert (await admin.get("/v2/admin/retention")).json()["journal"] == 0
    await server.control.retention.prune()
    before = (await page(admin))["total"]
    days = (await admin.get("/v2/admin/retention")).json()
    assert (await admin.put("/v2/admin/retention", json=days | {"journal": 30})).status_code == 204
    assert (await admin.put("/v2/admin/retention", json=days | {"journal": -1})).status_code == 422
    await server.control.retention.prune()
    left = await events(admin)
    assert before > len(left) > 0
    assert left[0]["event"] == "server-changed"
    assert left[0]["details"]["journal_days"] == "0 -> 30"
    assert all(event["time"] > (server.clock() - dt.timedelta(days=30)).isoformat() for event in left)


async def test_the_journal_is_the_administrators(server):
    await server.create_user()
    client = await server.login()
    for path in ("/v2/admin/journal", "/v2/admin/journal/export", "/v2/admin/retention"):
        assert (await client.get(path)).status_code == 401
