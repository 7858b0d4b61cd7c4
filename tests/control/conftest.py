"""A real control server on a free port, with small storage and render nodes in memory that check grants."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections import deque
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import httpx2
import jsonschema
import pytest
import uvicorn
from pydantic import SecretStr
from websockets.asyncio.client import connect

from webviewer import server
from webviewer.domain.identity import Action, Store
from webviewer.domain.load import NodeLoad, VolumeUse
from webviewer.domain.study import (
    QuarantineItem,
    QuarantinePage,
    SeriesSummary,
    StudyDetail,
    StudyPage,
    StudySummary,
    UploadState,
)
from webviewer.domain.view import ImageView
from webviewer.errors import ConflictError, NodeFullError, NotFoundError, PeerUnavailableError
from webviewer.ports.render import LinkClosedError
from webviewer.reasons import Why
from webviewer.roles import Mode, Peers, find_role
from webviewer.settings import Settings
from webviewer.wire.grants import GrantVerifier
from webviewer.wire.keyring import KeyRing
from webviewer.wire.messages import Opened, StackGeometry
from webviewer_control.app import create_app
from webviewer_control.services.control import open_control, utc_now

NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
SHARED = "shared-store"


class MemoryStorage:
    """Storage without disks. Studies are (store, series); rights are decided by verified grants only."""

    def __init__(self, keys, shared=SHARED):
        self.verifier = GrantVerifier(keys, "storage")
        self.shared = shared
        self.stores = {shared: Store(id=shared, kind="shared")}
        self.studies = {}
        self.uploads = {}
        self.outcomes = ()
        self.busy = False
        self.quarantine = {}
        self.volume = VolumeUse(total=1000, free=400, reserve=10)
        self.broken = False

    def add_study(self, store, study, series):
        self.studies[study] = (store, series)

    def _grant(self, token, action):
        if self.broken:
            raise PeerUnavailableError("storage does not answer")
        return self.verifier.verify(token, action)

    def _find(self, token, action, study):
        grant = self._grant(token, action)
        store, series = self.studies.get(study, (None, None))
        if store not in grant.stores or grant.study not in {None, study} or grant.series not in {None, series}:
            raise NotFoundError("no such study")
        return store, series

    async def ping(self):
        if self.broken:
            raise PeerUnavailableError("storage does not answer")

    async def shared_store(self, token):
        self._grant(token, Action.LIST)
        return self.stores[self.shared]

    async def put_store(self, token, store):
        self._grant(token, Action.MANAGE_STORES)
        self.stores[store.id] = store

    async def sizes(self, token, stores):
        self._grant(token, Action.MANAGE_STORES)
        return {store: 1000 * sum(store == own for own, _ in self.studies.values()) for store in stores}

    async def volume_use(self, token):
        self._grant(token, Action.MANAGE_STORES)
        return self.volume

    async def delete_store(self, token, store):
        self._grant(token, Action.MANAGE_STORES)
        if self.stores.pop(store, None) is None:
            raise NotFoundError("no such store")
        self.studies = {name: value for name, value in self.studies.items() if value[0] != store}

    def _summary(self, study):
        store, _ = self.studies[study]
        return StudySummary(id=study, store=self.stores[store].kind, recv=NOW, nser=1, mod=("CT",))

    async def list_studies(self, token, query):
        grant = self._grant(token, Action.LIST)
        names = [
            name for name, (store, _) in self.studies.items() if store in grant.stores and grant.study in {None, name}
        ]
        page = tuple(self._summary(name) for name in names[query.offset : query.offset + query.limit])
        return StudyPage(total=len(names), offset=query.offset, studies=page)

    async def get_study(self, token, study):
        _, series = self._find(token, Action.LIST, study)
        summary = SeriesSummary(id=series, version="v1", modality="CT", kind="image")
        return StudyDetail(study=self._summary(study), series=(summary,))

    async def find_series(self, token, series):
        grant = self._grant(token, Action.LIST)
        for study, (store, name) in self.studies.items():
            if name == series and store in grant.stores and grant.study in {None, study}:
                return store
        raise NotFoundError("no such series")

    async def delete_study(self, token, study):
        self._find(token, Action.DELETE, study)
        del self.studies[study]

    def _upload(self, token, digest):
        grant = self._grant(token, Action.WRITE)
        key = (grant.stores[0], digest)
        if key not in self.uploads:
            raise NotFoundError("no such upload")
        return key

    async def get_upload(self, token, digest):
        state = self.uploads[self._upload(token, digest)]
        if state.state != "processing" or self.busy:
            return state
        return state.model_copy(update={"state": "done", "outcomes": self.outcomes})

    async def put_upload_part(self, token, digest, *, size, offset, body, **_):
        grant = self._grant(token, Action.WRITE)
        key = (grant.stores[0], digest)
        before = self.uploads.get(key)
        if offset != (before.received if before else 0):
            raise ConflictError("wrong offset")
        received = offset
        async for chunk in body:
            received += len(chunk)
        whole = "processing" if self.busy else "done"
        state = whole if received == size else "receiving"
        outcomes = self.outcomes if state == "done" else ()
        self.uploads[key] = UploadState(digest=digest, size=size, received=received, state=state, outcomes=outcomes)
        return self.uploads[key]

    async def delete_upload(self, token, digest):
        del self.uploads[self._upload(token, digest)]

    def add_quarantined(self, store, item):
        self.quarantine[item] = store

    def _quarantined(self, name):
        why = Why.HEADER_DAMAGED()
        store = self.stores[self.quarantine[name]].kind
        return QuarantineItem(
            id=name, store=store, received=NOW, source="upload", name="a.dcm", size=1, reason=why.text, why=why
        )

    async def list_quarantine(self, token, query):
        grant = self._grant(token, Action.LIST)
        names = sorted(name for name, store in self.quarantine.items() if store in grant.stores)
        items = tuple(self._quarantined(name) for name in names[query.offset : query.offset + query.limit])
        return QuarantinePage(total=len(names), offset=query.offset, items=items)

    async def get_quarantined(self, token, item):
        if self.quarantine.get(item) not in self._grant(token, Action.LIST).stores:
            raise NotFoundError("no such object")
        return self._quarantined(item)

    async def delete_quarantined(self, token, item):
        grant = self._grant(token, Action.DELETE)
        if self.quarantine.get(item) not in grant.stores:
            raise NotFoundError("no such object")
        del self.quarantine[item]


class MemoryLink:
    """The node's end of a link: what control sent, and a hand-over of one message at a time."""

    def __init__(self, node, grant):
        self.node = node
        self.grant = grant
        self.sent = []
        self.taken = 0
        self.error = None
        self.left = False
        self._messages = deque()
        self._changed = asyncio.Condition()

    async def send(self, text):
        if self.error:
            raise self.error
        message = json.loads(text)
        self.sent.append(message)
        if message["type"] == "open":
            await self._answer_open(message)

    async def _answer_open(self, message):
        grant = self.node.pixels.verify(message["pixels"]["token"], Action.PIXELS)
        assert grant.series == message["series"]
        assert len(grant.stores) == 1
        view = ImageView(position=42.0) if message["view"] is None else ImageView.model_validate(message["view"])
        opened = Opened(
            viewport=message["viewport"],
            series=message["series"],
            version="v1",
            modality="CT",
            position_unit="mm",
            slices=(),
            geometry=StackGeometry(),
            view=view,
        )
        if self.node.answers:
            await self.push(opened.model_dump_json())

    async def receive(self):
        async with self._changed:
            await self._changed.wait_for(lambda: self._messages or self.error)
            if self._messages:
                self.taken += 1
                return self._messages.popleft()
            raise self.error

    async def push(self, message):
        async with self._changed:
            self._messages.append(message)
            self._changed.notify_all()

    async def fail(self, error=None):
        async with self._changed:
            self.error = error or LinkClosedError(1006, "gone")
            self._changed.notify_all()


