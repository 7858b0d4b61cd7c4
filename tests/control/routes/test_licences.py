"""Licences: activated by the administrator, and what they let in, through a real server."""

import asyncio
import datetime as dt
import secrets
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from webviewer.domain.licence import Licence
from webviewer.wire.licences import Vendor
from webviewer_control.errors import LinksUsedUpError, NoSeatError
from webviewer_control.services.control import utc_now
from webviewer_control.services.licence_file import LicenceFile
from webviewer_control.store.models import JournalRow, SessionRow, UserRow

VENDOR = Vendor.generate()
DAYS = dt.timedelta(days=1)


@pytest.fixture
def enforced(start):
    """Return a function that starts a server with enforced licensing and its administrator."""

    async def run(url=None, **settings):
        settings = {"licensing": "enforced", "licence_keys": (VENDOR.public_key,)} | settings
        running = await start(database_url=url, **settings)
        return SimpleNamespace(
            running=running, admin=await running.admin(), clock=running.clock, sessions=running.control.sessions
        )

    return run


@pytest.fixture
async def server(enforced):
    return await enforced()


@pytest.fixture
async def either(enforced, database_url):
    """On both engines, where it matters who locks what."""
    return await enforced(database_url)


async def licensing(server):
    answer = await server.admin.get("/v2/admin/licence")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def issue(server, kind, **fields):
    """A licence for this server."""
    product = fields.pop("product", None) or (await licensing(server))["product_code"]
    issued = fields.pop("issued", None) or server.clock()
    return VENDOR.sign(Licence(id=secrets.token_hex(16), product=product, type=kind, issued=issued, **fields))


async def activate(server, kind, **fields):
    answer = await server.admin.post("/v2/admin/licence", json={"key": await issue(server, kind, **fields)})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def give_key(server, user, **fields):
    key = await issue(server, "personal", **fields)
    answer = await server.admin.put(f"/v2/admin/users/{user.id}/licence", json={"key": key})
    assert answer.status_code == 204, answer.text
    return key


async def enter(server, user="anna", client=None):
    """Try to log in; returns the code of the refusal, or the browser."""
    client = client or await server.running.client()
    answer = await client.post("/v2/login", json={"user": user, "password": "secret"})
    if answer.status_code == 409:
        return answer.json()["code"]
    assert answer.status_code == 200, answer.text
    client.headers["X-CSRF-Token"] = answer.json()["csrf"]
    return client


async def journal(server):
    async with server.running.control.database.reading() as transaction:
        return (await transaction.scalars(select(JournalRow).order_by(JournalRow.id))).all()


async def test_without_licensing_there_is_nothing_to_activate_and_no_limit(start):
    running = await start()
    server = SimpleNamespace(running=running, admin=await running.admin(), clock=running.clock)
    told = await licensing(server)
    assert told.pop("state") == "off"
    assert set(told.values()) == {None}
    user = await running.create_user()
    for method, path in (
        ("POST", "/v2/admin/licence"),
        ("POST", "/v2/admin/licence/trial"),
        ("PUT", f"/v2/admin/users/{user.id}/licence"),
        ("DELETE", f"/v2/admin/users/{user.id}/licence"),
    ):
        body = {"json": {"key": "x"}} if "trial" not in path and method != "DELETE" else {}
        answer = await server.admin.request(method, path, **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "licensing_off")
    for _ in range(5):
        await running.login()
    assert (await server.admin.get("/v2/admin/users")).json()["users"][0]["licence"] is None


@pytest.mark.contract("E05", "E07")
async def test_an_installation_has_one_product_code_for_ever_and_lets_nobody_but_the_administrator_in(server):
    told = await licensing(server)
    assert (told["state"], told["type"], told["concurrents"]) == ("none", None, None)
    assert told["product_code"].startswith("WV-")
    await server.running.create_user()
    assert await enter(server) == "licence_missing"
    refused = (await journal(server))[-1]
    assert (refused.event, refused.login, refused.details["reason"]) == ("user-login-failed", "anna", "licence_missing")
    assert "licence-missing" in (await server.admin.get("/v2/admin/overview")).json()["warnings"]


