"""Command sets of C-STORE (PS3.7 9.3.1) as bytes: always implicit VR little endian, a handful of elements."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pydicom.uid import UID

IMPLEMENTATION_UID = UID("2.25.180763941278054918315476918271536093275")
IMPLEMENTATION_VERSION = "WEBVIEWER"
C_STORE_RQ = 0x0001
NO_DATA_SET = 0x0101
_C_STORE_RSP = 0x8001
_CLASS, _FIELD, _MESSAGE_ID, _DATA_SET, _INSTANCE = 0x0002, 0x0100, 0x0110, 0x0800, 0x1000
_RESPONDED_TO, _STATUS, _COMMENT = 0x0120, 0x0900, 0x0902
_COMMENT_LENGTH = 64
_ELEMENT = struct.Struct("<HHL")
_SHORT = struct.Struct("<H")


@dataclass(frozen=True, slots=True)
class Command:
    """What matters of a request. UIDs are as the peer wrote them, without padding."""

    field: int
    message_id: int
    has_data: bool
    sop_class: str
    sop_instance: str


def parse_command(data: bytes) -> Command:
    """Read a command set. Raises ValueError if it is none."""
    elements: dict[int, bytes] = {}
    position = 0
    while position < len(data):
        if position + _ELEMENT.size > len(data):
            text = "the command set ends within an element"
            raise ValueError(text)
        group, element, length = _ELEMENT.unpack_from(data, position)
        position += _ELEMENT.size
        if group != 0 or position + length > len(data):
            text = "the command set is garbled"
            raise ValueError(text)
        elements[element] = data[position : position + length]
        position += length
    return Command(
        field=_number(elements, _FIELD),
        message_id=_number(elements, _MESSAGE_ID, 0),
        has_data=_number(elements, _DATA_SET) != NO_DATA_SET,
        sop_class=_text(elements, _CLASS),
        sop_instance=_text(elements, _INSTANCE),
    )


def store_response(command: Command, context_id: int, status: int, comment: str = "") -> bytes:
    """Return the P-DATA-TF PDU of a C-STORE-RSP (PS3.7 9.3.1.2, PS3.8 9.3.5)."""
    body = b"".join(
        (
            _element(_CLASS, command.sop_class.encode("ascii", "replace")),
            _element(_FIELD, _SHORT.pack(_C_STORE_RSP)),
            _element(_RESPONDED_TO, _SHORT.pack(command.message_id)),
            _element(_DATA_SET, _SHORT.pack(NO_DATA_SET)),
            _element(_STATUS, _SHORT.pack(status)),
            _element(_COMMENT, comment[:_COMMENT_LENGTH].encode("ascii", "replace"), b" ") if comment else b"",
            _element(_INSTANCE, command.sop_instance.encode("ascii", "replace")),
        )
    )
    body = _element(0, struct.pack("<L", len(body))) + body
    return struct.pack(">BBLLBB", 4, 0, len(body) + 6, len(body) + 2, context_id, 3) + body


def file_meta(command: Command, transfer_syntax: str) -> bytes:
    """Return preamble and file meta information (PS3.10 7.1) for a data set received by C-STORE.

    It names neither sender nor time: the same object sent twice gives the same file.
    """
    body = b"".join(
        (
            struct.pack("<HH2sHL", 2, 1, b"OB", 0, 2) + b"\0\1",
            _meta(0x02, b"UI", command.sop_class),
            _meta(0x03, b"UI", command.sop_instance),
            _meta(0x10, b"UI", transfer_syntax),
            _meta(0x12, b"UI", IMPLEMENTATION_UID),
            _meta(0x13, b"SH", IMPLEMENTATION_VERSION),
        )
    )
    return bytes(128) + b"DICM" + struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(body)) + body


def _meta(element: int, vr: bytes, value: str) -> bytes:
    data = value.encode("ascii", "replace")
    data += (b"\0" if vr == b"UI" else b" ") * (len(data) % 2)
    return struct.pack("<HH2sH", 2, element, vr, len(data)) + data


def _element(element: int, value: bytes, padding: bytes = b"\0") -> bytes:
    value += padding * (len(value) % 2)
    return _ELEMENT.pack(0, element, len(value)) + value


def _number(elements: dict[int, bytes], element: int, default: int | None = None) -> int:
    value = elements.get(element, b"")
    if len(value) != _SHORT.size:
        if default is not None:
            return default
        text = f"the command set lacks (0000,{element:04X})"
        raise ValueError(text)
    return int(_SHORT.unpack(value)[0])


def _text(elements: dict[int, bytes], element: int) -> str:
    return elements.get(element, b"").rstrip(b"\0 ").decode("ascii", "replace")[:64]
