"""A series without the product: its files are read and decoded on all cores, which is the limit for opening it."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from webviewer.codecs.decode import decode_frame
from webviewer.codecs.description import describe
from webviewer.codecs.frame_table import locate_frames
from webviewer.codecs.header import read_header
from webviewer.domain.image import FrameTable, ImageDescription
from webviewer.errors import UnsupportedImageError

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class RawImage:
    """The first frame of a file, as the index of a storage knows it: what it is, and where its pixels lie."""

    path: Path
    description: ImageDescription
    transfer_syntax: str
    frames: FrameTable

    @classmethod
    def of(cls, path: Path) -> Self:
        """Parse the header of a DICOM file; raises UnsupportedImageError for one that is deflated as a whole."""
        file = io.BytesIO(path.read_bytes())
        header = read_header(file)
        if header.deflated:
            text = f"{path.name} is deflated as a whole: the bench reads byte ranges only"
            raise UnsupportedImageError(text)
        description = describe(header.dataset)
        return cls(path, description, header.transfer_syntax, locate_frames(file, header, description))

    def decode(self) -> Array:
        """Read and decode the stored values."""
        with self.path.open("rb", buffering=0) as file:
            pieces = [os.pread(file.fileno(), length, offset) for offset, length in self.frames.ranges(0)]
        return decode_frame(b"".join(pieces), self.description, self.transfer_syntax, 0)

    def place(self) -> float:
        """Return how far along the normal of its plane the image lies, mm."""
        plane = self.description.frame(0).plane
        return float(np.dot(np.cross(plane.row, plane.column), plane.origin)) if plane else 0.0


def read_files(files: Iterable[Path]) -> list[RawImage]:
    """Return the images of a series, in the order of their places."""
    return sorted(map(RawImage.of, files), key=RawImage.place)


def decoded(images: Sequence[RawImage]) -> Array:
    """Read and decode a series on all cores, into one array (slices, rows, columns)."""
    first = images[0].decode()
    volume = np.empty((len(images), *first.shape), first.dtype)

    def put(index: int) -> None:
        volume[index] = images[index].decode()

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(put, range(len(images))))
    return volume


def decode_seconds(images: Sequence[RawImage]) -> float:
    """Return how long all cores need to read and decode a series."""
    started = time.perf_counter()
    decoded(images)
    return time.perf_counter() - started
