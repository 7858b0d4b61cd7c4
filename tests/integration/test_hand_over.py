"""Two controls, three render nodes and a storage node as processes: any one of them may go while a picture is looked at."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import hashlib
import io
import json
import re
import signal
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright
from sqlalchemy import select
from tests.integration.fleet import TIMEOUT, Fleet, in_thread
from tests.integration.tab import PHANTOM, Page
from websockets.asyncio.client import connect as connect_async

from webviewer.bench.returning_tab import ReturningTab
from webviewer.web.endpoint import SESSION_COOKIE
from webviewer_control.store.models import SessionRow, UserRow

HANG_SECONDS = 10.0  # a requirement of the product
BROWSER_MS = 30_000


@pytest.fixture(scope="module")
def fleet(launch, postgresql, tmp_path_factory, make_certificates):
    folder = tmp_path_factory.mktemp("fleet")
    fleet = Fleet(launch(folder), folder, postgresql(), make_certificates(folder, "fleet"))
    try:
        fleet.start_all()
        with contextlib.closing(Page(fleet.url)) as page:
            for index, content in enumerate(PHANTOM.instances()):
                page.upload(content, f"{index}.dcm")
            fleet.study = page.wait_for_study(PHANTOM.slices)["id"]
            [series] = page.http.get(f"/v2/studies/{fleet.study}").json()["series"]
            fleet.series = series["id"]
        yield fleet
    finally:
        fleet.close()


@pytest.fixture
def quiet(fleet):
    """The fleet with no session at any node, before and after."""
    fleet.wait_until_empty()
    yield fleet
    fleet.wait_until_empty()


@pytest.fixture
def tab(quiet):
    """A tab that shows something of its own choice."""
    with contextlib.closing(Page(quiet.url)) as page:
        tab = ReturningTab(quiet.url, page.cookie, quiet.study, quiet.series)
    try:
        tab.final()
        tab.change(zoom=1.7, rotation=20.0, window={"center": 60.0, "width": 300.0})
        yield tab
    finally:
        tab.close()


@pytest.mark.contract("A06", "A07")
@pytest.mark.parametrize("victim", ["render", "control", "storage"])
def test_the_same_picture_comes_again_whichever_part_is_killed(quiet, tab, victim):
    before = tab.final()
    name = quiet.own_render() if victim == "render" else victim
    if victim == "control":
        name = quiet.own_control()
    quiet.harm(name, signal.SIGKILL)
    if victim == "storage":
        tab.change(invert=True)
        assert tab.final() != before  # what is loaded needs no storage
        tab.change(invert=False)
    assert tab.final() == before
    assert tab.returns == (1 if victim == "control" else 0)
    quiet.restart(name)
    other = ReturningTab(quiet.url, tab.cookie, quiet.study, quiet.series)
    other.final()
    other.change(**{key: tab.view[key] for key in ("zoom", "rotation", "window")})
    assert other.final() == before
    assert sum(quiet.loads().values()) <= (2 if victim == "control" else 1)
    other.close()


def test_a_render_node_that_is_told_to_stop_hands_its_session_over(quiet, tab):
    before = tab.final()
    name = quiet.own_render()
    quiet.harm(name, signal.SIGTERM)
    assert tab.final() == before
    assert tab.returns == 0
    assert quiet.processes[name].wait(TIMEOUT) == 0
    quiet.restart(name)


def test_a_render_node_that_hangs_is_left_within_10_seconds(quiet, tab):
    before = tab.final()
    name = quiet.own_render()
    quiet.harm(name, signal.SIGSTOP)
    try:
        assert tab.final(HANG_SECONDS) == before
        assert tab.returns == 0
    finally:
        quiet.harm(name, signal.SIGCONT)
    quiet.wait_until_ready()


@pytest.mark.contract("A07")
def test_sessions_opened_at_once_spread_evenly_to_the_last_place_and_two_more_wait_in_one_line(quiet):
    cookies = quiet.database(add_sessions)
    in_thread(lambda: fill(quiet, cookies))


async def add_sessions(transaction) -> list[str]:
    """Log in as demo so many times, without a password to be hashed each time."""
    user = (await transaction.scalars(select(UserRow).where(UserRow.login == "demo"))).one()
    now = dt.datetime.now(dt.UTC)
    secrets = [f"secret-{number}-{now.timestamp()}" for number in range(Fleet.renders * Fleet.slots + 2)]
    for secret in secrets:
        digest = hashlib.sha256(secret.encode()).hexdigest()
        row = SessionRow(kind="user", user_id=user.id, secret=digest, created=now, last_seen=now, address="")
        row.expires = now + dt.timedelta(hours=1)
        transaction.add(row)
    return [f"{SESSION_COOKIE}={secret}" for secret in secrets]


async def fill(fleet: Fleet, cookies: list[str]) -> None:
    """Open the study in every session at once: first in all but five, then in three, and the last two find no place."""
    async with contextlib.AsyncExitStack() as stack:
        first = await asyncio.gather(*(shown(fleet, stack, cookie) for cookie in cookies[: -fleet.renders - 2]))
        assert Counter(fleet.loads().values()) == {fleet.slots - 1: fleet.renders}
        await asyncio.gather(*(shown(fleet, stack, cookie) for cookie in cookies[-fleet.renders - 2 : -2]))
        assert Counter(fleet.loads().values()) == {fleet.slots: fleet.renders}
        # Two more wait, each at a control of its own, and both stand in one line.
        urls = [f"http://127.0.0.1:{port}" for port in fleet.pages.ports]
        async with asyncio.timeout(TIMEOUT):
            one = await opened(fleet, stack, cookies[-2], urls[0])
            assert (await message(one, "event"))["value"] == 1
            other = await opened(fleet, stack, cookies[-1], urls[1])
            assert (await message(other, "event"))["value"] == 2
            await first[0].close()
            await message(one, "opened")  # when the place is free again
            while (await message(other, "event"))["value"] != 1:
                pass


async def opened(fleet: Fleet, stack: contextlib.AsyncExitStack, cookie: str, url: str):
    address = url.replace("http", "ws", 1) + "/eventQueue"
    headers = {"Cookie": cookie}
    connection = connect_async(
        address, origin=url, additional_headers=headers, compression=None, max_size=None, open_timeout=TIMEOUT
    )
    socket = await stack.enter_async_context(connection)
    await socket.send(json.dumps({"type": "hello", "version": 1}))
    size = [64, 48]
    await socket.send(
        json.dumps({"type": "open", "viewport": 0, "study": fleet.study, "series": fleet.series, "size": size})
    )
    return socket


async def message(socket, kind: str) -> dict:
    while True:
        received = await socket.recv()
        if isinstance(received, str) and (found := json.loads(received))["type"] == kind:
            return found


async def shown(fleet: Fleet, stack: contextlib.AsyncExitStack, cookie: str):
    """Open the study and wait for a picture."""
    async with asyncio.timeout(TIMEOUT):
        socket = await opened(fleet, stack, cookie, fleet.url)
        while isinstance(received := await socket.recv(), str):
            assert json.loads(received)["type"] not in {"error", "closed"}, received
    return socket


def test_a_page_shows_the_same_picture_again_after_its_node_was_killed(quiet, require_program):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require_program("chromium"), args=["--no-sandbox"])
        with contextlib.closing(browser):
            look_and_kill(quiet, browser)


@pytest.mark.contract("I01", "I03")
def test_the_administrator_drains_a_node_on_the_page_and_the_picture_stays(quiet, tab, require_program):
    before = tab.final()
    port = quiet.render_ports[quiet.own_render()]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require_program("chromium"), args=["--no-sandbox"])
        with contextlib.closing(browser):
            context = browser.new_context(viewport={"width": 1440, "height": 800}, base_url=quiet.url, locale="en-US")
            context.request.post("/v2/admin/login", data={"user": "admin", "password": "admin"})
            page = context.new_page()
            page.goto("/admin/nodes")
            row = page.locator("tbody tr").filter(has_text=f":{port}")
            row.click()
            pane = page.get_by_role("complementary")
            expect(pane).to_contain_text("Device")
            pane.get_by_role("button", name="Drain").click()
            dialog = page.get_by_role("alertdialog")
            expect(dialog).to_contain_text(re.compile(rf":{port}.*move to other nodes: 1"))
            dialog.get_by_role("button", name="Yes").click()
            expect(row).to_contain_text("draining")
            assert tab.final() == before
            assert tab.returns == 0
            assert quiet.render_ports[quiet.own_render()] != port
            pane.get_by_role("button", name="Back into service").click()
            expect(row).to_contain_text("available")
    quiet.wait_until_ready()


def look_and_kill(fleet: Fleet, browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, base_url=fleet.url, locale="en-US")
    answer = context.request.post("/v2/login", data={"user": "demo", "password": "demo"})
    token = {"X-CSRF-Token": answer.json()["csrf"]}
    context.request.put("/v2/settings/notice.diagnosis", data={"value": True}, headers=token)
    page = context.new_page()
    page.goto(f"/viewer/image?s={fleet.study}&series=1&slice=12")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport.locator("[data-quality=lossless]")).to_be_visible(timeout=BROWSER_MS)
    before = steady(viewport)
    assert before.std() > 1
    name = fleet.own_render()
    fleet.harm(name, signal.SIGKILL)
    fleet.wait_until(lambda: any(used for other, used in fleet.loads().items() if other != name), "another node's turn")
    # Whatever is asked for now is drawn by the other node.
    page.keyboard.press("ArrowDown")
    fleet.wait_until(lambda: not np.array_equal(pixels(viewport), before), "another slice")
    page.keyboard.press("ArrowUp")
    expect(viewport.locator("[data-quality=lossless]")).to_be_visible(timeout=BROWSER_MS)
    fleet.wait_until(lambda: np.array_equal(pixels(viewport), before), "the same picture")
    expect(page.get_by_role("status").filter(has_text="render")).to_have_count(0)
    context.close()
    fleet.restart(name)


def pixels(viewport) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(viewport.screenshot())).convert("L"), dtype=float)


def steady(viewport) -> np.ndarray:
    """What is on the screen when two looks in a row are the same: texts follow the picture a tick later."""
    before, now = None, pixels(viewport)
    while before is None or not np.array_equal(before, now):
        before, now = now, pixels(viewport)
    return now
