"""The viewing audit: what gets into it by using the server, and how it is read."""

import csv
import io
import json

import pytest

from webviewer.domain.study import IngestOutcome
from webviewer_control.services import upload_audit

STORED = IngestOutcome(status="stored", study="study")
HELLO = {"type": "hello", "version": 1}


@pytest.fixture
async def server(start, database_url):
    running = await start(database_url=database_url)
    anna = await running.create_user()
    running.storage.add_study(anna.store, "study", "series")
    running.storage.add_study("shared-store", "shared", "shared-series")
    return running


async def open_series(server, client, *studies):
    async with server.socket(client) as socket:
        await socket.send(json.dumps(HELLO))
        await socket.recv()
        for viewport, (study, series) in enumerate(studies):
            opening = {"type": "open", "viewport": viewport, "study": study, "series": series, "size": [64, 64]}
            await socket.send(json.dumps(opening))
            while json.loads(await socket.recv())["type"] not in {"opened", "error"}:
                pass


async def entries(admin, **query):
    answer = await admin.get("/v2/admin/audit", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["entries"]


@pytest.fixture
async def written(server, eventually):
    """Return a function that waits for so many entries."""

    async def wait(admin, number, **query):
        found = []
        for _ in range(200):
            found = await entries(admin, **query)
            if len(found) >= number:
                break
        assert len(found) == number
        return found

    return wait


async def test_opening_a_study_is_noted_once_per_tab_with_who_and_from_where(server, written):
    client, admin = await server.login(), await server.admin()
    session = (await client.get("/v2/session")).json()["id"]
    await open_series(server, client, ("study", "series"), ("study", "series"), ("shared", "shared-series"))
    found = await written(admin, 2)
    assert {(e["action"], e["user"], e["kind"], e["session"], e["address"]) for e in found} == {
        ("opened", "anna", "user", session, "127.0.0.1")
    }
    assert {e["study"] for e in found} == {"study", "shared"}
    assert all(e["subject"]["mod"] == "CT" and e["details"] == {"window": "image"} for e in found)


async def put(client, number, size=3):
    answer = await client.put(f"/v2/uploads/{number:064x}", params={"offset": 0, "size": size}, content=b"abc")
    assert answer.status_code == 200, answer.text


async def test_what_is_uploaded_is_noted_once_per_study_with_the_number_of_its_new_images(server, written, monkeypatch):
    monkeypatch.setattr(upload_audit, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr(upload_audit, "_ROUND_SECONDS", 0.05)
    client, admin = await server.login(), await server.admin()
    session = (await client.get("/v2/session")).json()["id"]
    await put(client, 1, size=4)  # not all of it
    for number, outcomes in enumerate(([STORED, STORED], [STORED], [IngestOutcome(status="duplicate", study="study")])):
        server.storage.outcomes = tuple(outcomes)
        await put(client, number + 2)
    # The browser does not ask how this one ended.
    server.storage.busy = True
    await put(client, 9)
    server.storage.outcomes = (
        STORED,
        IngestOutcome(status="quarantined"),
        IngestOutcome(status="stored", study="gone"),
    )
    server.storage.busy = False
    found = await written(admin, 2, action="uploaded")
    told = {entry["study"]: entry for entry in found}
    entry = told["study"]
    assert (entry["user"], entry["session"], entry["address"], entry["kind"]) == ("anna", session, "127.0.0.1", "user")
    assert (entry["details"], entry["subject"]["mod"]) == ({"images": 4}, "CT")
    assert told[""]["details"] == {"images": 1, "study": "gone"}
    # Asking again tells nothing new.
    await client.get(f"/v2/uploads/{9:064x}")
    gateway = server.app.state.context.gateway
    await gateway.uploads.look(last=True)
    assert len(await entries(admin, action="uploaded")) == 2


async def test_a_page_that_names_another_study_than_its_series_hides_nothing(server, written):
    client, admin = await server.login(), await server.admin()
    await open_series(server, client, ("shared", "series"))
    [entry] = await written(admin, 1)
    assert (entry["study"], entry["details"]["series"]) == ("", "series")


async def test_what_may_not_be_seen_is_not_noted_as_seen(server):
    await server.create_user("berta")
    client, admin = await server.login("berta"), await server.admin()
    await open_series(server, client, ("study", "series"))
    assert await entries(admin) == []


async def test_deleting_a_study_is_noted_with_what_it_was(server):
    client, admin = await server.login(), await server.admin()
    assert (await client.delete("/v2/studies/study")).status_code == 204
    assert (await admin.delete("/v2/studies/shared")).status_code == 204
    found = await entries(admin, action="deleted", sort="id", descending=False)
    assert [(e["user"], e["kind"], e["study"]) for e in found] == [
        ("anna", "user", "study"),
        ("admin", "administrator", "shared"),
    ]


async def test_an_export_holds_what_was_filtered_and_is_noted_itself(server, written):
    client, admin = await server.login(), await server.admin()
    await open_series(server, client, ("study", "series"))
    await written(admin, 1)
    answer = await admin.get("/v2/admin/audit/export", params={"format": "csv", "user": "ANNA"})
    assert answer.headers["content-type"].startswith("text/csv")
    [head, line] = list(csv.reader(io.StringIO(answer.text)))
    told = dict(zip(head, line, strict=True))
    assert (told["action"], told["user"], told["study"]) == ("opened", "anna", "study")
    assert json.loads(told["subject"])["mod"] == "CT"
    answer = await admin.get("/v2/admin/audit/export", params={"format": "jsonl"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [entry["action"] for entry in lines] == ["opened", "exported", "exported"]
    assert lines[1]["details"] == {"what": "audit", "user": "ANNA"}
    assert lines[1]["user"] == "admin"


async def test_the_chain_is_checked_from_the_page(server):
    client, admin = await server.login(), await server.admin()
    await client.delete("/v2/studies/study")
    before = (await admin.post("/v2/admin/audit/verify")).json()
    assert (before["sound"], before["entries"], before["waiting"]) == (True, 0, 1)
    await server.control.audit.seal()
    after = (await admin.post("/v2/admin/audit/verify")).json()
    assert (after["sound"], after["entries"], after["waiting"]) == (True, 1, 0)
    assert (await admin.get("/v2/admin/audit/head")).json() == after["head"]
    assert (await entries(admin))[0]["seal"] == after["head"]["seal"]


async def test_the_audit_is_the_administrators(server):
    client = await server.login()
    for path in ("/v2/admin/audit", "/v2/admin/audit/export", "/v2/admin/audit/head"):
        assert (await client.get(path)).status_code == 401
    assert (await client.post("/v2/admin/audit/verify")).status_code == 401


async def test_entries_are_found_by_patient_action_study_and_date(server):
    client, admin = await server.login(), await server.admin()
    await client.delete("/v2/studies/study")
    assert len(await entries(admin, study="study")) == 1
    assert await entries(admin, study="other") == []
    assert await entries(admin, action="opened") == []
    assert await entries(admin, patient="nobody") == []
    assert await entries(admin, after="2030-01-01T00:00:00Z") == []
    assert len(await entries(admin, before="2030-01-01T00:00:00Z", user="anna")) == 1
    for sort in ("id", "time", "action", "user"):
        assert len(await entries(admin, sort=sort)) == 1
