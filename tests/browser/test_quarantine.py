"""The quarantine in a browser: what a user and the administrator see of it and may do, in both languages."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import pytest
from playwright.sync_api import APIRequestContext, BrowserContext, Page, expect
from pydicom import dcmread
from pynetdicom import AE

from webviewer.sample.series import PhantomSeries

PHANTOM = PhantomSeries(rows=32, columns=32, slices=14, spacing=10.0, step=20.0, name="quarantine")
SENT = 12
CUT_BYTES = 100
LOCALES = {"en": "en-US", "ru": "ru-RU"}
TITLE = {"en": "Quarantine", "ru": "Карантин"}
SHARED = {"en": "Shared storage", "ru": "Общее хранилище"}
HEADS = {
    "en": ["Received", "Source", "Name", "Size", "Reason"],
    "ru": ["Получено", "Источник", "Имя", "Размер", "Причина"],
}
NO_STUDY = {"en": "StudyInstanceUID is missing.", "ru": "заголовке нет StudyInstanceUID."}
CUT = {
    "en": "The pixel data end early: 1\u202f948 of 2\u202f048 bytes, 0 of 1 frames are there.",
    "ru": "Пиксели обрываются: байт 1\xa0948 из 2\xa0048, целых кадров 0 из 1.",
}
EMPTY = {"en": "Nothing is in quarantine.", "ru": "карантине ничего нет."}


def send(site, index: int) -> None:
    """Send an object that names no study by C-STORE; each is longer than the one before."""
    dataset = dcmread(io.BytesIO(PHANTOM.instance(index)))
    del dataset.StudyInstanceUID
    dataset.ImageComments = "-" * 1000 * index
    ae = AE("SCANNER")
    ae.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", site.dicom_port, ae_title="WEBVIEWER")
    assert association.send_c_store(dataset).Status == 0xC000
    association.release()


def log_in(request: APIRequestContext, *, administrator: bool) -> dict[str, str]:
    """Return the header that changes need."""
    path, name = ("/v2/admin/login", "admin") if administrator else ("/v2/login", "demo")
    answer = request.post(path, data={"user": name, "password": name})
    assert answer.ok, answer.text()
    return {"X-CSRF-Token": answer.json()["csrf"]}


def clear(request: APIRequestContext, headers: dict[str, str], path: str) -> None:
    """Delete all of a quarantine that may be deleted."""
    for item in request.get(path, params={"limit": 200}).json()["items"]:
        if item["store"] == "user" or "admin" in path:
            assert request.delete(f"{path}/{item['id']}", headers=headers).ok


@pytest.fixture(scope="module")
def held(site, chromium):
    """Twelve objects in the shared store's quarantine and one in the user's."""
    for index in range(SENT):
        send(site, index)
    context = chromium.new_context(base_url=site.url)
    headers, content = log_in(context.request, administrator=False), PHANTOM.instance(0)[:-CUT_BYTES]
    path = f"/v2/uploads/{hashlib.sha256(content).hexdigest()}"
    where = {"offset": 0, "size": len(content), "name": "own.dcm"}
    answer = context.request.put(path, params=where, data=content, headers=headers)
    while answer.json()["state"] == "processing":
        answer = context.request.get(path)
    assert answer.json()["outcomes"][0]["status"] == "quarantined"
    yield site
    clear(context.request, headers, "/v2/quarantine")
    clear(context.request, log_in(context.request, administrator=True), "/v2/admin/quarantine")
    context.close()


def rows(page: Page):
    return (
        page.get_by_role("grid", name=TITLE["en"]).or_(page.get_by_role("grid", name=TITLE["ru"])).locator("tbody tr")
    )


def heads(page: Page) -> list[str]:
    texts = page.locator("thead th:not(.end)").all_inner_texts()
    return [text.strip() for text in texts if text.strip()]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_user_sees_his_own_and_what_all_share_with_the_reasons(
    held, new_context: Callable[..., BrowserContext], language, tmp_path
):
    page = new_context(locale=LOCALES[language]).new_page()
    page.goto("/?source=quarantine")
    expect(rows(page)).to_have_count(SENT + 1)
    assert [head for head in heads(page) if head in HEADS[language]] == HEADS[language]
    shared, own = rows(page).filter(has_text=SHARED[language]), rows(page).filter(has_not_text=SHARED[language])
    expect(shared).to_have_count(SENT)
    expect(own).to_have_count(1)
    expect(shared.first).to_contain_text("SCANNER (127.0.0.1)")
    expect(shared.first).to_contain_text(NO_STUDY[language])
    expect(own.locator("td").first).to_have_text("")
    expect(own).to_contain_text("own.dcm")
    expect(own).to_contain_text(CUT[language])
    expect(own.get_by_role("button")).to_be_enabled()
    for button in shared.get_by_role("button").all():
        expect(button).to_be_disabled()
    shared.first.click()
    page.keyboard.press("Delete")
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    page.screenshot(path=tmp_path / f"user-{language}.png")


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_administrator_pages_sorts_refreshes_and_deletes(held, new_context, language, tmp_path):
    context = new_context(login="", locale=LOCALES[language])
    headers = log_in(context.request, administrator=True)
    context.request.delete("/v2/admin/settings/quarantine.page", headers=headers)
    page = context.new_page()
    page.goto("/admin/users")
    page.get_by_role("link", name=TITLE[language]).click()
    expect(page).to_have_url(f"{held.url}/admin/quarantine")
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE[language])
    expect(rows(page)).to_have_count(SENT)
    assert heads(page) == HEADS[language]
    expect(rows(page).first).to_contain_text(NO_STUDY[language])
    page.screenshot(path=tmp_path / f"admin-{language}.png")

    page.locator("select").select_option("10")
    pager = page.locator(".pager__range")
    expect(pager).to_contain_text({"en": f"1-10 of {SENT}", "ru": f"1-10 из {SENT}"}[language])
    page.locator("nav button:not([disabled])").last.click()
    expect(rows(page)).to_have_count(SENT - 10)
    page.get_by_role("button", name=HEADS[language][3]).click()
    expect(rows(page)).to_have_count(10)
    expect(page.locator("th[aria-sort=ascending]")).to_have_text(HEADS[language][3])
    sizes = [item["size"] for item in listed(context, sort="size", descending="false")]
    assert sizes == sorted(sizes)
    largest, smallest = (
        f"{sizes[-1] / 1000:.0f}",
        f"{sizes[0] / 1000:.1f}".replace(".", "," if language == "ru" else "."),
    )
    expect(rows(page).first).to_contain_text(smallest)
    page.get_by_role("button", name=HEADS[language][3]).click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text(HEADS[language][3])
    expect(rows(page).first).to_contain_text(largest)

    delete = {"en": "Delete", "ru": "Удалить"}[language]
    rows(page).first.get_by_role("button", name=delete).click()
    dialog = page.get_by_role("alertdialog")
    expect(dialog).to_contain_text("SCANNER (127.0.0.1)")
    cancel = dialog.get_by_role("button", name={"en": "Cancel", "ru": "Отмена"}[language])
    expect(cancel).to_be_focused()
    page.screenshot(path=tmp_path / f"delete-{language}.png")
    cancel.click()
    expect(dialog).to_be_hidden()
    assert len(listed(context)) == SENT
    rows(page).first.get_by_role("button", name=delete).click()
    dialog.get_by_role("button", name=delete).click()
    expect(pager).to_contain_text(str(SENT - 1))
    assert len(listed(context)) == SENT - 1

    send(held, SENT - 1)
    page.get_by_role("button", name={"en": "Refresh the quarantine", "ru": "Обновить карантин"}[language]).click()
    expect(pager).to_contain_text(str(SENT))
    clear(context.request, headers, "/v2/admin/quarantine")
    page.get_by_role("button", name={"en": "Refresh the quarantine", "ru": "Обновить карантин"}[language]).click()
    expect(page.get_by_text(EMPTY[language])).to_be_visible()
    page.screenshot(path=tmp_path / f"empty-{language}.png")
    for index in range(SENT):
        send(held, index)


def listed(context: BrowserContext, **query: str) -> list[dict]:
    return context.request.get("/v2/admin/quarantine", params={"limit": 200, **query}).json()["items"]
