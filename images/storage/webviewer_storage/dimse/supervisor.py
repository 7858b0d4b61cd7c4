"""The main process's side of DICOM: the listening socket, the receiver processes, their questions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog

from webviewer.errors import InvalidRequestError
from webviewer.reasons import Why
from webviewer.settings import Settings
from webviewer_storage import metrics
from webviewer_storage.blobs.folder import BlobFolder
from webviewer_storage.dimse.config import ReceiverConfig
from webviewer_storage.dimse.link import encode, length_of
from webviewer_storage.ingest.committer import Committer
from webviewer_storage.ingest.facts import Receipt
from webviewer_storage.stores import Stores

_log = structlog.get_logger(__name__)
_BACKLOG = 128
_STOP_SECONDS = 8.0
_RESTART_SECONDS = 0.5
_READY_SECONDS = 30.0
_UNKNOWN_CALLED_AE = (1, 1, 7)  # permanent, by the user, called AE title not recognised (PS3.8 9.3.4)
_TOO_MANY = (2, 3, 2)  # transient, by the provider, local limit exceeded


class _Receiver:
    """A receiver process and what it has open."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.associations = 0
        self.answers: set[asyncio.Task[None]] = set()
        self.ready = asyncio.Event()


class DicomServer:
    """C-ECHO and C-STORE SCP. ``port`` is the bound port while :meth:`running` is open."""

    def __init__(self, settings: Settings, blobs: BlobFolder, stores: Stores, committer: Committer) -> None:
        self._settings = settings
        self._blobs = blobs
        self._stores = stores
        self._committer = committer
        self._receivers: set[_Receiver] = set()
        self._numbers = iter(range(1, sys.maxsize))
        self._stopping = False
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen while the context is open. Raises InvalidRequestError if the port is taken."""
        listener = self._listen()
        self.port = listener.getsockname()[1]
        keepers = [asyncio.create_task(self._keep(listener)) for _ in range(self._settings.dicom_processes)]
        try:
            await self._wait_ready(keepers)
            _log.info("dicom listening", port=self.port, ae_title=self._settings.ae_title)
            yield
        finally:
            self._stopping = True
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            listener.close()

    def _listen(self) -> socket.socket:
        host = self._settings.dicom_host or self._settings.host
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, self._settings.dicom_port))
        except OSError as error:
            listener.close()
            text = (
                f"cannot listen for DICOM on {host}:{self._settings.dicom_port}: {error.strerror}; choose --dicom-port"
            )
            raise InvalidRequestError(text) from error
        listener.listen(_BACKLOG)
        return listener

    async def _wait_ready(self, keepers: list[asyncio.Task[None]]) -> None:
        async with asyncio.timeout(_READY_SECONDS):
            while sum(receiver.ready.is_set() for receiver in self._receivers) < len(keepers):
                for keeper in keepers:
                    if keeper.done():
                        keeper.result()
                await asyncio.sleep(0.01)

    async def _keep(self, listener: socket.socket) -> None:
        """Run a receiver, and another one when it dies."""
        while True:
            receiver = _Receiver(f"r{next(self._numbers)}")
            self._receivers.add(receiver)
            try:
                await self._run(receiver, listener)
            except (OSError, ValueError) as error:
                # No process or memory to be had at this moment, or a garbled message of a dying one.
                _log.error("dicom receiver cannot run", cause=type(error).__name__)
            finally:
                self._receivers.discard(receiver)
                metrics.ASSOCIATIONS.set(self._associations)
            metrics.RECEIVERS_LOST.inc()
            _log.error("dicom receiver died, starting another", receiver=receiver.name)
            await asyncio.sleep(_RESTART_SECONDS)

    async def _run(self, receiver: _Receiver, listener: socket.socket) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "webviewer_storage.dimse.receiver",
                self._config(receiver, listener, theirs).model_dump_json(),
                pass_fds=(listener.fileno(), theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        try:
            await self._listen_to(receiver, reader, writer)
        finally:
            await self._end(receiver, process, writer)

    def _config(self, receiver: _Receiver, listener: socket.socket, link: socket.socket) -> ReceiverConfig:
        settings = self._settings
        return ReceiverConfig(
            name=receiver.name,
            parent=os.getpid(),
            listener=listener.fileno(),
            link=link.fileno(),
            data=settings.data.absolute(),
            ae_title=settings.ae_title,
            min_free_bytes=settings.min_free_bytes,
            max_object_bytes=settings.max_object_bytes,
            max_pdu_bytes=settings.max_pdu_bytes,
            max_connections=settings.max_associations * 2,
        )

    async def _listen_to(self, receiver: _Receiver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = length_of(await reader.readexactly(struct.calcsize("<L")))
                message = json.loads(await reader.readexactly(length))
                if message["kind"] == "store":
                    task = asyncio.create_task(self._store(message, writer))
                    receiver.answers.add(task)
                    task.add_done_callback(receiver.answers.discard)
                elif message["kind"] == "associate":
                    self._answer(writer, message, self._associate(message))
                elif message["kind"] == "open":
                    receiver.associations = message["count"]
                    metrics.ASSOCIATIONS.set(self._associations)
                elif message["kind"] == "ready":
                    receiver.ready.set()

    @property
    def _associations(self) -> int:
        return sum(receiver.associations for receiver in self._receivers)

    def _associate(self, message: dict[str, Any]) -> dict[str, Any]:
        if self._associations > self._settings.max_associations:  # with this one
            metrics.ASSOCIATIONS_REFUSED.labels("limit").inc()
            return {"refused": _TOO_MANY}
        store = self._stores.route(message["called"])
        if store is None:
            metrics.ASSOCIATIONS_REFUSED.labels("called_ae").inc()
            _log.info("association refused", called=message["called"], calling=message["calling"])
            return {"refused": _UNKNOWN_CALLED_AE}
        return {"store": store}

    async def _store(self, message: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        receipt = Receipt.model_validate(message["receipt"])
        try:
            outcome = await self._committer.commit(receipt)
            answer = {"status": outcome.status, "reason": outcome.reason}
        except Exception:  # noqa: BLE001 - the committer has logged it; the sender must have an answer
            answer = {"status": "rejected", "reason": Why.INTERNAL().text}
        self._answer(writer, message, answer)

    def _answer(self, writer: asyncio.StreamWriter, message: dict[str, Any], answer: dict[str, Any]) -> None:
        if not writer.is_closing():
            writer.write(encode({"number": message["number"], **answer}))

    async def _end(
        self, receiver: _Receiver, process: asyncio.subprocess.Process, writer: asyncio.StreamWriter
    ) -> None:
        """End a receiver; what it handed over is committed, what it did not is deleted."""
        if process.returncode is None and self._stopping:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        await asyncio.gather(*receiver.answers, return_exceptions=True)
        writer.close()
        await asyncio.to_thread(self._blobs.discard_owned, receiver.name)
