"""The jobs of a worker that somebody waits for: pictures, values, thumbnails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import structlog
from pydantic import BaseModel

from webviewer.domain.image import ImageDescription, Vector
from webviewer.domain.study import InstanceSource
from webviewer.domain.view import ImageView, MprView, Quality, VolumeView
from webviewer.errors import InvalidRequestError, NotFoundError, UnsupportedImageError, WebViewerError
from webviewer.wire.messages import RegionStatistics
from webviewer_render.backends.base import Backend
from webviewer_render.decoded.arena import SlotState
from webviewer_render.encode import encode
from webviewer_render.scene.bands import Crew
from webviewer_render.scene.measure import Shape, plane_area_values, value_at_point
from webviewer_render.scene.percentiles import MAX_VALUES, percentiles, region_values, slice_values
from webviewer_render.scene.picture import CancelledError, Picture, render_image, thumbnail, value_at
from webviewer_render.scene.plane import render_plane
from webviewer_render.scene.shapes import on_plane, on_slice
from webviewer_render.volume.voxels import NOT_THERE
from webviewer_render.worker.decoding import Decoder
from webviewer_render.worker.encoded_pixels import fetch_one, read_local
from webviewer_render.worker.loader import Loader
from webviewer_render.worker.protocol import (
    Cancelled,
    Failed,
    JobCommand,
    Measure,
    MeasuredValues,
    Percentiles,
    PercentilesRead,
    Pick,
    Render,
    Rendered,
    Thumbnail,
    Value,
    Valued,
)

_log = structlog.get_logger(__name__)
_THUMBNAIL_QUALITY = 85
Answer = tuple[BaseModel, bytes]


def perform(
    job: JobCommand, loader: Loader | None, backend: Backend, cancelled: Callable[[], bool], crew: Crew
) -> Answer:
    """Do a job; errors become answers. ``loader`` has the series of a render or value job, ``crew`` draws pictures."""
    try:
        if cancelled():
            raise CancelledError  # noqa: TRY301 - the same end as in the middle of a picture
        if isinstance(job, Thumbnail):
            return _thumbnail(job)
        if loader is None:
            text = "the series is not attached"
            raise NotFoundError(text)  # noqa: TRY301 - one way for all errors
        if isinstance(job, Render):
            return _render(job, loader, backend, cancelled, crew)
        return _read(job, loader, backend, cancelled), b""
    except CancelledError:
        return Cancelled(job=job.job), b""
    except WebViewerError as error:
        return Failed(job=job.job, code=error.code, message=error.message), b""
    except Exception as error:  # one picture is lost, the worker goes on  # noqa: BLE001
        _log.exception("job failed", op=job.op)
        return Failed(job=job.job, code="internal", message=f"the picture cannot be made: {type(error).__name__}"), b""


def _read(
    job: Value | Pick | Percentiles | Measure, loader: Loader, backend: Backend, cancelled: Callable[[], bool]
) -> BaseModel:
    if isinstance(job, Pick):
        return _pick(job, loader, backend, cancelled)
    if isinstance(job, Percentiles):
        values, share = _values(job, loader, cancelled)
        return PercentilesRead(job=job.job, values=percentiles(values, job.percents, non_air=job.non_air), share=share)
    if isinstance(job, Measure):
        return _measured(job, loader, cancelled)
    return _value(job, loader)


def _pixels(loader: Loader, slot: int) -> tuple[npt.NDArray[Any], InstanceSource, int]:
    index, frame = loader.slots[slot]
    if loader.arena.state(slot) != SlotState.READY:
        text = "the slice is not in memory"
        raise NotFoundError(text)
    return loader.arena.pixels(slot), loader.manifest.instances[index], frame


def _render(job: Render, loader: Loader, backend: Backend, cancelled: Callable[[], bool], crew: Crew) -> Answer:
    started = time.perf_counter()
    picture = _drawn(job, loader, backend, cancelled, crew)
    if cancelled():
        raise CancelledError
    return _encoded(job.job, picture, job.quality, job.jpeg_quality, started)


def _drawn(job: Render, loader: Loader, backend: Backend, cancelled: Callable[[], bool], crew: Crew) -> Picture:
    """Draw the slice, the plane or the projection."""
    view, volume = job.view, loader.volume
    if isinstance(view, VolumeView):
        levels, windows = volume.levels(cancelled), volume.plan.windows
        return backend.render(levels, view, job.size, job.quality, windows, cancelled, crew)
    if isinstance(view, MprView):
        windows, inverse = volume.plan.windows, volume.plan.inverse
        voxels = volume.voxels()
        return render_plane(voxels, view, job.size, windows, cancelled, quality=job.quality, inverse=inverse, crew=crew)
    pixels, instance, frame = _pixels(loader, job.slot)
    if instance.image is None:
        raise UnsupportedImageError(instance.problem)
    return render_image(pixels, instance.image, frame, view, job.size, cancelled)


def _encoded(job: int, picture: Picture, quality: Quality, jpeg_quality: int, started: float) -> Answer:
    encoded = encode(picture.pixels, quality, jpeg_quality)
    answer = Rendered(
        job=job,
        quality=encoded.quality,
        encoding=encoded.encoding,
        width=encoded.width,
        height=encoded.height,
        colour=picture.pixels.ndim == 3,  # noqa: PLR2004
        window=(picture.window.center, picture.window.width),
        seconds=time.perf_counter() - started,
    )
    return answer, encoded.data


def _value(job: Value, loader: Loader) -> Valued:
    pixels, instance, frame = _pixels(loader, job.slot)
    if instance.image is None:
        raise UnsupportedImageError(instance.problem)
    return Valued(job=job.job, value=value_at(pixels, instance.image, frame, *job.point))


def _measured(job: Measure, loader: Loader, cancelled: Callable[[], bool]) -> MeasuredValues:
    if job.view is not None:
        found = on_plane(loader.volume.voxels(), job.view, job.kind, job.points, cancelled)
    elif job.slot is not None:
        pixels, instance, frame = _pixels(loader, job.slot)
        if instance.image is None:
            raise UnsupportedImageError(instance.problem)
        found = on_slice(pixels, instance.image, frame, job.kind, job.points)
    else:
        text = "a shape lies on a slice or on a plane"
        raise InvalidRequestError(text)
    statistics = None
    if found.statistics is not None:
        n, area, mean, deviation, low, high, _ = found.statistics
        statistics = RegionStatistics(n=n, area=area, mean=mean, deviation=deviation, low=low, high=high)
    return MeasuredValues(job=job.job, value=found.value, statistics=statistics, interpolated=found.interpolated)


def _pick(job: Pick, loader: Loader, backend: Backend, cancelled: Callable[[], bool]) -> Valued:
    """Read what is seen at a point: of a plane that very point, of a projection the first thing that is visible."""
    view, volume = job.view, loader.volume
    if isinstance(view, ImageView):
        text = "an image view shows a slice, not a volume"
        raise InvalidRequestError(text)
    point: Vector | None = _on_plane(view, job.at)
    if isinstance(view, VolumeView):
        scale = min(job.size) / view.extent
        x, y = (side / 2 - 0.5 + part * scale for side, part in zip(job.size, job.at, strict=True))
        point = backend.pick(volume.levels(cancelled), view, job.size, (x, y))
    value = value_at_point(volume.voxels(), point) if point is not None else None
    if value is None:
        return Valued(job=job.job, value=None, point=point)
    return Valued(job=job.job, value=value.value, point=point, interpolated=value.interpolated)


def _values(job: Percentiles, loader: Loader, cancelled: Callable[[], bool]) -> tuple[npt.NDArray[np.float64], float]:
    """Return what percentiles are taken of, and how much of it had come."""
    if job.slot is not None:
        pixels, instance, frame = _pixels(loader, job.slot)
        if instance.image is None:
            raise UnsupportedImageError(instance.problem)
        if job.corners is None:
            return slice_values(pixels, instance.image, frame), 1.0
        return region_values(pixels, instance.image, frame, job.corners), 1.0
    if job.view is not None and job.corners is not None:
        voxels = loader.volume.voxels()
        values, _ = plane_area_values(voxels, job.view, Shape("rectangle", job.corners), cancelled)
        return values, float((voxels.offsets != NOT_THERE).mean())
    return _series_values(loader, cancelled)


def _series_values(loader: Loader, cancelled: Callable[[], bool]) -> tuple[npt.NDArray[np.float64], float]:
    """Return a regular sample of the slices that have come. Raises CancelledError."""
    wanted = [slot for slot in range(len(loader.slots)) if loader.manifest.instances[loader.slots[slot][0]].image]
    there = [slot for slot in wanted if loader.arena.state(slot) == SlotState.READY]
    found = []
    for slot in there:
        if cancelled():
            raise CancelledError
        pixels, instance, frame = _pixels(loader, slot)
        values = slice_values(pixels, cast("ImageDescription", instance.image), frame, MAX_VALUES // len(there))
        # Memory of a slice that went meanwhile reads as zeros.
        if loader.arena.state(slot) == SlotState.READY:
            found.append(values)
    return np.concatenate(found) if found else np.empty(0), len(found) / max(1, len(wanted))


def _on_plane(view: MprView | VolumeView, at: tuple[float, float]) -> Vector:
    x, y, z = (c + at[0] * r + at[1] * d for c, r, d in zip(view.center, view.row, view.column, strict=True))
    return x, y, z


def _thumbnail(job: Thumbnail) -> Answer:
    started = time.perf_counter()
    instance = job.instance
    if instance.image is None:
        raise UnsupportedImageError(instance.problem or "the object has no picture")
    if job.source.storage is None:
        data = read_local(instance, job.frame)
    else:
        data = asyncio.run(fetch_one(job.source, job.index, job.frame, whole_file=instance.frames.whole_file))
    pixels = Decoder().decode(data, instance, job.frame)
    picture = thumbnail(pixels, instance.image, job.frame, job.size)
    return _encoded(job.job, picture, Quality.PREVIEW, _THUMBNAIL_QUALITY, started)
