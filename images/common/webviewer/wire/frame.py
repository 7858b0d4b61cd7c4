"""The binary frame: a fixed little-endian header, then the encoded picture.

====== ====== =====================================================================
offset type   field
====== ====== =====================================================================
0      u8     message version (1)
1      u8     quality: 0 preview, 1 final, 2 lossless
2      u8     encoding: 0 JPEG, 1 WebP, 2 PNG
3      u8     flags: 1 source was lossy, 2 drawn from reduced resolution,
              4 the wanted slice has not arrived, a neighbour is shown, 8 colour
4      u32    viewport
8      u32    sequence of the newest ``view`` merged into this picture
12     u16    width in pixels
14     u16    height in pixels
16     u32    payload length in bytes
20     u32    bytes of the same picture at stored depth (for the compression ratio)
24     f32    window centre applied, modality units
28     f32    window width applied
32     u32    index of the slice shown, in display order
36     u32    serial number of the frame within the viewport (what ``ack`` names)
====== ====== =====================================================================
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from typing import NamedTuple, Self

from webviewer.domain.view import Quality
from webviewer.errors import InvalidRequestError

VERSION = 1
_HEADER = struct.Struct("<BBBBIIHHIIffII")
HEADER_LENGTH = _HEADER.size


class Encoding(IntEnum):
    """How the payload is encoded."""

    JPEG = 0
    WEBP = 1
    PNG = 2


class FrameFlag(IntFlag):
    """What else is to be known of the pixels."""

    LOSSY_SOURCE = 1
    REDUCED = 2
    NEIGHBOUR = 4
    COLOUR = 8


class FrameHeader(NamedTuple):
    """The fields of the header, without version; see the module for units."""

    quality: Quality
    encoding: Encoding
    flags: FrameFlag
    viewport: int
    sequence: int
    width: int
    height: int
    payload_length: int
    raw_length: int
    window_center: float
    window_width: float
    slice_index: int
    serial: int

    def pack(self) -> bytes:
        """Serialise to ``HEADER_LENGTH`` bytes."""
        return _HEADER.pack(VERSION, *self)

    @classmethod
    def unpack(cls, message: bytes) -> Self:
        """Read the header of a frame. Raises InvalidRequestError for anything else."""
        if len(message) < HEADER_LENGTH or message[0] != VERSION:
            text = "not a frame of this version"
            raise InvalidRequestError(text)
        _, quality, encoding, flags, *rest = _HEADER.unpack_from(message)
        return cls(Quality(quality), Encoding(encoding), FrameFlag(flags), *rest)
