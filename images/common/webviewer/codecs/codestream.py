"""What a compressed frame says of itself, read before a decoder gets to see it.

A decoder allocates what the codestream announces, so its size is compared with the data set's first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NoReturn

from webviewer.errors import DamagedObjectError

_SOI, _SOS, _EOI, _APP0, _APP14, _FILL = 0xD8, 0xDA, 0xD9, 0xE0, 0xEE, 0xFF
_ADOBE_LENGTH = 14
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_STANDALONE = frozenset(range(0xD0, 0xD8)) | {0x01}
_MAX_SCANS = 1000
_JXL_BOX = b"\x00\x00\x00\x0cJXL "
_JXL_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


@dataclass(frozen=True)
class Codestream:
    """Size and components of a compressed frame; ``rgb`` is None where it says nothing of colour."""

    rows: int
    columns: int
    components: int
    precision: int = 8
    rgb: bool | None = None
    transformed: bool = False
    """JPEG 2000: a component transform is undone by the decoder, so colours come out as RGB."""


def _fail(reason: str) -> NoReturn:
    text = f"the compressed picture is damaged: {reason}"
    raise DamagedObjectError(text)


def read_jpeg(data: bytes) -> Codestream:
    """Read the frame header of JPEG or JPEG-LS. Raises DamagedObjectError for anything else, and for cut data."""
    position = data.find(b"\xff\xd8")
    if not 0 <= position <= 16:  # noqa: PLR2004 - some writers put zeros in front
        _fail("it does not start like JPEG")
    try:
        return _walk_jpeg(data, position + 2)
    except (IndexError, struct.error):
        _fail("it ends early")


def _walk_jpeg(data: bytes, position: int) -> Codestream:
    """Go from marker to marker up to the frame header."""
    rgb: bool | None = None
    while True:
        while data[position] == _FILL and data[position + 1] == _FILL:
            position += 1
        marker = data[position + 1]
        if data[position] != _FILL or marker in {_SOS, _EOI, _SOI}:
            _fail("it has no frame header")
        position += 2
        if marker in _STANDALONE:
            continue
        length = struct.unpack_from(">H", data, position)[0]
        if marker in _FRAME_MARKERS:
            return _jpeg_frame(data, position, rgb=rgb)
        if marker == _APP14 and data[position + 2 : position + 7] == b"Adobe" and length >= _ADOBE_LENGTH:
            rgb = data[position + 13] == 0
        elif marker == _APP0 and data[position + 2 : position + 7] == b"JFIF\0" and rgb is None:
            rgb = False
        position += length


def _jpeg_frame(data: bytes, position: int, *, rgb: bool | None) -> Codestream:
    _, precision, rows, columns, components = struct.unpack_from(">HBHHB", data, position)
    identifiers = data[position + 8 : position + 8 + 3 * components : 3]
    if identifiers == b"RGB":
        rgb = True
    if data.rfind(b"\xff\xd9", position) < 0:
        _fail("it ends early")
    if data.count(b"\xff\xda", position) > _MAX_SCANS:
        _fail("it has too many scans")
    return Codestream(rows, columns, components, precision, rgb)


def read_jpeg2000(data: bytes) -> Codestream:
    """Read SIZ and COD of a JPEG 2000 or HTJ2K codestream, bare or in a JP2 file."""
    start = data.find(b"\xff\x4f\xff\x51")
    if start < 0:
        _fail("it does not start like JPEG 2000")
    try:
        x1, y1, x0, y0, tile_x, tile_y = struct.unpack_from(">6I", data, start + 8)
        components = struct.unpack_from(">H", data, start + 40)[0]
        precision = (data[start + 42] & 0x7F) + 1
        position = start + 4 + struct.unpack_from(">H", data, start + 4)[0]
        transformed = False
        while data[position : position + 2] not in {b"\xff\x90", b"\xff\x93"}:
            if data[position] != 0xFF:  # noqa: PLR2004
                _fail("a marker is missing")
            if data[position + 1] == 0x52:  # noqa: PLR2004 - COD
                transformed = data[position + 8] != 0
            position += 2 + struct.unpack_from(">H", data, position + 2)[0]
    except (IndexError, struct.error):
        _fail("it ends early")
    if not (x0 < x1 and y0 < y1 and tile_x and tile_y):
        _fail("its size makes no sense")
    if ((x1 - x0) // tile_x + 1) * ((y1 - y0) // tile_y + 1) > 65535:  # noqa: PLR2004
        _fail("it has too many tiles")
    if data.rfind(b"\xff\xd9", position) < 0:
        _fail("it ends early")
    return Codestream(y1 - y0, x1 - x0, components, precision, transformed=transformed)


def read_jpegxl(data: bytes) -> Codestream:
    """Read the size of a JPEG XL codestream, bare or in its container (ISO/IEC 18181-1 D.2)."""
    if data.startswith(_JXL_BOX):
        data = _jxl_box(data)
    if not data.startswith(b"\xff\x0a"):
        _fail("it does not start like JPEG XL")
    bits = _Bits(int.from_bytes(data[2:18], "little"))
    small = bits.take(1)
    rows = _jxl_side(bits, small=bool(small))
    ratio = bits.take(3)
    if ratio:
        over, under = _JXL_RATIOS[ratio - 1]
        columns = rows * over // under
    else:
        columns = _jxl_side(bits, small=bool(small))
    return Codestream(rows, columns, 0)


class _Bits:
    def __init__(self, value: int) -> None:
        self._value = value

    def take(self, count: int) -> int:
        """Return the next ``count`` bits, least significant first."""
        result = self._value & ((1 << count) - 1)
        self._value >>= count
        return result


def _jxl_side(bits: _Bits, *, small: bool) -> int:
    if small:
        return (bits.take(5) + 1) * 8
    return bits.take((9, 13, 18, 30)[bits.take(2)]) + 1


def _jxl_box(data: bytes) -> bytes:
    """Return the start of the codestream inside the container: box jxlc, or the first jxlp after its index."""
    position = 0
    while position + 16 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        header = 8
        if length == 1:
            length, header = struct.unpack_from(">Q", data, position + 8)[0], 16
        if kind in {b"jxlc", b"jxlp"}:
            skip = header + (4 if kind == b"jxlp" else 0)
            return data[position + skip : position + skip + 64]
        if length < header:
            break
        position += length
    _fail("its container has no codestream")
