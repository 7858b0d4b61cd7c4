"""Members of a ZIP, within limits; an archive inside the archive is opened once, not deeper.

Names are never used as paths: a member is only ever read as a stream.
"""

from __future__ import annotations

import errno
import lzma
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from webviewer.errors import DamagedObjectError, StorageFullError
from webviewer.reasons import Reason, Why

MAX_MEMBERS = 100_000
MAX_DIRECTORY_BYTES = 32 * 1024 * 1024
"""Of the list of members, which is read into memory at once: 100,000 long names."""
MAX_RATIO = 1000
"""Inflated to stored size of one member; headers of zeros reach some hundreds."""
_RATIO_FREE_BYTES = 16 * 1024 * 1024
_ENCRYPTED = 0x1
_LEVELS = 2
_DIRECTORY_SIZE = 5
READ_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive. ``refused`` says why it is not read; otherwise ``limit`` bounds its bytes."""

    name: str
    limit: int
    archive: zipfile.ZipFile | None = None
    info: zipfile.ZipInfo | None = None
    refused: Reason | None = None

    def open(self) -> BinaryIO:
        """Open the member. Raises one of READ_ERRORS."""
        if self.archive is None or self.info is None:
            raise FileNotFoundError(self.name)
        return self.archive.open(self.info)  # type: ignore[return-value]


class Archive:
    """A ZIP on the disk. Raises DamagedObjectError if it is none, or has too many or too large members."""

    def __init__(self, path: Path, scratch: Path, max_bytes: int) -> None:
        self._scratch = scratch
        self._left = max_bytes
        self._count = 0
        self._stack = ExitStack()
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def members(self) -> list[Member]:
        """Return all members worth reading, those of inner archives included."""
        return list(self._walk(self._path, 1, ""))

    def _walk(self, path: Path, level: int, prefix: str) -> Iterator[Member]:
        try:
            _check_directory(path)
            archive = self._stack.enter_context(zipfile.ZipFile(path))
        except DamagedObjectError:
            raise
        except READ_ERRORS as error:
            raise DamagedObjectError(Why.ARCHIVE_DAMAGED()) from error
        for info in archive.infolist():
            base = info.filename.replace("\\", "/").rsplit("/", 1)[-1]
            if info.is_dir() or "__MACOSX/" in info.filename or base.upper() == "DICOMDIR" or base.startswith("."):
                continue
            self._count += 1
            if self._count > MAX_MEMBERS:
                raise DamagedObjectError(Why.ARCHIVE_MANY(limit=MAX_MEMBERS))
            refused = self._refusal(info)
            if not refused and base.lower().endswith(".zip"):
                yield from self._inner(archive, info, level, f"{prefix}{base}")
            else:
                yield Member(f"{prefix}{base}", info.file_size, archive, info, refused)

    def _refusal(self, info: zipfile.ZipInfo) -> Reason | None:
        if info.flag_bits & _ENCRYPTED:
            return Why.MEMBER_ENCRYPTED()
        if info.file_size > max(_RATIO_FREE_BYTES, info.compress_size * MAX_RATIO):
            return Why.MEMBER_SUSPICIOUS()
        self._left -= info.file_size
        if self._left < 0:
            raise DamagedObjectError(Why.ARCHIVE_LARGE())
        return None

    def _inner(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, level: int, name: str) -> Iterator[Member]:
        if level >= _LEVELS:
            yield Member(name, 0, refused=Why.MEMBER_NESTED())
            return
        file = self._stack.enter_context(
            tempfile.NamedTemporaryFile(dir=self._scratch, suffix=".part")  # noqa: SIM115 - the stack closes it
        )
        try:
            with archive.open(info) as source:
                shutil.copyfileobj(source, file, 1024 * 1024)
            file.flush()
            yield from self._walk(Path(file.name), level + 1, f"{name}/")
        except DamagedObjectError as error:
            yield Member(name, 0, refused=error.why or Why.ARCHIVE_DAMAGED())
        except READ_ERRORS as error:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                text = "the storage volume is full: delete studies or enlarge it"
                raise StorageFullError(text) from error
            yield Member(name, 0, refused=Why.MEMBER_DAMAGED())


def _check_directory(path: Path) -> None:
    """Raise DamagedObjectError for a list of members that would fill the memory."""
    with path.open("rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # noqa: SLF001 - its public callers read the whole list
    if end and end[_DIRECTORY_SIZE] > MAX_DIRECTORY_BYTES:
        raise DamagedObjectError(Why.ARCHIVE_MANY(limit=MAX_MEMBERS))
