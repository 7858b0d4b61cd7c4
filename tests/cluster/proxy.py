"""Between an operator and the API server: every request passes here, is written down, and may be the last one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from .control_plane import Server

_HOP = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}
_READS = {"GET", "HEAD", "OPTIONS"}
_NOT_YET_KNOWN = "cannot find RESTMapping"
"""So the API server refuses owners of a kind that was defined moments ago: it looks for new kinds every ten seconds."""


@dataclass(frozen=True)
class Request:
    """One request, the status of its answer, and what was said against it."""

    method: str
    path: str
    body: Any
    status: int
    refusal: str = ""

    @property
    def writes(self) -> bool:
        """Whether it asks for a change."""
        return self.method not in _READS


@dataclass
class Proxy:
    """``after_write`` is called with a write that the API server has done, before the operator hears of it."""

    server: Server
    requests: list[Request] = field(default_factory=list)
    after_write: Callable[[Request], None] = lambda _: None
    url: str = ""
    _loop: Any = None
    _stop: asyncio.Event | None = None

    @property
    def writes(self) -> list[Request]:
        """Write requests so far."""
        return [each for each in self.requests if each.writes]

    @property
    def forbidden(self) -> list[Request]:
        """Requests that the rights did not allow."""
        refused = [each for each in self.requests if each.status == 403]
        return [each for each in refused if _NOT_YET_KNOWN not in each.refusal]

    @contextlib.contextmanager
    def serving(self) -> Iterator[Proxy]:
        """Serve on a free port of this machine, beside the test."""
        started = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        thread.start()
        assert started.wait(20)
        try:
            yield self
        finally:
            assert self._loop
            assert self._stop
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join()

    async def _serve(self, started: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        connector = aiohttp.TCPConnector(ssl=self.server.context, limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as upstream:
            app = web.Application(client_max_size=64 * 2**20)

            async def forward(request: web.Request) -> web.StreamResponse:
                try:
                    return await self._forward(request, upstream)
                except ConnectionResetError:  # the operator has been killed
                    return web.Response()

            app.router.add_route("*", "/{path:.*}", forward)
            runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            assert site._server
            port = site._server.sockets[0].getsockname()[1]
            self.url = f"http://127.0.0.1:{port}"
            started.set()
            await self._stop.wait()
            await runner.cleanup()
        # Sockets wait for the server's good-bye; only the loop's own one stays.
        while len(self._loop._selector.get_map()) > 1:
            await asyncio.sleep(0.01)

    async def _forward(self, request: web.Request, upstream: aiohttp.ClientSession) -> web.StreamResponse:
        body = await request.read()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        async with upstream.request(
            request.method, self.server.url + request.path_qs, data=body or None, headers=headers
        ) as answer:
            response = web.StreamResponse(status=answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in _HOP:
                    response.headers[name] = value
            if request.method not in _READS or answer.status >= 400:
                content = await answer.read()
                self._note(request, body, answer.status, content)
                await response.prepare(request)
                await response.write(content)
                return response
            self._note(request, body, answer.status, b"")
            await response.prepare(request)
            async for chunk in answer.content.iter_any():  # a watch goes on for minutes
                await response.write(chunk)
            return response

    def _note(self, request: web.Request, body: bytes, status: int, answer: bytes) -> None:
        refusal = answer.decode(errors="replace") if status >= 400 else ""
        noted = Request(request.method, request.path, json.loads(body) if body else None, status, refusal)
        self.requests.append(noted)
        if noted.writes and 200 <= status < 300:
            self.after_write(noted)
