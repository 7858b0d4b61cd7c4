"""The study list: searching, sorting, paging, choosing, opening, deleting, arranging."""

from __future__ import annotations

import json
import re
import zipfile

import pytest
from playwright.sync_api import Locator, Page, expect
from pydicom import dcmread

STUDIES = 25
PAGE = 20


@pytest.fixture(scope="module")
def reader(people, make_study) -> str:
    """A user with 25 studies: 23 of CT, one of MR with two series, one of a man with a Russian name."""
    login = people.add()
    files: list[bytes] = []
    for number in range(STUDIES - 2):
        files += make_study(
            f"Patient^No{number:02}", PatientID=f"P{number:02}", StudyDate=f"202601{number + 1:02}", StudyTime="0910",
            AccessionNumber=f"A{number:02}",
        )  # fmt: skip
    spine = make_study("Spine^Anna", 3, Modality="MR", PatientID="MR-1", StudyDate="20250511", StudyDescription="Spine")
    files += spine
    files += make_study(
        "Ivanov^Ivan=Иванов^Иван", 2, SpecificCharacterSet=["", "ISO 2022 IR 144"], PatientSex="M", StudyDate="20240229",
        PatientBirthDate="19700102", BodyPartExamined="HEAD",
    )  # fmt: skip
    people.store(login, files)
    return login


@pytest.fixture
def page(new_page, reader) -> Page:
    """The list as the reader finds it, whatever other tests changed of his settings."""
    page = new_page(reader, permissions=["clipboard-read", "clipboard-write"])
    token = page.context.request.get("/v2/session").json()["csrf"]
    for key in ("table.studies", "studies.saved", "studies.search.open", "studies.search.more", "studies.page"):
        page.context.request.delete(f"/v2/settings/{key}", headers={"X-CSRF-Token": token})
    page.goto("/")
    expect(rows(page)).to_have_count(PAGE)
    return page


def rows(page: Page) -> Locator:
    return page.locator("tbody tr[data-id]")


def field(page: Page, label: str) -> Locator:
    return page.get_by_role("search").get_by_label(label)


def row(page: Page, text: str) -> Locator:
    return rows(page).filter(has_text=text)


def column(page: Page, name: str) -> list[str]:
    """What stands in a column, from the top."""
    heads = [head.strip() for head in page.locator("thead th").all_inner_texts()]
    index = heads.index(name)
    return [text.strip() for text in page.locator(f"tbody tr td:nth-child({index + 1})").all_inner_texts()]


def menu_of(page: Page, cell: Locator, entry: str) -> None:
    cell.click(button="right")
    page.locator(".v-list-item").filter(has_text=entry).click()


def copied(page: Page, start: str) -> str:
    """What was copied, as soon as it starts so."""
    page.wait_for_function("async (start) => (await navigator.clipboard.readText()).startsWith(start)", arg=start)
    expect(page.get_by_text("Copied").first).to_be_visible()
    return str(page.evaluate("navigator.clipboard.readText()"))


@pytest.mark.contract("R02")
def test_the_search_finds_while_one_types_by_any_part_of_the_name(page):
    field(page, "Patient name").fill("иван*")
    expect(rows(page)).to_have_count(1)
    expect(row(page, "Ivanov Ivan")).to_be_visible()
    field(page, "Patient name").fill("*no1?")
    field(page, "Patient name").press("Enter")
    expect(rows(page)).to_have_count(10)
    page.get_by_role("button", name="Reset").click()
    expect(rows(page)).to_have_count(PAGE)
    expect(field(page, "Patient name")).to_have_value("")


def test_conditions_are_combined_and_the_collapsed_panel_shows_them_as_chips(page):
    page.get_by_role("button", name="More").click()
    field(page, "Description").fill("spine")
    expect(rows(page)).to_have_count(1)
    field(page, "Patient ID").fill("nobody")
    expect(page.get_by_text("Nothing found. Widen the dates or use *.")).to_be_visible()
    page.get_by_role("button", name="Search panel").click()
    page.get_by_role("button", name="Remove Patient ID: nobody").click()
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Remove Study description: spine").click()
    expect(rows(page)).to_have_count(PAGE)
    page.get_by_role("button", name="Search panel").click()
    expect(field(page, "Patient ID")).to_have_value("")


