"""Two controls, three render nodes and a storage node as processes: any one of them may go while a picture is looked at."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import hashlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright
from pydantic import SecretStr
from sqlalchemy import select
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.sync.client import connect

from webviewer.domain.view import Quality
from webviewer.sample.series import PhantomSeries
from webviewer.settings import Settings
from webviewer.web.endpoint import SESSION_COOKIE
from webviewer.wire.frame import HEADER_LENGTH, FrameFlag, FrameHeader
from webviewer.wire.keyring import KeyRing
from webviewer_control.store.database import Database
from webviewer_control.store.models import NodeRow, PlacementRow, SessionRow, UserRow

TIMEOUT = 90.0
RENDERS = 3
SLOTS = 102
SLOT_IDLE = 5
HANG_SECONDS = 10.0  # a requirement of the product
BROWSER_MS = 30_000
SECRET = "hand-over-test"
PHANTOM = PhantomSeries(rows=96, columns=128, slices=24, spacing=3.4, step=20.0, name="hand-over")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Balancer:
    """What stands in front of several controls: connections go round, and past a control that does not listen."""

    def __init__(self, ports: list[int]) -> None:
        self.ports = ports
        self._next = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _start(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._next += 1
        ports = [self.ports[(self._next + step) % len(self.ports)] for step in range(len(self.ports))]
        for port in ports:
            with contextlib.suppress(OSError):
                there = await asyncio.open_connection("127.0.0.1", port)
                break
        else:
            writer.close()
            return
        pumps = [asyncio.create_task(pump) for pump in (self._pump(reader, there[1]), self._pump(there[0], writer))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        for each in (writer, there[1]):
            each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


class Fleet:
    """Starts and restarts the processes; a browser comes to ``url``, which is the balancer of the two controls."""

    def __init__(self, launcher, folder: Path, database_url: str, certificates) -> None:
        self.launcher, self.folder, self.database_url = launcher, folder, database_url
        names = ("control-0", "control-1", "nodes-0", "nodes-1", "metrics-0", "metrics-1", "storage")
        self.ports = {name: free_port() for name in names}
        self.pages = Balancer([self.ports["control-0"], self.ports["control-1"]])
        self.nodes = Balancer([self.ports["nodes-0"], self.ports["nodes-1"]])
        self.url = f"http://127.0.0.1:{self.pages.port}"
        self.tls = certificates.arguments()
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.logs: dict[str, Path] = {}
        self.render_ports: dict[str, int] = {}
        for control in ("control-0", "control-1"):
            self._share_key(folder / control)

    def _share_key(self, data: Path) -> None:
        """Replicas have the instance key from a Secret."""
        if not (self.folder / "key" / "instance.key").exists():
            (self.folder / "key").mkdir()
            KeyRing.load(self.folder / "key")
        data.mkdir()
        (data / "instance.key").write_bytes((self.folder / "key" / "instance.key").read_bytes())
        (data / "instance.key").chmod(0o600)

    def start(self, name: str) -> None:
        role = name.partition("-")[0]
        more = {
            "control": [
                "--database-url", self.database_url, "--storage-url", f"https://localhost:{self.ports['storage']}",
                "--render-url", "https://localhost:1",
            ],
            "storage": ["--database-url", self.database_url, "--no-dicom"],
            "render": ["--max-thread-pool-threads", "2"],
        }[role]  # fmt: skip
        if role == "control":
            more += ["--port", str(self.ports[name]), "--nodes-port", str(self.ports[name.replace("control", "nodes")])]
        else:
            port = self.ports.get(name, 0)
            more += ["--port", str(port), "--control-url", f"https://localhost:{self.nodes.port}"]
        environment = {
            "WEBVIEWER_NODE_SECRET": SECRET,
            "WEBVIEWER_SLOT_IDLE": str(SLOT_IDLE),
            "WEBVIEWER_RENDER_SLOTS": str(SLOTS),
        }
        if role == "control":
            environment["WEBVIEWER_DEMO"] = "1"
        metrics = str(self.ports.get(name.replace("control", "metrics"), 0)) if role == "control" else "0"
        self.processes[name], self.logs[name] = self.launcher.start(
            name, role, "--data", str(self.folder / name), "--metrics-port", metrics, *self.tls, *more, **environment
        )
        if role == "render":
            self.render_ports[name] = self._port(name)

    def _port(self, name: str) -> int:
        for line in self.processes[name].stdout or ():
            if found := re.match(r"listening on https?://\S+:(\d+)", line):
                return int(found[1])
        pytest.fail(f"{name} ended before it listened:\n{self.logs[name].read_text()[-3000:]}")

    def harm(self, name: str, number: signal.Signals) -> None:
        os.kill(self.processes[name].pid, number)

    def restart(self, name: str) -> None:
        """Start what was killed; at a render node's end another one comes, at another address."""
        self.processes[name].wait(TIMEOUT)
        self.start(name)
        self.wait_until_ready()

    def loads(self) -> dict[str, int]:
        """How many sessions the render nodes say that they hold; who does not answer is left out."""
        headers = {"Authorization": f"Bearer {SECRET}"}
        nodes = httpx2.get(f"{self.url}/v2/capacity", headers=headers, timeout=TIMEOUT).json()["nodes"]
        used = {int(node["address"].rpartition(":")[2]): node["load"]["used"] for node in nodes if node["load"]}
        return {name: used[port] for name, port in self.render_ports.items() if port in used}

    def own_render(self) -> str:
        """The node of the only session that there is."""
        [name] = [name for name, used in self.loads().items() if used]
        return name

    def own_control(self) -> str:
        """The control that serves the only socket that there is."""
        for name in ("control-0", "control-1"):
            port = self.ports[name.replace("control", "metrics")]
            if "webviewer_control_sockets 1.0" in httpx2.get(f"http://127.0.0.1:{port}/metrics").text:
                return name
        pytest.fail("no control has a socket")

    def wait_until(self, condition, what: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(f"{name}: {log.read_text()[-1500:]}" for name, log in self.logs.items())
                pytest.fail(f"{what} did not come true:\n{logs}")
            time.sleep(0.1)

    def wait_until_ready(self) -> None:
        self.wait_until(self._is_ready, "readiness of all")

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx2.TransportError, KeyError, ValueError):
            answers = [httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=5) for port in self.pages.ports]
            if all(answer.is_success for answer in answers) and len(self.loads()) == RENDERS:
                return set(self.database(self._available)) >= set(self.render_ports.values())
        return False

    async def _available(self, transaction) -> list[int]:
        rows = await transaction.scalars(select(NodeRow).where(NodeRow.role == "render", NodeRow.cause == ""))
        return [int(row.address.rpartition(":")[2]) for row in rows]

    def wait_until_empty(self) -> None:
        """No node holds a session, and the ledger knows of none: nothing leaks, whoever was killed."""
        self.wait_until(lambda: set(self.loads().values()) == {0} and not self.database(self._placed), "empty nodes")

    async def _placed(self, transaction) -> list[str]:
        return list(await transaction.scalars(select(PlacementRow.session_id)))

    def database(self, work):
        """Run ``work(transaction)`` on control's database, in a thread of its own: this one may have Playwright's loop."""

        async def run():
            database = Database(Settings(data=self.folder, database_url=SecretStr(self.database_url)))
            try:
                async with database.writing() as transaction:
                    return await work(transaction)
            finally:
                await database.close()

        return in_thread(run)

    def close(self) -> None:
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)
        self.launcher.close()
        self.pages.close()
        self.nodes.close()


