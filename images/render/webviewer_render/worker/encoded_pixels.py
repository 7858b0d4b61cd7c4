"""Reading the encoded bytes of frames: from local files, or from the storage node in one stream."""

from __future__ import annotations

import functools
import os
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from webviewer.clients.storage import StorageClient
from webviewer.domain.study import InstanceSource
from webviewer.errors import DamagedObjectError, NotFoundError, PeerUnavailableError
from webviewer.ports.storage import EncodedFrame
from webviewer.tls import client_context
from webviewer_render.worker.protocol import Source


def read_local(instance: InstanceSource, frame: int) -> bytes:
    """Read one frame (or the whole file where its table says so) by positioned reads.

    Raises NotFoundError where the file is gone, DamagedObjectError where it is shorter than its table says.
    """
    try:
        descriptor = os.open(instance.path or "", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        text = "the stored object is no longer there; reload the study"
        raise NotFoundError(text) from error
    try:
        if instance.frames.whole_file:
            return _read(descriptor, 0, os.fstat(descriptor).st_size)
        pieces = [_read(descriptor, offset, length) for offset, length in instance.frames.ranges(frame)]
    finally:
        os.close(descriptor)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _read(descriptor: int, offset: int, length: int) -> bytes:
    content = os.pread(descriptor, length, offset)
    if len(content) < length:
        text = "the stored object ends early"
        raise DamagedObjectError(text)
    return content


@functools.lru_cache(maxsize=4)
def _trusted(authority: Path | None) -> ssl.SSLContext:
    """Return whom to believe, read once: streams are many."""
    return client_context(authority)


async def stream(source: Source, first: int) -> AsyncGenerator[EncodedFrame, None]:
    """Stream the frames of a series from its storage node, starting at manifest index ``first``."""
    if source.storage is None:
        text = "the address of the storage node is not known"
        raise PeerUnavailableError(text)
    client = StorageClient(source.storage, tls=_trusted(source.authority))
    try:
        async with aclosing(client.series_frames(source.token, first)) as frames:
            async for frame in frames:
                yield frame
    finally:
        await client.aclose()


async def fetch_one(source: Source, index: int, frame: int, *, whole_file: bool) -> bytes:
    """Return one frame from the storage node: the stream starts at its object and is left after it.

    Raises NotFoundError if the series has no such frame.
    """
    async with aclosing(stream(source, index)) as frames:
        async for encoded in frames:
            if encoded.instance != index:
                break
            if encoded.frame == frame or whole_file:
                return encoded.data
    text = "the storage node did not send the wanted frame"
    raise NotFoundError(text)