def test_a_saved_search_comes_back_with_one_press(page, new_page, reader):
    field(page, "Patient ID").fill("MR-1")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Save search").click()
    dialog = page.get_by_role("dialog", name="Save search")
    dialog.get_by_label("Name of the search").fill("Anna's spine")
    with page.expect_response(re.compile("settings/studies.saved")):
        dialog.get_by_role("button", name="Save").click()
    elsewhere = new_page(reader, "/")
    elsewhere.get_by_text("Anna's spine").click()
    expect(rows(elsewhere)).to_have_count(1)
    expect(field(elsewhere, "Patient ID")).to_have_value("MR-1")


@pytest.mark.contract("N03")
def test_a_click_on_a_header_sorts_and_a_second_one_turns_the_order(page):
    assert column(page, "Study date")[0] == "2026-01-23 09:10"
    head = page.get_by_role("columnheader", name="Patient ID")
    expect(page.get_by_role("columnheader", name="Study date")).to_have_attribute("aria-sort", "descending")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(page.locator(".frame")).to_have_attribute("aria-busy", "false")
    up = column(page, "Patient ID")
    assert up == sorted(up)
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(row(page, "P22")).to_be_visible()
    assert column(page, "Patient ID")[-1] != up[-1]
    assert column(page, "Patient ID") == sorted(column(page, "Patient ID"), reverse=True)
    assert page.locator("th[aria-sort=ascending], th[aria-sort=descending]").count() == 1
    field(page, "Patient ID").fill("MR-1")
    expect(rows(page)).to_have_count(1)
    expect(head.get_by_role("button")).to_have_count(0)


def test_the_footer_pages_through_the_list(page):
    pager = page.get_by_role("navigation", name="Pages")
    expect(page.get_by_text(f"1-{PAGE} of {STUDIES}")).to_be_visible()
    expect(pager.get_by_role("button", name="Previous page")).to_be_disabled()
    pager.get_by_role("button", name="Next page").click()
    expect(rows(page)).to_have_count(STUDIES - PAGE)
    expect(page.get_by_text(f"{PAGE + 1}-{STUDIES} of {STUDIES}")).to_be_visible()
    expect(pager.get_by_role("button", name="Last page")).to_be_disabled()
    page.reload()
    expect(rows(page)).to_have_count(STUDIES - PAGE)
    pager.get_by_role("button", name="First page").click()
    expect(rows(page)).to_have_count(PAGE)
    page.get_by_label("per page").select_option("50")
    expect(rows(page)).to_have_count(STUDIES)
    expect(pager.get_by_role("button", name="Next page")).to_be_disabled()


@pytest.mark.contract("N02", "R13")
def test_table_settings_hide_move_and_wrap_columns_for_this_user_everywhere(page, new_page, reader):
    page.get_by_role("columnheader", name="Patient ID").click(button="right")
    dialog = page.get_by_role("dialog", name="Table settings")
    dialog.get_by_role("button", name="Hide Patient ID").click()
    dialog.get_by_role("button", name="Show Size").click()
    dialog.get_by_role("button", name="Move Sex up").click()
    dialog.get_by_role("listitem").filter(has_text="Modality").drag_to(
        dialog.get_by_role("listitem").filter(has_text="Patient name")
    )
    with page.expect_response(re.compile("settings/table.studies")):
        dialog.get_by_label("Wrap lines").check()
    dialog.get_by_role("button", name="Close").click()
    heads = ["Modality", "Patient name", "Sex"]
    for shown in (page, new_page(reader, "/")):
        expect(rows(shown)).to_have_count(PAGE)
        expect(shown.get_by_role("columnheader", name="Patient ID")).to_have_count(0)
        expect(shown.get_by_role("columnheader", name="Size")).to_be_attached()
        names = [head.strip() for head in shown.locator("thead th").all_inner_texts()]
        assert [name for name in names if name in heads] == heads
        expect(shown.locator("table.wrap")).to_be_attached()
    page.get_by_role("button", name="Table settings").click()
    dialog.get_by_role("button", name="Defaults").click()
    expect(page.get_by_role("columnheader", name="Patient ID")).to_be_attached()


