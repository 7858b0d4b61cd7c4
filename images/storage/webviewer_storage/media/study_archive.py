"""A study as a ZIP of its files, byte for byte as they came, and a DICOMDIR that lists them."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.dataset import Dataset

from webviewer.codecs import attributes
from webviewer.codecs.header import read_header
from webviewer.errors import DamagedObjectError, WebViewerError
from webviewer_storage import metrics
from webviewer_storage.blobs.folder import BlobFolder
from webviewer_storage.index.reader import StudyFiles
from webviewer_storage.media.directory import FiledObject, FiledSeries, FiledStudy, directory
from webviewer_storage.media.zip_file import Member, ZipWriter, checksum

_CHUNK_BYTES = 1024 * 1024
_TEXT, _LONG_TEXT, _NAME = 16, 64, 324
"""Characters of SH, LO and PN values (PS3.5 6.2)."""


class StudyZip:
    """The ZIP of a study: ``size`` is known before it is sent, and never more than a piece of a file is in memory."""

    def __init__(self, blobs: BlobFolder, files: StudyFiles, moment: dt.datetime) -> None:
        filed = _filed(files, _study_id(blobs, files))
        index = directory(filed, lambda digest: _header(blobs.path(digest)))
        self._contents: list[bytes | Path] = [index]
        members = [Member("DICOMDIR", len(index))]
        for series, rows in zip(filed.series, files.series, strict=True):
            for item, row in zip(series.objects, rows.instances, strict=True):
                members.append(Member(item.path, row.size))
                self._contents.append(blobs.path(row.digest))
        self._members = members
        self._writer = ZipWriter(members, moment)
        self.size = self._writer.size

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the ZIP. Raises DamagedObjectError where a file is gone or has another length than the index says."""
        checksums = []
        try:
            for member, content in zip(self._members, self._contents, strict=True):
                yield self._writer.header(member)
                found = 0
                if isinstance(content, bytes):
                    found = checksum(content)
                    yield content
                else:
                    async for chunk, so_far in _pieces(content, member.size):
                        found = so_far
                        metrics.ARCHIVE_BYTES.inc(len(chunk))
                        yield chunk
                checksums.append(found)
                yield self._writer.descriptor(member, found)
            yield self._writer.end(checksums)
        except DamagedObjectError:
            metrics.ARCHIVES.labels("damaged").inc()
            raise
        except (GeneratorExit, asyncio.CancelledError):
            metrics.ARCHIVES.labels("left").inc()
            raise
        metrics.ARCHIVES.labels("complete").inc()


async def _pieces(path: Path, size: int) -> AsyncGenerator[tuple[bytes, int], None]:
    """Yield the pieces of a file, each with the checksum of all up to it."""
    found, left = 0, size
    try:
        file = await asyncio.to_thread(path.open, "rb")
    except OSError as error:
        text = f"a file of the study cannot be read: {error.strerror}"
        raise DamagedObjectError(text) from error
    try:
        while chunk := await asyncio.to_thread(_read, file):
            left -= len(chunk)
            if left < 0:
                break
            found = checksum(chunk, found)
            yield chunk, found
    finally:
        file.close()
    if left:
        text = "a file of the study has another length than the index says"
        raise DamagedObjectError(text)


def _read(file: BinaryIO) -> bytes:
    try:
        return file.read(_CHUNK_BYTES)
    except OSError as error:
        text = f"a file of the study cannot be read: {error.strerror}"
        raise DamagedObjectError(text) from error


def _filed(files: StudyFiles, study_id: str) -> FiledStudy:
    study = files.study
    moment: dt.datetime | None = study.study_time
    return FiledStudy(
        uid=study.study_uid,
        name=study.name[:_NAME],
        pid=study.pid[:_LONG_TEXT],
        date=moment.strftime("%Y%m%d") if moment else "",
        time=moment.strftime("%H%M%S") if moment else "",
        description=study.description[:_LONG_TEXT],
        accession=study.accession[:_TEXT],
        study_id=study_id,
        series=[
            FiledSeries(
                uid=rows.series.series_uid,
                number=rows.series.number,
                modality=rows.series.modality,
                objects=_objects(number, rows.instances),
            )
            for number, rows in enumerate(files.series, start=1)
        ],
    )


def _objects(series: int, rows: Sequence[Any]) -> list[FiledObject]:
    return [
        FiledObject(
            # Eight characters of letters, digits and underscores, no extension (PS3.10 8.2).
            path=f"DICOM/SE{series:06}/IM{number:06}",
            sop_class=row.sop_class,
            sop_uid=row.sop_uid,
            transfer_syntax=row.transfer_syntax,
            number=row.number,
            digest=row.digest,
        )
        for number, row in enumerate(rows, start=1)
    ]


def _study_id(blobs: BlobFolder, files: StudyFiles) -> str:
    """Return the Study ID, which the index does not keep."""
    first = next((row for rows in files.series for row in rows.instances), None)
    return attributes.text(_header(blobs.path(first.digest)), "StudyID")[:_TEXT] if first is not None else ""


def _header(path: Path) -> Dataset:
    with suppress(OSError, WebViewerError), path.open("rb") as file:
        return read_header(file).dataset
    return Dataset()
