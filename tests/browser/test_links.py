"""Links: made in the list and in the viewer, copied, opened by people without an account, revoked."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import httpx2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from .test_accessibility import axe, grave_violations

__all__ = ["axe"]

PERSON = {
    "PatientID": "PID-4711",
    "AccessionNumber": "ACC-0815",
    "StudyDescription": "Chest of Anna",
    "SeriesDescription": "Breath of Anna",
    "InstitutionName": "Clinic Nine",
    "ReferringPhysicianName": "Petrow^Boris",
}
NAMES = ("Ivanova", "Anna", "Petrow", "PID-4711", "ACC-0815", "Clinic Nine")
KINDS = {"anonymised": "anonymized_link_query", "full": "link_query", "download": "download_link_query"}
DEAD = "This link does not work. Ask the person who sent it for a new one."
DEAD_RUSSIAN = "Ссылка не работает. Попросите отправителя прислать новую."
# What the page says in either language.
WORDS = {
    "en": ("Opened by link", {"anonymised": "Anonymised", "full": "With personal data", "download": "With download"}),
    "ru": (
        "Открыто по ссылке",
        {"anonymised": "Анонимно", "full": "персональными данными", "download": "возможностью скачивания"},
    ),
}
COPIED = {"en": "Copied: link to the anonymised study", "ru": "Скопирована ссылка на анонимизированное исследование"}
# The badges on a thumbnail count as a part of its label, which says the same in words.
BADGES = ("label-content-name-mismatch",)
LOCALES = {"en": "en-US", "ru": "ru-RU"}


@dataclass
class Maker:
    """A user with one study, who makes links to it without a browser."""

    login: str
    http: httpx2.Client

    @property
    def study(self) -> str:
        return str(self.http.get("/v2/studies", params={"name": "Ivanova*"}).json()["studies"][0]["id"])

    def link(self, **terms: object) -> tuple[str, dict[str, str]]:
        """Make a link; its id and its three addresses."""
        answer = self.http.post("/v2/links", json={"study": self.study} | terms)
        assert answer.is_success, answer.text
        queries = answer.json()["queries"]
        return answer.json()["link"]["id"], {kind: f"/viewer/image?{queries[name]}" for kind, name in KINDS.items()}


@pytest.fixture(scope="session")
def maker(people, log_in, make_study) -> Maker:
    login = people.add(notice__diagnosis=True)
    people.store(login, make_study("Ivanova^Anna", 3, **PERSON))
    return Maker(login, log_in(login))


def look(page: Page, name: str) -> None:
    """Keep a picture where somebody wants to look at it."""
    if folder := os.environ.get("WEBVIEWER_LOOK"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def picture(page: Page) -> np.ndarray:
    """The pixels of the first viewport, once they are final."""
    expect(page.locator("[data-quality=lossless]").first).to_be_visible(timeout=30_000)
    script = """async (canvas) => {
        const blob = await new Promise((done) => canvas.toBlob(done));
        return [...new Uint8Array(await blob.arrayBuffer())];
    }"""
    return np.asarray(
        Image.open(io.BytesIO(bytes(page.locator(".viewport-canvas").first.evaluate(script)))).convert("L")
    )


def listen(page: Page) -> list[str]:
    """Collect what the page is told by the server: every answer, and every text of its socket."""
    heard: list[str] = []

    def answered(response) -> None:
        if "/assets/" not in response.url:
            heard.append(response.body().decode("utf-8", "replace"))

    page.on("requestfinished", lambda request: answered(request.response()))
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: heard.append(str(data)[:4000])))
    return heard


@pytest.mark.contract("M03", "R09", "R10", "B08")
@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_link_is_made_in_the_list_copied_and_opened_by_anybody(new_page, maker, language):
    page = new_page(maker.login, locale=LOCALES[language], permissions=["clipboard-read", "clipboard-write"])
    opened, modes = WORDS[language]
    page.goto(f"/viewer/image?s={maker.study}")
    own = picture(page)
    page.goto("/")
    row = page.get_by_role("row").filter(has_text="Ivanova Anna")
    row.get_by_role("button", name="Create link…" if language == "en" else "Создать ссылку…").click()
    dialog = page.get_by_test_id("link-dialog")
    expect(dialog).to_contain_text("Ivanova Anna")
    dialog.get_by_label("Comment" if language == "en" else "Комментарий").fill("for a second opinion")
    dialog.get_by_role("button", name="Create" if language == "en" else "Создать", exact=True).click()
    copy = dialog.locator("[data-kind=anonymised]").get_by_role("button", name=re.compile("^(Copy|Копировать) "))
    copy.click()
    expect(page.get_by_role("status").filter(has_text=COPIED[language])).to_be_visible()
    addresses = {kind: dialog.locator(f"[data-kind={kind}] input").input_value() for kind in KINDS}
    assert page.evaluate("navigator.clipboard.readText()") == addresses["anonymised"]
    look(page, f"link-made-{language}")
    for kind, address in addresses.items():
        guest = new_page("", locale=LOCALES[language])
        heard = listen(guest)
        guest.goto(address)
        np.testing.assert_array_equal(picture(guest), own)
        bar = guest.get_by_test_id("link-bar")
        expect(bar).to_contain_text(opened)
        expect(bar).to_contain_text(modes[kind])
        expect(guest.locator("nav.tabs, nav.menu, .bar__menu")).to_have_count(0)
        expect(guest.locator("[data-tool=link]")).to_have_count(0)
        assert re.fullmatch(r"https?://[^/]+/viewer/image/?", guest.url)
        look(guest, f"link-{kind}-{language}")
        if kind == "anonymised":
            expect(guest).to_have_title("Study 1 - CT" if language == "en" else "Исследование 1 - CT")
            told = [text for text in [*heard, guest.content()] if any(name in text for name in NAMES)]
            assert told == []
            assert any("/v2/studies/" in text or '"series"' in text for text in heard)
        else:
            expect(guest).to_have_title("Ivanova Anna - CT")
            download = bar.get_by_role("button", name=re.compile("^(Download the study|Скачать исследование)$"))
            expect(download).to_have_count(int(kind == "download"))
            if kind == "download":
                with guest.expect_download() as saved:
                    download.click()
                assert len([name for name in ZipFile(saved.value.path()).namelist() if "DICOMDIR" not in name]) == 3
            guest.reload()
            np.testing.assert_array_equal(picture(guest), own)


@pytest.mark.contract("M02", "R10")
def test_a_link_of_one_series_is_made_in_the_viewer_with_a_password_and_one_opening(new_page, site, axe):
    page = new_page("demo", f"/viewer/image?s={site.study}&series=1")
    picture(page)
    page.keyboard.press("Shift+K")
    dialog = page.get_by_test_id("link-dialog")
    dialog.locator(".v-select").filter(has_text="Series").click()
    page.get_by_role("option", name="This one only").click()
    dialog.locator(".v-select").filter(has_text="Validity").click()
    page.get_by_role("option", name="7 days").click()
    dialog.get_by_label("Password (empty: none)").fill("open sesame")
    dialog.get_by_label("Opens at most (empty: any number)").fill("0")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(dialog.get_by_text("A number from 1 to 1000000")).to_be_visible()
    dialog.get_by_label("Opens at most (empty: any number)").fill("1")
    assert grave_violations(page, axe, *BADGES) == []
    dialog.get_by_role("button", name="Create", exact=True).click()
    row = dialog.locator("[data-kind=full]")
    row.get_by_role("button", name=re.compile("QR")).click()
    expect(row.get_by_role("img")).to_be_visible()
    assert grave_violations(page, axe, *BADGES) == []
    look(page, "link-qr")
    address = row.locator("input").input_value()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    guest = new_page("", address)
    field = guest.get_by_label("Password", exact=True)
    expect(field).to_be_focused()
    look(guest, "link-password")
    field.fill("nonsense")
    guest.keyboard.press("Enter")
    expect(guest.get_by_role("alert").filter(has_text="Wrong password")).to_be_visible()
    assert grave_violations(guest, axe) == []
    field.fill("open sesame")
    guest.keyboard.press("Enter")
    picture(guest)
    expect(guest.get_by_test_id("series")).to_have_count(1)
    second = new_page("", address)
    expect(second.get_by_label("Password", exact=True)).to_have_count(0)
    expect(second.get_by_role("alert").filter(has_text=DEAD)).to_be_visible()


@pytest.mark.parametrize(("language", "text"), [("en", DEAD), ("ru", DEAD_RUSSIAN)])
def test_a_wrong_link_has_one_page_for_all_causes(new_page, maker, axe, language, text):
    _, made = maker.link()
    mistyped = [made["anonymised"][:-1], made["full"][:-1], "/viewer/3d?link=A&download=B"]
    forbidden = "/viewer/mpr?user=demo&studyUid=1.2"
    page = new_page("", locale=LOCALES[language])
    for address in [*mistyped, forbidden]:
        page.goto(address)
        expect(page.get_by_role("alert").filter(has_text=text)).to_be_visible()
        assert "?" not in page.url
    assert grave_violations(page, axe) == []
    look(page, f"link-wrong-{language}")


@pytest.mark.contract("M03")
def test_a_revoked_link_closes_what_it_has_opened_and_does_not_disturb_a_tab_of_the_user(new_page, maker, axe):
    link, addresses = maker.link(comment="to be revoked")
    page = new_page(maker.login, "/links")
    expect(page.get_by_role("row").filter(has_text="to be revoked")).to_be_visible()
    guest = page.context.new_page()
    cookies: list[str] = []
    guest.on(
        "request", lambda request: "/v2/" in request.url and cookies.append(request.all_headers().get("cookie", ""))
    )
    guest.goto(addresses["full"])
    picture(guest)
    assert cookies
    assert set(cookies) == {""}
    page.bring_to_front()
    page.get_by_role("row").filter(has_text="to be revoked").get_by_role("button", name="Revoke").click()
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("Ivanova Anna")
    question.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row").filter(has_text="to be revoked")).to_contain_text("Revoked")
    assert grave_violations(page, axe) == []
    look(page, "links")
    guest.bring_to_front()
    expect(guest.get_by_role("heading", name="The session has ended")).to_be_visible()
    expect(guest.locator(".viewport-canvas")).to_have_count(0)
    look(guest, "link-ended")
    guest.get_by_role("button", name="Open again").click()
    expect(guest.get_by_role("alert").filter(has_text=DEAD)).to_be_visible()
    # The next copy has new secrets.
    fresh = maker.http.get(f"/v2/links/{link}/queries").json()["link_query"]
    guest.goto(f"/viewer/image?{fresh}")
    picture(guest)


@pytest.mark.contract("M01", "M06")
def test_the_administrator_finds_links_and_deletes_one(new_page, maker, people):
    maker.link(comment="to be found")
    page = new_page("")
    assert page.context.request.post("/v2/admin/login", data={"user": "admin", "password": "admin"}).ok
    page.goto("/admin/links")
    expect(page.locator("tbody tr[data-id]").first).to_be_visible()
    page.get_by_label("User", exact=True).fill(maker.login)
    page.get_by_label("Patient name").fill("ivan*")
    expect(page).to_have_url(re.compile(f"user={maker.login}"))
    assert "ivan" not in page.url
    row = page.get_by_role("row").filter(has_text="to be found")
    expect(row).to_contain_text(maker.login)
    page.get_by_role("button", name="Reset").click()
    expect(page).not_to_have_url(re.compile("user="))
    row.get_by_role("button", name="Delete link").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


@pytest.mark.contract("L01", "L02", "L03", "L04")
def test_an_api_key_is_made_for_a_user_masked_until_pointed_at_changed_and_deleted(new_page, maker, axe):
    page = new_page("")
    assert page.context.request.post("/v2/admin/login", data={"user": "admin", "password": "admin"}).ok
    page.goto("/admin/api-keys?id=new")
    dialog = page.get_by_role("dialog", name="Creating an API key")
    user = dialog.get_by_label("User", exact=True)
    user.fill("nobody_of_this_name")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_text("No such user")).to_be_visible()
    user.fill(maker.login[:-2])
    page.get_by_role("option", name=maker.login, exact=True).click()
    dialog.get_by_label("Description", exact=True).fill("The RIS")
    dialog.get_by_role("tab", name="Requests").click()
    expect(dialog.get_by_label("De-anonymisation")).to_be_disabled()
    dialog.get_by_label("Enabled").check()
    dialog.get_by_label("Download", exact=True).uncheck()
    assert grave_violations(page, axe) == []
    dialog.get_by_role("button", name="Create").click()
    row = page.get_by_role("row").filter(has_text="The RIS")
    expect(row).to_contain_text(maker.login)
    pane = page.get_by_role("complementary", name="Settings")
    key = pane.get_by_label("Key", exact=True).input_value()
    expect(row).not_to_contain_text(key)
    expect(row).to_contain_text(key[-4:])
    row.get_by_role("button", name="Show the key").hover()
    expect(row).to_contain_text(key)
    assert grave_violations(page, axe) == []
    look(page, "api-keys")
    pane.get_by_label("Description", exact=True).fill("The other RIS")
    pane.get_by_role("button", name="Apply").click()
    changed = page.get_by_role("row").filter(has_text="The other RIS")
    expect(changed).to_be_visible()
    changed.get_by_role("button", name="Delete API key").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Yes").click()
    expect(changed).to_have_count(0)