@pytest.mark.contract("E05")
async def test_a_licence_is_for_one_installation_and_is_taken_once(server):
    wrong = [
        ("licence_bad", 422, await issue(server, "concurrent", concurrents=3, product="WV-00000-00000-00000-00000")),
        (
            "licence_invalid",
            422,
            Vendor.generate().sign(Licence(id="0" * 32, product="WV", type="unified", issued=utc_now())),
        ),
        ("licence_invalid", 422, "nonsense"),
        ("licence_place", 422, await issue(server, "personal")),
        ("licence_expired", 409, await issue(server, "unified", ends=server.clock() - DAYS)),
        ("clock_set_back", 409, await issue(server, "unified", issued=server.clock() + DAYS)),
    ]
    for code, status, key in wrong:
        answer = await server.admin.post("/v2/admin/licence", json={"key": key})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        refused = (await journal(server))[-1]
        assert (refused.event, refused.login, refused.details["reason"]) == ("licence-refused", "admin", code)
    assert (await licensing(server))["state"] == "none"
    ends = server.clock() + 400 * DAYS
    # As it stands in a file: with comments and broken lines.
    key = await issue(server, "concurrent", concurrents=3, ends=ends)
    text = "# type: concurrent\n" + "\n".join(key[start : start + 76] for start in range(0, len(key), 76)) + "\n"
    told = (await server.admin.post("/v2/admin/licence", json={"key": text})).json()
    assert (told["state"], told["type"], told["concurrents"]) == ("valid", "concurrent", {"total": 3, "used": 0})
    assert dt.datetime.fromisoformat(told["ends"]) == ends
    assert (told["links"], told["policy"], told["personal_keys"]) == (None, None, None)
    told_journal = (await journal(server))[-1]
    assert (told_journal.event, told_journal.details["licence"]) == ("licence-activated", "concurrent")
    assert key not in str(told_journal.details)
    again = await server.admin.post("/v2/admin/licence", json={"key": key})
    assert (again.status_code, again.json()["code"]) == (409, "licence_used")
    assert (await activate(server, "unified", concurrents=1))["type"] == "unified"
    assert (await server.admin.post("/v2/admin/licence", json={"key": key})).json()["code"] == "licence_used"


@pytest.mark.contract("E09", "F09")
async def test_a_seat_of_the_common_pool_is_held_for_the_session_and_comes_back_however_it_ends(either):
    server = either
    for name in ("anna", "berta", "carla"):
        await server.running.create_user(name)
    await activate(server, "concurrent", concurrents=2)
    users = (await server.admin.get("/v2/admin/users")).json()["users"]
    anna_id = next(user["id"] for user in users if user["login"] == "anna")
    anna, berta = await enter(server, "anna"), await enter(server, "berta")
    assert (await licensing(server))["concurrents"] == {"total": 2, "used": 2}
    assert await enter(server, "carla") == "no_seat"
    assert await enter(server, "anna") == "no_seat"
    assert (await server.running.admin()).headers["X-CSRF-Token"]  # the administrator needs none

    await anna.post("/v2/logout")
    carla = await enter(server, "carla")
    assert await enter(server, "anna") == "no_seat"
    await carla.delete("/v2/sessions")
    anna = await enter(server, "anna")
    await server.admin.delete(f"/v2/admin/users/{anna_id}/sessions")
    anna = await enter(server, "anna")
    assert await enter(server, "carla") == "no_seat"
    change = {"active": False}
    assert (await server.admin.patch(f"/v2/admin/users/{anna_id}", json=change)).status_code == 200
    assert not isinstance(await enter(server, "carla"), str)
    assert (await server.admin.delete(f"/v2/admin/users/{anna_id}")).status_code == 204
    assert (await berta.get("/v2/session")).status_code == 200
    # Nobody has swept yet: whoever comes ends what has timed out.
    server.clock.advance(minutes=31)
    for _ in range(2):
        assert not isinstance(await enter(server, "berta"), str)
    assert await enter(server, "berta") == "no_seat"
    events = [row.event for row in await journal(server)]
    assert events.count("session-timed-out") == 2


