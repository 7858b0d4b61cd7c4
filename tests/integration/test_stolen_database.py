"""A copy of the databases in the wrong hands: nothing in it opens the product."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sqlite3
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl, quote

import httpx2
import pytest

from webviewer.sample.series import PhantomSeries

PASSWORD = "Violet-Harbour-29"  # nothing that a database has for another reason


@pytest.fixture
def used(lone_deployment) -> Iterator[tuple[str, Path, dict[str, str]]]:
    """A product that people use right now: its address, its data folder, and the secrets that let them in."""
    url = lone_deployment.url
    data = lone_deployment.logs["unified"].parent / "data"
    with httpx2.Client(base_url=url, headers={"Origin": url}) as admin, httpx2.Client(base_url=url) as user:
        csrf = admin.post("/v2/admin/login", json={"user": "admin", "password": "admin"}).json()["csrf"]
        answer = admin.post(
            "/v2/admin/users", json={"login": "anna", "password": PASSWORD}, headers={"X-CSRF-Token": csrf}
        )
        assert answer.status_code == HTTPStatus.CREATED
        own = user.post("/v2/login", json={"user": "anna", "password": PASSWORD}).json()["csrf"]
        secrets = {"password": PASSWORD, "csrf": csrf, "csrf of a user": own}
        secrets["address of a download"] = download_ticket(user, own)
        secrets |= shared(admin, csrf, url)
        secrets |= {f"cookie {name}": value for name, value in (*admin.cookies.items(), *user.cookies.items())}
        yield url, data, secrets


def download_ticket(user: httpx2.Client, csrf: str) -> str:
    """Send a study and ask for its ZIP; returns what makes the address secret."""
    content = PhantomSeries(rows=32, columns=32, slices=1, spacing=10.0, step=200.0, name="stolen").instance(0)
    digest, headers = (
        hashlib.sha256(content).hexdigest(),
        {"X-CSRF-Token": csrf, "Origin": str(user.base_url).rstrip("/")},
    )
    part = {"offset": 0, "size": len(content), "name": "a.dcm"}
    state = user.put(f"/v2/uploads/{digest}", params=part, content=content, headers=headers).json()
    while state["state"] == "processing":
        time.sleep(0.02)
        state = user.get(f"/v2/uploads/{digest}").json()
    answer = user.post(f"/v2/studies/{state['outcomes'][0]['study']}/archive", headers=headers)
    return str(answer.json()["url"]).removeprefix("/v2/archives/")


def shared(admin: httpx2.Client, csrf: str, url: str) -> dict[str, str]:
    """Share a study by a link that somebody has opened, and let another program make links, too."""
    headers = {"X-CSRF-Token": csrf}
    key = {"user": "anna", "request": {"enabled": True}}
    made = {"key of a program": admin.post("/v2/admin/api-keys", json=key, headers=headers).json()["key"]}
    with httpx2.Client(base_url=url, headers={"Origin": url}) as demo:
        own = demo.post("/v2/login", json={"user": "demo", "password": "demo"}).json()["csrf"]
        demo.headers["X-CSRF-Token"] = own
        study = stored(demo)
        body = {"study": study, "password": f"{PASSWORD} of the link"}
        link = demo.post("/v2/links", json=body).json()
    parts = dict(parse_qsl(link["queries"]["download_link_query"]))
    opening = admin.post("/v2/link-openings", json=parts | {"password": body["password"]})
    assert opening.status_code == HTTPStatus.CREATED
    made |= {f"link {name}": value for name, value in parts.items()}
    return made | {"password of a link": body["password"], "token of an opening": opening.json()["token"]}


def stored(user: httpx2.Client) -> str:
    """Upload an image and return the id of its study."""
    content = PhantomSeries(rows=16, columns=16, slices=1, spacing=10.0, step=200.0, name="stolen").instance(0)
    path = f"/v2/uploads/{hashlib.sha256(content).hexdigest()}"
    answer = user.put(path, params={"offset": 0, "size": len(content), "name": "a.dcm"}, content=content)
    while answer.json()["state"] == "processing":
        answer = user.get(path)
    [outcome] = answer.json()["outcomes"]
    return outcome["study"]


def stolen(data: Path) -> Iterator[sqlite3.Connection]:
    """Yield copies of the databases as they are while the product runs."""
    for path in sorted(data.rglob("*.db")):
        copy = sqlite3.connect(":memory:")
        with contextlib.closing(sqlite3.connect(path)) as source:
            source.backup(copy)
        with contextlib.closing(copy):
            yield copy


def texts(database: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Yield all values that could be a secret, with the names of their columns."""
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        rows = database.execute(f'SELECT * FROM "{table}"')
        columns = [column for column, *_ in rows.description]
        for row in rows:
            for column, value in zip(columns, row, strict=True):
                if isinstance(value, str | bytes) and value:
                    yield f"{table}.{column}", value if isinstance(value, str) else value.hex()


def test_a_dump_holds_none_of_the_secrets(used):
    _, data, secrets = used
    secrets |= {
        f"key {key}": key for key in re.findall(r"[\w+/-]{32,}", (data / "instance.key").read_text(encoding="ascii"))
    }
    assert any(name.startswith("key ") for name in secrets)
    dumps = ["\n".join(database.iterdump()) for database in stolen(data)]
    assert any("anna" in dump for dump in dumps)
    for dump in dumps:
        assert [name for name, secret in secrets.items() if secret in dump] == []


def test_nothing_of_a_dump_lets_anybody_in(used):
    url, data, _ = used
    found = {value: column for database in stolen(data) for column, value in texts(database)}
    assert {"sessions.secret", "users.password", "download_tickets.ticket"} <= set(found.values())
    assert {"sessions.secret", "users.password", "links.secret", "links.password", "api_keys.sealed"} <= set(
        found.values()
    )
    with httpx2.Client(base_url=url, headers={"Origin": url}) as http:
        entered = [column for value, column in found.items() if any(enters(http, value, column))]
    assert entered == []


def enters(http: httpx2.Client, value: str, column: str) -> Iterator[bool]:
    """Try a value as a cookie, a bearer, a key, a link and, where it is one of an account, as a password."""
    headers = [{"Authorization": f"Bearer {value}"}, *(
        {"Cookie": f"{name}={value}"} for name in ("webviewer_session", "webviewer_admin")
    )]  # fmt: skip
    for header in headers:
        for path in ("/v2/session", "/v2/admin/session", "/v2/keys", "/v2/capacity"):
            with contextlib.suppress(ValueError):  # a line feed: no client could send it
                yield http.get(path, headers=header).status_code != HTTPStatus.UNAUTHORIZED
    with contextlib.suppress(ValueError):
        yield http.get(f"/v2/archives/{quote(value, safe='')}").is_success
    yield http.post("/api/link", json={}, params={"apikey": value}).status_code != HTTPStatus.UNAUTHORIZED
    # Attempts with what is no link are soon delayed, which says as little; one with a link never is.
    refused = {HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.TOO_MANY_REQUESTS}
    yield http.post("/v2/link-openings", json={"link": value}).status_code not in refused
    if value.startswith("$argon2") and not column.startswith("links."):
        for login, path in (("anna", "/v2/login"), ("admin", "/v2/admin/login")):
            answer = http.post(path, json={"user": login, "password": value})
            yield answer.status_code != HTTPStatus.UNAUTHORIZED
