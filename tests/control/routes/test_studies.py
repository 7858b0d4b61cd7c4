"""Study list, thumbnails and uploads through control."""

import pytest

DIGEST = "cd" * 32


@pytest.fixture
async def anna(running):
    user = await running.create_user()
    running.storage.add_study(user.store, "study", "series")
    running.client_of_anna = await running.login()
    return running


async def test_a_thumbnail_is_drawn_once_and_confirmed_after(anna):
    client = anna.client_of_anna
    first = await client.get("/v2/studies/study/series/series/thumbnail?size=128&version=v1")
    assert first.content == b"picture of series 128"
    assert first.headers["content-type"] == "image/webp"
    assert first.headers["cache-control"] == "private, max-age=86400"
    again = await client.get(
        "/v2/studies/study/series/series/thumbnail?size=128&version=v1",
        headers={"If-None-Match": first.headers["etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")
    assert anna.render.drawn == 1
    other = await client.get("/v2/studies/study/series/series/thumbnail?size=64&version=old")
    assert other.headers["etag"] != first.headers["etag"]
    assert other.headers["cache-control"] == "private, no-cache"


async def test_a_confirmation_needs_the_same_rights_as_the_picture(anna):
    first = await anna.client_of_anna.get("/v2/studies/study/series/series/thumbnail")
    await anna.create_user("berta")
    berta = await anna.login("berta")
    answer = await berta.get(
        "/v2/studies/study/series/series/thumbnail", headers={"If-None-Match": first.headers["etag"]}
    )
    assert answer.status_code == 404


async def test_parts_of_a_file_are_streamed_through(anna):
    client = anna.client_of_anna

    async def chunks():
        for _ in range(4):
            yield b"x" * 1000

    answer = await client.put(f"/v2/uploads/{DIGEST}", params={"offset": 0, "size": 5000}, content=chunks())
    assert answer.json()["received"] == 4000
    wrong = await client.put(f"/v2/uploads/{DIGEST}", params={"offset": 0, "size": 5000}, content=b"x")
    assert wrong.status_code == 409
    last = await client.put(f"/v2/uploads/{DIGEST}", params={"offset": 4000, "size": 5000}, content=b"x" * 1000)
    assert last.json()["state"] == "done"
    assert (await client.delete(f"/v2/uploads/{DIGEST}")).status_code == 204
    assert (await client.get(f"/v2/uploads/{DIGEST}")).status_code == 404


async def test_a_part_beyond_the_limit_is_refused_announced_or_not(anna, monkeypatch):
    monkeypatch.setattr("webviewer_control.routes.uploads.MAX_PART_BYTES", 1000)
    client = anna.client_of_anna

    async def chunks():
        for _ in range(4):
            yield b"x" * 400

    parameters = {"offset": 0, "size": 5000}
    for content in (b"x" * 1001, chunks()):
        answer = await client.put(f"/v2/uploads/{DIGEST}", params=parameters, content=content)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert (await client.get(f"/v2/uploads/{DIGEST}")).status_code == 404


async def test_a_file_beyond_the_limit_is_refused(start):
    running = await start(max_upload_bytes=100)
    await running.create_user()
    client = await running.login()
    answer = await client.put(f"/v2/uploads/{DIGEST}", params={"offset": 0, "size": 101}, content=b"x")
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/v2/uploads/ABC",
        f"/v2/uploads/{'AB' * 32}",
        "/v2/studies/%00",
        "/v2/studies?name=%00",
        "/v2/studies?limit=1000",
        "/v2/studies?unknown=1",
        "/v2/studies/study/series/series/thumbnail?size=100000",
        "/v2/quarantine?offset=-1",
    ],
)
async def test_what_cannot_be_right_is_refused_with_a_reason(anna, path):
    answer = await anna.client_of_anna.get(path)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid"


async def test_a_storage_node_that_is_down_is_said_so(anna):
    anna.storage.broken = True
    answer = await anna.client_of_anna.get("/v2/studies")
    assert (answer.status_code, answer.json()["code"]) == (503, "peer_unavailable")
    ready = await anna.client_of_anna.get("/readyz")
    assert (ready.status_code, ready.json()["message"]) == (503, "not ready: no answer from storage")
    own = await anna.client_of_anna.get("/readyz?own=true")
    assert (own.status_code, own.json()) == (200, {"status": "ok"})
    assert (await anna.client_of_anna.get("/healthz")).status_code == 200


async def test_settings_are_any_json_within_limits(anna):
    client = anna.client_of_anna
    for key, value in {"theme": "dark", "table.columns": [{"key": "name", "width": 180.5}], "nothing": None}.items():
        assert (await client.put(f"/v2/settings/{key}", json={"value": value})).status_code == 204
    assert (await client.put("/v2/settings/theme", json={"value": "light"})).status_code == 204
    values = (await client.get("/v2/settings")).json()["values"]
    assert values == {"theme": "light", "table.columns": [{"key": "name", "width": 180.5}], "nothing": None}
    assert (await client.delete("/v2/settings/theme")).status_code == 204
    assert "theme" not in (await client.get("/v2/settings")).json()["values"]
    assert (await client.put("/v2/settings/big", json={"value": "x" * 70_000})).status_code == 413
    assert (await client.put("/v2/settings/1bad", json={"value": 1})).status_code == 422
    for content in (b'{"value": NaN}', b'{"value": 1e999}', b'{"value": "\\u0000"}', b'{"value": {"\\udc00": 1}}'):
        assert (await client.put("/v2/settings/odd", content=content)).status_code == 422