@pytest.mark.contract("N04")
def test_the_menu_of_a_row_copies_what_one_sees(page):
    cell = row(page, "Patient No05").get_by_text("2026-01-06 09:10")
    menu_of(page, cell, "Copy value")
    assert copied(page, "2026") == "2026-01-06 09:10"
    menu_of(page, cell, "Copy row as JSON")
    values = json.loads(copied(page, "{"))
    assert values["Patient name"] == "Patient No05"
    assert values["Study date"] == "2026-01-06 09:10"
    menu_of(page, cell, "Copy row as CSV")
    heads, line, *rest = copied(page, "Patient name,Patient ID,").split("\r\n")
    assert heads.endswith(",Images")
    assert line.startswith("Patient No05,P05,")
    assert rest == [""]
    row(page, "Patient No05").click()
    menu_of(page, cell, "Cancel selection")
    expect(row(page, "Patient No05")).to_have_attribute("aria-selected", "false")
    menu_of(page, cell, "Table settings")
    expect(page.get_by_role("dialog", name="Table settings")).to_be_visible()


@pytest.mark.contract("R14")
def test_a_click_shows_the_series_with_thumbnails_and_a_double_click_opens(page):
    field(page, "Patient ID").fill("MR-1")
    expect(rows(page)).to_have_count(1)
    row(page, "Spine Anna").click()
    drawer = page.get_by_role("complementary", name="Series of Spine Anna")
    expect(drawer.get_by_text("3 images")).to_be_visible()
    picture = drawer.get_by_role("img", name=re.compile("Thumbnail of series"))
    expect(picture).to_be_visible()
    page.wait_for_function("() => document.querySelector('.thumb img').naturalWidth > 0")
    page.keyboard.press("Escape")
    row(page, "Spine Anna").dblclick()
    expect(page).to_have_url(re.compile(r"/viewer/image\?s="))
    expect(page.locator("[data-quality=lossless]")).to_be_visible()
    tabs = page.get_by_role("navigation", name="Opened studies")
    expect(tabs.get_by_role("link", name=re.compile("Spine Anna"))).to_have_attribute("aria-current", "page")


