"""Composition of processes: all roles in one, or one role with clients to the others."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import httpx2
import prometheus_client
import structlog
from starlette.applications import Starlette

import webviewer
from webviewer import server, tls
from webviewer.clients.registration import keep_registered
from webviewer.clients.render_clients import RenderClients
from webviewer.clients.render_nodes import RenderNodes
from webviewer.clients.storage import StorageClient
from webviewer.clients.storage_clients import StorageClients
from webviewer.domain.study import IngestOutcome
from webviewer.errors import InvalidRequestError, WebViewerError
from webviewer.roles import Mode, Peers, Role, RoleName, find_role
from webviewer.settings import Settings
from webviewer.wire.keyring import KeyRing

UNIFIED_PORT = 8090
_SAMPLE_MARK = "sample-study-made"
_KEY_RETRY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class _Ingest(Protocol):
    """The part of the storage services that the sample study needs."""

    @property
    def shared_store(self) -> str: ...

    async def ingest_file(self, store: str, path: Path, name: str) -> IngestOutcome: ...


@asynccontextmanager
async def unified(settings: Settings) -> AsyncIterator[Starlette]:
    """Build all roles in this process and yield the application that serves them."""
    keys = KeyRing.load(settings.data).signer.public_jwks
    mode = Mode(unified=True, keys=keys)
    async with AsyncExitStack() as stack:
        roles = {name: find_role(name) for name in ("storage", "render", "control")}
        services = {name: await stack.enter_async_context(role.build(settings, mode)) for name, role in roles.items()}
        storage, render = services["storage"].port, services["render"].port
        roles["storage"].create_app(services["storage"], Peers())
        roles["render"].create_app(services["render"], Peers(storage=storage))
        app = roles["control"].create_app(services["control"], Peers(storage=storage, render=render))
        if not settings.no_sample:
            task = asyncio.create_task(_try_sample(settings, services["storage"]))
            stack.push_async_callback(_cancel, task)
        yield app


@dataclass(frozen=True, slots=True)
class Single:
    """A running role: its application, and what it does before it stops."""

    app: Starlette
    before_stop: Callable[[], Awaitable[None]] | None


@asynccontextmanager
async def single(name: RoleName, settings: Settings) -> AsyncIterator[Single]:
    """Build one role and yield it; the other roles are reached over the network."""
    role = find_role(name)
    mode = Mode(unified=False, keys=await _grant_keys(name, settings))
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(role.build(settings, mode))
        before_stop = partial(role.before_stop, services) if role.before_stop else None
        yield Single(role.create_app(services, await _peers(name, settings, stack)), before_stop)


async def _peers(name: RoleName, settings: Settings, stack: AsyncExitStack) -> Peers:
    if name != "control":
        return Peers()
    if not settings.storage_url:
        text = "control needs storage_url: the address of the storage node"
        raise InvalidRequestError(text)
    trusted = tls.client_context(settings.tls_authority)
    storage = StorageClient(settings.storage_url, tls=trusted)
    storages = StorageClients(trusted)
    renders = RenderClients(settings.render_nodes_url or settings.render_url, trusted)
    nodes = RenderNodes(settings.render_nodes_url, trusted) if settings.render_nodes_url else None
    for each in (storage, storages, renders, nodes):
        if each is not None:
            stack.push_async_callback(each.aclose)
    return Peers(storage=storage, storages=storages, renders=renders, render_nodes=nodes)


async def _grant_keys(name: RoleName, settings: Settings) -> dict[str, Any]:
    """Read the public keys of grants: control owns them, nodes wait until control answers."""
    if name == "control":
        return KeyRing.load(settings.data).signer.public_jwks
    if not settings.control_url or settings.node_secret is None:
        text = f"{name} needs control_url and node_secret to fetch the keys that grants are checked with"
        raise InvalidRequestError(text)
    headers = {"Authorization": f"Bearer {settings.node_secret.get_secret_value()}"}
    # trust_env off: a proxy of the environment is for the world, and must not see the secret.
    trusted = tls.client_context(settings.tls_authority)
    async with httpx2.AsyncClient(timeout=5.0, trust_env=False, verify=trusted) as client:
        while True:
            try:
                answer = await client.get(f"{settings.control_url.rstrip('/')}/v2/keys", headers=headers)
            except httpx2.TransportError as error:
                reason = tls.distrust("control", error)
                tell = _log.warning if reason else _log.info
                tell("waiting for control", url=settings.control_url, cause=reason or type(error).__name__)
                await asyncio.sleep(_KEY_RETRY_SECONDS)
                continue
            if answer.status_code in (401, 403):
                text = "control refuses this node: node_secret differs"
                raise InvalidRequestError(text)
            if answer.is_success:
                keys: dict[str, Any] = answer.json()
                return keys
            await asyncio.sleep(_KEY_RETRY_SECONDS)


async def _make_sample(settings: Settings, storage: _Ingest) -> None:
    """Put the sample study into the shared store, once per data folder: who deletes it is rid of it."""
    mark = settings.data / _SAMPLE_MARK
    if mark.exists():
        return
    from webviewer.sample.series import PhantomSeries  # noqa: PLC0415 - needs numpy, which control has not

    series = PhantomSeries()
    _log.info("making the sample study", images=series.slices)
    with tempfile.TemporaryDirectory(dir=settings.data, prefix="sample-") as folder:
        for index in range(series.slices):
            path = Path(folder) / f"{index}.dcm"
            content = await asyncio.to_thread(series.instance, index)
            await asyncio.to_thread(path.write_bytes, content)
            await storage.ingest_file(storage.shared_store, path, path.name)
            path.unlink(missing_ok=True)
    mark.touch()
    _log.info("sample study ready")


async def _try_sample(settings: Settings, storage: _Ingest) -> None:
    try:
        await _make_sample(settings, storage)
    except (WebViewerError, OSError) as error:
        # The next start tries again; the server is of use without it.
        _log.warning("sample study not made", cause=str(error))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _secured(settings: Settings) -> ssl.SSLContext | None:
    """Return how this part speaks https, null for http. Raises InvalidRequestError for files that cannot be used."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    return tls.server_context(settings.tls_certificate, settings.tls_key)


