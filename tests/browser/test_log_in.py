"""Log-in, log-out, time-out, and what everybody sees before."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

README = Path(__file__).parents[2] / "README.md"
MINUTE = 60_000


def fill_in(page: Page, user: str, password: str) -> None:
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")


def alert(page: Page, text: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("alert").filter(has_text=text)


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.querySelector('.v-application')).backgroundColor"))


@pytest.fixture
def visitor(new_page) -> Page:
    """A page of nobody who is logged in."""
    page = new_page("", "/login")
    # The cursor comes by itself: whoever types before it is there types elsewhere.
    expect(page.get_by_label("User name")).to_be_focused()
    return page


def test_a_wrong_password_is_said_and_can_be_typed_again_at_once(visitor, people):
    login = people.add()
    fill_in(visitor, login, "wrong")
    expect(alert(visitor, "Wrong user name or password")).to_be_visible()
    password = visitor.get_by_label("Password", exact=True)
    expect(password).to_be_focused()
    expect(password).to_have_value("")
    password.fill(login)
    visitor.keyboard.press("Enter")
    expect(visitor).to_have_url(re.compile("/$"))


def test_empty_fields_are_named_without_asking_the_server(visitor):
    asked = []
    visitor.on("request", lambda request: asked.append(request.url))
    visitor.get_by_role("button", name="Log in", exact=True).click()
    expect(visitor.get_by_text("Fill in this field")).to_have_count(2)
    expect(visitor.get_by_label("User name")).to_be_focused()
    assert not [url for url in asked if url.endswith("/v2/login")]


def test_too_many_attempts_wait_and_then_go_on(visitor, people):
    login = people.add()
    throttled = alert(visitor, re.compile(r"Too many attempts\. Wait \d+ s"))
    # Each failure doubles the wait, so that a slow machine is caught by a later one.
    for _ in range(8):
        fill_in(visitor, login, "wrong")
        expect(throttled.or_(alert(visitor, "Wrong user name"))).to_be_visible()
        if throttled.is_visible():
            break
    button = visitor.get_by_role("button", name="Log in", exact=True)
    expect(button).to_be_disabled()
    expect(button).to_be_enabled(timeout=30_000)
    expect(throttled).to_have_count(0)
    fill_in(visitor, login, login)
    expect(visitor).to_have_url(re.compile("/$"))


@pytest.mark.contract("F06")
def test_who_is_not_active_is_told_so(visitor, people):
    login = people.add(active=False)
    fill_in(visitor, login, login)
    expect(alert(visitor, "Access is switched off, ask the administrator")).to_be_visible()
    expect(visitor).to_have_url(re.compile("/login$"))


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [("/settings/display", "/settings/display"), ("//evil.example/", "/"), ("https://evil.example/", "/")],
)
def test_after_the_log_in_one_is_where_one_wanted_to_be_but_never_elsewhere(visitor, site, people, wanted, reached):
    if wanted.startswith("/settings"):
        visitor.goto(wanted)
        expect(visitor).to_have_url(re.compile(r"/login\?next="))
    else:
        visitor.goto(f"/login?next={wanted}")
    expect(visitor.get_by_label("User name")).to_be_focused()
    login = people.add()
    fill_in(visitor, login, login)
    expect(visitor).to_have_url(f"{site.url}{reached}")


def test_language_and_theme_change_at_run_time_and_are_remembered(visitor):
    dark = background(visitor)
    visitor.get_by_label("User name").fill("typed")
    visitor.get_by_role("button", name="Русский").click()
    expect(visitor.get_by_role("heading", name="Вход")).to_be_visible()
    expect(visitor.get_by_role("button", name="Войти")).to_be_visible()
    expect(visitor.get_by_text("Диагноз ставят только")).to_be_visible()
    expect(visitor.locator("html")).to_have_attribute("lang", "ru")
    expect(visitor.get_by_label("Имя пользователя")).to_have_value("typed")
    visitor.get_by_role("button", name="Светлая тема").click()
    expect(visitor.locator(".v-theme--light").first).to_be_attached()
    light = background(visitor)
    assert light != dark
    visitor.reload()
    expect(visitor.get_by_role("heading", name="Вход")).to_be_visible()
    assert background(visitor) == light


def test_the_browsers_language_decides_until_the_user_does(new_page):
    page = new_page("", "/login", locale="ru-RU")
    expect(page.get_by_label("Имя пользователя")).to_be_focused()
    expect(page.get_by_role("heading", name="Вход")).to_be_visible()
    fill_in_russian = {"Имя пользователя": "никто", "Пароль": "неверный"}
    for label, text in fill_in_russian.items():
        page.get_by_label(label, exact=True).fill(text)
    page.keyboard.press("Enter")
    expect(alert(page, "Неверное имя пользователя или пароль")).to_be_visible()


def test_the_eye_shows_the_password(visitor):
    password = visitor.get_by_label("Password", exact=True)
    password.fill("secret")
    expect(password).to_have_attribute("type", "password")
    visitor.get_by_role("button", name="Show the password").click()
    expect(password).to_have_attribute("type", "text")
    visitor.get_by_role("button", name="Hide the password").click()
    expect(password).to_have_attribute("type", "password")


@pytest.mark.contract("A12")
def test_diagnosis_is_for_specialists_say_log_in_first_visit_about_page_and_readme(visitor, people):
    expect(visitor.get_by_text("Not for diagnosis. Diagnosis is for qualified specialists only.")).to_be_visible()
    login = people.add()
    fill_in(visitor, login, login)
    notice = visitor.get_by_role("dialog", name="Not for diagnosis")
    expect(notice).to_contain_text("diagnosis is for qualified specialists only")
    # Only the button closes it.
    visitor.mouse.click(5, 5)
    expect(notice).to_be_visible()
    with visitor.expect_response(re.compile("/v2/settings/notice.diagnosis")):
        notice.get_by_role("button", name="Understood").click()
    expect(notice).to_have_count(0)
    visitor.reload()
    expect(visitor.get_by_role("grid", name="Studies")).to_be_visible()
    expect(notice).to_have_count(0)
    visitor.get_by_role("link", name="About").click()
    expect(visitor.get_by_role("main")).to_contain_text("diagnosis is for qualified specialists only")
    assert "not certified for diagnosis" in README.read_text(encoding="utf-8")


@pytest.mark.contract("R01")
def test_logging_out_ends_the_session_and_hides_everything(new_page, people):
    login = people.add()
    page = new_page(login, "/")
    page.get_by_role("button", name=f"User menu: {login}").click()
    page.get_by_text("Log out").click()
    expect(page).to_have_url(re.compile("/login$"))
    assert page.context.request.get("/v2/session").status == 401
    page.goto("/settings/account")
    expect(page).to_have_url(re.compile(r"/login\?next="))


@pytest.mark.contract("R01")
def test_before_the_time_out_one_can_stay(new_page, people):
    page = new_page(people.add())
    page.clock.install()
    page.goto("/")
    expect(page.get_by_role("grid", name="Studies")).to_be_visible()
    # Who has done something since the session was last looked at is not warned: the page asks for more time.
    with page.expect_response(re.compile("/v2/session")):
        page.clock.fast_forward(29 * MINUTE + 10_000)
    page.clock.fast_forward(29 * MINUTE + 10_000)
    warning = alert(page, re.compile(r"Your session ends in \d\d s"))
    expect(warning).to_be_visible()
    with page.expect_response(re.compile("/v2/session")):
        warning.get_by_role("button", name="Stay").click()
    expect(warning).to_have_count(0)


@pytest.mark.contract("R01", "F10")
def test_after_the_time_out_one_logs_in_over_the_frozen_page_and_goes_on(new_page, people, make_study):
    login = people.add()
    people.store(login, make_study("Frozen^Page"))
    page = new_page(login, "/")
    row = page.get_by_role("row").filter(has_text="Frozen Page")
    with page.expect_response(re.compile(r"/v2/studies\?.*name=frozen")):
        page.get_by_label("Patient name").fill("frozen")
    people.end_sessions(login)
    row.click()
    over = page.get_by_role("dialog", name="Session ended")
    expect(over).to_be_visible()
    expect(row).to_be_visible()
    expect(page.locator(".page--frozen")).to_have_attribute("inert", re.compile(".*"))
    expect(over.get_by_label("User name")).to_have_value(login)
    expect(over.get_by_label("Password", exact=True)).to_be_focused()
    over.get_by_label("Password", exact=True).fill(login)
    page.keyboard.press("Enter")
    expect(over).to_have_count(0)
    expect(page.get_by_label("Patient name")).to_have_value("frozen")
    expect(row).to_have_attribute("aria-selected", "true")
    page.get_by_role("button", name="Refresh").click()
    expect(row).to_be_visible()


def test_another_user_who_logs_in_over_the_frozen_page_sees_his_own_list(new_page, people, make_study):
    login, other = people.add(notice__diagnosis=True), people.add(notice__diagnosis=True)
    people.store(login, make_study("Secret^Patient"))
    page = new_page(login, "/")
    expect(page.get_by_role("row").filter(has_text="Secret Patient")).to_be_visible()
    people.end_sessions(login)
    page.get_by_role("button", name="Refresh").click()
    over = page.get_by_role("dialog", name="Session ended")
    expect(over.get_by_label("Password", exact=True)).to_be_focused()
    over.get_by_label("User name").fill(other)
    over.get_by_label("Password", exact=True).fill(other)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=f"User menu: {other}")).to_be_visible()
    expect(page.get_by_text("No studies yet")).to_be_visible()
    expect(page.get_by_text("Secret Patient")).to_have_count(0)


@pytest.mark.parametrize("path", ["/mistyped", "/viewer/other", "/a/b/c"])
def test_an_unknown_address_leads_home(page, path):
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    page.get_by_role("link", name="To the studies").click()
    expect(page.get_by_role("grid", name="Studies")).to_be_visible()
