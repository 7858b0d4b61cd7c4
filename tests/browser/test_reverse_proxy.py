"""The product behind a real nginx that runs the files of docs/proxy, with a browser and without."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import socket
import ssl
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import yaml
from playwright.sync_api import Page, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from webviewer_control.routes.uploads import MAX_PART_BYTES

DOCS = Path(__file__).parents[2] / "docs" / "proxy"
TOOLS = Path(__file__).parents[2] / ".cache" / "tools"
SHAPES = ("root", "prefix", "static")
SITES = ("http", "https", "redirect")
SECONDS = 60
LOGIN = "reader"
HELLO = json.dumps({"type": "hello", "version": 1})
FORBIDDEN = 4403
VISITOR = "127.0.0.5"
"""nginx asks from 127.0.0.1, which is trusted; a visitor of this address is somebody else."""


@dataclass(frozen=True)
class Address:
    """Where nginx serves one site in one shape; without TLS ``secure`` is empty."""

    plain: str
    secure: str
    prefix: str

    @property
    def start(self) -> str:
        """Address of the start page, by TLS where there is TLS."""
        return f"{self.secure or self.plain}{self.prefix}/"


@dataclass(frozen=True)
class Behind:
    """nginx with every shape of every site, and the one server behind all of them."""

    server: str
    addresses: dict[tuple[str, str], Address]
    configuration: str
    trusted: ssl.SSLContext
    administrator: httpx2.Client

    def visitor(self, url: str, local: str = "127.0.0.1", **headers: str) -> httpx2.Client:
        """A browser at this address, as far as HTTP goes."""
        transport = httpx2.HTTPTransport(local_address=local, verify=self.trusted)
        return httpx2.Client(base_url=url, transport=transport, headers=headers, timeout=SECONDS)

    def reader(self, url: str) -> httpx2.Client:
        """A logged-in visitor."""
        origin = re.match(r"https?://[^/]+", url)
        assert origin is not None
        http = self.visitor(url, Origin=origin[0])
        answer = http.post("v2/login", json={"user": LOGIN, "password": LOGIN})
        assert answer.status_code == 200, answer.text
        http.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return http


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


def make_certificate(require_program: Callable[[str], str], folder: Path) -> None:
    """Follow the recipe of the guide; it names the host that is tested instead of example.org."""
    command = next(line for line in (DOCS / "README.md").read_text().splitlines() if line.startswith("openssl req"))
    command = command.replace("/etc/ssl/private", f"{folder}").replace("/etc/ssl/certs", f"{folder}")
    command = command.replace("DNS:example.org", "IP:127.0.0.1")
    program, *arguments = command.split()
    subprocess.run([require_program(program), *arguments], check=True, capture_output=True, timeout=SECONDS)


def write_site(folder: Path, shape: str, site: str, ports: tuple[int, int]) -> Path:
    """Copy one of the example sites, with another port, folder and shape."""
    plain, secure = ports
    text = (DOCS / "nginx" / f"site-{site}.conf").read_text()
    changes = {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl;": f"listen 127.0.0.1:{secure} ssl;",
        "https://$host$request_uri": f"https://$host:{secure}$request_uri",
        "/etc/ssl/certs/": f"{folder}/",
        "/etc/ssl/private/": f"{folder}/",
        "/etc/nginx/webviewer/prefix.conf": f"{folder}/webviewer/{shape}.conf",
    }
    for before, after in changes.items():
        text = text.replace(before, after)
    file = folder / f"{shape}-{site}.conf"
    file.write_text(text)
    return file


def write_configuration(folder: Path, backend: str, pages: Path, sites: list[Path]) -> Path:
    """Put the example files below ``folder``, and what Debian's nginx.conf holds around them."""
    target = folder / "webviewer"
    target.mkdir()
    for source in (DOCS / "nginx").glob("*.conf"):
        text = source.read_text().replace("/etc/nginx/webviewer", f"{target}")
        text = text.replace("/usr/share/webviewer/html", f"{pages}").replace("127.0.0.1:8090", backend)
        (target / source.name).write_text(text)
    types = next(file for file in (Path("/etc/nginx/mime.types"), TOOLS / "mime.types") if file.is_file())
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    includes = "".join(f"include {file};\n" for file in (types, target / "upstream.conf", *sites))
    user = "user root;\n" if os.geteuid() == 0 else ""  # it reads the checkout, which may be closed to others
    file = folder / "nginx.conf"
    file.write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\ndefault_type application/octet-stream;\naccess_log {folder}/access.log;\n{temporary}{includes}}}\n"
    )
    return file


