"""Keys of other programs, ``POST /api/link``, and addresses that name user and study."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from tests.control.link_site import HERS, OTHER, make_site

ALLOWED = {"enabled": True}
UID = HERS.uid("study")


class Program:
    """What another program asks with its key."""

    def __init__(self, client, key):
        self.client = client
        self.key = key

    async def ask(self, path="/api/link", **body):
        return await self.client.post(path, json=body, headers={"X-Api-Key": self.key})


@pytest.fixture
async def site(start, database_url):
    return await with_admin(await make_site(start, database_url=database_url))


@pytest.fixture
async def lite(start):
    return await with_admin(await make_site(start))


async def with_admin(site):
    site.admin = await site.running.admin()

    async def program(user="anna", **request):
        body = {"user": user, "description": "RIS", "request": ALLOWED | request}
        answer = await site.admin.post("/v2/admin/api-keys", json=body)
        assert answer.status_code == 201, answer.text
        return Program(await site.running.client(), answer.json()["key"])

    site.program = program
    return site


# ---------------------------------------------------------------- keys


@pytest.mark.contract("L01", "L02", "L04")
async def test_keys_are_made_read_changed_and_deleted(site):
    made = (await site.admin.post("/v2/admin/api-keys", json={"user": "Anna", "description": "RIS"})).json()
    assert (made["user"], made["description"], made["last_used"]) == ("anna", "RIS", None)
    assert len(made["key"]) == 32
    second = (await site.admin.post("/v2/admin/api-keys", json={})).json()
    assert (second["user"], second["id"] > made["id"]) == ("", True)
    page = (await site.admin.get("/v2/admin/api-keys")).json()
    assert (page["total"], [key["key"] for key in page["keys"]]) == (2, [made["key"], second["key"]])
    for sort in ("user", "description", "created", "last_used"):
        page = (await site.admin.get("/v2/admin/api-keys", params={"sort": sort, "descending": True})).json()
        assert {key["id"] for key in page["keys"]} == {made["id"], second["id"]}
    path = f"/v2/admin/api-keys/{made['id']}"
    changed = (await site.admin.patch(path, json={"description": "other"})).json()
    assert changed == made | {"description": "other"}
    assert (await site.admin.patch(path, json={"user": ""})).json()["user"] == ""
    for body in ({"user": "nobody"}, {"user": "nobody", "description": "x"}):
        assert (await site.admin.patch(path, json=body)).json()["code"] == "key_user"
        assert (await site.admin.post("/v2/admin/api-keys", json=body)).json()["code"] == "key_user"
    assert (await site.admin.delete(path)).status_code == 204
    for name in (made["id"], 0, "x", "²", "9" * 30):
        assert (await site.admin.delete(f"/v2/admin/api-keys/{name}")).status_code == 404
    journal = (await site.admin.get("/v2/admin/journal", params={"event": "server-changed"})).json()["events"]
    told = [(entry["details"]["change"], entry["details"]["api_key"]) for entry in reversed(journal)]
    assert told[:3] == [("created", made["id"]), ("created", second["id"]), ("changed", made["id"])]
    assert made["key"] not in json.dumps(journal)


@pytest.mark.contract("L03")
async def test_a_new_key_may_do_nothing_and_all_its_flags_are_on(lite):
    made = (await lite.admin.post("/v2/admin/api-keys", json={"user": "anna"})).json()
    assert made["request"] == {
        "enabled": False,
        "user_storage": True,
        "user_pacs": True,
        "user_pacs_servers": [],
        "global_pacs": True,
        "global_pacs_servers": [],
        "deanonymisation": True,
        "download": True,
        "signing": True,
    }
    answer = await Program(lite.anna, made["key"]).ask(params={"studyUid": UID})
    assert (answer.status_code, answer.json()["code"]) == (403, "key_restricted")


# ---------------------------------------------------------------- POST /api/link


@pytest.mark.contract("Q01")
async def test_only_a_key_asks_for_links(site):
    program = await site.program()
    body = {"params": {"studyUid": UID}}
    for headers in ({}, {"X-Api-Key": ""}, {"X-Api-Key": "wrong"}, {"Authorization": f"Bearer {program.key}"}):
        for path in ("/api/link", "/v2/api/link"):
            answer = await site.anna.post(path, json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    for path in ("/api/link", "/v2/api/link"):
        assert (await program.ask(path, **body)).status_code == 200
        assert (await program.client.post(path, params={"apikey": program.key}, json=body)).status_code == 200
    assert (await program.client.get("/v2/studies", headers={"X-Api-Key": program.key})).status_code == 401
    [key] = (await site.admin.get("/v2/admin/api-keys")).json()["keys"]
    assert key["last_used"] is not None
    await site.admin.delete(f"/v2/admin/api-keys/{key['id']}")
    assert (await program.ask(**body)).status_code == 401


@pytest.mark.contract("M07", "Q02", "Q04", "Q05", "Q06", "Q07")
async def test_a_program_gets_three_queries_and_the_table_shows_the_link(site):
    program = await site.program()
    answer = (await program.ask(params={"studyUid": UID}, comment="from the RIS", sign=True)).json()
    assert set(answer) == {"anonymized_link_query", "link_query", "download_link_query", "signed"}
    assert answer["signed"] is False, "licensing is off"
    for name, names in (
        ("anonymized_link_query", ["link"]),
        ("link_query", ["link", "deanonymization"]),
        ("download_link_query", ["link", "deanonymization", "download"]),
    ):
        assert [part for part, _ in parse_qsl(answer[name])] == names
    _, opened = await site.visitor(answer["download_link_query"])
    assert (opened["study"], opened["mode"]) == (site.study, "download")
    [link] = (await site.anna.get("/v2/links")).json()["links"]
    assert (link["comment"], link["user"], link["source"]) == ("from the RIS", "anna", "")
    audit = (await site.admin.get("/v2/admin/audit", params={"action": "shared"})).json()["entries"]
    assert [(entry["user"], entry["details"]["key"]) for entry in audit] == [("anna", 1)]


@pytest.mark.contract("Q02", "Q03")
async def test_a_study_is_found_by_its_numbers_and_series_only_with_the_uid(lite):
    program = await lite.program()
    known = (await lite.anna.get(f"/v2/studies/{lite.study}")).json()
    [series] = known["series"]
    found = [
        ({"params": {"studyUid": UID}}, None),
        ({"params": {"studyUid": UID, "accessionNumber": "another"}}, None),
        ({"params": {"studyUid": UID, "seriesUid": series["uid"]}}, series["id"]),
        ({"params": {"studyUid": UID, "user": "ANNA"}}, None),
        ({"study": {"uid": UID}}, None),
        ({"study": {"uid": UID}, "params": {"studyUid": UID}}, None),
    ]
    for body, shown in found:
        answer = await program.ask(**body)
        assert answer.status_code == 200, (body, answer.text)
        _, opened = await lite.visitor(answer.json()["link_query"])
        assert (opened["study"], opened["series"]) == (lite.study, shown), body
    refused = [
        ({}, 422),
        ({"params": {}}, 422),
        ({"params": {"seriesUid": "1.2.3"}}, 422),
        ({"params": {"studyUid": UID}, "study": {"uid": OTHER.uid("study")}}, 422),
        ({"params": {"studyUid": UID, "accessionNumber": "A"}, "study": {"accessionNumber": "B"}}, 422),
        ({"params": {"studyUid": UID}, "regions": ["CHEST"], "study": {"regions": ["HEAD"]}}, 422),
        ({"params": {"studyUid": UID, "name": "x"}}, 422),
        ({"params": {"studyUid": "1.2.3"}}, 404),
        ({"params": {"accessionNumber": "nothing"}}, 404),
        ({"params": {"studyUid": UID, "seriesUid": "1.2.3"}}, 404),
        ({"params": {"studyUid": UID, "user": "berta"}}, 403),
    ]
    for body, status in refused:
        answer = await program.ask(**body)
        assert answer.status_code == status, (body, answer.text)


@pytest.mark.contract("Q03", "Q04")
async def test_the_table_shows_what_the_program_says_and_the_rest_from_the_storage(lite):
    program = await lite.program()
    said = {
        "date": "2026-03-04", "modalities": ["CT", "PT"], "description": "Told by the RIS", "accessionNumber": "A-1",
        "patient": {"id": "RIS-7", "name": "Doe^Jane", "dob": "1970-05-06"},
    }  # fmt: skip
    assert (await program.ask(params={"studyUid": UID}, study=said, regions="CHEST, HEAD")).status_code == 200
    assert (
        await program.ask(params={"studyUid": UID}, study={"modalities": "MR", "regions": ["KNEE"]})
    ).status_code == 200
    known = (await lite.anna.get(f"/v2/studies/{lite.study}")).json()["study"]
    second, first = (await lite.anna.get("/v2/links")).json()["links"]
    assert (first["name"], first["pid"], first["dob"], first["acc"]) == ("Doe^Jane", "RIS-7", "1970-05-06", "A-1")
    assert (first["mod"], first["region"], first["date"]) == (["CT", "PT"], "CHEST, HEAD", "2026-03-04T00:00:00")
    assert (first["desc"], first["sex"]) == ("Told by the RIS", known["sex"])
    assert (second["name"], second["mod"], second["region"]) == (known["name"], ["MR"], "KNEE")
    assert (await lite.anna.get("/v2/links", params={"region": "head", "modality": "PT"})).json()["total"] == 1


@pytest.mark.contract("L03", "Q05")
async def test_restrictions_of_a_key_take_queries_away_or_refuse(lite):
    body = {"params": {"studyUid": UID}, "sign": True}

    async def given(**request):
        return set((await (await lite.program(**request)).ask(**body)).json())

    assert await given(deanonymisation=False) == {"anonymized_link_query", "signed"}
    assert await given(download=False) == {"anonymized_link_query", "link_query", "signed"}
    assert await given(signing=False) == {"anonymized_link_query", "link_query", "download_link_query", "signed"}
    assert (await (await lite.program(user_storage=False)).ask(**body)).json()["code"] == "key_restricted"
    for request, status in (
        ({}, 403),
        ({"user_pacs_servers": ["ARCHIVE"], "global_pacs_servers": ["ARCHIVE"]}, 404),
        ({"user_pacs_servers": ["ARCHIVE"], "user_pacs": False, "global_pacs": False}, 403),
    ):
        program = await lite.program(**request)
        for user in ({"user": "anna"}, {}):
            answer = await program.ask(params={"studyUid": UID, "pacsServer": "ARCHIVE", **user})
            assert answer.status_code == status, (request, user)


async def test_the_administrators_key_names_the_user(lite):
    program = await lite.program(user="")
    assert (await program.ask(params={"studyUid": UID})).status_code == 422
    assert (await program.ask(params={"studyUid": UID, "user": "nobody"})).status_code == 404
    answer = await program.ask(params={"studyUid": UID, "user": "anna"})
    await lite.visitor(answer.json()["link_query"])
    [link] = (await lite.admin.get("/v2/admin/links")).json()["links"]
    assert link["user"] == ""
    [user] = (await lite.admin.get("/v2/admin/users")).json()["users"]
    await lite.admin.patch(f"/v2/admin/users/{user['id']}", json={"active": False})
    assert (await program.ask(params={"studyUid": UID, "user": "anna"})).json()["code"] == "inactive"


async def test_a_deleted_user_takes_his_keys_along(lite):
    program = await lite.program()
    [user] = (await lite.admin.get("/v2/admin/users")).json()["users"]
    assert (await lite.admin.delete(f"/v2/admin/users/{user['id']}")).status_code == 204
    assert (await program.ask(params={"studyUid": UID})).status_code == 401
    assert (await lite.admin.get("/v2/admin/api-keys")).json()["total"] == 0


@pytest.mark.contract("Q02", "P04")
async def test_an_accession_number_of_several_studies_is_refused(lite):
    assert {study["acc"] for study in (await lite.anna.get("/v2/studies")).json()["studies"]} == {"SAMPLE-1"}
    program = await lite.program()
    body = {"params": {"accessionNumber": "SAMPLE-1", "seriesUid": "1.2.3"}}
    answer = await program.ask(**body)
    assert (answer.status_code, answer.json()["code"]) == (409, "ambiguous_study")
    assert (await lite.anna.delete(f"/v2/studies/{lite.other}")).status_code == 204
    _, opened = await lite.visitor((await program.ask(**body)).json()["link_query"])
    assert (opened["study"], opened["series"]) == (lite.study, None), "a series counts only with the study's UID"
    assert (await program.ask(study={"accessionNumber": "SAMPLE-1"})).status_code == 200
    assert (await program.ask(params={"accessionNumber": "SAMPLE"})).status_code == 404


# ---------------------------------------------------------------- typed parameters


async def typed(site, **parameters):
    client = await site.running.client()
    site.running.control.link_openings.throttle._entries.clear()  # this is not about the delay
    return await client.post("/v2/link-openings", json={"parameters": {"user": "anna", "studyUid": UID} | parameters})


@pytest.mark.contract("B09", "P01", "P02", "P03", "P04")
@pytest.mark.parametrize(
    ("policy", "mode"), [("anonymized", "anonymised"), ("allowed", "full"), ("download", "download")]
)
async def test_an_address_opens_what_the_policy_allows_and_stores_nothing(start, policy, mode):
    site = await make_site(start, link_by_params_policy=policy)
    [series] = (await site.anna.get(f"/v2/studies/{site.study}")).json()["series"]
    opened = (await typed(site)).json()
    assert (opened["study"], opened["series"], opened["mode"]) == (site.study, None, mode)
    assert (opened["anonymised"], opened["download"], opened["window"]) == (
        mode == "anonymised",
        mode == "download",
        None,
    )
    assert (await typed(site, seriesUid=series["uid"])).json()["series"] == series["id"]
    visitor = await site.running.client(Authorization=f"Bearer {opened['token']}")
    assert [study["id"] for study in (await visitor.get("/v2/studies")).json()["studies"]] == [site.study]
    assert (await visitor.get(f"/v2/studies/{site.other}")).status_code == 404
    wrong = (
        {"user": "nobody"}, {"user": ""}, {"studyUid": "1.2.3"}, {"seriesUid": "1.2.3"}, {"pacsServer": "ARCHIVE"},
        {"studyUid": "", "accessionNumber": "nothing"}, {"studyUid": ""},
    )  # fmt: skip
    for parameters in wrong:
        answer = await typed(site, **parameters)
        assert (answer.status_code, answer.json()["code"]) == (404, "link_invalid"), parameters
    assert (await site.anna.get("/v2/links")).json()["total"] == 0


@pytest.mark.contract("B09", "P01")
async def test_without_a_policy_addresses_open_nothing(lite):
    assert lite.running.control.settings.link_by_params_policy == "forbidden"
    answer = await typed(lite)
    assert (answer.status_code, answer.json()["code"]) == (404, "link_invalid")
    for body in ({}, {"link": "x", "parameters": {}}):
        assert (await (await lite.running.client()).post("/v2/link-openings", json=body)).status_code == 422


@pytest.mark.contract("F08")
async def test_renaming_a_user_breaks_addresses_that_name_him(start):
    site = await with_admin(await make_site(start, link_by_params_policy="allowed"))
    assert (await typed(site)).status_code == 201
    [user] = (await site.admin.get("/v2/admin/users")).json()["users"]
    await site.admin.patch(f"/v2/admin/users/{user['id']}", json={"login": "annabel"})
    assert (await typed(site)).json()["code"] == "link_invalid"
    assert (await typed(site, user="annabel")).status_code == 201


# ---------------------------------------------------------------- what is written about it


def examples():
    """The JSON of docs/links.md: a request, an answer, and all that a request can say."""
    text = (Path(__file__).parents[3] / "docs/links.md").read_text()
    [request] = re.findall(r"-d '\n(\{.*?\n\})'", text, re.DOTALL)
    return [json.loads(block) for block in (request, *re.findall(r"```json\n(.*?)```", text, re.DOTALL))]


async def test_the_examples_of_the_documentation_are_valid_and_work(lite):
    request, answer, whole = examples()
    known = (await lite.anna.get(f"/v2/studies/{lite.study}")).json()
    program = await lite.program(user="")
    for body in (request, whole):
        body["params"]["studyUid"] = UID
        if "study" in body:
            body["params"]["seriesUid"] = known["series"][0]["uid"]
            body["study"]["uid"] = UID
        given = await program.ask(**body)
        assert given.status_code == 200, given.text
        assert {name: type(value) for name, value in given.json().items()} == {
            name: type(value) for name, value in answer.items()
        }
        for name in ("anonymized_link_query", "link_query", "download_link_query"):
            shape = [(part, len(secret)) for part, secret in parse_qsl(given.json()[name])]
            assert shape == [(part, len(secret)) for part, secret in parse_qsl(answer[name])]
