"""Single sign-on by a real OpenID Connect provider."""

import asyncio
import dataclasses
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError
from tests.control.sign_on_provider import process

from webviewer.settings import Settings
from webviewer_control.services.sign_on import login_of

START = "http://viewer.test/"
ROLES = {"radiology": "user", "it": "administrator", "quality": "auditor"}
PEOPLE = {
    "1001": {"preferred_username": "Anna.Müller@clinic.example", "groups": ["radiology", "canteen"]},
    "1002": {"preferred_username": "anna.muller@other.example", "groups": ["radiology"]},
    "1003": {"preferred_username": "root", "groups": ["it"]},
    "1004": {"preferred_username": "quinn", "groups": ["quality"]},
    "1005": {"preferred_username": "both", "groups": ["quality", "radiology"]},
    "1006": {"preferred_username": "cook", "groups": ["canteen"]},
    "1007": {"preferred_username": "Ёлка", "groups": "radiology"},
}


@pytest.fixture(scope="module")
def issuer():
    with process.provider(PEOPLE, START) as address:
        yield address


@pytest.fixture
async def site(start, issuer):
    return await start(server_url=START, oidc_issuer=issuer, oidc_roles=ROLES, **process.CLIENT)


async def begin(client, following="/"):
    answer = await client.get("/v2/sign-on", params={"next": following})
    assert answer.status_code == 303
    return answer.headers["location"]


async def come_back(client, address):
    """Follow the provider's redirect and return where the server leads on, as path and query."""
    answer = await client.get(address.removeprefix(START.rstrip("/")))
    assert answer.status_code == 303
    place = urlsplit(answer.headers["location"])
    return place.path, {name: values[0] for name, values in parse_qs(place.query).items()}


async def sign_on(client, person, following="/"):
    address = await begin(client, following)
    back = await asyncio.to_thread(process.log_in, address, person, START)
    return await come_back(client, back)


async def journal(site):
    client = await site.admin()
    return (await client.get("/v2/admin/journal")).json()["events"]


async def test_the_first_log_in_makes_a_user_and_the_next_one_finds_him(site):
    client = await site.client()
    assert await sign_on(client, "1001", "/viewer/image?s=1") == ("/viewer/image", {"s": "1"})
    session = (await client.get("/v2/session")).json()
    assert (session["kind"], session["login"], session["sign_on"]) == ("user", "Anna_Muller", True)
    row = await site.control.users.find_login("anna_muller")
    assert row.subject.endswith(" 1001")
    assert row.store in site.storage.stores
    assert (await client.get("/v2/studies")).status_code == 200
    assert (await client.get("/v2/admin/journal")).status_code == 401
    other = await site.client()
    await sign_on(other, "1001")
    assert (await other.get("/v2/session")).json()["login"] == "Anna_Muller"
    assert len(await site.control.users.all()) == 1
    change = {"old": "any", "new": "other"}
    refused = await client.post("/v2/password", json=change, headers={"X-CSRF-Token": session["csrf"]})
    assert refused.json()["code"] == "sign_on_password"
    opened = next(event for event in await journal(site) if event["user"] == "Anna_Muller")
    assert opened["event"] == "session-opened"


async def test_a_name_of_the_provider_gives_no_right_to_a_user_who_was_made_here(site):
    await site.create_user("anna_muller")
    first, second = await site.client(), await site.client()
    await sign_on(first, "1001")
    await sign_on(second, "1002")
    assert (await first.get("/v2/session")).json()["login"] == "Anna_Muller_2"
    assert (await second.get("/v2/session")).json()["login"] == "anna_muller_3"
    local = await site.login("anna_muller")
    assert (await local.get("/v2/session")).json()["sign_on"] is False


@pytest.mark.parametrize(
    ("person", "place", "session", "panel"),
    [
        ("1003", "/admin/", None, "administrator"),
        ("1004", "/admin/journal", None, "auditor"),
        ("1005", "/", "user", "auditor"),
        ("1007", "/", "user", None),
    ],
)
async def test_groups_give_roles_and_roles_give_pages(site, person, place, session, panel):
    client = await site.client()
    assert (await sign_on(client, person))[0] == place
    for path, kind in (("/v2/session", session), ("/v2/admin/session", panel)):
        answer = await client.get(path)
        assert answer.status_code == (200 if kind else 401)
        assert kind is None or answer.json()["kind"] == kind
    if panel:
        assert (await sign_on(client, person, "/admin/audit"))[0] == "/admin/audit"


