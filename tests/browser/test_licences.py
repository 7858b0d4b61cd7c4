"""Licences in the panel and at the log-in: a server of its own, because the licence is the whole server's."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import secrets
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from webviewer.domain.licence import Licence
from webviewer.wire.licences import Vendor

VENDOR = Vendor.generate()
AXE = Path(__file__).parents[2] / "html/node_modules/axe-core/axe.min.js"
GRAVE = {"serious", "critical"}


class Licensed:
    """The running server, with its administrator's calls."""

    def __init__(self, url: str, open_page, new_context) -> None:
        self.url = url
        self._open = open_page
        self.admin = new_context("", base_url=url).request
        answer = self.admin.post("/v2/admin/login", data={"user": "admin", "password": "admin"})
        self._headers = {"X-CSRF-Token": answer.json()["csrf"]}
        self.product = self.admin.get("/v2/admin/licence").json()["product_code"]

    def issue(self, kind: str, **fields: object) -> str:
        issued = dt.datetime.now(dt.UTC)
        fields = {"id": secrets.token_hex(16), "product": self.product, "issued": issued} | fields
        return VENDOR.sign(Licence(type=kind, **fields))

    def activate(self, kind: str, **fields: object) -> None:
        self.call("POST", "/v2/admin/licence", {"key": self.issue(kind, **fields)})

    def call(self, method: str, path: str, data: object = None) -> object:
        answer = self.admin.fetch(path, method=method, data=data, headers=self._headers)
        assert answer.ok, answer.text()
        return answer.json() if answer.status != 204 else None

    def user(self, login: str) -> dict[str, object]:
        return self.call("GET", f"/v2/admin/users?search={login}")["users"][0]

    def add(self, login: str) -> dict[str, object]:
        return self.call("POST", "/v2/admin/users", {"login": login, "password": login})

    def end_sessions(self) -> None:
        for user in self.call("GET", "/v2/admin/users?limit=200")["users"]:
            self.call("DELETE", f"/v2/admin/users/{user['id']}/sessions")

    def panel(self, path: str, locale: str = "en-US") -> Page:
        page = self._open("", base_url=self.url, locale=locale)
        answer = page.context.request.post("/v2/admin/login", data={"user": "admin", "password": "admin"})
        assert answer.ok
        page.goto(path)
        return page

    def login_page(self, login: str, locale: str = "en-US") -> Page:
        """A browser in which somebody has typed his name and password and pressed Enter."""
        page = self._open("", "/login", base_url=self.url, locale=locale)
        field = page.locator("input[autocomplete=username]")
        expect(field).to_be_focused()
        field.fill(login)
        page.locator("input[autocomplete=current-password]").fill(login)
        page.keyboard.press("Enter")
        return page


@pytest.fixture(scope="session")
def licensed_url(pages, serve_product, tmp_path_factory):
    folder = tmp_path_factory.mktemp("licensed")
    settings = folder / "webviewer.json"
    settings.write_text(json.dumps({"licensing": "enforced", "licence_keys": [VENDOR.public_key]}))
    with serve_product(folder, "--html", str(pages), "-c", str(settings), "--no-dicom") as (url, _, _):
        yield url


@pytest.fixture
def licensed(licensed_url, new_page, new_context) -> Licensed:
    server = Licensed(licensed_url, new_page, new_context)
    server.end_sessions()
    return server


def card(page: Page, title: str = "Licence"):
    return page.locator("section.card").filter(has=page.get_by_role("heading", name=title, exact=True))


def fact(page: Page, name: str):
    return page.locator(f"dt:text-is('{name}') + dd")


def look(page: Page, name: str) -> None:
    """Keep a picture where somebody wants to look at it."""
    if folder := os.environ.get("WEBVIEWER_LOOK"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def grave_violations(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:300]}" for rule in found if rule["impact"] in GRAVE]


# The tests follow the life of one installation, so their order matters: first the trial, which comes once.


@pytest.mark.contract("E04", "E05", "E06", "E07")
def test_the_trial_is_activated_once_and_shows_its_type_and_end(licensed):
    page = licensed.panel("/admin/server")
    expect(page.get_by_role("textbox", name="Product code")).to_have_value(licensed.product)
    expect(page.get_by_text("No licence is active: nobody but the administrator can log in.")).to_be_visible()
    expect(fact(page, "Licence type")).to_have_text("none")
    refused = licensed.login_page("demo")
    expect(refused.get_by_role("alert").filter(has_text="No licence is active. Ask the administrator")).to_be_visible()
    assert grave_violations(page) == []
    page.get_by_role("button", name="Activate trial").click()
    expect(fact(page, "Licence type")).to_have_text("Trial")
    day = dt.datetime.now().astimezone() + dt.timedelta(days=14)
    expect(fact(page, "End date")).to_contain_text(f"{day:%Y-%m-%d}")
    expect(page.get_by_role("button", name="Activate trial")).to_have_count(0)
    look(page, "trial")
    entered = licensed.login_page("demo")
    expect(
        entered.get_by_role("heading", name="Studies").or_(entered.get_by_label("Patient name")).first
    ).to_be_visible()
    left = entered.context.request.get("/v2/session").json()["expires_in"]
    assert left <= 3600


