"""Copies of a series under other UIDs: to the product each is one that it has never seen."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pydicom
from pydicom.uid import UID

_NAMESPACE = uuid.UUID("5b7f2d8e-6d0a-4f49-9b43-0b6a3c1a7f55")


@contextmanager
def copied(files: Sequence[Path], number: int) -> Iterator[list[Path]]:
    """Yield the files of copy ``number``; pixels and all other attributes are those of ``files``."""
    with TemporaryDirectory(prefix="webviewer-bench-copy-") as scratch:
        yield [_copy(file, number, Path(scratch) / f"{index:05}.dcm") for index, file in enumerate(files)]


def _copy(file: Path, number: int, target: Path) -> Path:
    dataset = pydicom.dcmread(file)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(dataset, keyword, _other(dataset[keyword].value, number))
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(target)
    return target


def _other(uid: str, number: int) -> UID:
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, f'{uid}/{number}').int}")
