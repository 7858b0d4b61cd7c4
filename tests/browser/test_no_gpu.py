"""Everything is drawn on the server: a browser without a GPU and without its interfaces shows all windows."""

import shutil

import pytest
from playwright.sync_api import expect


@pytest.mark.contract("A01")
@pytest.mark.parametrize(
    ("window", "place"),
    [("image", "[data-testid=viewport]"), ("mpr", "[data-pane=axial]"), ("3d", "[data-pane=model]")],
)
def test_a_browser_without_gpu_shows_every_window(chromium, new_context, site, window, place):
    state = new_context().storage_state()
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-3d-apis"]
    browser = chromium.browser_type.launch(executable_path=shutil.which("chromium"), args=arguments)
    try:
        page = browser.new_context(base_url=site.url, storage_state=state).new_page()
        page.goto(f"/viewer/{window}?s={site.study}&series=1")
        assert page.evaluate("document.createElement('canvas').getContext('webgl2')") is None
        expect(page.locator(place).locator("[data-quality]").first).to_be_visible(timeout=60_000)
    finally:
        browser.close()
