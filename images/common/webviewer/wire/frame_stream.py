"""The bulk stream of a series between storage and render.

Each frame is ``[u32 instance][u32 frame][u64 length][bytes]``, little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator

from webviewer.errors import PeerUnavailableError
from webviewer.ports.storage import EncodedFrame

MEDIA_TYPE = "application/vnd.webviewer.frames"
_HEAD = struct.Struct("<IIQ")
_MAX_FRAME_BYTES = 4 * 1024**3


async def encode_frames(frames: AsyncIterator[EncodedFrame]) -> AsyncIterator[bytes]:
    """Turn frames into the pieces of the stream; the bytes of a frame are not copied."""
    async for frame in frames:
        yield _HEAD.pack(frame.instance, frame.frame, len(frame.data))
        yield frame.data


async def decode_frames(pieces: AsyncIterator[bytes]) -> AsyncIterator[EncodedFrame]:
    """Turn the stream back into frames. Raises PeerUnavailableError if it ends within a frame."""
    buffer = bytearray()
    async for piece in pieces:
        buffer += piece
        start = 0
        while len(buffer) - start >= _HEAD.size:
            instance, frame, length = _HEAD.unpack_from(buffer, start)
            if length > _MAX_FRAME_BYTES:
                text = "the stream of frames is garbled"
                raise PeerUnavailableError(text)
            end = start + _HEAD.size + length
            if len(buffer) < end:
                break
            with memoryview(buffer) as view:
                data = bytes(view[start + _HEAD.size : end])
            yield EncodedFrame.model_construct(instance=instance, frame=frame, data=data)
            start = end
        del buffer[:start]
    if buffer:
        text = "the stream of frames ended early"
        raise PeerUnavailableError(text)
