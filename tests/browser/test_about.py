"""The page About: which build this is, and whom to ask."""

import pytest
from playwright.sync_api import expect

from webviewer import __version__


@pytest.mark.contract("N01")
@pytest.mark.parametrize(
    ("locale", "words"), [("en-US", ("Web site", "Sales", "Support")), ("ru-RU", ("Сайт", "Отдел продаж"))]
)
def test_about_names_the_version_and_whom_to_ask(new_page, locale, words):
    main = new_page("", "/about", locale=locale).get_by_role("main")
    expect(main).to_contain_text(__version__)
    for word in words:
        expect(main).to_contain_text(word)
    for text, address in (
        ("https://viewer.example.org/", "https://viewer.example.org/"),
        ("sales@example.org", "mailto:sales@example.org"),
        ("help@example.org", "mailto:help@example.org"),
    ):
        expect(main.get_by_role("link", name=text)).to_have_attribute("href", address)
