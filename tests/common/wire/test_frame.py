"""The binary frame header."""

import pytest

from webviewer.domain.view import Quality
from webviewer.errors import InvalidRequestError
from webviewer.wire.frame import HEADER_LENGTH, Encoding, FrameFlag, FrameHeader

HEADER = FrameHeader(
    quality=Quality.LOSSLESS,
    encoding=Encoding.WEBP,
    flags=FrameFlag.LOSSY_SOURCE | FrameFlag.COLOUR,
    viewport=7,
    sequence=4_000_000_000,
    width=1024,
    height=768,
    payload_length=12,
    raw_length=1_572_864,
    window_center=40.0,
    window_width=400.0,
    slice_index=139,
    serial=3,
)


def test_a_header_survives_the_wire():
    assert FrameHeader.unpack(HEADER.pack() + b"payload") == HEADER


def test_the_layout_is_the_documented_one():
    packed = HEADER.pack()
    assert HEADER_LENGTH == len(packed) == 40
    assert packed[:8] == bytes([1, 2, 1, 9, 7, 0, 0, 0])
    assert int.from_bytes(packed[36:], "little") == 3


@pytest.mark.parametrize("message", [b"", b"\x01" * 39, b"\x02" + HEADER.pack()[1:]])
def test_anything_else_is_refused(message):
    with pytest.raises(InvalidRequestError):
        FrameHeader.unpack(message)
