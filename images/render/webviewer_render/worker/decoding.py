"""From the bytes of a frame to pixels, whatever form the bytes have."""

from __future__ import annotations

import io
import threading
from typing import Any

import numpy.typing as npt

from webviewer.codecs.burnt_in import hide
from webviewer.codecs.decode import decode_frame
from webviewer.codecs.frame_table import inflate
from webviewer.codecs.header import read_header
from webviewer.domain.image import FrameTable, ImageDescription
from webviewer.domain.study import InstanceSource
from webviewer.errors import UnsupportedImageError


class Decoder:
    """Decodes frames. It keeps the last inflated object: its frames usually follow each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inflated: tuple[str, memoryview, FrameTable] | None = None

    def decode(self, data: bytes, instance: InstanceSource, frame: int) -> npt.NDArray[Any]:
        """Return the pixels of ``frame``, shape (rows, columns) or (rows, columns, 3); what may not be seen is black.

        ``data`` is the frame, or the whole file where the instance's table says so. Raises UnsupportedImageError and
        DamagedObjectError.
        """
        if instance.image is None:
            raise UnsupportedImageError(instance.problem or "the object has no picture")
        return hide(self._decoded(data, instance, instance.image, frame), instance.image)

    def _decoded(self, data: bytes, instance: InstanceSource, image: ImageDescription, frame: int) -> npt.NDArray[Any]:
        if not instance.frames.whole_file:
            return decode_frame(data, image, instance.transfer_syntax, frame)
        content, table = self._inflate(data, instance)
        pieces = [content[offset : offset + length] for offset, length in table.ranges(frame)]
        joined = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return decode_frame(joined, image, instance.transfer_syntax, frame)

    def _inflate(self, data: bytes, instance: InstanceSource) -> tuple[memoryview, FrameTable]:
        with self._lock:
            if self._inflated is None or self._inflated[0] != instance.digest:
                self._inflated = None
                file = io.BytesIO(data)
                self._inflated = (instance.digest, *inflate(file, read_header(file), instance.image))
            return self._inflated[1:]
