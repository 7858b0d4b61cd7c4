"""No page breaks a rule of axe that matters, in either theme and language."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

AXE = Path(__file__).parents[2] / "html/node_modules/axe-core/axe.min.js"
GRAVE = {"serious", "critical"}
USER_ROUTES = [
    "/",
    "/?source=quarantine",
    "/links",
    "/settings/account",
    "/settings/display",
    "/settings/quarantine",
    "/about",
]
PUBLIC_ROUTES = ["/login", "/admin/login", "/about", "/mistyped"]
PANEL_ROUTES = [
    "/admin/overview",
    "/admin/users",
    "/admin/journal",
    "/admin/audit",
    "/admin/server",
    "/admin/api-keys",
    "/admin/links",
    "/admin/quarantine",
    "/admin/about",
]
COMBINATIONS = [(theme, language) for theme in ("dark", "light") for language in ("en", "ru")]


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE.is_file():
        pytest.fail(f"{AXE} is missing: make setup")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture
def reader(people, make_study):
    """Return a function that makes a user of a theme and a language who has a study."""

    def make(theme: str, language: str) -> str:
        login = people.add(theme=theme, language=language, notice__diagnosis=True)
        people.store(login, make_study("Axe^Patient", 2))
        return str(login)

    return make


def grave_violations(page, axe: str, *without: str) -> list[str]:
    """Rules that the page breaks gravely, each with the first element that does; ``without`` names rules left out."""
    expect(page.locator("h1, h2, [role=grid], [data-testid=toolbar]").first).to_be_attached()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.evaluate(axe)
    options = {"resultTypes": ["violations"], "rules": {rule: {"enabled": False} for rule in without}}
    found = page.evaluate("(options) => axe.run(document, options)", options)["violations"]
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:300]}" for rule in found if rule["impact"] in GRAVE]


def remembered(theme: str, language: str) -> str:
    """Script that makes the browser remember theme and language from an earlier visit."""
    return (
        f"localStorage.setItem('webviewer.theme', '{theme}'); localStorage.setItem('webviewer.language', '{language}')"
    )


@pytest.mark.parametrize(("theme", "language"), COMBINATIONS)
def test_pages_of_the_user(new_page, reader, axe, theme, language):
    page = new_page(reader(theme, language))
    problems = {}
    for route in USER_ROUTES:
        page.goto(route)
        expect(page.locator("html")).to_have_attribute("lang", language)
        problems[route] = grave_violations(page, axe)
    page.goto("/")
    page.get_by_role("row").filter(has_text="Axe Patient").click()
    expect(page.locator(".drawer img")).to_be_visible()
    problems["series"] = grave_violations(page, axe)
    page.get_by_role("row").filter(has_text="Axe Patient").dblclick()
    expect(page.locator("[data-quality=lossless]")).to_be_visible()
    # The badges on a thumbnail count as a part of its label, which says the same in words.
    problems["viewer"] = grave_violations(page, axe, "label-content-name-mismatch")
    assert {route: found for route, found in problems.items() if found} == {}


@pytest.mark.parametrize(("theme", "language"), COMBINATIONS)
def test_pages_of_everybody_and_of_the_administrator(new_page, axe, theme, language):
    page = new_page("")
    page.context.add_init_script(remembered(theme, language))
    problems = {}
    for route in PUBLIC_ROUTES:
        page.goto(route)
        expect(page.locator("html")).to_have_attribute("lang", language)
        problems[route] = grave_violations(page, axe)
    answer = page.context.request.post("/v2/admin/login", data={"user": "admin", "password": "admin"})
    assert answer.ok
    for route in PANEL_ROUTES:
        page.goto(route)
        problems[route] = grave_violations(page, axe)
    page.goto("/admin/users")
    page.locator("tbody tr[data-id]").first.click()
    expect(page.locator(".pane")).to_be_visible()
    problems["user"] = grave_violations(page, axe)
    assert {route: found for route, found in problems.items() if found} == {}


@pytest.mark.parametrize("route", ["/", "/settings/account"])
def test_every_stop_of_the_tab_key_is_seen(new_page, people, route):
    """Focus by keyboard shows an outline, or the border of the field it is in."""
    page = new_page(people.add(), route)
    expect(page.get_by_role("button", name="Menu", exact=True)).to_be_visible()
    unseen, stops = [], set()
    for _ in range(30):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """() => {
                const element = document.activeElement;
                if (!element || element === document.body) return null;
                const seen = getComputedStyle(element).outlineStyle !== 'none' || element.closest('.v-field--focused')
                    || element.closest('.v-selection-control')?.matches('.v-selection-control--focus-visible');
                return { name: element.outerHTML.slice(0, 120), seen: !!seen };
            }"""
        )
        if stop is None:
            break
        stops.add(stop["name"])
        if not stop["seen"]:
            unseen.append(stop["name"])
    assert len(stops) > 8
    assert unseen == []
