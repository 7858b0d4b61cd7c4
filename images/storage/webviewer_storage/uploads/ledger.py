"""Uploads on the disk: the bytes so far and, beside them, what is known of each."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from webviewer.domain.study import IngestOutcome, UploadState
from webviewer.errors import InvalidRequestError
from webviewer_storage.blobs.folder import DIGEST

STORE = re.compile(r"[A-Za-z0-9_-]{1,64}")
KEEP_SECONDS = 24 * 3600


class UploadRecord(BaseModel):
    """What is known of an upload; its received bytes are counted in the file itself."""

    store: str
    digest: str
    size: int
    name: str
    state: UploadState


class UploadLedger:
    """Folder ``uploads/<store>/<digest>`` with ``<digest>.json`` beside it."""

    def __init__(self, root: Path) -> None:
        self._root = root / "uploads"
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def file(self, store: str, digest: str) -> Path:
        """Where the bytes are. Raises InvalidRequestError for a name that cannot be a path."""
        if not STORE.fullmatch(store) or not DIGEST.fullmatch(digest):
            text = "an upload is named by the SHA-256 of its content, in lower-case hex"
            raise InvalidRequestError(text)
        return self._root / store / digest

    def received(self, store: str, digest: str) -> int:
        """Return the number of bytes that are there."""
        try:
            return self.file(store, digest).stat().st_size
        except FileNotFoundError:
            return 0

    def load(self, store: str, digest: str) -> UploadRecord | None:
        """Return the record, or None."""
        try:
            return UploadRecord.model_validate_json(self._record(store, digest).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def save(self, record: UploadRecord) -> None:
        """Replace the record; a reader sees the old one or the new one."""
        path = self._record(record.store, record.digest)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_suffix(".new")
        temporary.write_text(record.model_dump_json(), encoding="utf-8")
        temporary.replace(path)

    def append(self, store: str, digest: str, offset: int, data: bytes) -> None:
        """Write at ``offset``; what was behind it is gone."""
        path = self.file(store, digest)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            view = memoryview(data)
            while view:
                written = os.pwrite(descriptor, view, offset)
                view, offset = view[written:], offset + written
        finally:
            os.close(descriptor)

    def truncate(self, store: str, digest: str, size: int) -> None:
        """Cut the bytes back to ``size``."""
        path = self.file(store, digest)
        if path.exists():
            os.truncate(path, size)

    def sync(self, store: str, digest: str) -> None:
        """Bring the bytes to the disk."""
        with self.file(store, digest).open("rb") as file:
            os.fsync(file.fileno())

    def drop_bytes(self, store: str, digest: str) -> None:
        """Delete the bytes and keep the record."""
        self.file(store, digest).unlink(missing_ok=True)

    def drop(self, store: str, digest: str) -> None:
        """Delete bytes and record."""
        self.drop_bytes(store, digest)
        self._record(store, digest).unlink(missing_ok=True)

    def drop_store(self, store: str) -> None:
        """Delete all uploads of a store."""
        for record in list(self.records()):
            if record.store == store:
                self.drop(record.store, record.digest)

    def records(self) -> Iterator[UploadRecord]:
        """Yield every record."""
        for path in self._root.glob("*/*.json"):
            record = self.load(path.parent.name, path.stem)
            if record:
                yield record

    def expire(self) -> int:
        """Delete what nobody touched for 24 h; return how many files went."""
        horizon = time.time() - KEEP_SECONDS
        stale = {path.with_suffix("") for path in self._root.glob("*/*")}
        gone = 0
        for base in stale:
            both = [path for path in (base, base.with_suffix(".json"), base.with_suffix(".new")) if path.exists()]
            if both and max(path.stat().st_mtime for path in both) < horizon:
                for path in both:
                    path.unlink(missing_ok=True)
                gone += 1
        return gone

    def _record(self, store: str, digest: str) -> Path:
        return self.file(store, digest).with_suffix(".json")


def summary_of(outcomes: tuple[IngestOutcome, ...]) -> str:
    """Count outcomes by status, for logs."""
    counts: dict[str, int] = {}
    for outcome in outcomes:
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
    return json.dumps(counts)
