"""Runs one Starlette application: uvicorn with our socket, signals and limits."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import structlog
import uvicorn
from starlette.applications import Starlette

from webviewer.errors import InvalidRequestError
from webviewer.web.http_protocol import LimitedHttp
from webviewer.wire.messages import MAX_MESSAGE_BYTES

_log = structlog.get_logger(__name__)
_GRACE_SECONDS = 10
_BACKLOG = 2048


class _Server(uvicorn.Server):
    """Leaves signals to :func:`serve`: uvicorn would raise them again before the services are closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Bind a listening TCP socket; port 0 takes any free one. Raises InvalidRequestError if taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        text = f"cannot listen on {host}:{port}: {error.strerror}; choose another with --host and --port"
        raise InvalidRequestError(text) from error
    listener.listen(_BACKLOG)
    return listener


def address(listener: socket.socket, tls: ssl.SSLContext | None = None) -> str:
    """Return ``http://host:port`` of a listening socket, or ``https://``."""
    host, port = listener.getsockname()[:2]
    scheme = "http" if tls is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def configuration(
    app: Starlette, grace_seconds: int = _GRACE_SECONDS, tls: ssl.SSLContext | None = None
) -> uvicorn.Config:
    """Return how uvicorn serves ``app``; open requests have ``grace_seconds`` to finish at the end."""
    return uvicorn.Config(
        app,
        http=LimitedHttp,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # frames are compressed already: deflate costs 100 times the relay
        ws_ping_interval=20,
        ws_ping_timeout=40,
        lifespan="off",  # services are entered by the composition, not by the app
        proxy_headers=False,  # forwarded headers count only from configured proxies
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=grace_seconds,
        ssl_context_factory=None if tls is None else lambda _, __: tls,
    )


@contextlib.asynccontextmanager
async def serving(app: Starlette, listener: socket.socket, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    """Serve ``app`` beside other work of this loop, which also minds the signals."""
    server = _Server(configuration(app, tls=tls))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


async def serve(
    app: Starlette,
    listener: socket.socket,
    before_stop: Callable[[], Awaitable[None]] | None = None,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve ``app`` until SIGTERM or SIGINT, then let open requests finish for a bounded time.

    ``before_stop`` runs first, while requests are still answered; a second signal does not wait for it.
    """
    server = _Server(configuration(app, tls=tls))
    loop = asyncio.get_running_loop()
    leaving: list[asyncio.Task[None]] = []

    async def leave() -> None:
        try:
            if before_stop is not None:
                await before_stop()
        finally:
            server.should_exit = True

    def stop() -> None:
        _log.info("stopping")
        if leaving:
            server.should_exit = True
        else:
            leaving.append(asyncio.create_task(leave()))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    # The line that scripts and people wait for.
    print(f"listening on {address(listener, tls)}", flush=True)  # noqa: T201
    try:
        await server.serve(sockets=[listener])
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        for task in leaving:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
