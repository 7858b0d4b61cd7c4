"""Where the pixels of each frame lie in a file (PS3.5 annex A)."""

from __future__ import annotations

import bisect
import io
import struct
from dataclasses import dataclass
from typing import BinaryIO, cast

from pydicom.dataset import Dataset

from webviewer.codecs import attributes
from webviewer.codecs.bounded import InflatedFile
from webviewer.codecs.description import describe
from webviewer.codecs.header import MAX_INFLATED_BYTES, Header
from webviewer.codecs.syntaxes import EXPLICIT_BE, IMPLICIT_LE, NATIVE, RLE
from webviewer.domain.image import FrameTable, ImageDescription
from webviewer.errors import DamagedObjectError, UnsupportedImageError
from webviewer.reasons import Why

_UNDEFINED = 0xFFFFFFFF
_ITEM = 0xFFFEE000
_DELIMITER = 0xFFFEE0DD
_MAX_FRAGMENTS = 1_000_000
_LONG_FORM = {b"OB", b"OW", b"OF", b"OD", b"UN", b"OL", b"OV"}
_GE_IMPLICIT = "1.2.840.113619.5.2"
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")
_RLE_HEADER = 64

Piece = tuple[int, int]


@dataclass(frozen=True)
class _Fragment:
    """One item: ``item`` is the offset of its tag, ``offset`` and ``length`` are those of its value."""

    item: int
    offset: int
    length: int
    start: bytes


def locate_frames(file: BinaryIO, header: Header, image: ImageDescription | None = None) -> FrameTable:
    """Find the byte ranges of all frames of ``file``; ``image`` spares describing the data set again.

    Raises DamagedObjectError where pixels are missing or cannot be told apart, UnsupportedImageError where the
    object has none.
    """
    if header.pixel_offset is None:
        raise UnsupportedImageError(Why.NO_PIXELS())
    image = image or describe(header.dataset)
    if header.deflated:
        _locate(InflatedFile(file, header.data_offset, MAX_INFLATED_BYTES), header, image)
        return FrameTable(whole_file=True)
    return _locate(file, header, image)


def inflate(file: BinaryIO, header: Header, image: ImageDescription | None = None) -> tuple[memoryview, FrameTable]:
    """Return the inflated data set of a ``whole_file`` object and where its frames lie in it."""
    source = InflatedFile(file, header.data_offset, MAX_INFLATED_BYTES)
    table = _locate(source, header, image or describe(header.dataset))
    return source.inflate_all(), table


