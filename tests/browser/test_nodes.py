"""The page Nodes of a cluster's control: a process of its own, and nodes that tell it of themselves."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import httpx2
import pytest
from playwright.sync_api import Page, expect

from webviewer import __version__

from .test_accessibility import COMBINATIONS, axe, grave_violations, remembered

__all__ = ["axe"]  # the fixture
SECRET = "nodes-test"
NODES = (("storage", "http://127.0.0.1:9"), ("storage", "http://localhost:9"), ("render", "http://127.0.0.1:19"))


@pytest.fixture(scope="module")
def control(tmp_path_factory) -> Iterator[str]:
    """Run control of a cluster whose two storage nodes and one render node have registered and cannot be reached."""
    data = str(tmp_path_factory.mktemp("control"))
    program = [sys.executable, "-m", "webviewer"]
    subprocess.run([*program, "db", "upgrade", "--role", "control", "--data", data], check=True, capture_output=True)
    command = [
        *program,
        "control",
        "--data",
        data,
        "--port",
        "0",
        "--metrics-port",
        "0",
        "--log-level",
        "error",
    ]
    command += ["--storage-url", NODES[0][1]]
    environment = os.environ | {"WEBVIEWER_NODE_SECRET": SECRET, "WEBVIEWER_DEMO": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        found = (re.match(r"listening on (http://\S+)", line) for line in process.stdout or ())
        url = next(match[1] for match in found if match)
        with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {SECRET}"}) as http:
            for number, (role, address) in enumerate(NODES):
                body = {
                    "key": f"key-{number}",
                    "role": role,
                    "address": address,
                    "version": __version__,
                    "ae_title": "",
                }
                http.put("/v2/nodes", json=body).raise_for_status()
        yield url
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def panel(control, new_context) -> Callable[..., Page]:
    """Return a function that opens a page of the panel as the administrator of that control."""

    def open_page(path: str, language: str = "en", theme: str = "dark") -> Page:
        context = new_context("", base_url=control)
        context.add_init_script(remembered(theme, language))
        assert context.request.post("/v2/admin/login", data={"user": "admin", "password": "admin"}).ok
        page = context.new_page()
        page.goto(path)
        return page

    return open_page


@pytest.mark.contract("I01")
@pytest.mark.parametrize(
    ("language", "kinds", "state"),
    [
        ("en", ["storage", "storage", "render"], "unavailable"),
        ("ru", ["хранение", "хранение", "рендеринг"], "недоступен"),
    ],
)
def test_nodes_are_listed_with_their_kind_and_how_they_are(panel, language, kinds, state):
    page = panel("/admin/nodes", language)
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(len(NODES))
    for row, kind, (_, address) in zip(rows.all(), kinds, NODES, strict=True):
        expect(row).to_contain_text(address)
        expect(row).to_contain_text(kind)
        expect(row).to_contain_text(state)


@pytest.mark.contract("F05")
@pytest.mark.parametrize(
    ("language", "create", "label", "fewest"),
    [("en", "Create user", "Storage node", "fewest"), ("ru", "Создать пользователя", "Узел хранения", "наименьшим")],
)
def test_who_makes_a_user_chooses_among_the_storage_nodes(panel, language, create, label, fewest):
    page = panel("/admin/users", language)
    page.get_by_role("button", name=create).first.click()
    choice = page.get_by_role("dialog").get_by_role("combobox", name=label)
    expect(choice).to_be_visible()
    choice.press("ArrowDown")
    options = page.get_by_role("listbox").get_by_role("option")
    expect(options).to_have_text([re.compile(fewest), f"1: {NODES[0][1]}", f"2: {NODES[1][1]}"])
    options.nth(2).click()
    expect(page.get_by_role("dialog")).to_contain_text(f"2: {NODES[1][1]}")


@pytest.mark.parametrize(("theme", "language"), COMBINATIONS)
def test_the_page_of_nodes_has_no_grave_fault(panel, axe, theme, language):
    page = panel("/admin/nodes", language, theme)
    page.locator("tbody tr").first.click()
    expect(page.get_by_role("complementary")).to_be_visible()
    assert grave_violations(page, axe) == []