async def test_an_auditor_reads_the_journals_and_changes_nothing(site):
    client = await site.client()
    await sign_on(client, "1004")
    session = (await client.get("/v2/admin/session")).json()
    assert session["login"] == "quinn"
    client.headers["X-CSRF-Token"] = session["csrf"]
    for path in ("journal", "journal/export", "audit", "audit/export?format=csv", "audit/head", "settings"):
        assert (await client.get(f"/v2/admin/{path}")).status_code == 200, path
    assert (await client.post("/v2/admin/audit/verify")).status_code == 200
    assert (await client.put("/v2/admin/settings/theme", json={"value": "light"})).status_code == 204
    assert (await (await site.admin()).get("/v2/admin/settings")).json()["values"] == {}
    for path in ("users", "overview", "nodes", "retention", "quarantine"):
        refused = await client.get(f"/v2/admin/{path}")
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), path
    for method, path, body in (
        ("PUT", "/v2/admin/retention", {"journal": 1, "audit": 1}),
        ("POST", "/v2/admin/users", {"login": "mine", "password": "mine"}),
        ("POST", "/v2/admin/password", {"old": "a", "new": "b"}),
        ("DELETE", "/v2/studies/any", None),
    ):
        assert (await client.request(method, path, json=body)).status_code == 403, path
    assert (await client.post("/v2/admin/logout")).status_code == 204
    assert (await client.get("/v2/admin/journal")).status_code == 401


async def test_who_has_no_group_or_was_switched_off_is_refused_and_the_journal_says_why(site):
    client = await site.client()
    assert await sign_on(client, "1006", "/settings/") == ("/login", {"problem": "unknown_group", "next": "/settings/"})
    await sign_on(client, "1001")
    user = await site.control.users.find_login("anna_muller")
    await site.control.users.change(user.id, {"active": False}, site.stores)
    assert await sign_on(client, "1001") == ("/login", {"problem": "inactive"})
    assert (await client.get("/v2/session")).status_code == 401
    failed = [event for event in await journal(site) if event["event"] == "user-login-failed"]
    assert [(event["user"], event["details"]["reason"]) for event in failed] == [
        ("Anna_Muller", "inactive"),
        ("cook", "unknown_group"),
    ]


async def test_without_a_mapping_everybody_of_the_provider_is_a_user(start, issuer):
    site = await start(server_url=START, oidc_issuer=issuer, **process.CLIENT)
    client = await site.client()
    assert (await sign_on(client, "1006"))[0] == "/"
    assert (await client.get("/v2/session")).json()["login"] == "cook"


