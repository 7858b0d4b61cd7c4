"""Links: what their openings see, and what nobody gets by trying. Storage is the real one."""

import asyncio
import datetime as dt
import json
from urllib.parse import parse_qsl

import pytest
from tests.control.link_site import HERS, OTHER, make_site
from websockets.exceptions import ConnectionClosed

MODES = ("anonymized_link_query", "link_query", "download_link_query")


@pytest.fixture
async def site(start, database_url):
    return await make_site(start, database_url=database_url)


@pytest.fixture
async def lite(start):
    """On SQLite alone: where the engine plays no part."""
    return await make_site(start)


# ---------------------------------------------------------------- what an opening sees


@pytest.mark.contract("M03", "M07", "Q06")
@pytest.mark.parametrize("mode", MODES)
async def test_a_link_shows_its_study_and_nothing_else(site, mode):
    made = await site.link(window="mpr", comment="for you")
    visitor, opened = await site.visitor(made["queries"][mode])
    anonymised, download = mode == MODES[0], mode == MODES[2]
    assert {name: opened[name] for name in ("study", "series", "window", "anonymised", "download", "mode")} == {
        "study": site.study,
        "series": None,
        "window": "mpr",
        "anonymised": anonymised,
        "download": download,
        "mode": "anonymised" if anonymised else "download" if download else "full",
    }
    told = (await visitor.get("/v2/session")).json()
    assert (told["kind"], told["csrf"], told["study"], told["anonymised"]) == ("link", "", site.study, anonymised)
    studies = (await visitor.get("/v2/studies")).json()["studies"]
    assert [study["id"] for study in studies] == [site.study]
    [series] = (await visitor.get(f"/v2/studies/{site.study}")).json()["series"]
    assert (await visitor.get(f"/v2/studies/{site.study}/series/{series['id']}/thumbnail")).status_code == 200
    [hidden] = (await site.anna.get(f"/v2/studies/{site.other}")).json()["series"]
    assert (await visitor.get(f"/v2/studies/{site.other}")).status_code == 404
    for study in (site.study, site.other):
        assert (await visitor.get(f"/v2/studies/{study}/series/{hidden['id']}/thumbnail")).status_code == 404


async def test_a_link_changes_nothing_and_reaches_no_page_of_anybody(lite):
    made = await lite.link()
    visitor, _ = await lite.visitor(made["queries"]["download_link_query"])
    digest = "ab" * 32
    refused = [
        ("DELETE", f"/v2/studies/{lite.study}", 403),
        ("GET", f"/v2/uploads/{digest}", 403),
        ("PUT", f"/v2/uploads/{digest}?offset=0&size=1", 403),
        ("GET", "/v2/quarantine", 403),
        ("GET", "/v2/settings", 403),
        ("GET", "/v2/links", 403),
        ("GET", "/v2/links/options", 403),
        ("GET", f"/v2/links/{made['link']['id']}/queries", 403),
        ("POST", f"/v2/links/{made['link']['id']}/revoke", 403),
        ("POST", f"/v2/links/{made['link']['id']}/sign", 403),
        ("DELETE", f"/v2/links/{made['link']['id']}", 403),
        ("GET", "/v2/admin/links", 401),
        ("GET", "/v2/admin/users", 401),
        ("GET", "/v2/admin/audit", 401),
    ]
    for method, path, status in refused:
        answer = await visitor.request(method, path)
        assert answer.status_code == status, (method, path, answer.text)
    answer = await visitor.post("/v2/links", json={"study": lite.study})
    assert answer.status_code == 403
    assert len((await lite.anna.get("/v2/studies")).json()["studies"]) == 2