def frame_length(image: ImageDescription) -> int:
    """Bytes of an uncompressed frame; that of a bit-packed one, which may start within a byte, is rounded up."""
    samples = image.rows * image.columns * image.samples
    if image.bits_allocated == 1:
        return (samples + 7) // 8
    if image.photometric in {"YBR_FULL_422", "YBR_PARTIAL_422"}:
        samples = image.rows * ((image.columns + 1) // 2) * 4
    elif image.photometric == "YBR_PARTIAL_420":
        samples = ((image.rows + 1) // 2) * ((image.columns + 1) // 2) * 6
    return samples * image.bits_allocated // 8


def _locate(file: io.RawIOBase | BinaryIO, header: Header, image: ImageDescription) -> FrameTable:
    source = cast("BinaryIO", file)
    offset, length = _pixel_element(source, header)
    if header.transfer_syntax in NATIVE or header.transfer_syntax == _GE_IMPLICIT:
        if length == _UNDEFINED:
            raise DamagedObjectError(Why.PIXELS_NO_LENGTH())
        return _native(source, offset, length, image)
    if length != _UNDEFINED:
        raise DamagedObjectError(Why.PIXELS_NOT_ENCAPSULATED())
    basic, fragments = _fragments(source, offset)
    frames = _assign(fragments, basic, header, image.frames)
    return FrameTable(fragments=tuple(tuple((part.offset, part.length) for part in frame) for frame in frames))


def _pixel_element(file: BinaryIO, header: Header) -> Piece:
    """Return offset and length of the value of the pixel data element."""
    file.seek(header.pixel_offset or 0)
    start = file.read(12).ljust(12, b"\0")
    order = ">" if header.transfer_syntax == EXPLICIT_BE else "<"
    position = header.pixel_offset or 0
    implicit = header.transfer_syntax in {IMPLICIT_LE, _GE_IMPLICIT}
    if not implicit and start[4:6] in _LONG_FORM:
        return position + 12, struct.unpack(order + "I", start[8:12])[0]
    if not implicit and start[4:6].isalpha():
        raise DamagedObjectError(Why.PIXELS_REPRESENTATION())
    return position + 8, struct.unpack(order + "I", start[4:8])[0]


def _native(file: BinaryIO, offset: int, length: int, image: ImageDescription) -> FrameTable:
    available = min(length, max(0, file.seek(0, io.SEEK_END) - offset))
    each = frame_length(image)
    full = image.rows * image.columns * 3 * image.bits_allocated // 8
    if image.samples == 3 and each < full and available >= full * image.frames:  # noqa: PLR2004
        each = full  # says 4:2:2 and is not subsampled
    bits = image.rows * image.columns if image.bits_allocated == 1 else each * 8
    needed = (bits * image.frames + 7) // 8
    if available < needed:
        complete = available * 8 // bits
        values = {"available": available, "needed": needed, "complete": complete, "frames": image.frames}
        raise DamagedObjectError(Why.PIXELS_CUT(**values))
    if bits % 8 == 0 or image.frames == 1:
        return FrameTable(native=(offset, each))
    starts = [frame * bits for frame in range(image.frames)]
    return FrameTable(
        fragments=tuple(((offset + start // 8, (start % 8 + bits + 7) // 8),) for start in starts),
    )


def _fragments(file: BinaryIO, position: int) -> tuple[tuple[int, ...], list[_Fragment]]:
    """Walk through the items: return the Basic Offset Table and the fragments."""
    size = file.seek(0, io.SEEK_END)
    fragments: list[_Fragment] = []
    basic: tuple[int, ...] | None = None
    while position + 8 <= size:
        file.seek(position)
        group, element, length = struct.unpack("<HHI", file.read(8))
        tag = group << 16 | element
        if tag == _DELIMITER:
            break
        if tag != _ITEM:
            raise DamagedObjectError(Why.PIXELS_ITEM())
        if position + 8 + length > size:
            raise DamagedObjectError(Why.FRAGMENT_CUT(length=length, left=size - position - 8))
        if basic is None:
            if length > 4 * _MAX_FRAGMENTS:
                raise DamagedObjectError(Why.OFFSETS_LARGE())
            basic = struct.unpack(f"<{length // 4}I", file.read(length // 4 * 4))
        else:
            fragments.append(_fragment(file, position, length))
        if len(fragments) > _MAX_FRAGMENTS:
            raise DamagedObjectError(Why.FRAGMENTS_MANY())
        position += 8 + length
    return basic or (), fragments


def _fragment(file: BinaryIO, position: int, length: int) -> _Fragment:
    return _Fragment(position, position + 8, length, file.read(min(length, _RLE_HEADER)))


def _assign(fragments: list[_Fragment], basic: tuple[int, ...], header: Header, frames: int) -> list[list[_Fragment]]:
    """Share the fragments out to the frames."""
    if frames == 1 and fragments:
        return [fragments]
    if len(fragments) < frames:
        raise DamagedObjectError(Why.FRAMES_MISSING(complete=len(fragments), frames=frames))
    extended = _extended_offsets(header.dataset)
    for offsets in (extended, basic):
        split = _split_at(fragments, offsets) if len(offsets) == frames else None
        if split is not None:
            return split
    if len(fragments) == frames:
        return [[fragment] for fragment in fragments]
    split = _split_by_content(fragments, header.transfer_syntax)
    if len(split) != frames:
        raise DamagedObjectError(Why.FRAGMENTS_MIXED(fragments=len(fragments), frames=frames))
    return split


def _extended_offsets(dataset: Dataset) -> tuple[int, ...]:
    """Read the Extended Offset Table: 64-bit offsets (C.7.6.3.1.8)."""
    data = attributes.raw(dataset, "ExtendedOffsetTable")
    if not isinstance(data, bytes) or len(data) > 8 * _MAX_FRAGMENTS:
        return ()
    return struct.unpack(f"<{len(data) // 8}Q", data[: len(data) // 8 * 8])


def _split_at(fragments: list[_Fragment], offsets: tuple[int, ...]) -> list[list[_Fragment]] | None:
    """Split where the offsets point at; None if they do not point at items in rising order."""
    items = [fragment.item - fragments[0].item for fragment in fragments]
    starts: list[int] = []
    for offset in offsets:
        index = bisect.bisect_left(items, offset)
        if index == len(items) or items[index] != offset or (starts and index <= starts[-1]):
            return None
        starts.append(index)
    if starts[0] != 0:
        return None
    return [fragments[start:end] for start, end in zip(starts, [*starts[1:], len(fragments)], strict=True)]


def _split_by_content(fragments: list[_Fragment], transfer_syntax: str) -> list[list[_Fragment]]:
    """Split before each fragment that starts like a codestream."""
    begins = _begins_rle if transfer_syntax == RLE else _begins_codestream
    frames: list[list[_Fragment]] = []
    for fragment in fragments:
        if begins(fragment.start) or not frames:
            frames.append([fragment])
        else:
            frames[-1].append(fragment)
    return frames


def _begins_codestream(start: bytes) -> bool:
    return start.startswith(_STARTS)


def _begins_rle(start: bytes) -> bool:
    """Tell an RLE frame, which starts with the number of its segments and rising offsets (G.5)."""
    if len(start) < _RLE_HEADER:
        return False
    count, *offsets = struct.unpack("<16I", start)
    if not 1 <= count <= 15 or offsets[0] != _RLE_HEADER:  # noqa: PLR2004
        return False
    used, unused = offsets[:count], offsets[count:]
    return used == sorted(used) and not any(unused)
