"""The administrator's panel: log-in, users, password."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect


def log_in(page: Page, password: str = "admin") -> None:
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")


@pytest.fixture
def visit(new_page) -> Callable[[str], Page]:
    """Return a function that opens a log-in as nobody; one can type as soon as the cursor is there."""

    def open_page(path: str) -> Page:
        page = new_page("", path)
        expect(page.get_by_label("User name")).to_be_focused()
        return page

    return open_page


@pytest.fixture(autouse=True)
def _plain_panel(people):
    """Settings of the panel are kept on the server: a test begins and ends without any."""
    people.forget_panel()
    yield
    people.forget_panel()


@pytest.fixture
def page(visit) -> Page:
    """The list of users."""
    page = visit("/admin/")
    log_in(page)
    expect(page.get_by_role("grid", name="Users")).to_be_visible()
    return page


def user(page: Page, login: str) -> Locator:
    return page.locator("tbody tr[data-id]").filter(has_text=login)


def find(page: Page, login: str) -> Locator:
    page.get_by_label("Search", exact=True).fill(login)
    expect(page.locator("tbody tr[data-id]")).to_have_count(1)
    return user(page, login)


@pytest.mark.contract("E01", "E02", "E03")
def test_the_panel_has_its_own_log_in_its_menu_theme_and_log_out(visit):
    page = visit("/admin/users")
    expect(page).to_have_url(re.compile(r"/admin/login"))
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "password")
    log_in(page, "wrong")
    expect(page.get_by_role("alert").filter(has_text="Wrong user name or password")).to_be_visible()
    page.get_by_label("Password", exact=True).fill("admin")
    page.get_by_role("button", name="Show the password").click()
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "text")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page).to_have_url(re.compile("/admin/users$"))
    menu = page.get_by_role("navigation", name="Administration")
    for name in ("Server settings", "Users", "About"):
        menu.get_by_role("link", name=name).click()
        expect(menu.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
        expect(page.get_by_role("alert").filter(has_text="The administrator's password is admin")).to_be_visible()
    menu.get_by_role("button", name="Light theme").click()
    expect(page.locator(".v-theme--light").first).to_be_attached()
    menu.get_by_role("button", name="Русский").click()
    expect(page.get_by_role("navigation", name="Администрирование")).to_be_visible()
    page.reload()
    expect(page.locator(".v-theme--light").first).to_be_attached()
    page.get_by_role("button", name="Выйти").click()
    expect(page).to_have_url(re.compile("/admin/login$"))
    assert page.context.request.get("/v2/admin/session").status == 401


def test_a_users_session_opens_no_page_of_the_panel(new_page):
    page = new_page("demo", "/admin/users")
    expect(page).to_have_url(re.compile("/admin/login"))


@pytest.mark.contract("F02", "F03", "F04", "F06")
def test_creating_a_user_says_each_rule_at_its_field(page, visit, people):
    taken = people.add()
    page.get_by_role("button", name="Create user").click()
    pane = page.get_by_role("dialog", name="Creating a user")
    login, password = pane.get_by_label("Login"), pane.get_by_label("Password", exact=True)
    scu = pane.get_by_label("Default SCU")
    expect(pane.get_by_label("Active")).to_be_checked()
    pane.get_by_role("button", name="Apply").click()
    expect(pane.get_by_text("Fill in this field").or_(pane.get_by_text("Start with a letter"))).to_be_visible()
    expect(pane.get_by_text("The password must not be empty")).to_be_visible()
    expect(login).to_be_focused()
    for wrong in ("1abc", "with space", "имя", "a" * 33, "a-b", 'a"b'):
        login.fill(wrong)
        password.focus()
        expect(pane.get_by_text("Start with a letter; Latin letters, digits and _ only; at most 32")).to_be_visible()
        expect(login).to_have_attribute("aria-invalid", "true")
    login.fill(taken)
    password.fill("x")
    expect(pane.get_by_text("Strength: very weak")).to_be_visible()
    pane.get_by_role("button", name="Show the password").click()
    expect(password).to_have_attribute("type", "text")
    scu.fill("BAD TITLE")
    pane.get_by_role("button", name="Apply").click()
    expect(pane.get_by_text("Latin letters, digits, - and _ only; at most 16")).to_be_visible()
    scu.fill("")
    pane.get_by_role("button", name="Apply").click()
    expect(pane.get_by_text("This login exists already")).to_be_visible()
    name = f"New_{taken}"
    login.fill(name)
    scu.fill(f"A-{taken[:8]}")
    pane.get_by_role("button", name="Apply").click()
    expect(page.get_by_text(f"User {name} was created")).to_be_visible()
    expect(find(page, name)).to_contain_text(f"A-{taken[:8]}")
    visitor = visit("/login")
    visitor.get_by_label("User name").fill(name)
    visitor.get_by_label("Password", exact=True).fill("x")
    visitor.keyboard.press("Enter")
    expect(visitor).to_have_url(re.compile("/$"))


@pytest.mark.contract("F06", "F07", "F08")
def test_the_pane_changes_a_user_warns_and_switches_access_off(page, new_page, people):
    login = people.add(notice__diagnosis=True)
    own = new_page(login, "/")
    expect(own.get_by_role("grid", name="Studies")).to_be_visible()
    find(page, login).click()
    pane = page.get_by_role("complementary", name="Settings")
    expect(pane.get_by_label("Login")).to_have_value(login)
    pane.get_by_label("Login").fill(f"{login}x")
    expect(pane.get_by_text("Links with parameters that name this user stop working.")).to_be_visible()
    pane.get_by_label("Active").uncheck()
    expect(pane.get_by_text("The user's sessions will be closed.")).to_be_visible()
    pane.get_by_role("button", name="Apply").click()
    expect(pane.get_by_text("Saved")).to_be_visible()
    expect(user(page, f"{login}x")).to_contain_text("No")
    own.get_by_role("button", name="Refresh").click()
    over = own.get_by_role("dialog", name="Session ended")
    expect(over.get_by_label("Password", exact=True)).to_be_focused()
    over.get_by_label("User name").fill(f"{login}x")
    over.get_by_label("Password", exact=True).fill(login)
    own.keyboard.press("Enter")
    expect(over.get_by_text("Access is switched off, ask the administrator")).to_be_visible()


def test_changes_are_not_lost_by_a_press_on_another_user(page, people):
    first, second = people.add(), people.add()
    find(page, first).click()
    pane = page.get_by_role("complementary", name="Settings")
    pane.get_by_label("Default SCU").fill("CHANGED")
    find(page, second).click()
    question = page.get_by_role("alertdialog", name="Unsaved changes")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    question.get_by_role("button", name="Cancel").click()
    expect(pane.get_by_label("Login")).to_have_value(first)
    expect(pane.get_by_label("Default SCU")).to_have_value("CHANGED")
    user(page, second).click()
    question.get_by_role("button", name="Switch").click()
    expect(pane.get_by_label("Login")).to_have_value(second)


@pytest.mark.contract("F10")
def test_sessions_of_a_user_are_counted_and_closed_and_the_list_is_refreshed(page, new_page, people):
    login = people.add()
    own = new_page(login, "/")
    entry = find(page, login)
    expect(entry.locator("td.numeric")).to_have_text("1")
    new_page(login, "/")
    page.get_by_role("button", name="Refresh the list of users").click()
    expect(entry.locator("td.numeric")).to_have_text("2")
    entry.get_by_role("button", name="Close session").click()
    question = page.get_by_role("alertdialog", name="Close sessions?")
    expect(question).to_contain_text(login)
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    question.get_by_role("button", name="Yes").click()
    expect(entry.locator("td.numeric")).to_have_text("0")
    own.get_by_role("button", name="Refresh").click()
    expect(own.get_by_role("dialog", name="Session ended")).to_be_visible()


@pytest.mark.contract("F01")
def test_users_are_sorted_paged_and_their_columns_arranged(page, people):
    for _ in range(21):  # three pages, whoever else is there
        people.add()
    page.get_by_role("button", name="Refresh the list of users").click()
    page.get_by_label("per page").select_option("10")
    entries = page.locator("tbody tr[data-id]")
    expect(entries).to_have_count(10)
    expect(page.get_by_text(re.compile(r"^1-10 of \d\d"))).to_be_visible()
    head = page.get_by_role("columnheader", name="Login")
    expect(head).to_have_attribute("aria-sort", "ascending")
    first = entries.first.inner_text()
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(entries.first).not_to_have_text(first)
    page.get_by_role("button", name="Last page").click()
    expect(page.get_by_role("button", name="Next page")).to_be_disabled()
    page.get_by_role("button", name="Previous page").click()
    page.get_by_role("button", name="First page").click()
    page.get_by_role("button", name="Table settings").click()
    dialog = page.get_by_role("dialog", name="Table settings")
    dialog.get_by_role("button", name="Hide Last log-in").click()
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("columnheader", name="Last log-in")).to_have_count(0)


def test_a_deleted_user_is_gone_and_cannot_log_in(page, visit, people):
    login = people.add()
    find(page, login).get_by_role("button", name="Delete user").click()
    question = page.get_by_role("alertdialog", name="Delete the user for ever?")
    expect(question).to_contain_text(login)
    question.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("Nothing found.")).to_be_visible()
    visitor = visit("/login")
    visitor.get_by_label("User name").fill(login)
    visitor.get_by_label("Password", exact=True).fill(login)
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_text("Wrong user name or password")).to_be_visible()


@pytest.mark.contract("E04", "E13")
def test_the_administrators_password_is_changed_and_the_red_line_goes(page):
    page.get_by_role("link", name="Server settings").click()
    line = page.get_by_role("alert").filter(has_text="The administrator's password is admin")
    expect(line).to_be_visible()
    old, new = page.get_by_label("Old password", exact=True), page.get_by_label("New password", exact=True)
    button = page.get_by_role("button", name="Update password")
    old.fill("admin")
    button.click()
    expect(page.get_by_text("The password must not be empty")).to_be_visible()
    expect(new).to_have_attribute("type", "password")
    new.fill("a better one 4711")
    button.click()
    expect(page.get_by_text("The password was changed")).to_be_visible()
    try:
        expect(line).to_have_count(0)
    finally:
        # The other tests log in with the first one.
        token = page.context.request.get("/v2/admin/session").json()["csrf"]
        page.context.request.post(
            "/v2/admin/password", data={"old": "a better one 4711", "new": "admin"}, headers={"X-CSRF-Token": token}
        )
    page.reload()
    expect(page.get_by_role("heading", name="Server settings")).to_be_visible()
