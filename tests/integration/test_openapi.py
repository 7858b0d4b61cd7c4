"""Requests made from the OpenAPI document: whatever is sent, the answer is one that the document tells of."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
DOCUMENT = schemathesis.openapi.from_path(Path(__file__).parents[2] / "images/control/openapi.json")
EXAMPLES = 10


class Callers:
    """Keeps a session of a user and of the administrator, and makes another when one has ended."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._headers: dict[str, dict[str, str]] = {}

    def headers(self, path: str) -> dict[str, str]:
        """Return what lets a request to this path in."""
        base, name = ("/v2/admin", "admin") if path.startswith("/v2/admin") else ("/v2", "demo")
        if name not in self._headers:
            self._headers[name] = self._log_in(base, name)
        return self._headers[name]

    def forget(self) -> None:
        """Log in again before the next request."""
        self._headers.clear()

    def _log_in(self, base: str, name: str) -> dict[str, str]:
        with httpx2.Client(base_url=self.url, headers={"Origin": self.url}) as http:
            answer = http.post(f"{base}/login", json={"user": name, "password": name})
            assert answer.status_code == HTTPStatus.OK, answer.text
            cookies = "; ".join(f"{key}={value}" for key, value in http.cookies.items())
            return {"Origin": self.url, "Cookie": cookies, "X-CSRF-Token": answer.json()["csrf"]}


@pytest.fixture(scope="module")
def callers(module_deployment) -> Callers:
    return Callers(module_deployment.url)


@DOCUMENT.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_is_answered_by_something_that_the_document_does_not_tell(case, callers):
    answer = case.call_and_validate(base_url=callers.url, headers=callers.headers(case.path), checks=CHECKS)
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        callers.forget()  # a request before has ended the session
