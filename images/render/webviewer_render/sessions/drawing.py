"""Frames of one viewport: from the cache or from a worker, and as messages."""

from __future__ import annotations

import hashlib

import webviewer
from webviewer.domain.view import Quality
from webviewer.errors import PeerUnavailableError
from webviewer.wire.frame import FrameFlag, FrameHeader
from webviewer.wire.messages import Size
from webviewer_render import metrics
from webviewer_render.decoded.frame_cache import Frame
from webviewer_render.pool.workers import Job
from webviewer_render.sessions.bandwidth import Allowance
from webviewer_render.sessions.context import Context
from webviewer_render.sessions.scene import Scene
from webviewer_render.sessions.wanted import Wanted
from webviewer_render.worker.protocol import Render, Rendered

MAX_PREVIEW_PIXELS = 1_500_000
"""Larger viewports get previews of fewer pixels, which the page enlarges."""
_FINAL_SECONDS_PER_PIXEL = 15e-9
_SMOOTHING = 0.3
_VOLUME_SECONDS_PER_PIXEL = 2e-6
_LARGEST_FLOAT = 3.4e38


class Drawing:
    """Knows how long final frames of a scene take here."""

    def __init__(self, context: Context, scene: Scene, *, anonymised: bool = False) -> None:
        self._context = context
        self._scene = scene
        self._anonymised = anonymised
        volume = scene.window == "volume"
        self._seconds_per_pixel = _VOLUME_SECONDS_PER_PIXEL if volume else _FINAL_SECONDS_PER_PIXEL
        self._final: Job | None = None
        self._command: Render | None = None

    def expected_seconds(self, wanted: Wanted) -> float:
        """Estimate how long a final frame takes."""
        return wanted.size[0] * wanted.size[1] * self._seconds_per_pixel

    def is_cached(self, wanted: Wanted) -> bool:
        """Whether a final frame needs no drawing."""
        return self._key(wanted, wanted.size) in self._context.frames

    def is_final(self, job: Job) -> bool:
        """Whether a job draws a final frame."""
        return job is self._final

    def job(self, wanted: Wanted, allowance: Allowance) -> Job:
        """Prepare the job of a frame."""
        preview = wanted.quality is Quality.PREVIEW
        size = _preview_size(wanted, allowance.scale) if preview else wanted.size
        self._command = Render(
            job=0,
            arena=wanted.series.number,
            slot=wanted.slot,
            view=wanted.view,
            size=size,
            quality=wanted.quality,
            jpeg_quality=allowance.jpeg_quality,
        )
        job = Job(self._key(wanted, size))
        self._final = None if preview else job
        return job

    async def draw(self, wanted: Wanted, job: Job) -> Frame:
        """Return the frame; the caller has pinned its slice. Raises what :meth:`WorkerPool.ask` raises."""
        final = wanted.quality is not Quality.PREVIEW
        if final and (frame := self._context.frames.get(job.key)):
            return frame
        command = self._command
        if command is None:
            text = "nothing was prepared"
            raise PeerUnavailableError(text)
        series = wanted.series
        answer, payload = await self._context.pool.ask(
            series.lane, job, lambda number: command.model_copy(update={"job": number})
        )
        if not isinstance(answer, Rendered):
            text = "the renderer answered something else"
            raise PeerUnavailableError(text)
        frame = Frame(answer, payload)
        metrics.FRAME_SECONDS.labels(self._scene.window, answer.quality.name.lower()).observe(max(0.0, answer.seconds))
        if final:
            measured = answer.seconds / (answer.width * answer.height)
            self._seconds_per_pixel += _SMOOTHING * (measured - self._seconds_per_pixel)
            self._context.frames.put(job.key, frame)
        return frame

    def message(self, wanted: Wanted, frame: Frame, viewport: int, serial: int) -> bytes:
        """Put the header before the picture."""
        answer = frame.description
        image = wanted.series.stack.image(wanted.slot)
        flags = FrameFlag(0)
        if image is not None and image.lossy_ratio is not None:
            flags |= FrameFlag.LOSSY_SOURCE
        if (answer.width, answer.height) != wanted.size:
            flags |= FrameFlag.REDUCED
        if wanted.is_partial:
            flags |= FrameFlag.NEIGHBOUR
        if answer.colour:
            flags |= FrameFlag.COLOUR
        stored = image.samples * -(-image.bits_allocated // 8) if image is not None else 1
        header = FrameHeader(
            quality=answer.quality,
            encoding=answer.encoding,
            flags=flags,
            viewport=viewport,
            sequence=wanted.sequence,
            width=answer.width,
            height=answer.height,
            payload_length=len(frame.payload),
            raw_length=min(answer.width * answer.height * stored, 0xFFFFFFFF),
            window_center=_float(answer.window[0]),
            window_width=_float(answer.window[1]),
            slice_index=wanted.slot,
            serial=serial,
        )
        return header.pack() + frame.payload

    def _key(self, wanted: Wanted, size: Size) -> str:
        """Name everything that decides the bytes."""
        manifest = wanted.series.stack.manifest
        parts = (
            manifest.series,
            manifest.version,
            self._scene.identity(wanted.slot, wanted.view),
            f"{size[0]}x{size[1]}",
            wanted.quality.name,
            webviewer.__version__,
            str(self._anonymised),
        )
        return hashlib.blake2b("|".join(parts).encode(), digest_size=16).hexdigest()


def _preview_size(wanted: Wanted, scale: float) -> Size:
    width, height = wanted.size
    scale = min(scale, (MAX_PREVIEW_PIXELS / (width * height)) ** 0.5)
    if scale >= 1:
        return wanted.size
    return max(1, round(width * scale)), max(1, round(height * scale))


def _float(value: float) -> float:
    """Fit a number into 32 bits."""
    return max(-_LARGEST_FLOAT, min(_LARGEST_FLOAT, value))
