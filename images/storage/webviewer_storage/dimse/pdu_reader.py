"""The receive path of an association: C-STORE fragments go from the socket straight to the file.

It stands in for the PDU reader of pynetdicom's upper layer and runs in that layer's thread. All that
is not C-STORE is handed on as it came, so that pynetdicom keeps the state machine of PS3.8 9.2,
association control and every other service. Unlike the original it caps the length of PDUs before
reading them and gives a PDU a limited time.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Any, Literal

from webviewer_storage.dimse.command import C_STORE_RQ, Command, parse_command, store_response
from webviewer_storage.dimse.config import ASSOCIATE_SECONDS, IDLE_SECONDS
from webviewer_storage.dimse.reception import CANNOT_UNDERSTAND, Reception

_P_DATA = 4
_PDU_TYPES = range(1, 8)
_HEAD = struct.Struct(">BBL")
_ITEM = struct.Struct(">LBB")
_MAX_CONTROL_BYTES = 1024 * 1024
_MAX_COMMAND_BYTES = 16 * 1024
_MAX_FOREIGN_BYTES = 4 * 1024 * 1024
_SLACK_BYTES = 64
_LINGER_SECONDS = 0.5
_ESTABLISHED = "Sta6"
_CLOSED, _INVALID = "Evt17", "Evt19"
_IS_COMMAND, _IS_LAST = 1, 2


class ProtocolViolationError(Exception):
    """The peer breaks PS3.8 or a limit: the association is aborted."""


Begin = Callable[[Command, str], Reception]


class PduReader:
    """Reads the PDUs of one association. ``begin`` opens the reception of an object."""

    def __init__(self, association: Any, begin: Begin, max_pdu_bytes: int) -> None:  # noqa: ANN401 - pynetdicom has no types
        self._association = association
        self._dul = association.dul
        self._begin = begin
        self._max_pdu = max_pdu_bytes + _SLACK_BYTES
        self._buffer = bytearray(self._max_pdu)
        self._broken = False
        self._state: Literal["command", "store", "foreign"] = "command"
        self._command_bytes = bytearray()
        self._pending: list[bytes] = []
        """PDUs of a command that is not complete: whose it is shows only at its end."""
        self._foreign_bytes = 0
        self._context_id = 0
        self._command: Command | None = None
        self._reception: Reception | None = None

    def abandon(self) -> None:
        """Forget an object that will not be completed."""
        if self._reception is not None:
            self._reception.discard()
            self._reception = None

    def read(self) -> None:
        """Read what is there: what pynetdicom calls when the socket is readable."""
        connection: socket.socket = self._dul.socket.socket
        checkpoint = self._association._reactor_checkpoint  # noqa: SLF001 - pauses the other thread's polling
        try:
            if self._broken:
                self._drain(connection)
                return
            while self._read_one(connection):
                if self._dul.state_machine.current_state != _ESTABLISHED or self._dul._kill_thread:  # noqa: SLF001
                    return
                checkpoint.clear()
                self._dul._idle_timer.restart()  # noqa: SLF001 - the loop that does it is waiting for us
                if not select.select([connection], [], [], _LINGER_SECONDS)[0]:
                    return
        except ProtocolViolationError:
            self.abandon()
            self._broken = True
            self._dul.event_queue.put(_INVALID)
        except (OSError, EOFError, ValueError):
            # Closed, too slow, or closed by another thread while we waited.
            self.abandon()
            self._dul.event_queue.put(_CLOSED)
        finally:
            checkpoint.set()

    def _read_one(self, connection: socket.socket) -> bool:
        """Read one PDU; True if the next one may be waited for here."""
        established = self._dul.state_machine.current_state == _ESTABLISHED
        deadline = time.monotonic() + (IDLE_SECONDS if established else ASSOCIATE_SECONDS)
        head = memoryview(bytearray(_HEAD.size))
        _receive(connection, head, deadline)
        kind, _, length = _HEAD.unpack(head)
        limit = self._max_pdu if kind == _P_DATA else _MAX_CONTROL_BYTES
        if kind not in _PDU_TYPES or length > limit:
            raise ProtocolViolationError
        if kind != _P_DATA or not established:
            self.abandon()
            body = bytearray(length)
            _receive(connection, memoryview(body), deadline)
            self._hand_on(bytes(head) + bytes(body))
            return False
        view = memoryview(self._buffer)[:length]
        _receive(connection, view, deadline)
        return self._take(connection, bytes(head), view)

    def _take(self, connection: socket.socket, head: bytes, body: memoryview) -> bool:
        """Sort the items of a P-DATA-TF PDU (PS3.8 9.3.5)."""
        position = 0
        foreign = False
        while position < len(body):
            if position + _ITEM.size > len(body):
                raise ProtocolViolationError
            length, context_id, control = _ITEM.unpack_from(body, position)
            end = position + 4 + length
            if length < 2 or end > len(body):  # noqa: PLR2004 - context id and control header
                raise ProtocolViolationError
            foreign |= self._take_item(connection, context_id, control, body[position + _ITEM.size : end])
            position = end
        if foreign:
            for pdu in (*self._pending, head + bytes(body)):
                self._hand_on(pdu)
            self._pending.clear()
            return False
        if self._command_bytes:
            self._pending.append(head + bytes(body))
        return True

    def _take_item(self, connection: socket.socket, context_id: int, control: int, data: memoryview) -> bool:
        """Take one item; True if it belongs to another service."""
        is_last = bool(control & _IS_LAST)
        if self._state == "command":
            if not control & _IS_COMMAND:
                raise ProtocolViolationError
            self._command_bytes += data
            if len(self._command_bytes) > _MAX_COMMAND_BYTES:
                raise ProtocolViolationError
            return self._start(connection, context_id) if is_last else False
        if control & _IS_COMMAND:
            raise ProtocolViolationError
        if self._state == "foreign":
            self._foreign_bytes += len(data)
            if self._foreign_bytes > _MAX_FOREIGN_BYTES:
                raise ProtocolViolationError
            self._state = "command" if is_last else "foreign"
            return True
        if self._reception is None or context_id != self._context_id:
            raise ProtocolViolationError
        self._reception.write(data)
        if is_last:
            self._answer(connection)
        return False

    def _start(self, connection: socket.socket, context_id: int) -> bool:
        """Decide about a complete command; True if it is for another service."""
        context = self._association._accepted_cx.get(context_id)  # noqa: SLF001 - its public form sorts a list
        try:
            command = parse_command(bytes(self._command_bytes))
        except ValueError as error:
            raise ProtocolViolationError from error
        self._command_bytes.clear()
        if context is None:
            raise ProtocolViolationError
        if command.field != C_STORE_RQ:
            self._state = "foreign" if command.has_data else "command"
            self._foreign_bytes = 0
            return True
        self._pending.clear()
        if not command.has_data:
            _send(connection, store_response(command, context_id, CANNOT_UNDERSTAND, "The data set is missing"))
            return False
        self._state = "store"
        self._context_id = context_id
        self._command = command
        self._reception = self._begin(command, str(context.transfer_syntax[0]))
        return False

    def _answer(self, connection: socket.socket) -> None:
        if self._reception is None or self._command is None:
            raise ProtocolViolationError
        status, comment = self._reception.finish()
        self._reception = None
        self._state = "command"
        _send(connection, store_response(self._command, self._context_id, status, comment))

    def _hand_on(self, pdu: bytes) -> None:
        """Give a PDU to pynetdicom as its own reader would have."""
        try:
            decoded, event = self._dul._decode_pdu(bytearray(pdu))  # noqa: SLF001
        except Exception as error:  # its decoder fails in many ways
            raise ProtocolViolationError from error
        self._dul.event_queue.put(event)
        self._dul._recv_pdu.put(decoded)  # noqa: SLF001

    def _drain(self, connection: socket.socket) -> None:
        """Drop what follows a violation: where its next PDU starts is not known."""
        with contextlib.suppress(TimeoutError):
            connection.settimeout(_LINGER_SECONDS)
            if not connection.recv(self._max_pdu):
                self._dul.event_queue.put(_CLOSED)


def _send(connection: socket.socket, data: bytes) -> None:
    connection.settimeout(IDLE_SECONDS)
    connection.sendall(data)


def _receive(connection: socket.socket, view: memoryview, deadline: float) -> None:
    """Fill ``view``. Raises TimeoutError at the deadline, EOFError when the peer closes."""
    while view:
        left = deadline - time.monotonic()
        if left <= 0:
            text = "the PDU takes too long"
            raise TimeoutError(text)
        connection.settimeout(left)
        count = connection.recv_into(view)
        if not count:
            raise EOFError
        # Senders with Nagle's algorithm wait for the acknowledgement of a part before they send the rest.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        view = view[count:]