@pytest.mark.contract("E09")
async def test_logging_in_again_in_the_same_browser_needs_no_second_seat(server):
    await server.running.create_user()
    await activate(server, "concurrent", concurrents=1)
    client = await enter(server)
    first = client.cookies["webviewer_session"]
    again = await client.post("/v2/login", json={"user": "anna", "password": "secret"})
    assert again.status_code == 200
    assert client.cookies["webviewer_session"] != first
    assert (await licensing(server))["concurrents"] == {"total": 1, "used": 1}
    # A refused log-in leaves the session before as it was.
    other = await server.running.client()
    assert await enter(server, client=other) == "no_seat"
    assert (await client.get("/v2/session")).status_code == 200


@pytest.mark.contract("E08", "F07")
async def test_a_personal_key_is_a_connection_of_its_own_and_a_deleted_one_is_gone_for_ever(either):
    server = either
    anna, berta = await server.running.create_user("anna"), await server.running.create_user("berta")
    key = await give_key(server, anna)
    told = await licensing(server)
    assert (told["type"], told["state"], told["personal_keys"]) == ("personal", "valid", 1)
    listed = {user["login"]: user["licence"] for user in (await server.admin.get("/v2/admin/users")).json()["users"]}
    assert listed["berta"] is None
    assert (listed["anna"]["ends"], listed["anna"]["expired"]) == (None, False)
    assert await enter(server, "berta") == "licence_key_missing"
    # One connection carries one session: he always gets in, and the newer one is where he sits.
    first = await enter(server)
    second = await enter(server)
    assert (await first.get("/v2/session")).status_code == 401
    assert (await second.get("/v2/session")).status_code == 200

    for user, sent, code in ((berta, key, "licence_used"), (anna, key, "licence_used")):
        answer = await server.admin.put(f"/v2/admin/users/{user.id}/licence", json={"key": sent})
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    answer = await server.admin.put(
        f"/v2/admin/users/{berta.id}/licence", json={"key": await issue(server, "unified", concurrents=1)}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "licence_place")
    nobody = await server.admin.put("/v2/admin/users/nobody/licence", json={"key": await issue(server, "personal")})
    assert nobody.status_code == 404

    assert (await server.admin.delete(f"/v2/admin/users/{anna.id}/licence")).status_code == 204
    assert (await second.get("/v2/session")).status_code == 401
    assert await enter(server) == "licence_missing"
    assert (await server.admin.delete(f"/v2/admin/users/{anna.id}/licence")).status_code == 404
    again = await server.admin.put(f"/v2/admin/users/{anna.id}/licence", json={"key": key})
    assert again.json()["code"] == "licence_used"
    deleted = [row for row in await journal(server) if row.event == "licence-deleted"]
    assert [(row.login, row.details["affected"]) for row in deleted] == [("admin", "anna")]


@pytest.mark.contract("E08", "E10", "F09")
async def test_under_the_unified_licence_who_has_a_key_always_gets_in(server):
    anna, _ = await server.running.create_user("anna"), await server.running.create_user("berta")
    told = await activate(server, "unified", concurrents=1)
    assert (told["personal_keys"], told["link_connections"], told["links"]) == (
        0,
        {"total": 0, "used": 0},
        {"total": 0, "used": 0},
    )
    await give_key(server, anna)
    berta = await enter(server, "berta")
    personal = await enter(server)
    assert (await licensing(server))["concurrents"] == {"total": 1, "used": 1}
    second = await enter(server)  # in place of the first
    assert (await personal.get("/v2/session")).status_code == 401
    await berta.post("/v2/logout")
    third = await enter(server)  # by the pool
    for client in (second, third):
        assert (await client.get("/v2/session")).status_code == 200
    assert await enter(server, "berta") == "no_seat"
    assert (await licensing(server))["personal_keys"] == 1


@pytest.mark.contract("F09")
async def test_the_concurrent_licence_takes_no_personal_keys(server):
    anna = await server.running.create_user()
    await activate(server, "concurrent", concurrents=1)
    key = await issue(server, "personal")
    answer = await server.admin.put(f"/v2/admin/users/{anna.id}/licence", json={"key": key})
    assert (answer.status_code, answer.json()["code"]) == (409, "licence_not_personal")


