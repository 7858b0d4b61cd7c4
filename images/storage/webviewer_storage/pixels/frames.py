"""Reads the stored bytes of a series' frames in large pieces, off the event loop, one piece ahead."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

from webviewer.domain.study import InstanceSource, SeriesManifest
from webviewer.errors import DamagedObjectError
from webviewer.ports.storage import EncodedFrame
from webviewer_storage import metrics
from webviewer_storage.blobs.folder import BlobFolder

_PIECE_BYTES = 4 * 1024 * 1024
_PIECES_AHEAD = 2
_END = None


async def stream_frames(blobs: BlobFolder, manifest: SeriesManifest, first: int) -> AsyncIterator[EncodedFrame]:
    """Yield all frames from instance ``first`` to the end, then from the one before it down to 0.

    At most two pieces are held: the disk waits for the reader. Raises DamagedObjectError where a
    file is shorter than its table says, or lost.
    """
    count = len(manifest.instances)
    order = [*range(min(first, count), count), *range(min(first, count) - 1, -1, -1)]
    frames = _read(blobs, manifest, order)
    queue: asyncio.Queue[list[EncodedFrame] | Exception | None] = asyncio.Queue(_PIECES_AHEAD)

    async def fill() -> None:
        try:
            while piece := await asyncio.to_thread(_next_piece, frames):
                await queue.put(piece)
            await queue.put(_END)
        except Exception as error:  # noqa: BLE001 - it is raised where the frames are read
            await queue.put(error)

    task = asyncio.create_task(fill())
    try:
        while (piece := await queue.get()) is not _END:
            if isinstance(piece, Exception):
                raise piece
            for frame in piece:
                metrics.SERIES_BYTES.inc(len(frame.data))
                yield frame
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _next_piece(frames: Iterator[EncodedFrame]) -> list[EncodedFrame]:
    piece: list[EncodedFrame] = []
    size = 0
    for frame in frames:
        piece.append(frame)
        size += len(frame.data)
        if size >= _PIECE_BYTES:
            break
    return piece


def _read(blobs: BlobFolder, manifest: SeriesManifest, order: list[int]) -> Iterator[EncodedFrame]:
    for index in order:
        source = manifest.instances[index]
        if source.image is None:
            continue
        try:
            descriptor = os.open(blobs.path(source.digest), os.O_RDONLY)
        except OSError as error:
            text = f"a file of the series cannot be read: {error.strerror}"
            raise DamagedObjectError(text) from error
        try:
            yield from _frames(descriptor, index, source)
        finally:
            os.close(descriptor)


def _frames(descriptor: int, index: int, source: InstanceSource) -> Iterator[EncodedFrame]:
    if source.frames.whole_file:
        yield _frame(index, 0, _range(descriptor, 0, source.size))
        return
    frames = source.image.frames if source.image else 0
    for frame in range(frames):
        parts = [_range(descriptor, offset, length) for offset, length in source.frames.ranges(frame)]
        yield _frame(index, frame, parts[0] if len(parts) == 1 else b"".join(parts))


def _frame(instance: int, frame: int, data: bytes) -> EncodedFrame:
    # Nothing to validate: the values are ours, and the bytes are large.
    return EncodedFrame.model_construct(instance=instance, frame=frame, data=data)


def _range(descriptor: int, offset: int, length: int) -> bytes:
    data = os.pread(descriptor, length, offset)
    if len(data) < length:
        text = "a file of the series is shorter than its frame table says"
        raise DamagedObjectError(text)
    return data
