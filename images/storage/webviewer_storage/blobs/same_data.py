"""Whether two files hold the same data set: the file meta information may differ by who wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from webviewer.codecs.header import read_header
from webviewer.errors import DamagedObjectError

_CHUNK = 1024 * 1024


def same_data_set(first: Path, second: Path) -> bool:
    """Compare transfer syntax and all bytes behind the file meta information (PS3.10 7.1)."""
    try:
        with first.open("rb") as one, second.open("rb") as other:
            return _seek_data(one) == _seek_data(other) and _same_rest(one, other)
    except (OSError, DamagedObjectError):
        return False


def _seek_data(file: BinaryIO) -> str:
    header = read_header(file)
    file.seek(header.data_offset)
    return header.transfer_syntax


def _same_rest(one: BinaryIO, other: BinaryIO) -> bool:
    while True:
        chunk = one.read(_CHUNK)
        if chunk != other.read(_CHUNK):
            return False
        if not chunk:
            return True