class MemoryRender:
    """A render node that draws nothing."""

    def __init__(self, keys):
        self.verifier = GrantVerifier(keys, "render")
        self.pixels = GrantVerifier(keys, "storage")
        self.links = []
        self.full = False
        self.answers = True
        self.drawn = 0
        self.load_now = NodeLoad(slots=4, used=1, draining=False)
        self.moved = False
        self.held = ()
        self.device_name = "Test processor"
        self.slots = None
        self.warm = True
        self.answering = asyncio.Event()
        self.answering.set()

    async def load(self, token):
        await self.answering.wait()
        self.verifier.verify(token, Action.OPERATE)
        if self.load_now is None:
            raise PeerUnavailableError("the render node does not answer")
        return self.load_now

    async def held_series(self, token):
        self.verifier.verify(token, Action.OPERATE)
        return self.held

    async def device(self, token):
        self.verifier.verify(token, Action.OPERATE)
        return self.device_name

    async def set_draining(self, token, *, draining, move):
        self.verifier.verify(token, Action.OPERATE)
        self.load_now = self.load_now.model_copy(update={"draining": draining})
        self.moved = move

    async def ping(self):
        await self.answering.wait()
        if not self.warm:
            raise PeerUnavailableError("the renderers are starting")

    @asynccontextmanager
    async def connect(self, token):
        await self.answering.wait()
        grant = self.verifier.verify(token, Action.VIEW)
        if self.full:
            raise NodeFullError("no free slot")
        if self.slots is not None:
            self.slots.claim(grant.session)
        link = MemoryLink(self, grant)
        self.links.append(link)
        try:
            yield link
        finally:
            link.left = True

    async def thumbnail(self, token, pixels_token, size, _storage=None):
        self.verifier.verify(token, Action.VIEW)
        grant = self.pixels.verify(pixels_token, Action.PIXELS)
        self.drawn += 1
        return f"picture of {grant.series} {size}".encode(), "image/webp"