@pytest.mark.contract("E06")
async def test_the_trial_lasts_fourteen_days_in_sessions_of_an_hour_and_comes_once(enforced):
    server = await enforced()
    await server.running.create_user()
    assert (await licensing(server))["trial"] == "available"
    told = (await server.admin.post("/v2/admin/licence/trial")).json()
    assert (told["type"], told["state"], told["trial"], told["concurrents"]) == ("trial", "valid", "used", None)
    left = dt.datetime.fromisoformat(told["ends"]) - server.clock()
    assert dt.timedelta(days=13, hours=23) < left <= dt.timedelta(days=14)
    client = await enter(server)
    for _ in range(3):  # being active does not make the hour longer
        server.clock.advance(minutes=19)
        assert (await client.get("/v2/session")).status_code == 200
    server.clock.advance(minutes=4)
    assert (await client.get("/v2/session")).status_code == 401
    server.clock.advance(days=13, hours=22, minutes=30)
    client = await enter(server)
    server.clock.advance(minutes=29)
    assert (await client.get("/v2/session")).status_code == 401  # the end of the trial ends sessions too
    refused = await (await server.running.client()).post("/v2/login", json={"user": "anna", "password": "secret"})
    assert refused.json() == {
        "code": "licence_expired",
        "message": f"the licence ended on {told['ends'][:10]}: ask the administrator",
        "values": {"date": told["ends"].replace("Z", "+00:00")},
    }
    server.admin = await server.running.admin()
    again = await server.admin.post("/v2/admin/licence/trial")
    assert (again.status_code, again.json()["code"]) == (409, "trial_used")
    assert (await licensing(server))["state"] == "expired"
    assert (await activate(server, "concurrent", concurrents=1))["state"] == "valid"
    assert not isinstance(await enter(server), str)


@pytest.mark.contract("E06")
async def test_the_trial_is_for_one_process_on_sqlite_only(enforced, postgresql):
    cluster = await enforced(unified=False, storage_url="http://s", render_url="http://r")
    with_server = await enforced(postgresql())
    for server in (cluster, with_server):
        assert (await licensing(server))["trial"] == "unsupported"
        answer = await server.admin.post("/v2/admin/licence/trial")
        assert (answer.status_code, answer.json()["code"]) == (409, "trial_unsupported")


async def test_who_came_by_the_trial_counts_under_the_licence_that_follows(enforced):
    server = await enforced()
    await server.running.create_user()
    await server.admin.post("/v2/admin/licence/trial")
    client = await enter(server)
    assert (await activate(server, "concurrent", concurrents=1))["concurrents"] == {"total": 1, "used": 1}
    assert await enter(server) == "no_seat"
    await client.post("/v2/logout")
    assert not isinstance(await enter(server), str)


@pytest.mark.contract("E10")
async def test_the_end_of_a_licence_is_told_in_time_and_ends_its_sessions(server):
    anna = await server.running.create_user()
    await activate(server, "unified", concurrents=5, ends=server.clock() + 20 * DAYS)

    async def warnings():
        await server.running.control.licences.watch()
        server.admin = await server.running.admin()
        found = (await server.admin.get("/v2/admin/overview")).json()["warnings"]
        return [warning for warning in found if "licence" in warning or "clock" in warning]

    assert await warnings() == []
    server.clock.advance(days=7)
    assert await warnings() == ["licence-ends-soon"]
    server.clock.advance(days=12, hours=23, minutes=50)
    client = await enter(server)
    assert (await client.get("/v2/session")).json()["expires_in"] <= 600
    server.clock.advance(minutes=11)
    assert (await client.get("/v2/session")).status_code == 401
    for _ in range(2):
        assert await warnings() == ["licence-expired"]
    assert await enter(server) == "licence_expired"
    # An ended licence of the installation does not keep personal keys out.
    await give_key(server, anna, ends=server.clock() + DAYS)
    assert not isinstance(await enter(server), str)
    server.clock.advance(days=1, seconds=1)
    await warnings()
    assert await enter(server) == "licence_expired"
    told = [row for row in await journal(server) if row.event == "licence-expired"]
    assert [(row.login, row.details["licence"], row.details.get("affected")) for row in told] == [
        ("system", "unified", None),
        ("system", "personal", "anna"),
    ]


