"""A file as the DICOM parser may see it: whatever lengths it claims, time and memory stay bounded."""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO

from webviewer.errors import DamagedObjectError
from webviewer.reasons import Why

_CHUNK = 256 * 1024


class BoundedReader:
    """Read-only view of a file that limits the number of reads and of bytes read.

    ``incomplete`` tells that data ended in the middle of something: the parser itself may end only once,
    at a data element's start.
    """

    def __init__(self, file: BinaryIO, max_bytes: int, max_reads: int) -> None:
        self._file = file
        self._bytes_left = max_bytes
        self._reads_left = max_reads
        self._ends = 0
        self.incomplete = False
        position = file.tell()
        self.size = file.seek(0, io.SEEK_END)
        file.seek(position)

    def read(self, size: int = -1) -> bytes:
        """Read at most ``size`` bytes. Raises DamagedObjectError when a limit is reached."""
        self._reads_left -= 1
        available = max(0, self.size - self._file.tell())
        wanted = available if size < 0 else min(size, available)
        self._bytes_left -= wanted
        if self._reads_left < 0 or self._bytes_left < 0:
            raise DamagedObjectError(Why.HEADER_LARGE())
        data = self._file.read(wanted)
        if len(data) < size:
            self._ends += 1
            self.incomplete |= bool(data) or self._ends > 1
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move as files do."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()


class InflatedFile(io.RawIOBase):
    """The data set of a deflated object (PS3.5 A.5), inflated as far as it is read.

    ``start`` is where the deflated bytes begin. Raises DamagedObjectError when they are damaged or inflate to
    more than ``limit`` bytes.
    """

    def __init__(self, file: BinaryIO, start: int, limit: int) -> None:
        super().__init__()
        self._file = file
        self._file.seek(start)
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._limit = limit
        self._data = bytearray()
        self._position = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def inflate_all(self) -> memoryview:
        """Return the whole data set."""
        self._inflate_to(self._limit + 1)
        return memoryview(self._data).toreadonly()

    def read(self, size: int | None = -1) -> bytes:
        """Read at most ``size`` bytes."""
        end = self._limit + 1 if size is None or size < 0 else self._position + size
        self._inflate_to(end)
        data = bytes(memoryview(self._data)[self._position : end])
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; only a move relative to the end inflates everything."""
        if whence == io.SEEK_END:
            self._inflate_to(self._limit + 1)
            offset += len(self._data)
        elif whence == io.SEEK_CUR:
            offset += self._position
        self._position = max(0, offset)
        return self._position

    def tell(self) -> int:
        """Return the position in the inflated data set."""
        return self._position

    def _inflate_to(self, end: int) -> None:
        while len(self._data) < end and not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._file.read(_CHUNK)
            if not packed:
                raise DamagedObjectError(Why.DEFLATED_CUT())
            try:
                self._data += self._inflater.decompress(packed, _CHUNK)
            except zlib.error as error:
                raise DamagedObjectError(Why.DEFLATED_DAMAGED()) from error
            if len(self._data) > self._limit:
                raise DamagedObjectError(Why.DEFLATED_LARGE(limit=self._limit >> 20))
