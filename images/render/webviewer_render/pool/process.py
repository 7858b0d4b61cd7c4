"""One worker process as the front sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable

import structlog
from pydantic import BaseModel, ValidationError

from webviewer.errors import WebViewerError
from webviewer_render.backends import BackendName
from webviewer_render.worker.environment import worker_environment
from webviewer_render.worker.protocol import (
    ARENA_NUMBER,
    MAX_HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    PREFIX,
    Cancel,
    Cancelled,
    Failed,
    MeasuredValues,
    PercentilesRead,
    Ready,
    Rendered,
    Reply,
    Valued,
    pack,
    reply,
)

_log = structlog.get_logger(__name__)
_READ_AHEAD_BYTES = 1024 * 1024
Answer = tuple[Rendered | Valued | PercentilesRead | MeasuredValues | Failed | Cancelled, bytes]


class WorkerLostError(WebViewerError):
    """The worker ended before it answered."""

    code = "worker_lost"


class WorkerProcess:
    """A spawned process, the jobs it has, and its two sockets."""

    def __init__(self, process: subprocess.Popen[bytes], messages: socket.socket, arenas: socket.socket) -> None:
        self.ready = asyncio.Event()
        self.lost = asyncio.Event()
        self.on_news: Callable[[Reply], None] = lambda _: None
        """Called with what is said of slices."""
        self.jobs: dict[int, asyncio.Future[Answer]] = {}
        self._process = process
        self._messages = messages
        self._arenas = arenas
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, threads: int, backend: BackendName = "cpu") -> WorkerProcess:
        """Spawn a worker. It is ready when it has warmed up."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        our_arenas, their_arenas = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs, their_arenas:
            numbers = (theirs.fileno(), their_arenas.fileno(), os.getpid(), threads)
            # In this thread on purpose: the child dies with the thread that started it (PR_SET_PDEATHSIG).
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - as above; our own code
                [sys.executable, "-m", "webviewer_render.worker", *map(str, numbers), backend],
                pass_fds=numbers[:2],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # whoever reads our output must not wait for our children
                env=worker_environment(),
            )
        worker = cls(process, ours, our_arenas)
        ours.settimeout(0)
        try:
            reader, worker._writer = await asyncio.open_unix_connection(sock=ours, limit=_READ_AHEAD_BYTES)
        except BaseException:
            process.kill()
            process.wait()
            ours.close()
            our_arenas.close()
            raise
        worker._task = asyncio.create_task(worker._read(reader))
        return worker

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def send(self, message: BaseModel, payload: bytes = b"") -> None:
        """Send a command; to a worker that has gone it is lost without an error."""
        if self._writer is not None and not self.lost.is_set():
            self._writer.write(pack(message, payload))

    def send_arena(self, number: int, descriptor: int) -> None:
        """Hand over an arena; to be followed by its ``attach``."""
        with contextlib.suppress(OSError):
            socket.send_fds(self._arenas, [ARENA_NUMBER.pack(number)], [descriptor])

    async def ask(self, job: int, message: BaseModel) -> Answer:
        """Send a job and wait for its answer. Raises WorkerLostError. Cancelling tells the worker."""
        if self.lost.is_set():
            raise _lost()
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.jobs[job] = future
        self.send(message)
        try:
            answer: Answer = await future
        except asyncio.CancelledError:
            self.send(Cancel(job=job))
            raise
        else:
            return answer
        finally:
            del self.jobs[job]

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    async def stop(self) -> None:
        """End the process and wait until it has gone."""
        self.kill()
        await self.lost.wait()
        if self._task is not None:
            await self._task

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                header_length, payload_length = PREFIX.unpack(await reader.readexactly(PREFIX.size))
                if header_length > MAX_HEADER_BYTES or payload_length > MAX_PAYLOAD_BYTES:
                    _log.error("worker sent something that cannot be right", pid=self.pid)
                    break
                header = await reader.readexactly(header_length)
                payload = await reader.readexactly(payload_length) if payload_length else b""
                self._dispatch(reply.validate_json(header), payload)
        except (asyncio.IncompleteReadError, OSError):
            pass
        except ValidationError:
            _log.error("worker sent something that cannot be right", pid=self.pid)
        finally:
            await self._end()

    def _dispatch(self, message: Reply, payload: bytes) -> None:
        if isinstance(message, Ready):
            _log.info("worker ready", pid=self.pid, warm_up_seconds=round(message.seconds, 3))
            self.ready.set()
        elif isinstance(message, (Rendered, Valued, PercentilesRead, MeasuredValues, Failed, Cancelled)):
            future = self.jobs.get(message.job)
            if future is not None and not future.done():
                future.set_result((message, payload))
        else:
            self.on_news(message)

    async def _end(self) -> None:
        """Reap the process; only then what waited for it is told, so that a successor meets no remains."""
        self.kill()
        reaping = asyncio.create_task(asyncio.to_thread(self._process.wait))
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(reaping)
        if self._writer is not None:
            self._writer.close()
        self._arenas.close()
        self.lost.set()
        for future in self.jobs.values():
            if not future.done():
                future.set_exception(_lost())


def _lost() -> WorkerLostError:
    return WorkerLostError("the renderer was interrupted")