@pytest.mark.contract("E05", "E07", "E10", "E12")
def test_a_licence_is_activated_by_key_and_by_file_and_shows_its_fields(licensed, tmp_path):
    page = licensed.panel("/admin/server")
    key, activate = (
        page.get_by_role("textbox", name="Licence key"),
        page.get_by_role("button", name="Activate", exact=True),
    )
    activate.click()
    expect(page.get_by_text("Fill in this field")).to_be_visible()
    expect(key).to_be_focused()
    for wrong, words in (
        ("nonsense", "This is no licence key of a known vendor. Copy it whole"),
        (licensed.issue("unified", product="WV-00000-00000-00000-00000"), "The key is not for this product code"),
        (licensed.issue("personal"), "Personal keys are activated in the card of their user"),
        (licensed.issue("unified", ends=dt.datetime(2020, 5, 1, 12, tzinfo=dt.UTC)), "The licence ended on 2020-05-01"),
    ):
        key.fill(wrong)
        activate.click()
        expect(page.get_by_text(words)).to_be_visible()
        expect(key).to_have_attribute("aria-invalid", "true")
    by_hand = licensed.issue("concurrent", concurrents=3)
    key.fill(by_hand)
    activate.click()
    expect(fact(page, "Licence type")).to_have_text("Concurrent")
    expect(fact(page, "Concurrents")).to_contain_text("0 of 3 in use")
    expect(fact(page, "End date")).to_have_text("never")
    expect(page.get_by_text("The licence was activated")).to_be_visible()
    expect(page.get_by_text("Connections by link")).to_have_count(0)
    key.fill(by_hand)
    activate.click()
    expect(page.get_by_text("This key was used before")).to_be_visible()
    file = tmp_path / "clinic.licence"
    fields = {"concurrents": 5, "link_connections": 2, "links": 100, "policy": "links-use-users"}
    text = licensed.issue("unified", ends=dt.datetime(2999, 12, 31, 12, tzinfo=dt.UTC), **fields)
    file.write_text(f"# for the clinic\n{text[:80]}\n{text[80:]}\n")
    page.locator("input[type=file]").set_input_files(file)
    expect(fact(page, "Licence type")).to_have_text("Unified")
    expect(fact(page, "Connections by link")).to_contain_text("0 of 2 in use")
    expect(fact(page, "Number of links")).to_have_text("100")
    expect(fact(page, "Used links")).to_have_text("0")
    expect(fact(page, "Connection use policy")).to_have_text("Openings by link may use connections of users")
    expect(fact(page, "End date")).to_contain_text("2999-12-31")
    page.get_by_role("button", name="Copy the product code").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert grave_violations(page) == []
    look(page, "unified")
    russian = licensed.panel("/admin/server", "ru-RU")
    expect(fact(russian, "Тип лицензии")).to_have_text("Единый")
    policy = "Подключения по ссылке могут использовать подключения пользователей"
    expect(fact(russian, "Политика использования подключений")).to_have_text(policy)
    assert grave_violations(russian) == []
    look(russian, "unified-russian")
    russian.goto("/admin/journal")
    expect(russian.locator("tbody").get_by_text("Лицензия активирована").first).to_be_visible()
    expect(russian.get_by_text("Этот ключ уже использовался").first).to_be_visible()
    look(russian, "journal")


@pytest.mark.contract("E09", "F09")
def test_when_no_connection_is_free_the_log_in_says_so_in_the_readers_language(licensed):
    licensed.activate("concurrent", concurrents=1)
    first = licensed.login_page("demo")
    expect(first.get_by_label("Patient name").first).to_be_visible()
    licensed.add("lena")
    second = licensed.login_page("lena", "ru-RU")
    words = "подключения заняты. Попробуйте, когда кто-нибудь выйдет"
    expect(second.get_by_role("alert").filter(has_text=words)).to_be_visible()
    look(second, "no-seat")
    third = licensed.login_page("lena")
    words = "All connections are in use. Try again when somebody logs out"
    expect(third.get_by_role("alert").filter(has_text=words)).to_be_visible()
    panel = licensed.panel("/admin/users")
    panel.locator("tbody tr[data-id]").filter(has_text="lena").click()
    expect(panel.get_by_role("complementary", name="Settings")).to_be_visible()
    expect(panel.get_by_role("textbox", name="Licence key")).to_have_count(0)
    licensed.end_sessions()
    third.locator("input[autocomplete=current-password]").press("Enter")
    expect(third).not_to_have_url("/login")