@pytest.fixture
def memory_storage():
    """What makes a storage node without disks."""
    return MemoryStorage


@pytest.fixture
def memory_render():
    """What makes a render node that draws nothing."""
    return MemoryRender


@dataclass
class Clock:
    """The present moment, movable."""

    ahead: dt.timedelta = dt.timedelta()

    def __call__(self):
        return utc_now() + self.ahead

    def advance(self, **duration):
        self.ahead += dt.timedelta(**duration)


class TruthCheck:
    """Fails the test that gets an answer which the OpenAPI document does not describe."""

    def __init__(self, document):
        self.document = document
        self.paths = sorted(document["paths"], key=lambda path: "{" in path)
        self.seen = set()

    async def __call__(self, response):
        path = response.request.url.path
        found = next((p for p in self.paths if self._matches(p, path)), None)
        operation = self.document["paths"].get(found, {}).get(response.request.method.lower())
        if operation is None or response.status_code == 304:
            return
        await response.aread()
        self.seen.add((response.request.method, found, response.status_code))
        declared = operation["responses"].get(str(response.status_code))
        assert declared, f"{response.request.method} {found} answers {response.status_code}: {response.text[:300]}"
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if media_type == "application/json":
            schema = declared["content"]["application/json"]["schema"]
            whole = {**schema, "components": self.document["components"]}
            jsonschema.validate(response.json(), whole, cls=jsonschema.Draft202012Validator)
        elif declared.get("content"):
            kinds = {kind.partition("/")[0] for kind in declared["content"]}
            assert media_type.partition("/")[0] in kinds, media_type
        else:
            assert response.content == b""

    @staticmethod
    def _matches(template, path):
        wanted, got = template.split("/"), path.split("/")
        return len(wanted) == len(got) and all(w.startswith("{") or w == g for w, g in zip(wanted, got, strict=True))


