"""Declared endpoints: validation, answers and the document."""

import pytest
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.testclient import TestClient

from webviewer.errors import ConflictError, InvalidRequestError, NotFoundError, ThrottledError
from webviewer.web.endpoint import MAX_JSON_BYTES, Endpoint, openapi_document, parse_json
from webviewer.web.errors import HANDLERS, from_problem


class Query(BaseModel):
    limit: int = 5


class Body(BaseModel):
    name: str


class Answer(BaseModel):
    text: str


async def answer(request, query, body):
    return Answer(text=f"{request.path_params['id']} {query.limit} {body.name}")


async def fail(_):
    raise ThrottledError("slow down", 7)


async def crash(_):
    raise ZeroDivisionError


ENDPOINTS = (
    Endpoint("POST", "/things/{id}", answer, "Do", query=Query, body=Body, response=Answer, errors=(ConflictError,)),
    Endpoint("GET", "/fail", fail, "Fail", access="public", errors=(ThrottledError,)),
    Endpoint("GET", "/crash", crash, "Crash", access="public"),
)


@pytest.fixture
def client():
    app = Starlette(routes=[endpoint.route() for endpoint in ENDPOINTS], exception_handlers=HANDLERS)
    return TestClient(app, raise_server_exceptions=False)


def test_arguments_are_validated_and_handed_over(client):
    assert client.post("/things/a?limit=7", json={"name": "b"}).json() == {"text": "a 7 b"}
    for wrong in ({"params": {"limit": "x"}, "json": {"name": "b"}}, {"json": {"name": 5}}, {"json": 5}, {}):
        response = client.post("/things/a", **wrong)
        assert response.status_code == 422
        assert response.json()["code"] == "invalid"


def test_a_wrong_password_is_not_repeated_in_the_answer(client):
    response = client.post("/things/a", json={"name": ["hunter2"]})
    assert "hunter2" not in response.text


def test_errors_have_one_shape(client):
    assert client.get("/fail").headers["retry-after"] == "7"
    assert client.get("/missing").json()["code"] == "not_found"
    assert client.put("/fail").json()["code"] == "method_not_allowed"
    crashed = client.get("/crash")
    assert (crashed.status_code, crashed.json()["code"]) == (500, "internal")
    assert "ZeroDivision" not in crashed.text


def test_a_peers_error_comes_back_as_what_it_was():
    error = from_problem(404, b'{"code": "not_found", "message": "no such study"}')
    assert (type(error), error.message) == (NotFoundError, "no such study")
    assert from_problem(502, b"<html>").code == "peer_unavailable"
    assert from_problem(500, b'{"code": "new", "message": "x"}').code == "peer_unavailable"


@pytest.mark.parametrize("text", ["{", "NaN", "[Infinity]", "[1e999]", '"\\u0000"', '{"\\u0000": 1}', '"\\ud800"'])
def test_what_no_database_could_store_is_no_json_of_ours(text):
    with pytest.raises(InvalidRequestError):
        parse_json(text)


def test_good_json_passes():
    assert parse_json('{"a": [1, 1.5, null, "\\ud83d\\ude00", "я"]}') == {"a": [1, 1.5, None, "😀", "я"]}
    assert parse_json("[" * 63 + "]" * 63)
    for deep in ("[" * 65 + "]" * 65, "[" * 100_000):
        with pytest.raises(InvalidRequestError):
            parse_json(deep)


def test_a_body_beyond_the_limit_is_refused(client):
    response = client.post("/things/a", content=b'"' + b"x" * MAX_JSON_BYTES + b'"')
    assert response.status_code == 413


def test_the_document_names_what_the_code_does():
    document = openapi_document("Things", "1", ENDPOINTS)
    operation = document["paths"]["/things/{id}"]["post"]
    assert set(operation["responses"]) == {"200", "401", "403", "409", "413", "422", "503"}
    assert [parameter["name"] for parameter in operation["parameters"]] == ["id", "limit"]
    assert operation["security"] == [{"session": []}, {"bearer": []}]
    assert document["paths"]["/fail"]["get"]["security"] == []
    assert set(document["components"]["schemas"]) == {"Answer", "Body", "Problem"}
