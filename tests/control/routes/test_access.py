"""Who gets an answer: every route without credentials, and every route that takes an id, as somebody else."""

import json

import pytest
from prometheus_client import REGISTRY
from starlette.routing import Mount, Route, WebSocketRoute
from websockets.exceptions import ConnectionClosed

from webviewer_control.routes.table import ENDPOINTS

PUBLIC = {
    ("POST", "/v2/login"),
    ("POST", "/v2/admin/login"),
    ("POST", "/v2/link-openings"),
    ("GET", "/v2/version"),
    ("GET", "/.config.json"),
    ("GET", "/v2/sign-on"),
    ("GET", "/v2/sign-on/callback"),
    ("GET", "/v2/sign-on/logout"),
    ("GET", "/v2/archives/{ticket}"),  # the ticket is the credential
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),  # to this machine itself; see below
}
KEYED = {"/api/link", "/v2/api/link"}
DIGEST = "ab" * 32


def walk(routes, prefix=""):
    """Yield (method, path) of every route, inside mounts too."""
    for route in routes:
        if isinstance(route, Mount):
            yield "MOUNT", prefix + route.path
            yield from walk(getattr(route.app, "routes", None) or [], prefix + route.path)
        elif isinstance(route, WebSocketRoute):
            yield "WEBSOCKET", prefix + route.path
        else:
            assert isinstance(route, Route), route
            for method in sorted(set(route.methods or {"GET"}) - {"HEAD"}):
                yield method, prefix + route.path


def filled(path):
    return path.replace("{digest}", DIGEST).replace("{", "").replace("}", "")


async def test_without_credentials_only_the_public_answers(running):
    client = await running.client()
    routes = list(walk(running.app.routes))
    assert len(routes) == len(ENDPOINTS) + 2
    for method, path in routes:
        if method in {"MOUNT", "WEBSOCKET"} or (method, path) in PUBLIC:
            continue
        answer = await client.request(method, filled(path))
        assert answer.status_code == 401, (method, path)
        message = "send an API key in the header X-Api-Key or the parameter apikey" if path in KEYED else "log in first"
        assert answer.json() == {"code": "not_authenticated", "message": message}
    assert {route for route in routes if route[0] in {"MOUNT", "WEBSOCKET"}} == {
        ("WEBSOCKET", "/eventQueue"),
        ("MOUNT", ""),
    }
    assert {(e.method, e.path) for e in ENDPOINTS if e.access in {"public", "operator"}} == PUBLIC


async def test_the_public_routes_tell_nothing_of_anybody(running):
    client = await running.client()
    told = (await client.get("/v2/version")).json()
    contacts = {"web_site": "", "sales_email": "", "support_email": ""}  # of who runs it, where he says so
    assert told == {"version": told["version"], "commit": told["commit"]} | contacts
    assert (await client.get("/.config.json")).json() == {"serverUrl": "", "demo": False, "signOn": None}
    assert (await client.get("/healthz")).json() == (await client.get("/readyz")).json() == {"status": "ok"}


@pytest.mark.parametrize("hello", [{"type": "hello", "version": 1}, {"type": "hello", "version": 1, "token": "x"}])
async def test_the_socket_says_nothing_without_credentials(running, hello):
    async with running.socket() as socket:
        await socket.send(json.dumps(hello))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd.code == 4401


async def test_the_document_and_the_route_table_are_the_same(running):
    table = {(m, p) for m, p in walk(running.app.routes) if m not in {"MOUNT", "WEBSOCKET"}}
    document = running.app.state.openapi
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == table


async def test_the_documents_security_is_what_the_guard_asks_for(running):
    await running.create_user()
    user, admin = await running.login(), await running.admin()
    for endpoint in ENDPOINTS:
        if endpoint.access in {"administrator", "auditor"}:
            answer = await user.request(endpoint.method, filled(endpoint.path))
            assert answer.status_code == 401, endpoint.path
        if endpoint.access == "session":
            answer = await admin.request(endpoint.method, filled(endpoint.path))
            assert answer.status_code == 401, endpoint.path


async def test_metrics_are_for_this_machine_or_the_bearer_of_the_token(start):
    running = await start(trusted_proxies=("127.0.0.1",), metrics_token="scraper")
    client = await running.client()
    assert "webviewer_control_sessions" in (await client.get("/metrics")).text
    for headers in ({"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=127.0.0.1"}, {"X-Forwarded-Host": "a"}):
        assert (await client.get("/metrics", headers=headers)).status_code == 401
    headers = {"X-Forwarded-For": "203.0.113.9", "Authorization": "Bearer scraper"}
    assert (await client.get("/metrics", headers=headers)).status_code == 200


