"""Which pages may call."""

import pytest
from starlette.datastructures import Headers

from webviewer.web.forwarded import Seen
from webviewer.web.origin import OriginPolicy, OriginRefusedError, origin_of


def allowed(policy, host="127.0.0.1:8090", scheme="http", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        policy.check(Headers(named), Seen("127.0.0.1", scheme, host, "", forwarded=False))
    except OriginRefusedError:
        return False
    return True


@pytest.mark.parametrize(
    ("origin", "host", "good"),
    [
        ("http://127.0.0.1:8090", "127.0.0.1:8090", True),
        ("http://localhost:8090", "localhost:8090", True),
        ("http://192.168.1.5:8090", "192.168.1.5:8090", True),
        ("http://[::1]:8090", "[::1]:8090", True),
        ("http://10.0.0.1", "10.0.0.1:80", True),
        ("http://viewer.example:8090", "viewer.example:8090", False),  # whoever owns the name can point it here
        ("http://localhost:9999", "localhost:8090", False),
        ("https://127.0.0.1:8090", "127.0.0.1:8090", False),
        ("http://localhost.evil.example:8090", "localhost.evil.example:8090", False),
        ("null", "127.0.0.1:8090", False),
        ("", "127.0.0.1:8090", False),
        ("http://127.0.0.1:99999", "127.0.0.1:99999", False),
        ("file://", "127.0.0.1:8090", False),
    ],
)
def test_without_server_url_the_own_address_counts_if_nobody_can_take_it_over(origin, host, good):
    assert allowed(OriginPolicy(), host=host, origin=origin) is good


def test_with_server_url_only_it_and_the_allowed_origins_count():
    policy = OriginPolicy("https://Clinic.example/web-viewer/", ["http://ris.example:8080"])
    assert allowed(policy, origin="https://clinic.example")
    assert allowed(policy, origin="https://clinic.example:443")
    assert allowed(policy, origin="http://ris.example:8080")
    assert not allowed(policy, origin="http://127.0.0.1:8090")
    assert not allowed(policy, origin="http://clinic.example")
    assert not allowed(policy, origin="http://ris.example")


def test_without_an_origin_the_browsers_own_word_decides():
    assert allowed(OriginPolicy())
    assert allowed(OriginPolicy(), sec_fetch_site="same-origin")
    assert allowed(OriginPolicy(), sec_fetch_site="none")
    assert not allowed(OriginPolicy(), sec_fetch_site="same-site")
    assert not allowed(OriginPolicy(), sec_fetch_site="cross-site")


def test_origins_are_compared_in_one_form():
    assert origin_of("HTTP://Example.ORG:80/path?q") == "http://example.org"
    assert origin_of("https://[2001:DB8::1]:444") == "https://[2001:db8::1]:444"
    assert origin_of("ftp://example.org") == origin_of("nonsense") == ""
