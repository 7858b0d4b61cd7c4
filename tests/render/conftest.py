"""A render node with real storage beside it, in one process or over HTTP."""

import asyncio
import contextlib
import uuid
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn

from webviewer.domain.identity import Action, Grant
from webviewer.domain.study import StudyQuery
from webviewer.roles import Mode, Peers
from webviewer.sample.series import PhantomSeries
from webviewer.server import address, listen
from webviewer.settings import Settings
from webviewer.testing.render_tab import Tab
from webviewer.wire.grants import GrantSigner
from webviewer_render import services as render_services
from webviewer_render.app import create_app
from webviewer_storage.role import ROLE as STORAGE

SIGNER = GrantSigner.generate()


class Node:
    """A running render node and what a test needs around it."""

    def __init__(self, storage, render, storage_url=None):
        self.storage = storage
        self.render = render
        self.port = render.port
        self.storage_url = storage_url

    def view_token(self, session="session", **fields):
        fields = {"actions": {Action.VIEW}} | fields
        return SIGNER.sign(Grant(audience="render", subject="u", session=session, **fields))

    def pixels_token(self, series, **fields):
        fields = {"stores": (self.storage.shared_store,), "actions": {Action.PIXELS}} | fields
        return SIGNER.sign(Grant(audience="storage", subject="u", session="session", series=series, **fields))

    async def store(self, contents, folder):
        """Ingest objects of one series and return the series' id."""
        before = await self.all_series()
        folder = Path(folder) / uuid.uuid4().hex
        folder.mkdir()
        for index, content in enumerate(contents):
            path = folder / f"{index:05}"
            path.write_bytes(content)
            outcome = await self.storage.ingest_file(self.storage.shared_store, path, path.name)
            assert outcome.status in {"stored", "duplicate"}, outcome
        return next(series for series in await self.all_series() if series not in before)

    async def all_series(self):
        """Ids of all series, in the order of their arrival."""
        stores = (self.storage.shared_store,)
        token = SIGNER.sign(Grant(audience="storage", subject="u", session="s", actions={Action.LIST}, stores=stores))
        page = await self.storage.port.list_studies(token, StudyQuery(sort="recv", descending=False, limit=200))
        details = [await self.storage.port.get_study(token, study.id) for study in page.studies]
        return [series.id for detail in details for series in detail.series]

    @asynccontextmanager
    async def tab(self, session="session", port=None):
        async with (port or self.port).connect(self.view_token(session)) as link:
            tab = Tab(link)
            try:
                yield tab
            finally:
                await tab.stop()

    async def open(self, tab, series, size=(64, 64), **arguments):
        opened = await tab.open(series, self.pixels_token(series), size, storage=self.storage_url, **arguments)
        assert opened["type"] == "opened", opened
        return opened


@asynccontextmanager
async def serving(app):
    """Serve an application on a free port of this loop; yields its address."""
    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=64 * 1024,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield address(listener)
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def running_node(folder, *, over_http=False, clock=None, **changes):
    """Start storage and render; ``over_http`` puts the network between them."""
    settings = Settings(data=Path(folder) / "data", no_dicom=True, min_free_bytes=1, **changes)
    mode = Mode(unified=not over_http, keys=SIGNER.public_jwks)
    async with contextlib.AsyncExitStack() as stack:
        storage = await stack.enter_async_context(STORAGE.build(settings, mode))
        url = None
        if over_http:
            url = await stack.enter_async_context(serving(STORAGE.create_app(storage, Peers())))
        render = await stack.enter_async_context(render_services.build(settings, mode, clock))
        app = create_app(render, Peers(storage=None if over_http else storage.port))
        node = Node(storage, render, url)
        node.app = app
        async with asyncio.timeout(120):
            for lane in render.context.pool.lanes:
                await lane.wait()
        yield node


@pytest.fixture(scope="session")
def phantom():
    """Small slices, 96 x 128, noise-free so that decoding is the only work."""

    def make(name, slices=24, rows=96, columns=128, **changes):
        return PhantomSeries(
            rows=rows, columns=columns, slices=slices, spacing=3.4, step=20.0, name=name,
            patient_id=name, noise=0.0, **changes,
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def start_node():
    return running_node


@pytest.fixture(scope="session")
def serve_app():
    return serving
