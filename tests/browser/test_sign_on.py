"""Single sign-on in a real browser, by a real provider: the way there, what one sees, and the way out."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest
import yaml
from playwright.sync_api import Browser, Page, expect
from tests.control.sign_on_provider.process import CLIENT, provider

PEOPLE = {
    "anna": {"preferred_username": "anna", "groups": ["radiology"]},
    "quinn": {"preferred_username": "quinn", "groups": ["quality"]},
    "cook": {"preferred_username": "cook", "groups": ["canteen"]},
}


@dataclass(frozen=True)
class Clinic:
    """A product whose people log in at a provider; ``start`` is the address of its start page."""

    start: str
    chromium: Browser

    @contextlib.contextmanager
    def visitor(self, locale: str = "en-US") -> Iterator[Page]:
        with contextlib.closing(self.chromium.new_context(locale=locale, base_url=self.start)) as context:
            context.set_default_timeout(15_000)
            yield context.new_page()


@pytest.fixture(scope="module")
def clinic(serve, pages, chromium, tmp_path_factory) -> Iterator[Clinic]:
    folder = tmp_path_factory.mktemp("sign-on")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    start = f"http://127.0.0.1:{port}/"
    with provider(PEOPLE, start) as issuer:
        roles = {"radiology": "user", "quality": "auditor"}
        settings = {"oidc_issuer": issuer, "oidc_name": "Clinic", "oidc_roles": roles, **CLIENT}
        file = folder / "webviewer.yaml"
        file.write_text(yaml.safe_dump(settings))
        with serve(folder, "--config", f"{file}", "--port", f"{port}", "--html", f"{pages}"):
            yield Clinic(start, chromium)


def log_in_there(page: Page, person: str) -> None:
    page.locator("input[name=login]").fill(person)
    page.locator("input[name=password]").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


@pytest.mark.contract("R01")
def test_a_person_of_the_provider_comes_in_and_goes_out_and_local_log_in_stays(clinic):
    with clinic.visitor() as page:
        page.goto("/settings/account")
        expect(page.get_by_label("User name")).to_be_visible()
        page.get_by_role("link", name="Log in with Clinic").click()
        log_in_there(page, "anna")
        page.get_by_role("dialog", name="Not for diagnosis").get_by_role("button", name="Understood").click()
        expect(page).to_have_url(f"{clinic.start}settings/account")
        expect(page.get_by_role("heading", name="Sessions")).to_be_visible()
        # Its password is changed where it is kept.
        expect(page.get_by_label("Old password")).to_have_count(0)
        page.get_by_role("button", name="User menu: anna").click()
        page.get_by_text("Log out", exact=True).click()
        page.get_by_role("button", name="Yes, sign me out").click()
        expect(page).to_have_url(f"{clinic.start}login")
        page.get_by_role("link", name="Log in with Clinic").click()
        expect(page.locator("input[name=login]")).to_be_visible()
    with httpx2.Client(base_url=clinic.start, headers={"Origin": clinic.start}) as http:
        assert http.post("/v2/login", json={"user": "demo", "password": "demo"}).status_code == 200


def test_an_auditor_sees_the_journals_and_no_other_page_of_the_panel(clinic):
    with clinic.visitor("ru-RU") as page:
        page.goto("/admin/audit")
        page.get_by_role("link", name="Войти через Clinic").click()
        log_in_there(page, "quinn")
        expect(page).to_have_url(f"{clinic.start}admin/audit")
        links = page.get_by_role("navigation").get_by_role("link")
        expect(links).to_have_count(3)
        page.goto("/admin/users")
        expect(page).to_have_url(f"{clinic.start}admin/journal")
        expect(page.get_by_role("gridcell", name="quinn").first).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("хран", re.IGNORECASE))).to_have_count(0)


def test_why_somebody_is_refused_is_said_in_his_language(clinic):
    for locale, button, words in (
        ("en-US", "Log in with Clinic", "none of its groups is known to WebViewer"),
        ("ru-RU", "Войти через Clinic", "ни одна из её групп не известна WebViewer"),
    ):
        with clinic.visitor(locale) as page:
            page.goto("/")
            page.get_by_role("link", name=button).click()
            log_in_there(page, "cook")
            expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()
            expect(page.get_by_role("link", name=button)).to_be_visible()