async def test_a_clock_that_is_set_back_makes_no_licence_longer(server):
    await server.running.create_user()
    await activate(server, "concurrent", concurrents=9, ends=server.clock() + 10 * DAYS)
    await enter(server)
    server.clock.advance(days=11)
    assert await enter(server) == "licence_expired"
    await server.running.control.licences.watch()
    server.clock.advance(days=-11)
    assert await enter(server) == "licence_expired"

    await activate(server, "concurrent", concurrents=9, ends=server.clock() + 10 * DAYS)
    server.clock.advance(days=5)
    await server.running.control.licences.watch()
    server.clock.advance(days=-2)
    assert await enter(server) == "clock_set_back"
    for _ in range(2):
        await server.running.control.licences.watch()
    server.admin = await server.running.admin()
    assert (await licensing(server))["state"] == "clock-set-back"
    assert "clock-set-back" in (await server.admin.get("/v2/admin/overview")).json()["warnings"]
    told = [row for row in await journal(server) if row.event == "clock-set-back"]
    assert [row.details for row in told] == [{"seconds": pytest.approx(2 * 24 * 3600, abs=60)}]
    # A licence without an end asks no clock, and a newer one makes good.
    assert (await activate(server, "concurrent", concurrents=9))["state"] == "valid"
    assert not isinstance(await enter(server), str)
    assert (await activate(server, "concurrent", concurrents=9, ends=server.clock() + DAYS))["state"] == "valid"
    assert not isinstance(await enter(server), str)


async def open_link(server, *, signed=False):
    try:
        session, _ = await server.sessions.open("link", "127.0.0.1", signed=signed)
    except NoSeatError:
        return None
    return session


@pytest.mark.contract("E09", "E12")
@pytest.mark.parametrize(
    ("fields", "first_links", "first_users"),
    [
        ({"policy": "separate"}, (1, 2), (2, 1)),
        ({"policy": "links-use-users"}, (3, 0), (2, 1)),
        ({"policy": "users-use-links"}, (1, 2), (3, 0)),
        ({"type": "concurrent"}, (2, 0), (2, 0)),
    ],
)
async def test_the_policy_says_who_may_use_the_connections_of_others(server, fields, first_links, first_users):
    """Two connections of users and one of links (concurrent: two for all); first links come, then users, then reversed."""
    user = await server.running.create_user()
    fields = {"type": "unified", "link_connections": 1} | fields if "policy" in fields else fields
    kind = fields["type"]
    await activate(server, kind, concurrents=2, **{name: fields[name] for name in fields if name != "type"})

    async def come(kind, count):
        opened = []
        for _ in range(count):
            try:
                arguments = ("user", "127.0.0.1", user) if kind == "user" else ("link", "127.0.0.1")
                opened.append((await server.sessions.open(*arguments))[0])
            except NoSeatError:
                break
        return len(opened)

    async def leave():
        async with server.running.control.database.writing() as transaction:
            for row in (await transaction.scalars(select(SessionRow).where(SessionRow.kind != "administrator"))).all():
                await transaction.delete(row)

    assert (await come("link", 9), await come("user", 9)) == first_links
    await leave()
    assert (await come("user", 9), await come("link", 9)) == first_users


@pytest.mark.contract("E11")
async def test_signed_links_open_for_everybody_without_a_connection(server):
    await activate(server, "unified", concurrents=1, link_connections=1, links=2)
    assert await open_link(server)
    assert await open_link(server) is None
    assert all([await open_link(server, signed=True) for _ in range(20)])
    assert (await licensing(server))["link_connections"] == {"total": 1, "used": 1}