def test_the_keyboard_walks_chooses_and_opens(page):
    rows(page).first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(rows(page).nth(2)).to_be_focused()
    expect(rows(page).nth(2)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.keyboard.press("Control+KeyA")
    expect(page.get_by_text(f"{PAGE} selected")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("tr[aria-selected=true]")).to_have_count(0)
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/viewer/image\?s="))


@pytest.mark.contract("R14")
def test_several_studies_are_chosen_and_open_in_tabs_of_their_own(page):
    row(page, "Patient No20").click()
    row(page, "Patient No18").click(modifiers=["Control"])
    expect(page.get_by_text("2 selected")).to_be_visible()
    row(page, "Patient No16").click(modifiers=["Shift"])
    expect(page.get_by_text("3 selected")).to_be_visible()
    row(page, "Patient No17").click(modifiers=["Control"])
    page.get_by_role("button", name="Open", exact=True).last.click()
    tabs = page.get_by_role("navigation", name="Opened studies")
    for name in ("Patient No16", "Patient No18"):
        expect(tabs.get_by_role("link", name=re.compile(name))).to_be_visible()
    expect(page.get_by_role("link", name="Viewer (2)")).to_have_count(0)
    # Two patients are open: each has a band with initials.
    expect(tabs.locator(".tab__band")).to_have_text(["PN", "PN"])
    tabs.get_by_role("button", name="Close Patient No16").click()
    tabs.get_by_role("link", name="Studies").click()
    expect(page.get_by_role("link", name="Viewer (1)")).to_be_visible()
    expect(row(page, "Patient No18").get_by_text("Opened")).to_be_visible()
    page.get_by_role("link", name="Viewer (1)").click()
    expect(page).to_have_title(re.compile("Patient No18"))


def test_the_address_brings_the_same_list_back_without_naming_anybody(page, new_page, reader):
    page.get_by_role("columnheader", name="Patient name").get_by_role("button").click()
    field(page, "Patient name").fill("no0")
    expect(rows(page)).to_have_count(10)
    row(page, "Patient No03").click()
    expect(page).to_have_url(re.compile("sort=name.*study="))
    assert "no0" not in page.url
    again = new_page(reader, page.url)
    expect(again.get_by_role("columnheader", name="Patient name")).to_have_attribute("aria-sort", "ascending")
    expect(row(again, "Patient No03")).to_have_attribute("aria-selected", "true")


@pytest.mark.contract("R11")
def test_a_study_is_downloaded_with_one_press(page, tmp_path):
    with page.expect_download() as download:
        row(page, "Patient No20").get_by_role("button", name="Download study").click()
    assert download.value.suggested_filename == "study_2026-01-21_CT.zip"
    download.value.save_as(tmp_path / "study.zip")
    with zipfile.ZipFile(tmp_path / "study.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["DICOMDIR", "DICOM/SE000001/IM000001"]
        assert dcmread(archive.open("DICOM/SE000001/IM000001")).PatientID == "P20"


@pytest.mark.contract("R02")
def test_deleting_asks_with_the_name_and_can_be_cancelled(new_page, people, make_study):
    login = people.add()
    for name in ("Keep^Me", "Delete^Me", "Delete^Too"):
        people.store(login, make_study(name))
    page = new_page(login, "/")
    row(page, "Delete Me").get_by_role("button", name="Delete").click()
    question = page.get_by_role("alertdialog", name="Delete for ever?")
    expect(question).to_contain_text("Delete Me")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(rows(page)).to_have_count(3)
    row(page, "Delete Me").click()
    row(page, "Delete Too").click(modifiers=["Control"])
    page.keyboard.press("Delete")
    expect(question).to_contain_text("2 studies will be deleted")
    question.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("2 studies deleted")).to_be_visible()
    expect(rows(page)).to_have_count(1)
    page.reload()
    expect(row(page, "Keep Me")).to_be_visible()
    expect(rows(page)).to_have_count(1)


def test_an_empty_storage_says_what_to_do_in_both_languages(new_page, people):
    page = new_page(people.add(), "/")
    expect(page.get_by_text("No studies yet. Upload files or retrieve from a PACS.")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        page.locator(".list__table").get_by_role("button", name="Choose a folder").click()
    assert chooser.value.is_multiple()
    page.get_by_role("button", name=re.compile("User menu")).click()
    page.get_by_text("Русский").click()
    expect(
        page.get_by_text(re.compile(r"Исследований пока нет\. Загрузите файлы или получите их . PACS-сервера\."))
    ).to_be_visible()
    field(page, "Имя пациента").fill("никто")
    expect(page.get_by_text("Ничего не найдено. Расширьте даты или используйте *.")).to_be_visible()
    page.get_by_role("button", name="Сбросить").first.click()
    expect(page.get_by_text("Исследований пока нет.")).to_be_visible()


def test_in_russian_dates_plurals_and_columns_are_russian(new_page, reader):
    page = new_page(reader, "/", locale="ru-RU")
    expect(page.get_by_text(f"1-{PAGE} из {STUDIES}")).to_be_visible()
    for name in ("Имя пациента", "Идентификатор пациента", "Дата исследования", "Модальность", "Снимки"):
        expect(page.get_by_role("columnheader", name=name)).to_be_attached()
    field(page, "Имя пациента").fill("иван")
    expect(row(page, "29.02.2024")).to_be_visible()
    row(page, "29.02.2024").click()
    expect(page.get_by_text("2 снимка")).to_be_visible()


def test_a_failure_keeps_the_rows_and_offers_to_try_again(page):
    page.route(re.compile(r"/v2/studies\?"), lambda route: route.abort())
    page.get_by_role("button", name="Refresh").click()
    line = page.get_by_role("alert").filter(has_text="The server does not answer")
    expect(line).to_be_visible()
    expect(rows(page)).to_have_count(PAGE)
    page.unroute_all()
    line.get_by_role("button", name="Retry").click()
    expect(line).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), [(320, 640), (640, 360)])
def test_a_phone_and_a_zoom_of_200_percent_lose_nothing(new_page, reader, width, height):
    page = new_page(reader, "/", viewport={"width": width, "height": height})
    expect(rows(page)).to_have_count(PAGE)
    expect(rows(page).first).to_be_in_viewport()
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Search panel").click()
    field(page, "Patient name").fill("no07")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Menu", exact=True).click()
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", name="Password")).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