async def test_metrics_tell_a_refused_request_from_a_failed_one(running):
    def counts():
        name, found = "webviewer_control_request_seconds_count", {}
        for status in ("2xx", "4xx", "5xx", "error"):
            labels = {"operation": "list_studies", "status": status}
            found[status] = REGISTRY.get_sample_value(name, labels) or 0
        return found

    before = counts()
    client = await running.client()
    assert (await client.get("/v2/studies")).status_code == 401
    assert counts() == before | {"4xx": before["4xx"] + 1}


async def test_keys_are_for_nodes_with_the_secret(start):
    running = await start(node_secret="cluster")
    client = await running.client()
    assert (await client.get("/v2/keys")).status_code == 401
    assert (await client.get("/v2/keys", headers={"Authorization": "Bearer no"})).status_code == 401
    answer = await client.get("/v2/keys", headers={"Authorization": "Bearer cluster"})
    assert answer.json() == running.control.keyring.signer.public_jwks
    assert "d" not in answer.json()["keys"][0]


async def test_without_a_node_secret_nobody_gets_keys(running):
    client = await running.client()
    for token in ("None", "x"):
        assert (await client.get("/v2/keys", headers={"Authorization": f"Bearer {token}"})).status_code == 401


# ---------------------------------------------------------------- two users


@pytest.fixture
async def two(running):
    """Anna has a study, an upload and a damaged object; Berta has nothing."""
    anna, _ = await running.create_user("anna"), await running.create_user("berta")
    running.storage.add_study(anna.store, "annas-study", "annas-series")
    running.storage.add_study("shared-store", "shared-study", "shared-series")
    running.storage.add_quarantined(anna.store, "annas-item")
    running.storage.add_quarantined("shared-store", "shared-item")
    client = await running.login("anna")
    answer = await client.put(f"/v2/uploads/{DIGEST}?offset=0&size=10&name=a.dcm", content=b"12345")
    assert answer.json()["received"] == 5
    return running


THUMBNAIL = "/v2/studies/{study}/series/{series}/thumbnail"
ANNAS = {"study": "annas-study", "series": "annas-series", "digest": DIGEST, "item": "annas-item", "key": "theme"}


async def test_nobody_reaches_anothers_things_over_any_route_that_takes_an_id(two):
    anna, berta = await two.login("anna"), await two.login("berta")
    await anna.put("/v2/settings/theme", json={"value": "annas"})
    made = (await anna.post("/v2/links", json={"study": "annas-study"})).json()
    ids = ANNAS | {
        "session": (await anna.get("/v2/session")).json()["id"],
        "link": made["link"]["id"],
        "ticket": "annas-ticket",
    }
    tried = set()
    for endpoint in ENDPOINTS:
        if "{" not in endpoint.path or endpoint.access in {"administrator", "auditor", "node"}:
            continue
        tried.add((endpoint.method, endpoint.path))
        arguments = {"params": {"offset": 5, "size": 10}, "content": b"67890"} if endpoint.method == "PUT" else {}
        if endpoint.path == "/v2/settings/{key}":
            arguments = {"json": {"value": "bertas"}} if endpoint.method == "PUT" else {}
        answer = await berta.request(endpoint.method, endpoint.path.format_map(ids), **arguments)
        if endpoint.path == "/v2/settings/{key}":
            assert answer.status_code == 204
        elif endpoint.method == "PUT":
            assert answer.status_code == 409  # her own upload starts at 0
        else:
            assert answer.status_code == 404, (endpoint.method, endpoint.path)
    # A new route that takes an id has to be thought of here.
    assert tried == {
        ("PUT", "/v2/settings/{key}"),
        ("DELETE", "/v2/settings/{key}"),
        ("GET", "/v2/studies/{study}"),
        ("DELETE", "/v2/studies/{study}"),
        ("GET", THUMBNAIL),
        ("POST", "/v2/studies/{study}/archive"),
        ("GET", "/v2/archives/{ticket}"),
        ("GET", "/v2/uploads/{digest}"),
        ("PUT", "/v2/uploads/{digest}"),
        ("DELETE", "/v2/uploads/{digest}"),
        ("DELETE", "/v2/quarantine/{item}"),
        ("DELETE", "/v2/sessions/{session}"),
        ("GET", "/v2/links/{link}/queries"),
        ("POST", "/v2/links/{link}/revoke"),
        ("POST", "/v2/links/{link}/sign"),
        ("DELETE", "/v2/links/{link}"),
    }
    assert [link["revoked"] for link in (await anna.get("/v2/links")).json()["links"]] == [False]
    assert (await anna.get("/v2/settings")).json()["values"] == {"theme": "annas"}
    assert (await anna.get("/v2/studies/annas-study")).status_code == 200
    assert (await anna.get(f"/v2/uploads/{DIGEST}")).json()["received"] == 5
    assert (await anna.get("/v2/quarantine")).json()["total"] == 2


