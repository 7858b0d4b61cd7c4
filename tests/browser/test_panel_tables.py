"""The table that all pages of the panel share, its pane, and addresses that lead into it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect


@pytest.fixture(autouse=True)
def _plain_panel(people):
    people.forget_panel()
    yield
    people.forget_panel()


@pytest.fixture
def panel(new_page) -> Callable[[str], Page]:
    """Return a function that opens a page of the panel."""

    def open_page(path: str, **options: object) -> Page:
        page = new_page("", **options)
        answer = page.context.request.post("/v2/admin/login", data={"user": "admin", "password": "admin"})
        assert answer.ok
        page.goto(path)
        return page

    return open_page


def rows(page: Page) -> Locator:
    return page.locator("tbody tr[data-id]")


def heads(page: Page) -> list[str]:
    return [text.strip() for text in page.get_by_role("columnheader").all_inner_texts() if text.strip()]


@pytest.mark.contract("N02")
def test_columns_are_moved_by_their_headers_and_stay_there(panel):
    page = panel("/admin/users")
    expect(rows(page).first).to_be_visible()
    page.get_by_role("columnheader", name="Last log-in").drag_to(page.get_by_role("columnheader", name="Login"))
    expect(page.get_by_role("columnheader").first).to_have_text("Last log-in")
    expect(page.get_by_role("columnheader").nth(1)).to_have_text("Login")
    with page.expect_response(lambda answer: '"order":["ae_title"' in (answer.request.post_data or "")):
        page.get_by_role("columnheader", name="SCU").drag_to(page.get_by_role("columnheader", name="Last log-in"))
    page.reload()
    expect(page.get_by_role("columnheader").first).to_have_text("SCU")
    other = panel("/admin/users")
    expect(other.get_by_role("columnheader").first).to_have_text("SCU")


@pytest.mark.contract("N02")
def test_table_settings_move_hide_wrap_and_go_back_to_the_defaults(panel):
    page = panel("/admin/users")
    expect(rows(page).first).to_be_visible()
    before = heads(page)
    page.get_by_role("columnheader", name="Login").click(button="right")
    dialog = page.get_by_role("dialog", name="Table settings")
    items = dialog.get_by_role("listitem")
    items.filter(has_text="Sessions").drag_to(items.filter(has_text="Login"))
    dialog.get_by_role("button", name="Hide SCU").click()
    dialog.get_by_role("button", name="Show Created").click()
    dialog.get_by_label("Wrap lines").check()
    expect(page.locator("table.wrap")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Created", include_hidden=True)).to_have_count(1)
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("columnheader").first).to_have_text("Sessions")
    expect(page.get_by_role("columnheader", name="SCU")).to_have_count(0)
    page.get_by_role("button", name="Table settings").click()
    dialog.get_by_role("button", name="Defaults").click()
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator("table.wrap")).to_have_count(0)
    expect(page.get_by_role("columnheader", name="SCU")).to_be_visible()
    assert heads(page) == before


@pytest.mark.contract("N02")
def test_the_last_column_cannot_be_hidden(panel):
    page = panel("/admin/users")
    page.get_by_role("button", name="Table settings").click()
    dialog = page.get_by_role("dialog", name="Table settings")
    for name in ("Active", "SCU", "Sessions", "Last log-in", "Login"):
        dialog.get_by_role("button", name=f"Hide {name}").click()
    expect(dialog.get_by_role("button", name="Hide Login")).to_be_visible()


@pytest.mark.contract("N04")
def test_the_row_menu_copies_and_cancels_the_selection_with_its_pane(panel, people):
    login = people.add(ae_title="MENU-ROW")
    page = panel(f"/admin/users?search={login}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    row = rows(page).filter(has_text=login)
    row.click()
    pane = page.get_by_role("complementary", name="Settings")
    expect(pane).to_be_visible()

    def copied(item: str) -> str:
        row.get_by_text("MENU-ROW").click(button="right")
        page.get_by_role("listitem").filter(has_text=item).or_(page.get_by_text(item, exact=True)).first.click()
        expect(page.get_by_text("Copied").last).to_be_visible()
        return str(page.evaluate("navigator.clipboard.readText()"))

    assert copied("Copy value") == "MENU-ROW"
    record = json.loads(copied("Copy row as JSON"))
    assert (record["Login"], record["SCU"], record["Active"]) == (login, "MENU-ROW", "Yes")
    table = list(csv.reader(io.StringIO(copied("Copy row as CSV"))))
    assert dict(zip(*table, strict=True)) == record
    row.click(button="right")
    page.get_by_text("Cancel selection").click()
    expect(pane).to_have_count(0)
    expect(row).to_have_attribute("aria-selected", "false")


@pytest.mark.contract("N03")
def test_one_column_sorts_and_a_second_press_turns_it_round(panel, people):
    people.add()
    people.add()
    page = panel("/admin/users")
    login, created = (page.get_by_role("columnheader", name=name) for name in ("Login", "Sessions"))
    expect(login).to_have_attribute("aria-sort", "ascending")
    created.get_by_role("button").click()
    expect(created).to_have_attribute("aria-sort", "ascending")
    expect(login).to_have_attribute("aria-sort", "none")
    created.get_by_role("button").click()
    expect(created).to_have_attribute("aria-sort", "descending")
    expect(page).to_have_url(re.compile(r"sort=-sessions"))
    page.go_back()
    expect(created).to_have_attribute("aria-sort", "ascending")


@pytest.mark.contract("F01")
def test_an_address_leads_to_a_page_a_search_and_a_user_and_back_returns(panel, people):
    logins = sorted(people.add(f"zz{number:02}{people.add()}") for number in range(12))
    page = panel("/admin/users?search=zz")
    expect(rows(page)).not_to_have_count(0)
    page.get_by_label("per page").select_option("10")
    expect(rows(page)).to_have_count(10)
    page.get_by_role("button", name="Next page").click()
    expect(page).to_have_url(re.compile("page=2"))
    expect(rows(page).first).to_contain_text(logins[10])
    rows(page).first.click()
    pane = page.get_by_role("complementary", name="Settings")
    expect(pane.get_by_label("Login")).to_have_value(logins[10])
    address = page.url
    page.go_back()
    expect(pane).to_have_count(0)
    page.go_back()
    expect(rows(page).first).to_contain_text(logins[0])
    page.go_forward()
    expect(rows(page).first).to_contain_text(logins[10])
    other = panel(address.replace("page=2", "page=1"))
    expect(other.get_by_role("complementary", name="Settings").get_by_label("Login")).to_have_value(logins[10])
    expect(other.get_by_role("textbox", name="Search")).to_have_value("zz")


def test_back_asks_before_changes_are_lost(panel, people):
    login = people.add()
    page = panel(f"/admin/users?search={login}")
    rows(page).first.click()
    pane = page.get_by_role("complementary", name="Settings")
    pane.get_by_label("Default SCU").fill("CHANGED")
    page.go_back()
    question = page.get_by_role("alertdialog", name="Unsaved changes")
    question.get_by_role("button", name="Cancel").click()
    expect(pane.get_by_label("Default SCU")).to_have_value("CHANGED")
    page.get_by_role("link", name="Server settings").click()
    question.get_by_role("button", name="Switch").click()
    expect(page.get_by_role("heading", name="Server settings")).to_be_visible()


def test_the_table_and_the_edge_of_the_pane_are_worked_by_keys(panel, people):
    first, second = sorted(people.add(f"key{people.add()}") for _ in range(2))
    page = panel("/admin/users?search=key")
    expect(rows(page)).not_to_have_count(0)
    rows(page).filter(has_text=first).focus()
    page.keyboard.press("ArrowDown")
    expect(rows(page).filter(has_text=second)).to_be_focused()
    pane = page.get_by_role("complementary", name="Settings")
    expect(pane.get_by_label("Login")).to_have_value(second)
    page.keyboard.press("Shift+F10")
    expect(page.locator(".v-list-item").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(rows(page).filter(has_text=second)).to_be_focused()
    edge = page.get_by_role("separator", name="Width of the pane")
    expect(edge).to_have_attribute("aria-valuenow", "400")
    edge.focus()
    page.keyboard.press("ArrowLeft")
    expect(edge).to_have_attribute("aria-valuenow", "420")
    page.keyboard.press("Escape")
    expect(pane).to_have_count(0)


def test_escape_closes_the_menu_of_a_row_however_soon_it_comes(panel, people):
    login = people.add()
    page = panel(f"/admin/users?search={login}")
    row = rows(page).first
    row.focus()
    page.evaluate("""addEventListener('focusin', ({ target }) => {
        if (target.closest('.v-list-item')) target.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
    })""")
    page.keyboard.press("Shift+F10")
    expect(row).to_be_focused()
    expect(page.locator(".v-list-item:visible").filter(has_text="Copy row")).to_have_count(0)


@pytest.mark.contract("F07", "F10")
def test_the_pane_lists_the_sessions_of_a_user_and_closes_one(panel, new_page, people):
    login = people.add()
    own = new_page(login, "/")
    expect(own.get_by_role("grid", name="Studies")).to_be_visible()
    page = panel(f"/admin/users?search={login}")
    rows(page).first.click()
    sessions = page.get_by_role("complementary", name="Settings").get_by_role("list", name="Sessions")
    expect(sessions.get_by_role("listitem")).to_have_count(1)
    expect(sessions).to_contain_text(re.compile(r"Chrome \d+, Linux"))
    expect(sessions).to_contain_text("127.0.0.1")
    sessions.get_by_role("button", name="Close the session").click()
    expect(page.get_by_text("Not logged in.")).to_be_visible()
    own.get_by_role("button", name="Refresh").click()
    expect(own.get_by_role("dialog", name="Session ended")).to_be_visible()


def test_a_user_changed_by_somebody_else_is_said_and_read_again(panel, people):
    login = people.add()
    page = panel(f"/admin/users?search={login}")
    rows(page).first.click()
    pane = page.get_by_role("complementary", name="Settings")
    pane.get_by_label("Default SCU").fill("MINE")
    with people.administrator() as http:
        user = http.get("/v2/admin/users", params={"search": login}).json()["users"][0]
        http.patch(f"/v2/admin/users/{user['id']}", json={"ae_title": "THEIRS"}).raise_for_status()
    pane.get_by_role("button", name="Apply").click()
    expect(pane.get_by_text("Somebody else changed this record. Reload?")).to_be_visible()
    pane.get_by_role("button", name="Reload").click()
    expect(pane.get_by_label("Default SCU")).to_have_value("THEIRS")
    expect(rows(page).first).to_contain_text("THEIRS")


@pytest.mark.contract("J01", "J02", "J03", "J04", "J06")
def test_the_journal_shows_a_refused_log_in_in_words_and_pages(panel, new_page, people):
    stranger = f"x{people.add()}"
    nobody = new_page("", "/login")
    nobody.context.request.post("/v2/login", data={"user": stranger, "password": "x"})
    page = panel("/admin/journal")
    for name in ("ID", "Date", "Event type", "User", "Details"):
        expect(page.get_by_role("columnheader", name=name)).to_be_visible()
    expect(page.get_by_label("per page")).to_have_value("20")
    row = rows(page).filter(has_text=stranger)
    expect(row).to_contain_text("User authentication error")
    expect(row).to_contain_text("Login used: " + stranger)
    expect(row).to_contain_text("wrong user name or password")
    expect(row).to_contain_text("IP: 127.0.0.1")
    page.get_by_label("per page").select_option("10")
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_text(re.compile(r"^11-20 of "))).to_be_visible()
    page.get_by_role("button", name="Last page").click()
    expect(page.get_by_role("button", name="Next page")).to_be_disabled()
    page.get_by_role("button", name="Previous page").click()
    page.get_by_role("button", name="First page").click()
    expect(page.get_by_text(re.compile(r"^1-10 of "))).to_be_visible()


@pytest.mark.contract("J05")
def test_the_journal_is_filtered_reset_refreshed_and_exported(panel, new_page, people):
    login = people.add()
    new_page(login, "/")
    page = panel("/admin/journal")
    form = page.get_by_role("search", name="Filter of the journal")
    form.get_by_label("User").fill(login.upper())
    form.get_by_role("button", name="Apply").click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("User session opened")
    people.end_sessions(login)
    page.get_by_role("button", name="Refresh the list of events").click()
    new_page(login, "/")
    page.get_by_role("button", name="Refresh the list of events").click()
    expect(rows(page)).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    content = download.value.path().read_text()
    assert [line.split(",")[3] for line in content.splitlines()] == ["user", login, login]
    form.get_by_label("User").fill("nobody at all")
    form.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Nothing found.")).to_be_visible()
    form.get_by_role("button", name="Reset").click()
    expect(rows(page)).not_to_have_count(0)
    page.goto("/admin/journal?event=session-opened&from=2020-01-01&to=2020-01-02")
    expect(page.get_by_text("Nothing found.")).to_be_visible()
    page.goto("/admin/journal?event=session-opened")
    expect(rows(page).first).to_contain_text("User session opened")


def test_how_long_the_journal_is_kept_is_chosen_on_its_page(panel):
    page = panel("/admin/journal")
    page.get_by_role("button", name="How long the journal is kept").click()
    dialog = page.get_by_role("dialog", name="How long the journal is kept")
    days = dialog.get_by_label("Days")
    expect(days).to_have_value("0")
    days.fill("-1")
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog.get_by_text("A whole number from 0 to 36525")).to_be_visible()
    days.fill("36525")
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("Saved")).to_be_visible()
    page.get_by_role("button", name="How long the journal is kept").click()
    expect(days).to_have_value("36525")
    days.fill("0")
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog).to_have_count(0)


@pytest.mark.contract("R01")
def test_a_user_logs_out_everywhere(new_page, people):
    login = people.add(notice__diagnosis=True)
    people.end_sessions(login)
    elsewhere, page = new_page(login, "/"), new_page(login, "/settings/account")
    sessions = page.get_by_role("list", name="Sessions")
    expect(sessions.get_by_role("listitem")).to_have_count(2)
    expect(sessions.get_by_text("this page")).to_have_count(1)
    page.get_by_role("button", name="Log out everywhere").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Yes").click()
    expect(page).to_have_url(re.compile("/login$"))
    elsewhere.get_by_role("button", name="Refresh").click()
    expect(elsewhere.get_by_role("dialog", name="Session ended")).to_be_visible()


def test_who_opened_which_study_is_in_the_viewing_audit_and_its_chain_is_checked(panel, new_page, people, make_study):
    login = people.add(notice__diagnosis=True)
    people.store(login, make_study("Audited^Patient", 2, PatientID="AUDIT-1"))
    own = new_page(login, "/")
    own.get_by_role("row").filter(has_text="Audited Patient").dblclick()
    expect(own.locator("[data-quality=lossless]")).to_be_visible()
    page = panel("/admin/audit")
    form = page.get_by_role("search", name="Filter of the viewing audit")
    form.get_by_label("Patient name or ID").fill("audited")
    form.get_by_role("button", name="Apply").click()
    expect(rows(page)).to_have_count(1)
    for part in (login, "127.0.0.1", "opened", "Audited Patient", "AUDIT-1", "Window: Image"):
        expect(rows(page)).to_contain_text(part)
    assert "audited" not in page.url
    page.get_by_role("button", name="Check").click()
    dialog = page.get_by_role("dialog", name="Check of the viewing audit")
    expect(dialog.get_by_text("No entry was changed, added or taken away.")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_text("JSON lines").click()
    entries = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert [(entry["user"], entry["subject"]["pid"]) for entry in entries] == [(login, "AUDIT-1")]
    form.get_by_role("button", name="Reset").click()
    expect(rows(page).filter(has_text="exported")).not_to_have_count(0)