@pytest.mark.contract("E10")
async def test_signing_takes_one_of_the_licences_links_and_never_the_same_twice(either):
    server = either
    licences = server.running.control.licences
    for_nobody = pytest.raises(LinksUsedUpError)
    with for_nobody:
        await licences.sign_link("a")
    await activate(server, "unified", concurrents=1, links=2)
    # All at once: no signature too many.
    results = await asyncio.gather(*(licences.sign_link(f"link-{n}") for n in range(8)), return_exceptions=True)
    assert sum(result is None for result in results) == 2
    assert {type(result) for result in results if result} == {LinksUsedUpError}
    signed = [name for name in (f"link-{n}" for n in range(8)) if await licences.is_signed(name)]
    assert len(signed) == 2
    await licences.sign_link(signed[0])
    assert (await licensing(server))["links"] == {"total": 2, "used": 2}
    # The next licence brings links of its own; what was signed stays signed.
    assert (await activate(server, "unified", concurrents=1, links=3))["links"] == {"total": 3, "used": 0}
    assert await licences.is_signed(signed[0])


async def test_enforcing_ends_the_sessions_that_came_without_a_seat(start, tmp_path):
    running = await start(data=tmp_path / "one")
    await running.create_user()
    client = await running.login()
    # The same data folder, as after a restart with the other setting.
    enforced = await start(data=tmp_path / "one", licensing="enforced")
    await enforced.control.sessions.sweep()
    assert (await client.get("/v2/session")).status_code == 401
    server = SimpleNamespace(running=enforced)
    ended = [row for row in await journal(server) if row.event == "session-closed"]
    assert [(row.login, row.details["reason"]) for row in ended] == [("anna", "licence")]


async def test_a_licence_file_is_activated_at_the_start_and_only_once(start, tmp_path):
    file = tmp_path / "licence"
    file.write_text("nonsense")
    settings = {
        "licensing": "enforced",
        "licence_keys": (VENDOR.public_key,),
        "licence_file": file,
    }

    async def begin():
        running = await start(**settings)
        return SimpleNamespace(running=running, admin=await running.admin(), clock=running.clock)

    file.unlink()
    await begin()  # neither no file nor a wrong one keeps anything from starting
    file.write_text("nonsense")
    first = await begin()
    assert (await licensing(first))["state"] == "none"
    refused = [row for row in await journal(first) if row.event == "licence-refused"]
    assert [(row.login, row.details["reason"]) for row in refused] == [("system", "licence_invalid")]
    file.write_text(f"# for us\n{await issue(first, 'concurrent', concurrents=4)}\n")
    for _ in range(2):
        assert (await licensing(await begin()))["concurrents"]["total"] == 4
    assert sum(row.event == "licence-activated" for row in await journal(first)) == 1
    assert sum(row.event == "licence-refused" for row in await journal(first)) == 1
    # What the administrator activates by hand afterwards stays, whatever the file still says.
    await activate(first, "concurrent", concurrents=7)
    last = await begin()
    assert (await licensing(last))["concurrents"]["total"] == 7
    # Another licence that is put there is seen by a server that runs.
    watch = LicenceFile(last.running.control.licences, file)
    await watch.look()
    file.write_text(await issue(last, "concurrent", concurrents=9))
    await watch.look()
    await watch.look()
    assert (await licensing(last))["concurrents"]["total"] == 9
    assert sum(row.event == "licence-refused" for row in await journal(last)) == 1


@pytest.mark.contract("E09")
async def test_two_hundred_who_log_in_at_once_get_no_seat_too_many(either):
    server = either
    running = server.running
    row = await running.create_user("first")
    async with running.control.database.writing() as transaction:
        for number in range(200):
            name = f"user{number}"
            fields = {"login": name, "login_key": name, "password": row.password, "created": row.created}
            transaction.add(UserRow(**fields))
    await activate(server, "concurrent", concurrents=37)
    client = await running.client()
    client.timeout = 120

    async def try_to_enter(number):
        body = {"user": f"user{number}", "password": "secret"}
        # Each is a browser of its own: it sends no cookie of another.
        return await client.post("/v2/login", json=body, headers={"Cookie": ""})

    answers = await asyncio.gather(*(try_to_enter(number) for number in range(200)))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(409)) == (37, 163)
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"no_seat"}
    assert (await licensing(server))["concurrents"] == {"total": 37, "used": 37}
    server.clock.advance(minutes=31)
    await server.sessions.sweep()
    server.admin = await running.admin()
    assert (await licensing(server))["concurrents"] == {"total": 37, "used": 0}


# ---------------------------------------------------------------- openings of links