@pytest.mark.contract("F07", "F10")
async def test_the_administrator_sees_the_openings_of_a_users_links_and_the_size_of_his_images(site):
    made = await site.link()
    visitor, _ = await site.visitor(made["queries"]["link_query"])
    admin = await site.running.admin()
    [user] = (await admin.get("/v2/admin/users")).json()["users"]
    studies = (await site.anna.get("/v2/studies")).json()["studies"]
    assert user["stored"] == len(HERS.instance(0)) + len(OTHER.instance(0))
    assert (len(studies), user["sessions"]) == (2, 1)
    path = f"/v2/admin/users/{user['id']}/sessions"
    found = {session["link"]: session for session in (await admin.get(path)).json()["sessions"]}
    assert set(found) == {None, made["link"]["id"]}
    # To her it is nobody's log-in.
    assert [own["link"] for own in (await site.anna.get("/v2/sessions")).json()["sessions"]] == [None]
    assert (await admin.delete(f"{path}/{found[made['link']['id']]['id']}")).status_code == 204
    assert (await visitor.get("/v2/session")).status_code == 401
    assert (await site.anna.get("/v2/session")).status_code == 200


async def test_frames_over_the_socket_are_of_the_linked_study_only(lite, eventually):
    made = await lite.link()
    _, opened = await lite.visitor(made["queries"]["anonymized_link_query"])
    [shown] = (await lite.anna.get(f"/v2/studies/{lite.study}")).json()["series"]
    [hidden] = (await lite.anna.get(f"/v2/studies/{lite.other}")).json()["series"]
    async with lite.running.socket() as socket:
        assert (await lite.hello(socket, opened["token"]))["anonymised"] is True
        for study in (lite.study, lite.other):
            opening = {"type": "open", "viewport": 1, "study": study, "series": hidden["id"], "size": [64, 64]}
            await socket.send(json.dumps(opening))
            answer = json.loads(await socket.recv())
            assert (answer["type"], answer["code"]) == ("error", "not_found")
        opening = {"type": "open", "viewport": 2, "study": lite.study, "series": shown["id"], "size": [64, 64]}
        await socket.send(json.dumps(opening))
        await eventually(lambda: lite.running.render.links and lite.running.render.links[0].sent)
    [sent] = lite.running.render.links[0].sent
    grant = lite.running.render.pixels.verify(sent["pixels"]["token"], "pixels:read")
    assert (grant.study, grant.series, grant.anonymised) == (lite.study, shown["id"], True)


# ---------------------------------------------------------------- what opens nothing


async def refused(site, body):
    client = await site.running.client()
    answer = await client.post("/v2/link-openings", json=body)
    return answer.status_code, answer.json()["code"], answer.json()["message"]


@pytest.mark.contract("Q06")
async def test_dropping_or_guessing_secrets_opens_nothing_and_has_one_answer(lite):
    [first, second] = [await lite.link(), await lite.link()]
    keys = dict(parse_qsl(first["queries"]["download_link_query"]))
    others = dict(parse_qsl(second["queries"]["download_link_query"]))
    assert {len(secret) for secret in (*keys.values(), *others.values())} == {22}
    assert len({*keys.values(), *others.values()}) == 6
    bodies = [
        {"link": "A" * 22},
        {"link": ""},
        {"link": keys["deanonymization"]},
        {"link": keys["download"]},
        {"link": first["link"]["id"]},
        {"link": keys["link"], "download": keys["download"]},
        {"link": keys["link"], "deanonymization": "B" * 22},
        {"link": keys["link"], "deanonymization": ""},
        {"link": keys["link"], "deanonymization": keys["download"]},
        {"link": keys["link"], "deanonymization": others["deanonymization"]},
        keys | {"download": keys["deanonymization"]},
        keys | {"download": others["download"]},
        keys | {"download": ""},
    ]
    answers = set()
    for body in bodies:
        lite.running.control.link_openings.throttle._entries.clear()  # this is not about the delay
        answers.add(await refused(lite, body))
    assert [answer[:2] for answer in answers] == [(404, "link_invalid")]
    assert (await lite.open(first["queries"]["anonymized_link_query"])).json()["mode"] == "anonymised"


# ---------------------------------------------------------------- the table


