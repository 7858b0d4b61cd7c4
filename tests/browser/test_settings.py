"""The user's own pages: password, display, quarantine."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture
def login(people) -> str:
    return people.add()


def change_password(page: Page, old: str, new: str) -> None:
    page.get_by_label("Old password", exact=True).fill(old)
    page.get_by_label("New password", exact=True).fill(new)
    page.get_by_role("button", name="Update password").click()


@pytest.mark.contract("R01")
def test_the_user_changes_his_password_and_his_other_sessions_end(new_page, login):
    page, other = new_page(login, "/settings/account"), new_page(login, "/")
    change_password(page, "wrong", "next")
    expect(page.get_by_text("The old password is wrong")).to_be_visible()
    expect(page.get_by_label("Old password", exact=True)).to_be_focused()
    change_password(page, login, "")
    expect(page.get_by_text("The password must not be empty")).to_be_visible()
    page.get_by_label("New password", exact=True).fill("abc")
    expect(page.get_by_text("Strength: very weak")).to_be_visible()
    change_password(page, login, "correct horse battery staple 7")
    expect(page.get_by_text("The password was changed")).to_be_visible()
    other.get_by_role("button", name="Refresh").click()
    over = other.get_by_role("dialog", name="Session ended")
    over.get_by_label("Password", exact=True).fill("correct horse battery staple 7")
    other.keyboard.press("Enter")
    expect(over).to_have_count(0)
    assert page.context.request.get("/v2/session").status == 200


def test_display_settings_act_at_once_and_follow_the_user(new_page, login):
    page = new_page(login, "/settings/display")
    page.get_by_label("Light", exact=True).check()
    expect(page.locator(".v-theme--light").first).to_be_attached()
    page.get_by_label("Русский").check()
    expect(page.get_by_role("heading", name="Внешний вид")).to_be_visible()
    expect(page.get_by_text("31.12.2026 14:05")).to_be_visible()
    with page.expect_response(re.compile("settings/dimming")):
        page.get_by_role("slider").fill("60")
    elsewhere = new_page(login, "/")
    expect(elsewhere.get_by_role("button", name="Загрузить", exact=True)).to_be_visible()
    expect(elsewhere.locator(".v-theme--light").first).to_be_attached()
    assert elsewhere.evaluate("document.documentElement.style.getPropertyValue('--dimming')") == "0.6"


def test_the_menu_holds_the_pages_and_says_where_one_is(new_page, login):
    page = new_page(login, "/")
    menu = page.get_by_role("navigation", name="Main menu")
    expect(menu.get_by_role("link")).to_have_count(5)
    assert [link.get_attribute("aria-label") for link in menu.get_by_role("link").all()] == [
        "Studies", "Viewer", "Links", "Settings", "About",
    ]  # fmt: skip
    with page.expect_response(re.compile("settings/menu.open")):
        page.get_by_role("button", name="Menu", exact=True).click()
    expect(menu.get_by_text("Settings")).to_be_visible()
    menu.get_by_role("link", name="Settings").click()
    expect(menu.get_by_role("link", name="Settings")).to_have_attribute("aria-current", "page")
    expect(page).to_have_url(re.compile("/settings/account$"))
    page.reload()
    expect(menu.get_by_text("Settings")).to_be_visible()


def test_the_wheel_turns_the_stack_as_the_user_has_said(new_page, people, make_study):
    login = people.add(viewer__wheel="previous")
    people.store(login, make_study("Wheel^Patient", 5))
    page = new_page(login, "/")
    page.get_by_role("row").filter(has_text="Wheel Patient").dblclick()
    viewport = page.get_by_test_id("viewport").first
    expect(page.locator("[data-quality=lossless]")).to_be_visible()
    page.keyboard.press("End")
    expect(viewport).to_have_attribute("data-slice", "5")
    viewport.hover()
    page.mouse.wheel(0, 120)
    expect(viewport).to_have_attribute("data-slice", "4")


def test_quarantine_shows_a_damaged_object_with_the_reason_until_it_is_deleted(new_page, login, make_study):
    page = new_page(login, "/settings/quarantine")
    expect(page.get_by_text("Nothing is in quarantine.")).to_be_visible()
    [whole] = make_study("Damaged^Patient")
    page.goto("/")
    damaged = {"name": "cut.dcm", "mimeType": "application/dicom", "buffer": whole[: len(whole) // 2]}
    page.get_by_test_id("upload-files").set_input_files([damaged])
    expect(page.get_by_text("Done, but not everything arrived")).to_be_visible()
    page.goto("/settings/quarantine")
    entry = page.locator("tbody tr[data-id]")
    expect(entry).to_contain_text("cut.dcm")
    expect(entry).to_contain_text("The pixel data end early")
    entry.get_by_role("button", name="Delete").click()
    question = page.get_by_role("alertdialog", name="Delete for ever?")
    expect(question).to_contain_text("cut.dcm")
    question.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Nothing is in quarantine.")).to_be_visible()
