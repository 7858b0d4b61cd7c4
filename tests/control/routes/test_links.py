"""Links: what their openings see, and what nobody gets by trying. Storage is the real one."""

import json
from dataclasses import dataclass
from urllib.parse import parse_qsl

import pytest
from tests.control.test_real_storage import upload

from webviewer.sample.series import PhantomSeries

HERS = PhantomSeries(rows=32, columns=32, slices=2, spacing=10.0, step=200.0, name="shared by a link")
OTHER = PhantomSeries(rows=32, columns=32, slices=1, spacing=10.0, step=200.0, name="nobody's business")
MODES = ("anonymized_link_query", "link_query", "download_link_query")


@dataclass
class Site:
    """Anna with two studies in her store."""

    running: object
    anna: object
    study: str
    other: str

    async def link(self, **fields):
        answer = await self.anna.post("/v2/links", json={"study": self.study, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def open(self, query, client=None, **more):
        client = client or await self.running.client()
        return await client.post("/v2/link-openings", json=dict(parse_qsl(query)) | more)

    async def visitor(self, query, **more):
        answer = await self.open(query, **more)
        assert answer.status_code == 201, answer.text
        client = await self.running.client(Authorization=f"Bearer {answer.json()['token']}")
        return client, answer.json()

    async def hello(self, socket, token):
        await socket.send(json.dumps({"type": "hello", "version": 1, "token": token}))
        return json.loads(await socket.recv())


@pytest.fixture
async def site(start, database_url):
    running = await start(real_storage=True, no_dicom=True, min_free_bytes=0, database_url=database_url)
    await running.create_user("anna")
    anna = await running.login("anna")
    ids = []
    for phantom in (HERS, OTHER):
        await upload(anna, phantom.instance(0))
        known = (await anna.get("/v2/studies")).json()["studies"]
        ids += [study["id"] for study in known if study["id"] not in ids]
    return Site(running, anna, *ids)


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


async def test_a_link_changes_nothing_and_reaches_no_page_of_anybody(site):
    made = await site.link()
    visitor, _ = await site.visitor(made["queries"]["download_link_query"])
    digest = "ab" * 32
    refused = [
        ("DELETE", f"/v2/studies/{site.study}", 403),
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
    answer = await visitor.post("/v2/links", json={"study": site.study})
    assert answer.status_code == 403
    assert len((await site.anna.get("/v2/studies")).json()["studies"]) == 2


async def test_frames_over_the_socket_are_of_the_linked_study_only(site, eventually):
    made = await site.link()
    _, opened = await site.visitor(made["queries"]["anonymized_link_query"])
    [shown] = (await site.anna.get(f"/v2/studies/{site.study}")).json()["series"]
    [hidden] = (await site.anna.get(f"/v2/studies/{site.other}")).json()["series"]
    async with site.running.socket() as socket:
        assert (await site.hello(socket, opened["token"]))["anonymised"] is True
        for study in (site.study, site.other):
            opening = {"type": "open", "viewport": 1, "study": study, "series": hidden["id"], "size": [64, 64]}
            await socket.send(json.dumps(opening))
            answer = json.loads(await socket.recv())
            assert (answer["type"], answer["code"]) == ("error", "not_found")
        opening = {"type": "open", "viewport": 2, "study": site.study, "series": shown["id"], "size": [64, 64]}
        await socket.send(json.dumps(opening))
        await eventually(lambda: site.running.render.links and site.running.render.links[0].sent)
    [sent] = site.running.render.links[0].sent
    grant = site.running.render.pixels.verify(sent["pixels"]["token"], "pixels:read")
    assert (grant.study, grant.series, grant.anonymised) == (site.study, shown["id"], True)


# ---------------------------------------------------------------- what opens nothing


async def refused(site, body):
    client = await site.running.client()
    answer = await client.post("/v2/link-openings", json=body)
    return answer.status_code, answer.json()["code"], answer.json()["message"]


@pytest.mark.contract("Q06")
async def test_dropping_or_guessing_secrets_opens_nothing_and_has_one_answer(site):
    [first, second] = [await site.link(), await site.link()]
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
        site.running.control.link_openings.throttle._entries.clear()  # this is not about the delay
        answers.add(await refused(site, body))
    assert [answer[:2] for answer in answers] == [(404, "link_invalid")]
    assert (await site.open(first["queries"]["anonymized_link_query"])).json()["mode"] == "anonymised"


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