async def test_lists_hold_the_own_and_the_shared_only(two):
    anna, berta = await two.login("anna"), await two.login("berta")
    names = [{s["id"] for s in (await client.get("/v2/studies")).json()["studies"]} for client in (anna, berta)]
    assert names == [{"annas-study", "shared-study"}, {"shared-study"}]
    held = [
        {item["id"]: item["store"] for item in (await client.get("/v2/quarantine")).json()["items"]}
        for client in (anna, berta)
    ]
    assert held == [{"annas-item": "user", "shared-item": "shared"}, {"shared-item": "shared"}]


async def test_an_own_study_is_no_door_to_anothers_series(two):
    berta = await two.login("berta")
    answer = await berta.get(THUMBNAIL.format(study="shared-study", series="annas-series"))
    assert answer.status_code == 404
    assert two.render.drawn == 0


async def test_a_socket_does_not_open_anothers_series(two):
    async with two.socket(await two.login("berta")) as socket:
        await socket.send(json.dumps({"type": "hello", "version": 1}))
        assert json.loads(await socket.recv())["type"] == "hello"
        opening = {"type": "open", "viewport": 1, "study": "annas-study", "series": "annas-series", "size": [64, 64]}
        await socket.send(json.dumps(opening))
        answer = json.loads(await socket.recv())
    assert (answer["type"], answer["code"], answer["viewport"]) == ("error", "not_found", 1)
    assert two.render.links == []


async def test_a_user_deletes_his_own_and_only_the_administrator_what_is_shared(two):
    anna, admin = await two.login("anna"), await two.admin()
    refused = await anna.delete("/v2/studies/shared-study")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await admin.delete("/v2/studies/annas-study")).status_code == 404
    assert (await anna.delete("/v2/studies/annas-study")).status_code == 204
    assert (await admin.delete("/v2/studies/shared-study")).status_code == 204
    assert two.storage.studies == {}


async def test_only_the_administrator_deletes_what_was_put_aside_in_the_shared_store(two):
    anna, berta, admin = await two.login("anna"), await two.login("berta"), await two.admin()
    for client in (anna, berta):
        refused = await client.delete("/v2/quarantine/shared-item")
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert (await client.get("/v2/admin/quarantine")).status_code == 401
        assert (await client.delete("/v2/admin/quarantine/shared-item")).status_code == 401
    assert (await admin.get("/v2/quarantine")).status_code == 401
    assert (await admin.delete("/v2/quarantine/shared-item")).status_code == 401
    page = (await admin.get("/v2/admin/quarantine")).json()
    assert (page["total"], [item["id"] for item in page["items"]]) == (1, ["shared-item"])
    assert (await admin.delete("/v2/admin/quarantine/annas-item")).status_code == 404
    del admin.headers["X-CSRF-Token"]
    assert (await admin.delete("/v2/admin/quarantine/shared-item")).status_code == 403
    assert set(two.storage.quarantine) == {"annas-item", "shared-item"}
    assert (await (await two.admin()).delete("/v2/admin/quarantine/shared-item")).status_code == 204
    assert (await anna.delete("/v2/quarantine/annas-item")).status_code == 204
    assert two.storage.quarantine == {}


async def test_a_link_sees_no_quarantine(two):
    _, secret = await two.control.sessions.open("link", "127.0.0.1")
    client = await two.client()
    client.headers["Authorization"] = f"Bearer {secret}"
    assert (await client.get("/v2/quarantine")).status_code == 403
    for item in ("shared-item", "annas-item"):
        assert (await client.delete(f"/v2/quarantine/{item}")).status_code == 403


async def test_in_a_browser_with_both_sessions_the_csrf_value_says_who_acts(two):
    both, admin = await two.login("anna"), await two.admin()
    both.cookies.set("webviewer_admin", admin.cookies["webviewer_admin"])
    assert (await both.delete("/v2/studies/shared-study")).status_code == 403
    both.headers["X-CSRF-Token"] = admin.headers["X-CSRF-Token"]
    assert (await both.delete("/v2/studies/shared-study")).status_code == 204


async def test_a_grant_names_one_user_one_store_and_one_series(two):
    client = await two.login("anna")
    answer = await client.get(THUMBNAIL.format(study="annas-study", series="annas-series"))
    assert answer.content == b"picture of annas-series 96"
    session = await two.control.sessions.find(client.cookies["webviewer_session"], "user")
    grant = two.render.pixels.verify(two.stores.pixels_grant(session, session.store, "annas-series"), "pixels:read")
    assert (grant.subject, grant.stores, grant.series) == (session.user, (session.store,), "annas-series")
    assert grant.actions == {"pixels:read"}
