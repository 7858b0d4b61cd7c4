"""Small pictures of series, made from one frame without loading the rest."""

from __future__ import annotations

import asyncio

import webviewer
from webviewer.domain.study import SeriesManifest
from webviewer.errors import InvalidRequestError, PeerUnavailableError, UnsupportedImageError
from webviewer.wire.frame import Encoding
from webviewer_render.decoded.frame_cache import Frame
from webviewer_render.pool.process import WorkerLostError
from webviewer_render.pool.workers import Job
from webviewer_render.scene.stack import build_stack
from webviewer_render.sessions.context import Context
from webviewer_render.worker.protocol import Rendered, Source, Thumbnail

MIN_SIDE, MAX_SIDE = 16, 1024
MEDIA_TYPES = {Encoding.JPEG: "image/jpeg", Encoding.WEBP: "image/webp", Encoding.PNG: "image/png"}
_SMALL_SERIES = 64


class Thumbnails:
    """Made in any worker, kept beside the finished frames."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def make(self, token: str, size: int, storage: str | None, *, anonymised: bool) -> tuple[bytes, str]:
        """Return (image, media type) of the middle frame; the longer side has ``size`` pixels.

        Raises UnsupportedImageError for a series without pictures.
        """
        if not MIN_SIDE <= size <= MAX_SIDE:
            text = f"size: {MIN_SIDE} to {MAX_SIDE} pixels"
            raise InvalidRequestError(text)
        manifest = await self._context.storage(storage).series_manifest(token)
        key = f"thumbnail|{manifest.series}|{manifest.version}|{size}|{webviewer.__version__}|{anonymised}"
        frame = self._context.frames.get(key)
        if frame is None:
            frame = await self._draw(manifest, size, self._context.library.source(token, storage), key)
            self._context.frames.put(key, frame)
        return frame.payload, MEDIA_TYPES[frame.description.encoding]

    async def _draw(self, manifest: SeriesManifest, size: int, source: Source, key: str) -> Frame:
        index, number = await _middle(manifest)
        instance = manifest.instances[index]
        lane = min(self._context.pool.lanes, key=lambda lane: lane.waiting)
        while True:
            try:
                answer, payload = await self._context.pool.ask(
                    lane,
                    Job(key),
                    lambda job: Thumbnail(
                        job=job, instance=instance, index=index, frame=number, size=size, source=source
                    ),
                )
            except WorkerLostError:
                continue  # the pool refuses a job that does this twice
            if not isinstance(answer, Rendered):
                text = "the renderer answered something else"
                raise PeerUnavailableError(text)
            return Frame(answer, payload)


async def _middle(manifest: SeriesManifest) -> tuple[int, int]:
    """Return (manifest index, frame) of the middle one of all frames that have a picture."""
    small = len(manifest.instances) <= _SMALL_SERIES
    stack = build_stack(manifest) if small else await asyncio.to_thread(build_stack, manifest)
    pieces = [(piece.instance, piece.frame) for slot, piece in enumerate(stack.slices) if stack.image(slot)]
    if not pieces:
        reasons = [instance.problem for instance in manifest.instances if instance.problem]
        raise UnsupportedImageError(reasons[0] if reasons else "the series has no pictures")
    return pieces[len(pieces) // 2]
