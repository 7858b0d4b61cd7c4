"""Pages, assets, base path and headers."""

import pytest


@pytest.fixture
async def site(start, pages):
    return await start(html=pages.folder)


@pytest.mark.parametrize(
    ("path", "html"),
    [
        ("/", "index.html"),
        ("/login", "index.html"),
        ("/about", "index.html"),
        ("/viewer/image", "viewer/index.html"),
        ("/viewer/mpr", "viewer/index.html"),
        ("/viewer/3d?study=1", "viewer/index.html"),
        ("/settings/", "settings/index.html"),
        ("/settings/hotkeys", "settings/index.html"),
        ("/admin/", "admin/index.html"),
        ("/admin/users", "admin/index.html"),
    ],
)
@pytest.mark.contract("E01", "O02")
async def test_every_page_is_served_by_its_html(site, path, html):
    client = await site.client()
    answer = await client.get(path)
    assert answer.status_code == 200
    assert f"<title>{html}</title>" in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/admin?a=1", "/admin/?a=1"),
        ("/settings", "/settings/"),
        ("/viewer?study=a%20b&x=%D1%8F", "/viewer/?study=a%20b&x=%D1%8F"),
        ("/viewer/image/?study=1", "/viewer/image?study=1"),
        ("/login/", "/login"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/web-viewer"])
async def test_another_address_of_a_page_leads_to_the_right_one_and_keeps_the_query(start, pages, path, target, prefix):
    running = await start(html=pages.folder, base_path=prefix)
    client = await running.client()
    answer = await client.get(prefix + path)
    assert answer.status_code == 308
    assert str(answer.next_request.url) == f"{running.url}{prefix}{target}"


@pytest.mark.contract("O01")
async def test_everything_lives_under_a_base_path_whether_or_not_the_proxy_strips_it(start, pages):
    running = await start(html=pages.folder, trusted_proxies=("127.0.0.0/8",))
    await running.create_user()
    client = await running.client(**{"X-Forwarded-Prefix": "/web-viewer/"})
    for prefix in ("", "/web-viewer"):
        assert "index.html" in (await client.get(f"{prefix}/")).text
        assert (await client.get(f"{prefix}/viewer/image")).status_code == 200
        assert (await client.get(f"{prefix}/assets/main-abc123.js")).status_code == 200
        assert (await client.get(f"{prefix}/v2/version")).status_code == 200
    bare = await client.get("/web-viewer?a=1")
    assert str(bare.next_request.url) == f"{running.url}/web-viewer/?a=1"
    login = await client.post("/web-viewer/v2/login", json={"user": "anna", "password": "secret"})
    assert "Path=/web-viewer" in login.headers["set-cookie"]


async def test_a_prefix_from_anybody_else_does_not_count(site):
    client = await site.client(**{"X-Forwarded-Prefix": "/elsewhere"})
    await site.create_user()
    login = await client.post("/v2/login", json={"user": "anna", "password": "secret"})
    assert "Path=/;" in login.headers["set-cookie"] + ";"


async def test_hashed_assets_are_kept_for_ever_and_confirmed_by_etag(site):
    client = await site.client()
    answer = await client.get("/assets/main-abc123.js")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "javascript" in answer.headers["content-type"]
    again = await client.get("/assets/main-abc123.js", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/.keep",
        "/assets/missing.js",
        "/viewer/other",
        "/viewer/image/more",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
        "/assets",
        "/v2/unknown",
        "/admin//evil.example",
        "/%00",
    ],
)
async def test_what_is_not_there_is_not_found(site, path):
    client = await site.client()
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("path", "up", "depth"), [("/mistyped", "./", 0), ("/viewer/other", "../", 1), ("/a/b/", "../../", 2)]
)
async def test_who_opens_an_unknown_address_in_a_browser_gets_a_page_that_finds_its_assets(
    site, pages, path, up, depth
):
    page = '<meta name="webviewer-depth" content="0" /><script src="./assets/main-abc123.js"></script>'
    (pages.folder / "index.html").write_text(page)
    client = await site.client()
    answer = await client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == 404
    assert answer.text == page.replace('"./', f'"{up}').replace('content="0"', f'content="{depth}"')
    assert (await client.get("/v2/unknown", headers={"Accept": "text/html"})).json()["code"] == "not_found"


@pytest.mark.contract("B08")
async def test_the_pages_configuration_comes_from_settings_not_from_the_file(start, pages):
    running = await start(html=pages.folder, server_url="https://clinic.example/")
    client = await running.client()
    assert (await client.get("/.config.json")).json() == {
        "serverUrl": "https://clinic.example/",
        "demo": False,
        "signOn": None,
    }


async def test_headers_tell_browsers_what_pages_never_do(start, pages):
    running = await start(html=pages.folder, frame_ancestors="'self' https://ris.example")
    client = await running.client()
    for path in ("/", "/assets/main-abc123.js", "/v2/session", "/missing"):
        headers = (await client.get(path)).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["script-src"] == "'self'"
        assert policy["frame-ancestors"] == "'self' https://ris.example"
        assert policy["object-src"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


async def test_without_built_pages_the_server_says_how_to_get_them(start, tmp_path):
    running = await start(html=tmp_path)
    client = await running.client()
    answer = await client.get("/")
    assert answer.status_code == 503
    assert "make html" in answer.text
    assert (await client.get("/assets/main.js")).status_code == 404
    assert (await client.get("/healthz")).status_code == 200


async def test_the_log_holds_no_query(site, capsys):
    client = await site.client()
    await client.get("/v2/version?name=patient")
    output = capsys.readouterr().out
    assert "/v2/version" in output
    assert "patient" not in output
