"""ZIP files that are written while they are sent: nothing is compressed, and the length is known before the first byte.

Members are stored with a data descriptor (APPNOTE 4.3.9), for their checksum is known only when they have passed; what does
not fit into 32 bits is said by Zip64 (4.3.14, 4.5.3).
"""

from __future__ import annotations

import datetime as dt
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_END_64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR = struct.Struct("<IIQI")
_DESCRIPTOR = struct.Struct("<IIII")
_DESCRIPTOR_64 = struct.Struct("<IIQQ")
_FULL = 0xFFFFFFFF
_MANY = 0xFFFF
_ZIP64_VERSION, _PLAIN_VERSION = 45, 20
_WITH_DESCRIPTOR = 0x08
_UNIX = 3 << 8
_FILE_MODE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the ZIP: its path there (ASCII, with slashes), and how many bytes it has."""

    path: str
    size: int

    @property
    def is_large(self) -> bool:
        """Whether its length needs Zip64."""
        return self.size >= _FULL


class ZipWriter:
    """Makes what stands around the contents of members; the caller sends these in between."""

    def __init__(self, members: Sequence[Member], moment: dt.datetime) -> None:
        self._members = members
        date = (moment.year - 1980) << 9 | moment.month << 5 | moment.day
        self._moment = (moment.hour << 11 | moment.minute << 5 | moment.second // 2, date)
        self._offsets: list[int] = []
        at = 0
        for member in members:
            self._offsets.append(at)
            at += len(self.header(member)) + member.size + len(self.descriptor(member, 0))
        self._directory = at
        self.size = at + len(self.end([0] * len(members)))
        """Of the whole ZIP in bytes."""

    def header(self, member: Member) -> bytes:
        """Return what precedes the content of a member."""
        path = member.path.encode("ascii")
        extra = struct.pack("<HHQQ", 1, 16, 0, 0) if member.is_large else b""
        size = _FULL if member.is_large else 0
        version = _ZIP64_VERSION if member.is_large else _PLAIN_VERSION
        fixed = _LOCAL.pack(
            0x04034B50, version, _WITH_DESCRIPTOR, 0, *self._moment, 0, size, size, len(path), len(extra)
        )
        return fixed + path + extra

    def descriptor(self, member: Member, checksum: int) -> bytes:
        """Return what follows the content of a member, whose CRC-32 is ``checksum``."""
        layout = _DESCRIPTOR_64 if member.is_large else _DESCRIPTOR
        return layout.pack(0x08074B50, checksum, member.size, member.size)

    def end(self, checksums: Sequence[int]) -> bytes:
        """Return the directory of the ZIP, which ends it."""
        entries = b"".join(map(self._entry, self._members, self._offsets, checksums))
        count, size, start = len(self._members), len(entries), self._directory
        tail = b""
        if count >= _MANY or size >= _FULL or start >= _FULL:
            tail = _END_64.pack(
                0x06064B50, 44, _UNIX | _ZIP64_VERSION, _ZIP64_VERSION, 0, 0, count, count, size, start
            ) + _LOCATOR.pack(0x07064B50, 0, start + size, 1)
        few = min(count, _MANY)
        return entries + tail + _END.pack(0x06054B50, 0, 0, few, few, min(size, _FULL), min(start, _FULL), 0)

    def _entry(self, member: Member, offset: int, checksum: int) -> bytes:
        path = member.path.encode("ascii")
        large = [member.size, member.size] if member.is_large else []
        large += [offset] if offset >= _FULL else []
        extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
        version = _ZIP64_VERSION if large else _PLAIN_VERSION
        size = min(member.size, _FULL)
        fixed = _CENTRAL.pack(
            0x02014B50, _UNIX | version, version, _WITH_DESCRIPTOR, 0, *self._moment, checksum, size, size,
            len(path), len(extra), 0, 0, 0, _FILE_MODE, min(offset, _FULL),
        )  # fmt: skip
        return fixed + path + extra


def checksum(data: bytes, before: int = 0) -> int:
    """Return the CRC-32 of what came before and of ``data``."""
    return zlib.crc32(data, before)
