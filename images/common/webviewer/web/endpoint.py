"""Typed endpoints: one declaration gives the route, the validation and the OpenAPI document."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from webviewer.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotAuthenticatedError,
    PeerUnavailableError,
    TooLargeError,
    WebViewerError,
)
from webviewer.web.errors import Problem, status_of

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Access = Literal["public", "session", "administrator", "auditor", "account", "key", "grant", "node", "operator"]
"""Who may call: anybody, a log-in or link session, the administrator, he or an auditor, a session or the administrator, a program
with an API key, a role with a grant, a node with the shared secret, whoever reads metrics."""
SESSION_COOKIE = "webviewer_session"
ADMINISTRATOR_COOKIE = "webviewer_admin"
KEY_HEADER = "X-Api-Key"
KEY_PARAMETER = "apikey"
STATE_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
MAX_JSON_BYTES = 1024 * 1024
MAX_JSON_DEPTH = 64
JSON_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of an API.

    ``handler`` receives the request, then the validated ``query`` and ``body`` as keyword
    arguments where these are declared, and returns a model of ``response``, or a Response of one of
    ``media_types``, or None (204). ``body_media_type`` is for bodies that the handler streams itself.
    """

    method: Method
    path: str
    handler: Callable[..., Awaitable[BaseModel | Response | None]]
    summary: str
    access: Access = "session"
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    body_media_type: str | None = None
    response: type[BaseModel] | None = None
    media_types: tuple[str, ...] = ()
    status: int = 200
    errors: tuple[type[WebViewerError], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def operation_id(self) -> str:
        """The handler's name."""
        return self.handler.__name__

    @property
    def all_errors(self) -> frozenset[type[WebViewerError]]:
        """The declared errors and those that follow from access, body, query and path."""
        implied: set[type[WebViewerError]] = set()
        if self.access != "public":
            implied.add(NotAuthenticatedError)
        if self.access not in {"public", "node", "operator"} or self.method in STATE_CHANGING:
            implied.add(PeerUnavailableError)  # sessions, accounts and the index are in a database
        if self.method in STATE_CHANGING or self.access in {"grant", "administrator", "account"}:
            implied.add(ForbiddenError)  # the last two are not for auditors
        if self.body or self.query or self.body_media_type or "{" in self.path:
            implied.add(InvalidRequestError)
        if self.body:
            implied.add(TooLargeError)
        return frozenset(implied) | frozenset(self.errors)

    def route(self, guard: Guard | None = None) -> Route:
        """Return the Starlette route. ``guard`` runs before anything of the request is read."""

        async def run(request: Request) -> Response:
            try:
                return await answer(request)
            except ClientDisconnect as error:
                text = "the body ended too early"
                raise InvalidRequestError(text) from error

        async def answer(request: Request) -> Response:
            if guard:
                await guard(request, self)
            _refuse_odd_text([*request.path_params.values(), *request.query_params.values()])
            arguments: dict[str, BaseModel] = {}
            if self.query:
                arguments["query"] = _validate(self.query, dict(request.query_params))
            if self.body:
                arguments["body"] = _validate(self.body, await read_json(request))
            result = await self.handler(request, **arguments)
            if isinstance(result, Response):
                return result
            if result is None:
                return Response(status_code=204)
            content = result.model_dump_json().encode()
            return Response(content, self.status, media_type="application/json", headers=self.headers)

        return Route(self.path, run, methods=[self.method], name=self.operation_id)


Guard = Callable[[Request, Endpoint], Awaitable[None]]
"""Raises unless the request has the access that the endpoint asks for."""


async def read_json(request: Request) -> object:
    """Read a JSON body of bounded size in bounded time. Raises InvalidRequestError or TooLargeError."""
    content = bytearray()
    try:
        async with asyncio.timeout(JSON_SECONDS):
            async for chunk in request.stream():
                content += chunk
                if len(content) > MAX_JSON_BYTES:
                    text = f"the JSON body is larger than {MAX_JSON_BYTES} bytes"
                    raise TooLargeError(text)
    except TimeoutError as error:
        text = f"the JSON body did not come within {JSON_SECONDS:.0f} s"
        raise InvalidRequestError(text) from error
    return parse_json(bytes(content))


def parse_json(content: bytes | str) -> object:
    """Parse JSON that can be stored on every database and sent on.

    Raises InvalidRequestError for what is not JSON, numbers that are not finite, text with NUL or
    lone surrogates, and nesting deeper than ``MAX_JSON_DEPTH``.
    """
    try:
        value: object = json.loads(content, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        text = "the body is not valid JSON"
        raise InvalidRequestError(text) from error
    pending: list[tuple[object, int]] = [(value, 1)]
    while pending:
        item, depth = pending.pop()
        if depth > MAX_JSON_DEPTH:
            text = f"the JSON body is nested deeper than {MAX_JSON_DEPTH} levels"
            raise InvalidRequestError(text)
        if isinstance(item, dict):
            _refuse_odd_text(item)
            pending.extend((child, depth + 1) for child in item.values())
        elif isinstance(item, list):
            pending.extend((child, depth + 1) for child in item)
        elif isinstance(item, str):
            _refuse_odd_text([item])
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _refuse_odd_text(texts: Iterable[object]) -> None:
    """PostgreSQL stores no NUL, and nothing can encode half a surrogate pair."""
    for text in texts:
        if isinstance(text, str) and ("\0" in text or not _encodable(text)):
            message = "text with NUL or broken characters"
            raise InvalidRequestError(message)


def _encodable(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _validate(model: type[BaseModel], value: object) -> BaseModel:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        # The input is left out: it may be a password.
        lines = [f"{'.'.join(str(part) for part in item['loc']) or 'body'}: {item['msg']}" for item in error.errors()]
        raise InvalidRequestError("; ".join(lines)) from error


def openapi_document(title: str, version: str, endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """Describe the endpoints as OpenAPI 3.1."""
    endpoints = list(endpoints)
    models = {Problem} | {m for e in endpoints for m in (e.body, e.response) if m}
    ordered = sorted(models, key=lambda model: model.__name__)
    references, schema = models_json_schema(
        [(model, "validation" if _is_body(model, endpoints) else "serialization") for model in ordered],
        ref_template="#/components/schemas/{model}",
    )
    by_model: dict[Any, Any] = {model: reference for (model, _), reference in references.items()}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        path = endpoint.path.replace(":path}", "}")
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint, by_model)
    security = {
        "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
        "administrator": {"type": "apiKey", "in": "cookie", "name": ADMINISTRATOR_COOKIE},
        "bearer": {"type": "http", "scheme": "bearer"},
        "keyHeader": {"type": "apiKey", "in": "header", "name": KEY_HEADER},
        "keyParameter": {"type": "apiKey", "in": "query", "name": KEY_PARAMETER},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "paths": paths,
        "components": {"schemas": schema.get("$defs", {}), "securitySchemes": security},
    }


def _is_body(model: type[BaseModel], endpoints: list[Endpoint]) -> bool:
    return any(endpoint.body is model for endpoint in endpoints)


def _operation(endpoint: Endpoint, references: dict[type[BaseModel], Any]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": part.split(":")[0], "in": "path", "required": True, "schema": {"type": "string"}}
        for part in (piece.split("}")[0] for piece in endpoint.path.split("{")[1:])
    ]
    if endpoint.query:
        schema = endpoint.query.model_json_schema(ref_template="#/components/schemas/{model}")
        required = schema.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": value}
            for name, value in schema["properties"].items()
        ]
    operation: dict[str, Any] = {
        "operationId": endpoint.operation_id,
        "summary": endpoint.summary,
        "responses": _responses(endpoint, references),
        "security": _security(endpoint),
    }
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": references[endpoint.body]}},
        }
    elif endpoint.body_media_type:
        schema = {"type": "string", "format": "binary"}
        operation["requestBody"] = {"required": True, "content": {endpoint.body_media_type: {"schema": schema}}}
    return operation


_SECURITY: Mapping[Access, tuple[str, ...]] = {
    "public": (),
    "session": ("session", "bearer"),
    "administrator": ("administrator",),
    "auditor": ("administrator",),
    "account": ("session", "bearer", "administrator"),
    "key": ("keyHeader", "keyParameter"),
    "grant": ("bearer",),
    "node": ("bearer",),
    "operator": ("bearer",),
}


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    return [{name: []} for name in _SECURITY[endpoint.access]]


def _responses(endpoint: Endpoint, references: dict[type[BaseModel], Any]) -> dict[str, Any]:
    if endpoint.response:
        content = {"application/json": {"schema": references[endpoint.response]}}
        responses: dict[str, Any] = {str(endpoint.status): {"description": "Done", "content": content}}
    elif endpoint.media_types:
        schema = {"type": "string", "format": "binary"}
        content = {media_type: {"schema": schema} for media_type in endpoint.media_types}
        responses = {"200": {"description": "Done", "content": content}}
    elif endpoint.status == HTTPStatus.SEE_OTHER:
        responses = {"303": {"description": "Go on at the address in Location"}}
    else:
        responses = {"204": {"description": "Done, nothing to return"}}
    for status in sorted({status_of(error) for error in endpoint.all_errors}):
        names = sorted({error.code for error in endpoint.all_errors if status_of(error) == status})
        content = {"application/json": {"schema": references[Problem]}}
        responses[str(status)] = {"description": ", ".join(names), "content": content}
    return responses
