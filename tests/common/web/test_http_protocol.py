"""Who holds connections without asking for anything, or never ends a header, is let go."""

import asyncio
import contextlib

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from webviewer import server
from webviewer.web import http_protocol

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n"


async def count(request):
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def connect():
    listener = server.listen("127.0.0.1", 0)
    app = Starlette(routes=[Route("/", count, methods=["GET", "POST"])])
    runner = uvicorn.Server(server.configuration(app, grace_seconds=1))
    task = asyncio.create_task(runner._serve(sockets=[listener]))
    async with contextlib.AsyncExitStack() as stack:

        async def open_one():
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            stack.callback(writer.close)
            return reader, writer

        yield open_one
        runner.should_exit = True
        await task


@pytest.mark.parametrize("beginning", [b"", b"\r\n", REQUEST, REQUEST + b"X-Slow: "])
async def test_a_header_that_does_not_come_ends_the_connection(connect, monkeypatch, beginning):
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    reader, writer = await connect()
    writer.write(beginning)
    async with asyncio.timeout(10):
        assert await reader.read() == b""


async def ended(reader):
    """Wait until the server has closed the connection, whether or not its answer came through."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 400") or not answer
    return True


@pytest.mark.parametrize("piece", [b"x" * 16, b"\r\nX-Another: one"])
async def test_a_header_that_never_ends_is_cut_off(connect, piece):
    reader, writer = await connect()
    writer.write(REQUEST + b"X-Long: " + piece * (16 * http_protocol.MAX_HEAD_BYTES // len(piece)))
    assert await ended(reader)


async def test_a_trailer_that_never_ends_is_cut_off(connect):
    reader, writer = await connect()
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n")
    writer.write(b"X-Trailer: one\r\n" * (http_protocol.MAX_HEAD_BYTES // 4))
    assert await ended(reader)


async def test_long_bodies_and_many_requests_on_one_connection_pass(connect, monkeypatch):
    reader, writer = await connect()
    for length in (0, 10, 3 * 1024 * 1024):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length + bytes(length))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(len(str(length))) == str(length).encode()
    writer.write(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 200_000 + b"0\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    assert await reader.readexactly(6) == b"200000"