@pytest.mark.contract("E09", "E12")
def test_where_no_place_is_free_a_link_says_so_and_opens_by_itself_when_one_is(licensed, make_study, new_page):
    licensed.activate("concurrent", concurrents=1)
    user = licensed.login_page("demo")
    expect(user.get_by_label("Patient name").first).to_be_visible()
    calls = user.context.request
    headers = {"X-CSRF-Token": calls.get("/v2/session").json()["csrf"]}
    [content] = make_study("Seat^Taken", 1)
    upload = f"/v2/uploads/{hashlib.sha256(content).hexdigest()}?offset=0&size={len(content)}"
    assert calls.put(upload, data=content, headers={"Content-Type": "application/octet-stream"} | headers).ok
    user.wait_for_function("async () => (await (await fetch('/v2/studies?name=Seat')).json()).total === 1")
    study = calls.get("/v2/studies", params={"name": "Seat"}).json()["studies"][0]["id"]
    made = calls.post("/v2/links", data={"study": study}, headers=headers).json()
    page = new_page("", f"/viewer/image?{made['queries']['link_query']}", base_url=licensed.url)
    expect(page.get_by_text("All places for links are taken. The page tries again by itself.")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Next attempt in \d+ s"))).to_be_visible()
    look(page, "no-place")
    licensed.end_sessions()
    expect(page.locator("[data-quality=lossless]")).to_be_visible(timeout=45_000)
    licensed.call("DELETE", f"/v2/admin/links/{made['link']['id']}")  # its opening would keep the one place
    expect(page.get_by_text("The session has ended")).to_be_visible()


@pytest.mark.contract("E08", "F07", "F09")
def test_the_card_of_a_user_activates_and_deletes_his_key(licensed):
    licensed.activate("unified", concurrents=1)
    licensed.add("olga")
    key = licensed.issue("personal")
    page = licensed.panel("/admin/users")
    row = page.locator("tbody tr[data-id]").filter(has_text="olga")
    row.click()
    expect(page.get_by_text("No key of his own")).to_be_visible()
    page.get_by_role("textbox", name="Licence key").fill(key)
    page.get_by_role("button", name="Activate", exact=True).click()
    expect(page.get_by_text("Always gets in. End date: never")).to_be_visible()
    expect(row).to_contain_text("Personal")
    assert grave_violations(page) == []
    look(page, "user")
    blocker = licensed.login_page("demo")
    expect(blocker.get_by_label("Patient name").first).to_be_visible()
    entered = licensed.login_page("olga")
    expect(entered.get_by_label("Patient name").first).to_be_visible()
    page.get_by_role("button", name="Delete key").click()
    question = page.get_by_role("alertdialog")
    expect(question.get_by_text("A deleted key cannot be used again.")).to_be_visible()
    question.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("No key of his own")).to_be_visible()
    page.get_by_role("textbox", name="Licence key").fill(key)
    page.get_by_role("button", name="Activate", exact=True).click()
    expect(page.get_by_text("This key was used before")).to_be_visible()
    refused = licensed.login_page("olga")
    expect(refused.get_by_role("alert").filter(has_text="All connections are in use")).to_be_visible()


@pytest.mark.contract("E10")
def test_the_overview_warns_of_a_licence_that_ends_soon_and_leads_to_it(licensed):
    licensed.activate("unified", concurrents=1, ends=dt.datetime.now(dt.UTC) + dt.timedelta(days=3))
    page = licensed.panel("/admin/overview")
    warning = (
        page.get_by_role("list", name="Warnings").get_by_role("listitem").filter(has_text="The licence ends soon.")
    )
    expect(warning).to_be_visible()
    look(page, "overview")
    warning.get_by_role("link", name="Open").click()
    expect(page.get_by_role("textbox", name="Product code")).to_be_visible()


def test_a_server_without_licensing_says_so_and_nothing_else(new_page):
    page = new_page("")
    answer = page.context.request.post("/v2/admin/login", data={"user": "admin", "password": "admin"})
    assert answer.ok
    page.goto("/admin/server")
    expect(card(page).get_by_text("Licensing is off: no limits")).to_be_visible()
    expect(card(page).get_by_role("button")).to_have_count(0)
    page.goto("/admin/users")
    expect(page.locator("tbody tr[data-id]").first).to_be_visible()
    expect(page.get_by_role("columnheader", name="Licence")).to_have_count(0)
    page.locator("tbody tr[data-id]").first.click()
    expect(page.get_by_role("complementary", name="Settings")).to_be_visible()
    expect(page.get_by_role("textbox", name="Licence key")).to_have_count(0)