@pytest.mark.contract("M01", "M02", "M06", "R10")
async def test_the_table_shows_searches_sorts_and_pages_the_own_links(site):
    first = (await site.link(comment="first", window="3d", max_opens=7))["link"]
    second = (await site.link(comment="second", study=site.other))["link"]
    known = (await site.anna.get(f"/v2/studies/{site.study}")).json()["study"]
    cells = ("name", "pid", "sex", "dob", "mod", "region", "date", "acc", "desc")
    assert {cell: first[cell] for cell in cells} == {cell: known[cell] for cell in cells}
    assert (first["user"], first["source"], first["comment"], first["window"]) == ("anna", "", "first", "3d")
    assert (first["opens"], first["max_opens"], first["signed"], first["ends"], first["revoked"]) == (
        0, 7, False, "", False,
    )  # fmt: skip

    async def found(**query):
        page = (await site.anna.get("/v2/links", params=query)).json()
        assert page["total"] == len(page["links"]) or "limit" in query
        return [link["comment"] for link in page["links"]]

    assert await found() == ["second", "first"]
    for sort in ("created", "name", "pid", "sex", "dob", "mod", "region", "date", "acc", "desc", "user", "comment"):
        assert sorted(await found(sort=sort)) == ["first", "second"], sort
    for sort in ("valid_until", "opens", "comment"):
        both = [await found(sort=sort, descending=descending) for descending in (True, False)]
        assert sorted(map(tuple, both)) == [("first", "second"), ("second", "first")], sort
    assert await found(limit=1, offset=1) == ["first"]
    word = known["name"].split("^")[0].lower()
    assert await found(name=word[:4]) == await found(name=f"*{word[1:4]}*") == ["second", "first"]
    day = known["date"][:10]
    matching = {
        "pid": known["pid"][:3], "desc": known["desc"].split()[0], "sex": known["sex"], "modality": f"XX,{known['mod'][0]}",
        "date_from": day, "date_to": day, "user": "ANNA", "created_from": "2020-01-01T00:00:00Z",
        "created_to": "2999-01-01T00:00:00Z", "birth_date": known["dob"] or "", "region": known["region"],
    }  # fmt: skip
    for name, value in matching.items():
        if value:
            assert await found(**{name: value}) == ["second", "first"], name
    other = {
        "name": "zz", "pid": "zz", "acc": "zz", "desc": "zz", "sex": "F", "modality": "XX", "region": "XX",
        "date_from": "2999-01-01", "date_to": "1900-01-01", "user": "berta", "created_from": "2999-01-01T00:00:00Z",
        "created_to": "2020-01-01T00:00:00Z", "birth_date": "1800-01-01",
    }  # fmt: skip
    for name, value in other.items():
        assert await found(**{name: value}) == [], name
    assert await found(name="%") == [], "only * and ? stand for others"
    assert second["id"] != first["id"]


