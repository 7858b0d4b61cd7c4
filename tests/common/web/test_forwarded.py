"""How a request reached us, with and without proxies that are trusted."""

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from webviewer.errors import InvalidRequestError
from webviewer.web.forwarded import Forwarded, clean_base_path, is_loopback, seen


def look(headers, peer="10.0.0.1", trusted=("10.0.0.0/8", "::1"), base_path=""):
    async def answer(request):
        view = seen(request)
        return JSONResponse([view.address, view.scheme, view.host, view.prefix, view.forwarded])

    app = Forwarded(Starlette(routes=[Route("/", answer)]), trusted, base_path)
    return TestClient(app, client=(peer, 1)).get("/", headers={"Host": "inner", **headers}).json()


def test_a_direct_request_is_taken_as_it_is():
    assert look({}) == ["10.0.0.1", "http", "inner", "", False]


@pytest.mark.contract("O05")
def test_a_trusted_proxy_says_who_asks_and_how():
    headers = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "clinic.example",
        "X-Forwarded-Prefix": "/web-viewer/",
    }
    assert look(headers) == ["203.0.113.9", "https", "clinic.example", "/web-viewer", True]
    assert look({"X-Real-IP": "203.0.113.9"})[0] == "203.0.113.9"


def test_nobody_else_does():
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/x"}
    assert look(headers, peer="192.0.2.1") == ["192.0.2.1", "http", "inner", "", True]


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("1.1.1.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),  # the client made up the first entry
        ("10.0.0.9, 10.0.0.7", "10.0.0.9"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("203.0.113.9:5555", "203.0.113.9"),
        ("nonsense, 10.0.0.7", "10.0.0.7"),
        ("", "10.0.0.1"),
    ],
)
def test_the_nearest_address_that_no_trusted_proxy_has_is_the_browsers(chain, address):
    assert look({"X-Forwarded-For": chain})[0] == address


@pytest.mark.parametrize("prefix", ["no-slash", "/a/../b", "//evil.example", "/a b", "/<script>"])
def test_a_prefix_that_is_no_path_is_ignored(prefix):
    assert look({"X-Forwarded-Prefix": prefix}, base_path="/own")[3] == "/own"


def test_a_configured_base_path_is_cleaned_or_refused():
    assert [clean_base_path(text) for text in ("", "/", "a", "/a/b/")] == ["", "", "/a", "/a/b"]
    with pytest.raises(InvalidRequestError, match="base_path"):
        clean_base_path("/a?b")


def test_a_wrong_proxy_address_is_refused_at_the_start():
    with pytest.raises(InvalidRequestError, match="trusted_proxies"):
        Forwarded(Starlette(), ["not-an-address"])


def test_loopback_is_recognised_by_name_and_address():
    assert all(is_loopback(text) for text in ("localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"))
    assert not any(is_loopback(text) for text in ("", "0.0.0.0", "::", "10.0.0.1", "localhost.evil.example"))