@dataclass
class Running:
    """A server that serves, and what stands behind it."""

    url: str
    app: object
    control: object
    storage: MemoryStorage
    render: MemoryRender
    clock: Clock
    truth: TruthCheck
    stack: AsyncExitStack = field(repr=False)

    async def client(self, **headers):
        """A browser of its own, with cookies."""
        client = httpx2.AsyncClient(base_url=self.url, headers=headers, event_hooks={"response": [self.truth]})
        return await self.stack.enter_async_context(client)

    async def create_user(self, login="anna", password="secret", **fields):
        return (await self.control.users.create({"login": login, "password": password, **fields}, self.stores)).row

    @property
    def stores(self):
        return self.app.state.context.gateway.stores

    async def login(self, user="anna", password="secret"):
        """A browser with a user's session; ``csrf`` is sent with every call."""
        client = await self.client()
        answer = await client.post("/v2/login", json={"user": user, "password": password})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client

    async def admin(self, password=None):
        client = await self.client()
        password = password or (self.control.settings.data / "initial-admin-password").read_text().strip()
        answer = await client.post("/v2/admin/login", json={"user": "admin", "password": password})
        assert answer.status_code == 200, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client

    def socket(self, client=None, **headers):
        """Open /eventQueue as the page of ``client`` would."""
        sent = {"Origin": self.url, **headers}
        if client is not None:
            sent["Cookie"] = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)
        origin = sent.pop("Origin")
        return connect(
            self.url.replace("http", "ws", 1) + "/eventQueue",
            origin=origin,
            additional_headers=sent,
            compression=None,
            max_size=None,
            proxy=None,
        )


@asynccontextmanager
async def served(app):
    """Run the application in a real uvicorn on a free port."""
    listener = server.listen("127.0.0.1", 0)
    runner = uvicorn.Server(server.configuration(app, grace_seconds=1))
    task = asyncio.create_task(runner._serve(sockets=[listener]))
    try:
        yield server.address(listener)
    finally:
        runner.should_exit = True
        await task


@pytest.fixture
async def start(tmp_path):
    """Return a function that starts a control server with the given settings."""
    async with AsyncExitStack() as stack:

        async def run(  # noqa: PLR0913 - each is one thing that a test may want otherwise
            *,
            unified=True,
            database_url=None,
            real_storage=False,
            storages=None,
            render_nodes=None,
            renders=None,
            **changes,
        ):
            changes.setdefault("data", tmp_path / "data")
            if database_url:
                changes["database_url"] = SecretStr(database_url)
            settings = Settings(**changes)
            keys = KeyRing.load(settings.data).signer.public_jwks
            if not unified:
                await find_role("control").upgrade(settings)
            clock = Clock()
            control = await stack.enter_async_context(open_control(settings, Mode(unified=unified, keys=keys), clock))
            storage, render = MemoryStorage(keys), MemoryRender(keys)
            if real_storage:
                build = find_role("storage").build(settings, Mode(unified=unified, keys=keys))
                storage = (await stack.enter_async_context(build)).port
            peers = Peers(storage=storage, storages=storages, render=render, renders=renders, render_nodes=render_nodes)
            app = create_app(control, peers)
            url = await stack.enter_async_context(served(app))
            return Running(url, app, control, storage, render, clock, TruthCheck(app.state.openapi), stack)

        yield run


@pytest.fixture
async def serve():
    """Return a function that serves an application on a free port and gives its address."""
    async with AsyncExitStack() as stack:

        async def run(app):
            return await stack.enter_async_context(served(app))

        yield run


@pytest.fixture
async def running(start):
    """A server with default settings."""
    return await start()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    """Both engines: None for SQLite."""
    return request.getfixturevalue("postgresql")() if request.param == "postgresql" else None


@pytest.fixture
def eventually():
    """Return a function that waits until a condition holds."""

    async def wait(condition, seconds=10.0):
        deadline = asyncio.get_running_loop().time() + seconds
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, "it never came true"
            await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def pages(tmp_path):
    """A folder of built pages."""
    folder = Path(tmp_path / "html")
    for name in ("index.html", "viewer/index.html", "settings/index.html", "admin/index.html"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"<!doctype html><title>{name}</title>")
    (folder / "assets").mkdir()
    (folder / "assets" / "main-abc123.js").write_text("export {}")
    (folder / ".config.json").write_text('{"serverUrl": "from the file"}')
    (folder / ".keep").write_text("")
    return SimpleNamespace(folder=folder)