async def test_an_answer_counts_once_and_only_in_the_browser_that_has_asked(site):
    client, other = await site.client(), await site.client()
    address = await begin(client)
    query = parse_qs(urlsplit(address).query)
    assert query["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= query.keys()
    back = await asyncio.to_thread(process.log_in, address, "1001", START)
    expired = ("/login", {"problem": "sign_on_expired"})
    assert await come_back(other, back) == expired
    await begin(other)
    assert await come_back(other, back) == expired
    assert (await other.get("/v2/session")).status_code == 401
    cookie = client.cookies["webviewer_sign_on"]
    assert (await come_back(client, back))[0] == "/"
    assert await come_back(client, back) == expired
    client.cookies.set("webviewer_sign_on", cookie, domain="127.0.0.1", path="/")
    assert await come_back(client, back) == ("/login", {"problem": "sign_on_refused"})
    client.cookies.set("webviewer_sign_on", cookie[:-4] + "AAAA", domain="127.0.0.1", path="/")
    assert await come_back(client, back) == expired


@pytest.mark.parametrize("changed", ["nonce", "verifier"])
async def test_a_code_of_another_log_in_is_not_believed(site, changed):
    client = await site.client()
    address = await begin(client)
    back = await asyncio.to_thread(process.log_in, address, "1001", START)
    own = site.control.sign_on
    attempt = own.open(client.cookies["webviewer_sign_on"])
    forged = own._seal(dataclasses.replace(attempt, **{changed: "x" * 43}))
    client.cookies.set("webviewer_sign_on", forged, domain="127.0.0.1", path="/")
    assert await come_back(client, back) == ("/login", {"problem": "sign_on_refused"})


async def test_who_takes_too_long_begins_again(site):
    client = await site.client()
    address = await begin(client)
    back = await asyncio.to_thread(process.log_in, address, "1001", START)
    site.clock.advance(seconds=601)
    assert await come_back(client, back) == ("/login", {"problem": "sign_on_expired"})


async def test_who_gives_up_at_the_provider_comes_back_to_the_log_in(site):
    client = await site.client()
    address = await begin(client, "/admin/users")
    back = await asyncio.to_thread(process.log_in, address, "1001", START, abort=True)
    assert await come_back(client, back) == (
        "/admin/login",
        {"problem": "sign_on_refused", "next": "/admin/users"},
    )


async def test_a_provider_that_does_not_answer_or_has_another_name_is_said(start, issuer):
    for address in ("http://127.0.0.1:1", issuer.replace("127.0.0.1", "localhost")):
        site = await start(server_url=START, oidc_issuer=address, **process.CLIENT)
        client = await site.client()
        assert await begin(client) == "/login?problem=sign_on_unavailable"
        assert (await client.get("/v2/sign-on/logout")).headers["location"] == "/login"
        await site.stack.aclose()


async def test_log_out_goes_on_at_the_provider(site):
    client = await site.client()
    await sign_on(client, "1001")
    address = urlsplit((await client.get("/v2/sign-on/logout")).headers["location"])
    query = parse_qs(address.query)
    assert address.path == "/session/end"
    assert query == {"post_logout_redirect_uri": [f"{START}login"], "client_id": ["webviewer"]}


@pytest.mark.parametrize("address", ["//evil.example", "https://evil.example", "/\\evil.example", "/a b", "evil", ""])
async def test_nobody_is_led_to_another_site(site, address):
    client = await site.client()
    assert await sign_on(client, "1001", address) == ("/", {})


async def test_without_a_provider_there_is_no_single_sign_on(running):
    client = await running.client()
    for path in ("", "/callback", "/logout"):
        assert (await client.get(f"/v2/sign-on{path}")).status_code == 404
    assert (await client.get("/.config.json")).json()["signOn"] is None


async def test_pages_learn_what_the_provider_is_called(start, issuer):
    site = await start(oidc_issuer=issuer, oidc_name="Clinic", **process.CLIENT)
    client = await site.client()
    assert (await client.get("/.config.json")).json()["signOn"] == "Clinic"
    # Without server_url it is the address that the browser has named.
    redirect = parse_qs(urlsplit(await begin(client)).query)["redirect_uri"]
    assert redirect == [f"{site.url}/v2/sign-on/callback"]


async def test_one_person_at_two_replicas_at_once_is_one_user(start, database_url):
    site = await start(database_url=database_url)
    rows = await asyncio.gather(*(site.control.users.welcome("https://idp.example 1", "anna") for _ in range(4)))
    assert {row.login for row in rows} == {"anna"}
    assert len({row.id for row in rows}) == 1


@pytest.mark.parametrize(
    ("claim", "login"),
    [
        ("anna", "anna"),
        ("Anna.Müller@clinic.example", "Anna_Muller"),
        ("CLINIC\\jörg-peter", "CLINIC_jorg_peter"),
        ("  42nd street ", "nd_street"),
        ("x" * 40, "x" * 32),
        ("Ёлка", r"user_[0-9a-f]{8}"),
        ("", r"user_[0-9a-f]{8}"),
        (None, r"user_[0-9a-f]{8}"),
    ],
)
def test_a_claim_becomes_a_login(claim, login):
    assert re.fullmatch(login, login_of(claim, "subject"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"oidc_issuer": "http://idp.example", "oidc_client_id": "a"}, "https://"),
        ({"oidc_issuer": "https://idp.example"}, "oidc_client_id"),
        ({"oidc_issuer": "https://idp.example", "oidc_client_id": "a", "oidc_scopes": ("email",)}, "openid"),
        ({"oidc_roles": {"group": "king"}}, "administrator"),
    ],
)
def test_settings_that_nobody_could_log_in_by_are_refused(settings, words):
    with pytest.raises(ValidationError, match=words):
        Settings(**settings)