@pytest.mark.contract("B08", "M05", "Q07")
async def test_copying_gives_the_same_queries_with_the_public_address(start):
    running = await start(server_url="http://viewer.example.org/pacs/")
    anna = await running.create_user("anna")
    running.storage.add_study(anna.store, "study", "series")
    client = await running.login("anna")
    client.headers["Origin"] = "http://viewer.example.org"
    answer = await client.post("/v2/links", json={"study": "study", "window": "mpr"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    again = (await client.get(f"/v2/links/{made['link']['id']}/queries")).json()
    assert again == made["queries"]
    assert (again["base"], again["window"]) == ("http://viewer.example.org/pacs", "mpr")
    assert again["download_link_query"].startswith(again["link_query"] + "&download=")
    assert again["link_query"].startswith(again["anonymized_link_query"] + "&deanonymization=")


# ---------------------------------------------------------------- the end of a link


async def ended(socket):
    """Return the code that a socket is closed with."""
    async with asyncio.timeout(10):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code


@pytest.mark.contract("M03")
async def test_revoking_throws_everybody_out_and_the_next_copy_works_again(site):
    made = await site.link()
    path = f"/v2/links/{made['link']['id']}"
    visitor, opened = await site.visitor(made["queries"]["link_query"])
    async with site.running.socket() as socket:
        await site.hello(socket, opened["token"])
        revoked = (await site.anna.post(f"{path}/revoke")).json()
        assert (revoked["revoked"], revoked["ends"], revoked["opens"]) == (True, "", 1)
        assert await ended(socket) == 4440
    assert (await visitor.get("/v2/session")).status_code == 401
    for mode in MODES:
        assert (await site.open(made["queries"][mode])).json()["code"] == "link_invalid"
    copied = (await site.anna.get(f"{path}/queries")).json()
    assert {copied[mode] for mode in MODES}.isdisjoint(made["queries"][mode] for mode in MODES)
    assert [link["revoked"] for link in (await site.anna.get("/v2/links")).json()["links"]] == [False]
    await site.visitor(copied["link_query"])


async def test_a_deleted_link_is_forgotten_with_its_openings(site):
    made = await site.link()
    visitor, _ = await site.visitor(made["queries"]["link_query"])
    assert (await site.anna.delete(f"/v2/links/{made['link']['id']}")).status_code == 204
    assert (await visitor.get("/v2/session")).status_code == 401
    assert (await site.open(made["queries"]["link_query"])).json()["code"] == "link_invalid"
    assert (await site.anna.get("/v2/links")).json()["total"] == 0
    assert (await site.anna.delete(f"/v2/links/{made['link']['id']}")).status_code == 404


async def test_a_link_ends_in_time_and_takes_its_openings_along(lite):
    until = lite.running.clock() + dt.timedelta(minutes=10)
    made = await lite.link(valid_until=until.isoformat())
    assert dt.datetime.fromisoformat(made["link"]["valid_until"]) == until
    visitor, opened = await lite.visitor(made["queries"]["link_query"])
    assert opened["expires_in"] <= 600
    lite.running.clock.advance(minutes=11)
    assert (await visitor.get("/v2/session")).status_code == 401
    assert (await lite.open(made["queries"]["link_query"])).json()["code"] == "link_invalid"
    assert [link["ends"] for link in (await lite.anna.get("/v2/links")).json()["links"]] == ["expired"]
    answer = await lite.anna.post("/v2/links", json={"study": lite.study, "valid_until": until.isoformat()})
    assert answer.status_code == 422


async def test_of_many_that_open_at_once_never_one_too_many_gets_in(site):
    made = await site.link(max_opens=3)
    clients = [await site.running.client() for _ in range(8)]
    body = {"link": made["queries"]["anonymized_link_query"].removeprefix("link=")}
    answers = await asyncio.gather(*(client.post("/v2/link-openings", json=body) for client in clients))
    assert [answer.status_code for answer in answers].count(201) == 3
    assert {answer.status_code for answer in answers} <= {201, 404, 429}
    [link] = (await site.anna.get("/v2/links")).json()["links"]
    assert (link["opens"], link["ends"]) == (3, "opens")


async def test_a_deleted_study_takes_its_links_along(site):
    made = await site.link()
    visitor, opened = await site.visitor(made["queries"]["link_query"])
    async with site.running.socket() as socket:
        await site.hello(socket, opened["token"])
        assert (await site.anna.delete(f"/v2/studies/{site.study}")).status_code == 204
        await ended(socket)
    assert (await visitor.get("/v2/session")).status_code == 401
    assert (await site.open(made["queries"]["link_query"])).json()["code"] == "link_invalid"
    [link] = (await site.anna.get("/v2/links")).json()["links"]
    assert (link["ends"], link["desc"]) == ("study", made["link"]["desc"])


async def test_links_end_with_the_access_of_who_made_them(site):
    made = await site.link()
    visitor, _ = await site.visitor(made["queries"]["link_query"])
    admin = await site.running.admin()
    [user] = (await admin.get("/v2/admin/users")).json()["users"]
    path = f"/v2/admin/users/{user['id']}"
    assert (await admin.patch(path, json={"active": False})).status_code == 200
    assert (await visitor.get("/v2/session")).status_code == 401
    assert (await site.open(made["queries"]["link_query"])).json()["code"] == "link_invalid"
    assert [link["ends"] for link in (await admin.get("/v2/admin/links")).json()["links"]] == ["user"]
    await admin.patch(path, json={"active": True})
    visitor, _ = await site.visitor(made["queries"]["link_query"])
    assert (await admin.delete(path)).status_code == 204
    assert (await visitor.get("/v2/session")).status_code == 401
    assert (await site.open(made["queries"]["link_query"])).json()["code"] == "link_invalid"
    assert (await admin.get("/v2/admin/links")).json()["total"] == 0


async def test_renaming_its_user_leaves_a_stored_link_alone(lite):
    made = await lite.link()
    admin = await lite.running.admin()
    [user] = (await admin.get("/v2/admin/users")).json()["users"]
    assert (await admin.patch(f"/v2/admin/users/{user['id']}", json={"login": "annabel"})).status_code == 200
    await lite.visitor(made["queries"]["link_query"])
    [link] = (await admin.get("/v2/admin/links")).json()["links"]
    assert link["user"] == "annabel"


# ---------------------------------------------------------------- password, browser, audit


async def test_a_password_is_asked_for_and_guessing_it_takes_ever_longer(lite):
    made = await lite.link(password="Violet-Harbour-29")
    assert made["link"]["has_password"] is True
    query = made["queries"]["link_query"]
    answer = await lite.open(query)
    assert (answer.status_code, answer.json()["code"], answer.json()["values"]) == (
        403,
        "link_password",
        {"wrong": "false"},
    )
    for _ in range(3):
        answer = await lite.open(query, password="guess")
        assert (answer.status_code, answer.json()["values"]) == (403, {"wrong": "true"})
    answer = await lite.open(query, password="Violet-Harbour-29")
    assert (answer.status_code, int(answer.headers["Retry-After"]) >= 1) == (429, True)
    lite.running.control.link_openings.throttle._entries.clear()
    assert (await lite.open(query, password="Violet-Harbour-29")).status_code == 201
    answer = await lite.open(query.replace("deanonymization=", "deanonymization=x"), password="Violet-Harbour-29")
    assert answer.json()["code"] == "link_invalid", "the password is no help without the secrets"


async def test_who_tries_links_that_there_are_not_waits_and_others_at_his_address_do_not(lite):
    made = await lite.link()
    answers = [(await lite.open("link=" + "A" * 22)).status_code for _ in range(32)]
    assert answers == [404] * 30 + [429, 429]
    for _ in range(4):
        await lite.visitor(made["queries"]["anonymized_link_query"])


async def test_beside_a_bearer_the_cookie_of_a_log_in_does_not_count(lite):
    made = await lite.link()
    opened = (await lite.open(made["queries"]["anonymized_link_query"], client=lite.anna)).json()
    bearer = {"Authorization": f"Bearer {opened['token']}"}
    assert (await lite.anna.get("/v2/session", headers=bearer)).json()["kind"] == "link"
    assert len((await lite.anna.get("/v2/studies", headers=bearer)).json()["studies"]) == 1
    assert (await lite.anna.delete("/v2/session", headers=bearer)).status_code == 204
    assert (await lite.anna.get("/v2/session", headers=bearer)).status_code == 401
    assert (await lite.anna.get("/v2/session")).json()["login"] == "anna", "the log-in goes on"
    assert (await lite.anna.get("/v2/session", headers={"Authorization": "Bearer x"})).status_code == 401


async def test_a_page_of_somebody_else_opens_no_link(lite):
    made = await lite.link()
    client = await lite.running.client(Origin="https://evil.example.com")
    answer = await lite.open(made["queries"]["link_query"], client=client)
    assert (answer.status_code, answer.json()["code"]) == (403, "origin")


async def test_the_viewing_audit_tells_who_shared_and_by_which_link_it_was_opened(lite, eventually):
    made = await lite.link()
    link = made["link"]["id"]
    await lite.anna.get(f"/v2/links/{link}/queries")
    _, opened = await lite.visitor(made["queries"]["link_query"])
    [series] = (await lite.anna.get(f"/v2/studies/{lite.study}")).json()["series"]
    async with lite.running.socket() as socket:
        await lite.hello(socket, opened["token"])
        opening = {"type": "open", "viewport": 1, "study": lite.study, "series": series["id"], "size": [64, 64]}
        await socket.send(json.dumps(opening))
        await eventually(lambda: lite.running.render.links and lite.running.render.links[0].sent)
    admin = await lite.running.admin()
    await lite.anna.post(f"/v2/links/{link}/revoke")
    entries = (await admin.get("/v2/admin/audit", params={"descending": False})).json()["entries"]
    told = [
        (entry["action"], entry["user"], entry["kind"], entry["link"], entry["details"].get("what"))
        for entry in entries
    ]
    assert [entry for entry in told if entry[0] != "uploaded"] == [
        ("shared", "anna", "user", "", "created"),
        ("shared", "anna", "user", "", "copied"),
        ("opened", "link", "link", link, None),
        ("changed", "anna", "user", "", "revoked"),
    ]
    assert all(entry["study"] == lite.study for entry in entries if entry["action"] != "uploaded")
    journal = (await admin.get("/v2/admin/journal", params={"event": "session-opened"})).json()
    assert link in [entry["details"].get("link") for entry in journal["events"]]


async def test_a_link_of_one_series_shows_no_other(lite):
    [series] = (await lite.anna.get(f"/v2/studies/{lite.study}")).json()["series"]
    made = await lite.link(series=series["id"])
    _, opened = await lite.visitor(made["queries"]["link_query"])
    assert opened["series"] == made["link"]["series"] == series["id"]
    session = await lite.running.control.sessions.find(opened["token"], "link")
    grant = await lite.running.stores.read_grant(session)
    assert lite.running.render.pixels.verify(grant, "studies:list").series == series["id"]
    [hidden] = (await lite.anna.get(f"/v2/studies/{lite.other}")).json()["series"]
    answer = await lite.anna.post("/v2/links", json={"study": lite.study, "series": hidden["id"]})
    assert answer.status_code == 404


async def test_the_administrator_shares_what_is_shared_and_sees_the_links_of_all(running):
    anna = await running.create_user("anna")
    running.storage.add_study(anna.store, "annas-study", "annas-series")
    running.storage.add_study("shared-store", "shared-study", "shared-series")
    user, admin = await running.login("anna"), await running.admin()
    assert (await admin.post("/v2/links", json={"study": "annas-study"})).status_code == 404
    assert (await user.get("/v2/links/options")).json() == {"signing": False, "free_links": None}, "licensing is off"
    own = (await admin.post("/v2/links", json={"study": "shared-study"})).json()["link"]
    hers = (await user.post("/v2/links", json={"study": "shared-study"})).json()["link"]
    assert (own["user"], hers["user"]) == ("", "anna")
    assert [link["id"] for link in (await user.get("/v2/links")).json()["links"]] == [hers["id"]]
    assert [link["id"] for link in (await admin.get("/v2/links")).json()["links"]] == [own["id"]]
    assert {link["id"] for link in (await admin.get("/v2/admin/links")).json()["links"]} == {own["id"], hers["id"]}
    assert (await admin.get("/v2/admin/links", params={"user": "anna"})).json()["total"] == 1
    path = f"/v2/admin/links/{hers['id']}"
    assert (await admin.get(f"{path}/queries")).status_code == 200
    assert (await admin.post(f"{path}/revoke")).json()["revoked"] is True
    assert (await admin.post(f"{path}/sign")).json()["code"] == "licensing_off"
    assert (await admin.delete(path)).status_code == 204
    assert (await user.get("/v2/links")).json()["total"] == 0
