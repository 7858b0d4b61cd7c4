"""The HTTP side: nothing without a grant but health, and a document that names every route."""

import asyncio

import httpx2
import pytest
from pydantic import SecretStr
from starlette.routing import Route

from webviewer.errors import SchemaOutdatedError
from webviewer.roles import Peers
from webviewer.web.endpoint import openapi_document
from webviewer_storage.app import StorageEndpoints
from webviewer_storage.role import ROLE

PUBLIC = {"/healthz", "/readyz"}
BODIES = {"/v1/stores": {"id": "a", "kind": "user"}, "/v1/stores/sizes": {"stores": []}, "/v1/studies/search": {}}


@pytest.fixture
async def http(node):
    app = ROLE.create_app(node, Peers())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://storage") as client:
        yield app, client


async def test_only_health_answers_without_a_grant(http):
    app, client = http
    for route in app.routes:
        assert isinstance(route, Route)
        for method in route.methods - {"HEAD"}:
            path = route.path.replace("{digest}", "0" * 64).replace("{", "").replace("}", "")
            body = BODIES.get(path) if method in {"PUT", "POST"} else None
            query = {"size": 1, "offset": 0} if method == "PUT" and "upload" in path else None
            for headers in ({}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "Basic eA=="}):
                answer = await client.request(method, path, json=body, params=query, headers=headers)
                expected = 200 if route.path in PUBLIC else 401
                assert answer.status_code == expected, (method, path)


async def test_wrong_parameters_are_named(http, token):
    _, client = http
    headers = {"Authorization": f"Bearer {token('mine')}"}
    answer = await client.get("/v1/quarantine", params={"limit": 0}, headers=headers)
    assert answer.status_code == 422
    assert "limit" in answer.json()["message"]


async def test_the_document_describes_every_route(http, node):
    app, _ = http
    document = openapi_document("storage", "1", StorageEndpoints(node.port).declarations())
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.path, method) for route in app.routes for method in route.methods - {"HEAD"}}


async def test_a_schema_that_is_too_old_stops_a_cluster_node(settings, start, request):
    url = request.getfixturevalue("postgresql")()
    changes = {"database_url": SecretStr(url), "no_dicom": True}

    async def open_once(**more):
        async with start(settings, **changes, **more) as services:
            await services.port.ping()

    with pytest.raises(SchemaOutdatedError, match="webviewer db upgrade"):
        await open_once(unified=False)
    await ROLE.upgrade(settings.model_copy(update=changes))
    await asyncio.wait_for(open_once(unified=False), 30)