def in_thread(work):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result(2 * TIMEOUT)


class Person:
    """A logged-in session of demo, with a study of the phantom."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.http = httpx2.Client(base_url=fleet.url, headers={"Origin": fleet.url}, timeout=TIMEOUT)
        answer = self.http.post("/v2/login", json={"user": "demo", "password": "demo"})
        assert answer.status_code == httpx2.codes.OK, answer.text
        self.http.headers["X-CSRF-Token"] = answer.json()["csrf"]
        self.cookie = "; ".join(f"{key}={value}" for key, value in self.http.cookies.items())

    def close(self) -> None:
        self.http.close()

    def upload(self, content: bytes, name: str) -> None:
        query = {"offset": 0, "size": len(content), "name": name}
        digest = hashlib.sha256(content).hexdigest()
        answer = self.http.put(f"/v2/uploads/{digest}", params=query, content=content)
        assert answer.status_code == httpx2.codes.OK, answer.text

    def study(self) -> tuple[str, str]:
        """Return the ids of the study and its series, when all images are there."""
        found: list[dict] = []

        def arrived() -> bool:
            found[:] = [
                study for study in self.http.get("/v2/studies").json()["studies"] if study["ninst"] == PHANTOM.slices
            ]
            return bool(found)

        self.fleet.wait_until(arrived, "the study")
        detail = self.http.get(f"/v2/studies/{found[0]['id']}").json()
        return found[0]["id"], detail["series"][0]["id"]


class Tab:
    """What the page does: it draws nothing, but comes back when its line is cut, and opens what it has shown."""

    def __init__(self, fleet: Fleet, cookie: str, study: str, series: str) -> None:
        self.fleet, self.cookie, self.study, self.series = fleet, cookie, study, series
        self.sequence = 0
        self.view: dict[str, object] | None = None
        self.returns = -1
        self._stack = contextlib.ExitStack()
        self._connect()

    def _connect(self) -> None:
        address = self.fleet.url.replace("http", "ws", 1) + "/eventQueue"
        headers = {"Cookie": self.cookie}
        deadline = time.monotonic() + TIMEOUT
        while True:
            self.close()
            with contextlib.suppress(OSError, EOFError, InvalidHandshake, InvalidMessage, ConnectionClosed):
                self.socket = self._stack.enter_context(
                    connect(address, origin=self.fleet.url, additional_headers=headers, compression=None, max_size=None)
                )
                self.socket.send(json.dumps({"type": "hello", "version": 1}))
                self.socket.send(json.dumps(self._open()))
                self.returns += 1
                return
            assert time.monotonic() < deadline, "nobody answers"
            time.sleep(0.25)

    def _open(self) -> dict[str, object]:
        return {
            "type": "open", "viewport": 0, "study": self.study, "series": self.series, "size": [256, 200],
            "sequence": self.sequence, "view": self.view,
        }  # fmt: skip

    def change(self, **patch: object) -> None:
        self.sequence += 1
        self.view = (self.view or {}) | patch
        self.socket.send(json.dumps({"type": "view", "viewport": 0, "sequence": self.sequence, "patch": patch}))

    def final(self, seconds: float = TIMEOUT) -> bytes:
        """Return the next lossless picture of the newest state, whoever draws it."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                received = self.socket.recv(timeout=max(0.0, deadline - time.monotonic()))
            except ConnectionClosed:
                self._connect()
                continue
            if isinstance(received, str):
                message = json.loads(received)
                assert message["type"] not in {"error", "closed"}, message
                if message["type"] == "opened" and self.view is None:
                    self.view = message["view"]
                continue
            header = FrameHeader.unpack(received)
            self.socket.send(json.dumps({"type": "ack", "viewport": 0, "serial": header.serial}))
            fresh = header.sequence == self.sequence and not header.flags & FrameFlag.NEIGHBOUR
            if fresh and header.quality == Quality.LOSSLESS:
                return received[HEADER_LENGTH:]

    def close(self) -> None:
        self._stack.close()