@contextlib.contextmanager
def nginx(program: str, configuration: Path, port: int) -> Iterator[str]:
    """Run nginx; yields the configuration as it understands it."""
    arguments = [program, "-e", f"{configuration.parent}/error.log", "-c", f"{configuration}"]
    dump = subprocess.run([*arguments, "-T"], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert dump.returncode == 0, dump.stderr
    assert "[warn]" not in dump.stderr
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
                break
            time.sleep(0.02)
        yield dump.stdout
    finally:
        process.terminate()
        process.wait(SECONDS)


@pytest.fixture(scope="module")
def behind(serve, pages, make_study, require_program, tmp_path_factory) -> Iterator[Behind]:
    folder = tmp_path_factory.mktemp("proxy")
    make_certificate(require_program, folder)
    addresses, files = {}, []
    for shape in SHAPES:
        prefix = "" if shape == "root" else "/web-viewer"
        for site in SITES:
            plain, secure = free_ports(2)
            url = "" if site == "http" else f"https://127.0.0.1:{secure}"
            addresses[shape, site] = Address(f"http://127.0.0.1:{plain}", url, prefix)
            files.append(write_site(folder, shape, site, (plain, secure)))
    settings = yaml.safe_load((DOCS / "webviewer.yaml").read_text())
    assert settings["server_url"] == "https://example.org/web-viewer/"
    settings["server_url"] = addresses["prefix", "http"].start
    settings["html"] = f"{pages}"
    settings["allowed_origins"] = [url for each in addresses.values() for url in (each.plain, each.secure) if url]
    (folder / "webviewer.yaml").write_text(yaml.safe_dump(settings))
    with serve(folder, "--config", f"{folder}/webviewer.yaml", demo=False) as (server, _, _):
        password = (folder / "data" / "initial-admin-password").read_text().strip()
        with httpx2.Client(base_url=server, timeout=SECONDS) as administrator:
            answer = administrator.post("/v2/admin/login", json={"user": "admin", "password": password})
            administrator.headers["X-CSRF-Token"] = answer.json()["csrf"]
            answer = administrator.post("/v2/admin/users", json={"login": LOGIN, "password": LOGIN})
            assert answer.status_code == 201, answer.text
            configuration = write_configuration(folder, server.removeprefix("http://"), pages, files)
            port = int(addresses["root", "http"].plain.rpartition(":")[2])
            trusted = ssl.create_default_context(cafile=f"{folder}/webviewer.pem")
            with nginx(require_program("nginx"), configuration, port) as understood:
                yield Behind(server, addresses, understood, trusted, administrator)


@pytest.fixture(scope="module")
def study(behind, phantom) -> str:
    """A study that was uploaded through nginx, as one body that is larger than nginx would take by itself."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index, content in enumerate(phantom.instances()):
            archive.writestr(f"{index}.dcm", content)
    content = buffer.getvalue()
    assert len(content) > 1024 * 1024
    digest = hashlib.sha256(content).hexdigest()
    with contextlib.closing(behind.reader(behind.addresses["prefix", "redirect"].start)) as http:
        query = {"offset": 0, "size": len(content), "name": "phantom.zip"}
        answer = http.put(f"v2/uploads/{digest}", params=query, content=content)
        deadline = time.monotonic() + SECONDS
        while answer.json()["state"] not in {"done", "failed"} and time.monotonic() < deadline:
            time.sleep(0.05)
            answer = http.get(f"v2/uploads/{digest}")
        assert answer.json()["state"] == "done", answer.text
        (found,) = http.get("v2/studies").json()["studies"]
        http.put("v2/settings/notice.diagnosis", json={"value": True}).raise_for_status()
    return str(found["id"])


def socket_of(behind: Behind, http: httpx2.Client, origin: str) -> ClientConnection:
    cookie = "; ".join(f"{key}={value}" for key, value in http.cookies.items())
    address = f"{http.base_url}eventQueue".replace("http", "ws", 1)
    tls = behind.trusted if address.startswith("wss") else None
    return connect(address, origin=origin, additional_headers={"Cookie": cookie}, compression=None, ssl=tls)


@pytest.mark.contract("O01", "O02", "O03", "O04", "O06")
@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("shape", SHAPES)
def test_pages_cookies_and_the_socket_work_in_every_shape_with_and_without_tls(behind, shape, site):
    address = behind.addresses[shape, site]
    for start in {address.start, f"{address.secure or address.plain}{address.prefix}/"}:
        with contextlib.closing(behind.reader(start)) as http:
            for page in ("", "login", "about", "viewer/image", "viewer/mpr", "viewer/3d", "settings/", "admin/users"):
                answer = http.get(page)
                assert answer.status_code == 200, page
                assert answer.headers["content-type"] == "text/html; charset=utf-8"
                assert 'id="app"' in answer.text
            cookie = http.post("v2/login", json={"user": LOGIN, "password": LOGIN}).headers["set-cookie"]
            attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
            assert f"path={address.prefix or '/'}" in attributes
            assert ("secure" in attributes) == start.startswith("https")
            origin = str(http.headers["Origin"])
            with socket_of(behind, http, origin) as connection:
                connection.send(HELLO)
                assert json.loads(connection.recv(timeout=SECONDS))["type"] == "hello"
            with socket_of(behind, http, "https://elsewhere.example") as connection:
                connection.send(HELLO)
                with pytest.raises(ConnectionClosed) as refused:
                    connection.recv(timeout=SECONDS)
                assert refused.value.rcvd.code == FORBIDDEN


@pytest.mark.contract("O06")
@pytest.mark.parametrize("shape", SHAPES)
def test_http_leads_to_https_with_path_and_query_and_what_has_another_address_stays_below_the_path(behind, shape):
    redirecting = behind.addresses[shape, "redirect"]
    with contextlib.closing(behind.visitor(redirecting.plain)) as http:
        answer = http.get(f"{redirecting.prefix}/viewer/image?s=1&x=%D1%8F")
        assert answer.status_code == 308
        assert answer.headers["location"] == f"{redirecting.secure}{redirecting.prefix}/viewer/image?s=1&x=%D1%8F"
    address = behind.addresses[shape, "https"]
    with contextlib.closing(behind.visitor(address.start)) as http:
        answer = http.get("admin?a=1", follow_redirects=True)
        assert answer.url == f"{address.start}admin/?a=1"
        if address.prefix:
            bare = http.get(f"{address.secure}{address.prefix}?a=1", follow_redirects=True)
            assert bare.url == f"{address.start}?a=1"
            assert http.get(f"{address.secure}/").status_code == 404
        missing = http.get("a/b", headers={"Accept": "text/html"})
        assert missing.status_code == 404
        assert 'content="1"' in missing.text


@pytest.mark.contract("O01", "B07")
def test_pages_served_by_nginx_are_those_of_the_server_with_its_headers(behind):
    with (
        contextlib.closing(behind.visitor(behind.addresses["static", "http"].start)) as static,
        contextlib.closing(behind.visitor(behind.addresses["prefix", "http"].start)) as proxied,
    ):
        page = proxied.get("viewer/image").text
        asset = re.search(r'src="\.\./(assets/[^"]+\.js)"', page)
        assert asset is not None
        for path in ("", "viewer/image", "settings/", "admin/", asset[1]):
            served, own = static.get(path), proxied.get(path)
            assert served.text == own.text
            for name in ("cache-control", "x-content-type-options", "referrer-policy", "cross-origin-opener-policy"):
                assert served.headers[name] == own.headers[name], name
            # By the server's own policy pages may call server_url too; nginx serves pages and API at one address.
            policies = [answer.headers["content-security-policy"].split("; ") for answer in (served, own)]
            pages_policy, own_policy = ({part for part in each if "connect-src" not in part} for each in policies)
            assert pages_policy == own_policy
        assert static.get(asset[1]).headers["content-encoding"] == "gzip"
        assert static.get(".config.json").json() == proxied.get(".config.json").json()


@pytest.mark.parametrize("shape", SHAPES)
def test_programs_that_make_links_get_the_answer_of_the_server(behind, shape):
    with (
        contextlib.closing(behind.visitor(behind.addresses[shape, "https"].start)) as through,
        contextlib.closing(behind.visitor(behind.server)) as past,
    ):
        answers = [http.post("api/link", json={}) for http in (through, past)]
        assert len({(answer.status_code, answer.json()["code"]) for answer in answers}) == 1


def test_the_largest_part_of_an_upload_passes(behind):
    content = bytes(MAX_PART_BYTES)
    query = {"offset": 0, "size": 2 * len(content), "name": "zeros"}
    digest = hashlib.sha256(2 * content).hexdigest()
    with contextlib.closing(behind.reader(behind.addresses["static", "https"].start)) as http:
        answer = http.put(f"v2/uploads/{digest}", params=query, content=content)
        assert (answer.status_code, answer.json()["received"]) == (200, len(content)), answer.text
        http.delete(f"v2/uploads/{digest}").raise_for_status()


@pytest.mark.contract("O05")
def test_the_journal_knows_the_visitor_and_believes_headers_of_nobody_but_the_proxy(behind):
    spoofed = {"X-Forwarded-For": "203.0.113.7", "X-Real-IP": "203.0.113.7"}
    through = behind.visitor(behind.addresses["prefix", "https"].start, VISITOR, **spoofed)
    past = behind.visitor(behind.server, VISITOR, **spoofed, **{"X-Forwarded-Prefix": "/elsewhere"})
    for name, http in (("through", through), ("past", past)):
        with contextlib.closing(http):
            assert http.post("v2/login", json={"user": name, "password": "wrong"}).json()["code"] == "wrong_credentials"
        found = behind.administrator.get("/v2/admin/journal", params={"user": name}).json()["events"]
        assert [row["details"]["address"] for row in found] == [VISITOR]


@pytest.mark.contract("O05")
def test_nothing_is_buffered_and_answers_may_take_five_minutes(behind):
    for directive in (
        "proxy_read_timeout 310s", "proxy_buffering off", "proxy_request_buffering off", "client_max_body_size 100m",
        "keepalive 16",
    ):  # fmt: skip
        assert f"    {directive};" in behind.configuration or f"\n{directive};" in behind.configuration


@pytest.mark.contract("O01", "O04", "O06")
@pytest.mark.parametrize(("shape", "site"), [("prefix", "http"), ("static", "redirect")])
def test_a_study_is_opened_in_a_browser_below_a_path(behind, study, chromium, shape, site):
    address = behind.addresses[shape, site]
    with contextlib.closing(chromium.new_context(ignore_https_errors=True, locale="en-US")) as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address.plain}{address.prefix}/")
        log_in(page)
        expect(page).to_have_url(address.start)
        page.locator(f"tr[data-id='{study}']").dblclick()
        expect(page).to_have_url(re.compile(rf"^{re.escape(address.start)}viewer/image"))
        expect(page.locator("[data-quality=lossless]").first).to_be_visible(timeout=30_000)
        page.goto(address.start)
        page.get_by_role("button", name=f"User menu: {LOGIN}").click()
        page.get_by_text("Log out").click()
        expect(page).to_have_url(f"{address.start}login")
        assert context.request.get(f"{address.start}v2/session").status == 401
        assert errors == []


def log_in(page: Page) -> None:
    expect(page.get_by_label("User name")).to_be_focused()
    page.get_by_label("User name").fill(LOGIN)
    page.get_by_label("Password", exact=True).fill(LOGIN)
    page.keyboard.press("Enter")