async def run_unified(settings: Settings) -> None:
    """Run everything in this process until it is told to stop."""
    listener = server.listen(settings.host, UNIFIED_PORT if settings.port is None else settings.port)
    _log.info("starting", role="unified", version=webviewer.__version__)
    secured = _secured(settings)
    async with unified(settings) as app:
        await server.serve(app, listener, tls=secured)


async def run_single(name: RoleName, settings: Settings) -> None:
    """Run one role until it is told to stop; metrics are served on a port of their own."""
    role: Role[Any] = find_role(name)
    listener = server.listen(settings.host, role.default_port if settings.port is None else settings.port)
    _log.info("starting", role=name, version=webviewer.__version__)
    secured = _secured(settings)
    try:
        metrics, thread = prometheus_client.start_http_server(settings.metrics_port, settings.host)
    except OSError as error:
        listener.close()
        text = (
            f"cannot serve metrics on {settings.host}:{settings.metrics_port}: {error.strerror}; "
            "choose another with --metrics-port, 0 = any free one"
        )
        raise InvalidRequestError(text) from error
    try:
        async with single(name, settings) as running, AsyncExitStack() as stack:
            if name == "control" and settings.nodes_port is not None:
                nodes = server.listen(settings.host, settings.nodes_port)
                await stack.enter_async_context(server.serving(running.app, nodes, secured))
                secured = None
            if name != "control":
                port = int(listener.getsockname()[1])
                task = asyncio.create_task(keep_registered(name, settings, port))
                stack.push_async_callback(_cancel, task)
            await server.serve(running.app, listener, running.before_stop, secured)
    finally:
        metrics.shutdown()
        thread.join()
