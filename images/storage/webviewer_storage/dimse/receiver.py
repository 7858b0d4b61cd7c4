"""A receiver process: pynetdicom's association handling with our receive path, on a shared listening socket.

Run as ``python -m webviewer_storage.dimse.receiver CONFIG``. It opens no database: what it received
is handed to the main process, and the sender is answered after that one's commit.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import sys
import threading
import time
from typing import Any

from pynetdicom import AE, _config, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.transport import ThreadedAssociationServer

from webviewer_storage.blobs.folder import BlobFolder
from webviewer_storage.dimse.command import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION, Command
from webviewer_storage.dimse.config import ASSOCIATE_SECONDS, IDLE_SECONDS, ReceiverConfig
from webviewer_storage.dimse.link import Link
from webviewer_storage.dimse.pdu_reader import PduReader
from webviewer_storage.dimse.reception import Reception, ReceptionContext
from webviewer_storage.dimse.syntaxes import preference

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.01
_STOP_SECONDS = 5.0


class _SharedListener(ThreadedAssociationServer):
    """Accepts from a socket that several processes listen on, and limits half-open connections."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any, listener: socket.socket, max_connections: int, **named: Any) -> None:  # noqa: ANN401 - passed on
        self._listener = listener
        self._max_connections = max_connections
        super().__init__(*arguments, **named)

    def server_bind(self) -> None:
        """Use the inherited socket."""
        if self.socket:
            self.socket.close()
        self.socket = self._listener
        self.server_address = self._listener.getsockname()

    def server_activate(self) -> None:
        """Do not listen again, and never wait for a connection that another process has taken."""
        self._listener.setblocking(False)  # noqa: FBT003 - the name of the method says it

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401, ARG002 - socketserver's
        """Refuse connections beyond the limit before anything is read of them."""
        return len(self.active_associations) < self._max_connections


class Receiver:
    """The handlers of one process."""

    def __init__(self, config: ReceiverConfig) -> None:
        self._config = config
        self._blobs = BlobFolder(config.data, config.min_free_bytes)
        self._link = Link(socket.socket(fileno=config.link))
        self._readers: dict[Any, PduReader] = {}
        self._contexts: dict[Any, ReceptionContext] = {}
        self._open: set[Any] = set()
        self._order = threading.Lock()
        """Held while the number of open associations changes and is told: the main process keeps the newest."""
        _config.UNRESTRICTED_STORAGE_SERVICE = True
        _config.LOG_HANDLER_LEVEL = "none"
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)  # its lines quote values of headers
        self._ae = AE(config.ae_title)
        self._ae.require_called_aet = False  # decided by the stores, not by one title
        self._ae.maximum_associations = config.max_connections  # the main process counts over all receivers
        self._ae.maximum_pdu_size = config.max_pdu_bytes
        self._ae.implementation_class_uid = IMPLEMENTATION_UID
        self._ae.implementation_version_name = IMPLEMENTATION_VERSION
        self._ae.acse_timeout = ASSOCIATE_SECONDS
        self._ae.dimse_timeout = IDLE_SECONDS
        self._ae.network_timeout = IDLE_SECONDS
        self._ae.add_supported_context(Verification)

    def run(self) -> None:
        """Serve until SIGTERM, then give running associations a little time."""
        listener = socket.socket(fileno=self._config.listener)
        server = _SharedListener(
            self._ae,
            listener.getsockname()[:2],
            self._config.ae_title,
            self._ae.supported_contexts,
            evt_handlers=[
                (evt.EVT_CONN_OPEN, self._on_open),
                (evt.EVT_REQUESTED, self._on_requested),
                (evt.EVT_CONN_CLOSE, self._on_close),
            ],
            listener=listener,
            max_connections=self._config.max_connections,
        )
        self._ae._servers.append(server)  # noqa: SLF001 - as its start_server does
        stopping = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopping.set())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the group; the parent decides
        threading.Thread(target=server.serve_forever, args=(0.5,), name="accept", daemon=True).start()
        self._link.tell("ready")
        stopping.wait()
        # No new ones. Its shutdown() would close the socket that other receivers share.
        server._BaseServer__shutdown_request = True  # type: ignore[attr-defined]  # noqa: SLF001
        deadline = time.monotonic() + _STOP_SECONDS
        for association in server.active_associations:
            if not association.is_established:
                continue
            association.join(max(0.0, deadline - time.monotonic()))
        os._exit(0)

    def _on_open(self, event: Any) -> None:  # noqa: ANN401 - pynetdicom's events have no types
        association = event.assoc
        connection = association.dul.socket.socket
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

        def begin(command: Command, transfer_syntax: str) -> Reception:
            return Reception(self._contexts[association], command, transfer_syntax)

        reader = PduReader(association, begin, self._config.max_pdu_bytes)
        self._readers[association] = reader
        association.dul._read_pdu_data = reader.read  # noqa: SLF001 - the seam between socket and state machine
        association.dul._run_loop_delay = _POLL_SECONDS  # noqa: SLF001 - our reader waits on the socket itself

    def _on_requested(self, event: Any) -> None:  # noqa: ANN401 - as above
        association = event.assoc
        request = association.requestor.primitive
        for context in request.presentation_context_definition_list:
            # In unrestricted mode pynetdicom takes the first proposed syntax.
            context.transfer_syntax = sorted(context.transfer_syntax, key=preference)
        calling, called = str(request.calling_ae_title).strip(), str(request.called_ae_title).strip()
        self._count(association, is_open=True)
        answer = self._link.ask("associate", calling=calling, called=called)
        refused = answer.get("refused")
        if refused:
            self._count(association, is_open=False)
            association.acse.send_reject(*refused)
            association.kill()
            return
        self._contexts[association] = ReceptionContext(
            blobs=self._blobs,
            link=self._link,
            owner=self._config.name,
            store=answer["store"],
            ae_title=calling[:16],
            address=str(association.requestor.address or "")[:64],
            max_bytes=self._config.max_object_bytes,
        )

    def _on_close(self, event: Any) -> None:  # noqa: ANN401 - as above
        reader = self._readers.pop(event.assoc, None)
        if reader:
            reader.abandon()
        self._contexts.pop(event.assoc, None)
        self._count(event.assoc, is_open=False)

    def _count(self, association: Any, *, is_open: bool) -> None:  # noqa: ANN401 - as above
        """Tell how many associations are open. Peers go away at any moment, so what has ended is left out too."""
        with self._order:
            before = len(self._open)
            if is_open:
                self._open.add(association)
            else:
                self._open.discard(association)
            for ended in [one for one in self._open if not one.is_alive()]:
                self._open.discard(ended)
                self._readers.pop(ended, None)
                self._contexts.pop(ended, None)
            if len(self._open) != before:
                self._link.tell("open", count=len(self._open))


def die_with(parent: int) -> None:
    """Let the kernel end this process when ``parent`` ends, however it ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was told
        os._exit(1)


def main() -> None:
    """Run with the configuration of the command line."""
    config = ReceiverConfig.model_validate_json(sys.argv[1])
    die_with(config.parent)
    Receiver(config).run()


if __name__ == "__main__":
    main()