async def link(server, user="anna", **fields):
    """Make a link to a shared study; returns it as the page sees it, and what opens it."""
    server.running.storage.add_study("shared-store", "study", "series")
    browser = await enter(server, user)
    made = (await browser.post("/v2/links", json={"study": "study", **fields})).json()
    return browser, made["link"], {"link": made["queries"]["anonymized_link_query"].removeprefix("link=")}


async def opened(server, secrets):
    """Open a link; returns the code of the refusal, or 201."""
    answer = await (await server.running.client()).post("/v2/link-openings", json=secrets)
    if answer.status_code == 409:
        assert answer.headers["Retry-After"] == "15"
        return answer.json()["code"]
    return answer.status_code


@pytest.mark.contract("E10", "E12")
@pytest.mark.parametrize(
    ("policy", "openings"),
    [
        ("separate", [201, "no_seat", "no_seat"]),
        ("links-use-users", [201, 201, "no_seat"]),
        ("users-use-links", [201, "no_seat", "no_seat"]),
    ],
)
async def test_openings_of_links_take_connections_as_the_policy_says(server, policy, openings):
    await server.running.create_user("anna")
    await activate(server, "unified", concurrents=2, link_connections=1, links=1, policy=policy)
    _, _, secrets = await link(server)
    assert [await opened(server, secrets) for _ in range(3)] == openings
    found = await licensing(server)
    assert found["link_connections"]["used"] == 1
    page = (await server.admin.get("/v2/admin/links")).json()
    assert page["links"][0]["opens"] == openings.count(201), "who found no place has not opened it"


@pytest.mark.contract("E10", "E11", "M04")
async def test_a_signed_link_opens_for_any_number_of_people(either):
    server = either
    await server.running.create_user("anna")
    await activate(server, "unified", concurrents=1, link_connections=0, links=1, policy="separate")
    browser, made, secrets = await link(server)
    assert (await browser.get("/v2/links/options")).json() == {"signing": True, "free_links": 1}
    assert (made["signed"], await opened(server, secrets)) == (False, "no_seat")
    assert (await browser.post(f"/v2/links/{made['id']}/sign")).json()["signed"] is True
    assert (await browser.post(f"/v2/links/{made['id']}/sign")).json()["signed"] is True, "once is enough"
    assert [await opened(server, secrets) for _ in range(4)] == [201] * 4
    assert (await browser.get("/v2/links/options")).json() == {"signing": True, "free_links": 0}
    other = (await browser.post("/v2/links", json={"study": "study", "sign": True})).json()["link"]
    assert other["signed"] is False, "none is left"
    assert (await browser.post(f"/v2/links/{other['id']}/sign")).json()["code"] == "links_used_up"
    await browser.delete(f"/v2/links/{made['id']}")
    assert (await browser.get("/v2/links/options")).json()["free_links"] == 0, "a signature is used for ever"
    found = await licensing(server)
    assert (found["links"]["used"], found["link_connections"]["used"]) == (1, 0)


@pytest.mark.contract("M04")
async def test_without_a_licence_for_it_no_link_can_be_signed(server):
    await activate(server, "concurrent", concurrents=2)
    await server.running.create_user("berta")
    browser = await enter(server, "berta")
    assert (await browser.get("/v2/links/options")).json() == {"signing": False, "free_links": None}


@pytest.mark.contract("E08")
async def test_personal_keys_that_end_within_30_days_are_warned_of_while_their_users_may_log_in(either):
    server = either

    async def warned():
        server.admin = await server.running.admin()
        return "personal-keys-end-soon" in (await server.admin.get("/v2/admin/overview")).json()["warnings"]

    anna, berta = [await server.running.create_user(login) for login in ("anna", "berta")]
    await give_key(server, anna)  # for ever
    await give_key(server, berta, ends=server.clock() + 31 * DAYS)
    assert not await warned()
    server.clock.advance(days=1)
    assert await warned()
    off = await server.admin.patch(f"/v2/admin/users/{berta.id}", json={"active": False})
    assert off.status_code == 200
    assert not await warned()
    await server.admin.patch(f"/v2/admin/users/{berta.id}", json={"active": True})
    server.clock.advance(days=30, seconds=1)
    assert not await warned()  # it has ended, which the table of users shows