@pytest.fixture(scope="module")
def fleet(launch, postgresql, tmp_path_factory, make_certificates):
    folder = tmp_path_factory.mktemp("fleet")
    url = postgresql()
    for role in ("control", "storage"):
        command = [
            sys.executable,
            "-m",
            "webviewer",
            "db",
            "upgrade",
            "--role",
            role,
            "--data",
            str(folder / "upgrade"),
        ]
        subprocess.run([*command, "--database-url", url], check=True, timeout=60, stdout=subprocess.DEVNULL)
    fleet = Fleet(launch(folder), folder, url, make_certificates(folder, "fleet"))
    try:
        for name in ("control-0", "control-1", "storage", *(f"render-{number}" for number in range(RENDERS))):
            fleet.start(name)
        fleet.wait_until_ready()
        with contextlib.closing(Person(fleet)) as person:
            for index, content in enumerate(PHANTOM.instances()):
                person.upload(content, f"{index}.dcm")
            fleet.study, fleet.series = person.study()
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
    with contextlib.closing(Person(quiet)) as person:
        tab = Tab(quiet, person.cookie, quiet.study, quiet.series)
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
    other = Tab(quiet, tab.cookie, quiet.study, quiet.series)
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
def test_sessions_opened_at_once_spread_evenly_to_the_last_place_and_one_more_waits(quiet):
    cookies = quiet.database(add_sessions)
    in_thread(lambda: fill(quiet, cookies))


async def add_sessions(transaction) -> list[str]:
    """Log in as demo so many times, without a password to be hashed each time."""
    user = (await transaction.scalars(select(UserRow).where(UserRow.login == "demo"))).one()
    now = dt.datetime.now(dt.UTC)
    secrets = [f"secret-{number}-{now.timestamp()}" for number in range(RENDERS * SLOTS + 1)]
    for secret in secrets:
        digest = hashlib.sha256(secret.encode()).hexdigest()
        row = SessionRow(kind="user", user_id=user.id, secret=digest, created=now, last_seen=now, address="")
        row.expires = now + dt.timedelta(hours=1)
        transaction.add(row)
    return [f"{SESSION_COOKIE}={secret}" for secret in secrets]


async def fill(fleet: Fleet, cookies: list[str]) -> None:
    """Open the study in every session at once: first in all but six, then in those, the last of which finds no place."""
    async with contextlib.AsyncExitStack() as stack:
        first = await asyncio.gather(*(shown(fleet, stack, cookie) for cookie in cookies[: -RENDERS - 1]))
        assert Counter(fleet.loads().values()) == {SLOTS - 1: RENDERS}
        await asyncio.gather(*(shown(fleet, stack, cookie) for cookie in cookies[-RENDERS - 1 : -1]))
        assert Counter(fleet.loads().values()) == {SLOTS: RENDERS}
        waiting = await opened(fleet, stack, cookies[-1])
        async with asyncio.timeout(TIMEOUT):
            assert (await message(waiting, "event"))["value"] == 1
            await first[0].close()
            await message(waiting, "opened")  # when the place is free again


async def opened(fleet: Fleet, stack: contextlib.AsyncExitStack, cookie: str):
    address = fleet.url.replace("http", "ws", 1) + "/eventQueue"
    headers = {"Cookie": cookie}
    connection = connect_async(
        address, origin=fleet.url, additional_headers=headers, compression=None, max_size=None, open_timeout=TIMEOUT
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
        socket = await opened(fleet, stack, cookie)
        while isinstance(received := await socket.recv(), str):
            assert json.loads(received)["type"] not in {"error", "closed"}, received
    return socket


def test_a_page_shows_the_same_picture_again_after_its_node_was_killed(quiet, require_program):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require_program("chromium"), args=["--no-sandbox"])
        with contextlib.closing(browser):
            look_and_kill(quiet, browser)


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
