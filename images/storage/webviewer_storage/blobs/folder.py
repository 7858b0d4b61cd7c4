"""Where files live, and the moves that survive a crash at any point.

A file arrives as ``incoming/<uuid>.<owner>.part``. When its bytes are on the disk it is renamed to
``incoming/<digest>.<owner>.<uuid>``; after the commit of its row it is renamed to
``blobs/ab/cd/<digest>``. The folder ``incoming`` is synced before the commit and a rename is atomic,
so after a power loss a committed file lies in one of the two places, and the next start finishes it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from webviewer.domain.load import VolumeUse
from webviewer.errors import StorageFullError, TooLargeError

DIGEST = re.compile(r"[0-9a-f]{64}")
_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """A complete file in ``incoming``. ``digest`` is its SHA-256 in hex."""

    name: str
    digest: str
    size: int


class BlobFolder:
    """``incoming`` and ``blobs`` under one root, which must be one file system."""

    def __init__(self, root: Path, min_free: int) -> None:
        self.incoming = root / "incoming"
        self.blobs = root / "blobs"
        self._min_free = min_free
        for folder in (self.incoming, self.blobs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, digest: str) -> Path:
        """Where the blob is, or would be."""
        return self.blobs / digest[:2] / digest[2:4] / digest

    def check_room(self, size: int = 0) -> None:
        """Raise StorageFullError unless ``size`` more bytes leave the volume its reserve."""
        state = os.statvfs(self.incoming)
        if state.f_bavail * state.f_frsize < self._min_free + size:
            text = "the storage volume is full: delete studies or enlarge it"
            raise StorageFullError(text)

    def use(self) -> VolumeUse:
        """Return how full the volume is."""
        usage = shutil.disk_usage(self.incoming)
        return VolumeUse(total=usage.total, free=usage.free, reserve=self._min_free)

    def sync_incoming(self) -> None:
        """Make the names of complete files durable."""
        descriptor = os.open(self.incoming, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def prepare(self, digest: str) -> None:
        """Make the folder of a blob, so that after the commit nothing but a rename is left."""
        self.path(digest).parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def adopt(self, name: str, digest: str) -> None:
        """Move a complete file to its blob; the same bytes may be there already."""
        os.replace(self.incoming / name, self.path(digest))  # noqa: PTH105 - one system call, no objects

    def discard(self, name: str) -> None:
        """Delete a complete file that nothing refers to."""
        (self.incoming / name).unlink(missing_ok=True)

    def discard_owned(self, owner: str) -> None:
        """Delete everything that ``owner``, which is gone, left behind."""
        for path in self.incoming.iterdir():
            if path.name.split(".")[1:2] == [owner]:
                path.unlink(missing_ok=True)

    def remove(self, digest: str) -> None:
        """Delete a blob."""
        self.path(digest).unlink(missing_ok=True)

    def leftovers(self) -> dict[str, str]:
        """Return name -> digest of complete files in ``incoming``, deleting incomplete ones."""
        complete: dict[str, str] = {}
        for path in self.incoming.iterdir():
            digest = path.name.split(".")[0]
            if path.suffix != ".part" and DIGEST.fullmatch(digest):
                complete[path.name] = digest
            else:
                path.unlink(missing_ok=True)
        return complete

    def link(self, source: Path, digest: str, owner: str) -> Received:
        """Offer a durable file, whose digest is known, as a complete one without copying it."""
        name = f"{digest}.{owner}.{uuid.uuid4().hex}"
        os.link(source, self.incoming / name)
        return Received(name, digest, source.stat().st_size)

    def usage(self) -> tuple[int, int]:
        """Return (free, total) bytes of the volume."""
        state = os.statvfs(self.blobs)
        return state.f_bavail * state.f_frsize, state.f_blocks * state.f_frsize


class IncomingFile:
    """A file being received: hashed while it is written. Raises StorageFullError when the disk is full."""

    def __init__(self, folder: BlobFolder, owner: str) -> None:
        self._folder = folder
        self._owner = owner
        self._id = uuid.uuid4().hex
        self._path = folder.incoming / f"{self._id}.{owner}.part"
        self._hash = hashlib.sha256()
        self.size = 0
        with _full_disk_named():
            self._descriptor: int | None = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``."""
        if self._descriptor is None:
            text = "the file is closed"
            raise ValueError(text)
        self._hash.update(data)
        self.size += len(data)
        with _full_disk_named():
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]

    def finish(self) -> Received:
        """Bring the bytes to the disk and give the file its complete name."""
        if self._descriptor is None:
            text = "the file is closed"
            raise ValueError(text)
        digest = self._hash.hexdigest()
        name = f"{digest}.{self._owner}.{self._id}"
        with _full_disk_named():
            os.fsync(self._descriptor)
            self._close()
            os.rename(self._path, self._folder.incoming / name)  # noqa: PTH104 - one system call, no objects
        return Received(name, digest, self.size)

    def discard(self) -> None:
        """Delete what was written."""
        self._close()
        self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def receive(folder: BlobFolder, source: BinaryIO, owner: str, limit: int) -> Received:
    """Copy an open file into ``incoming``; more than ``limit`` bytes raise TooLargeError."""
    target = IncomingFile(folder, owner)
    try:
        while chunk := source.read(_COPY_BYTES):
            _check_size(target.size + len(chunk), limit)
            target.write(chunk)
        return target.finish()
    except BaseException:
        target.discard()
        raise


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        text = f"the object is larger than {limit} bytes"
        raise TooLargeError(text)


@contextlib.contextmanager
def _full_disk_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        text = f"the object could not be written: {error.strerror}"
        raise StorageFullError(text) from error
