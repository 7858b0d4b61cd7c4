"""Questions about pixels that a viewport shows: answered from the stored values, never from a picture."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog
from pydantic import BaseModel

from webviewer.domain.merging import check_numbers
from webviewer.domain.view import ImageView, MprView, ViewState
from webviewer.errors import InvalidRequestError, WebViewerError
from webviewer.wire.messages import Answer, Percentiles, PercentileValues, Pick, Query, Size
from webviewer_render.decoded.series import Series
from webviewer_render.pool.workers import Job, JobCancelledError
from webviewer_render.scene.picture import patient_point
from webviewer_render.sessions.context import Context
from webviewer_render.sessions.pinning import with_pixels
from webviewer_render.sessions.scene import Scene
from webviewer_render.worker import protocol as worker

_log = structlog.get_logger(__name__)
_MAX_QUERIES = 4


class _Outlet(Protocol):
    def post(self, message: BaseModel | bytes) -> None: ...


class Queries:
    """The questions of one viewport. Too many at once are answered with null: the page asks again when the hand rests."""

    def __init__(self, viewport: int, scene: Scene, unit: str, context: Context, outlet: _Outlet) -> None:
        self._viewport = viewport
        self._scene = scene
        self._unit = unit
        self._context = context
        self._outlet = outlet
        self._running: set[asyncio.Task[None]] = set()

    def ask(self, message: Query) -> None:
        """Answer with a value, or with null if the slice has not come or too many are asked for at once."""
        check_numbers([*message.point, message.position])
        series = self._scene.series
        slot = series.stack.index_at(message.position)
        if not series.is_ready(slot) or len(self._running) >= _MAX_QUERIES:
            self._outlet.post(Answer(viewport=self._viewport, id=message.id, value=None, unit=self._unit))
            return
        task = with_pixels(series, slot, self._answer(message, slot))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def pick(self, message: Pick, view: ViewState, size: Size) -> None:
        """Answer with what is seen at a point of a volume, or with null if nothing is or too many are asked for."""
        check_numbers(message.at)
        series = self._scene.series
        if isinstance(view, ImageView) or len(self._running) >= _MAX_QUERIES:
            self._outlet.post(Answer(viewport=self._viewport, id=message.id, value=None, unit=self._unit))
            return
        task = asyncio.create_task(self._find(message, view, size, series))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def percentiles(self, message: Percentiles, view: ViewState) -> None:
        """Answer with percentiles, or with null if nothing of what is asked for has come or too much is asked for at once.

        Raises InvalidRequestError for what the window does not have.
        """
        check_numbers([message.position, *(part for corner in message.corners or () for part in corner)])
        series, slot, plane = self._scene.series, None, None
        if isinstance(view, ImageView) and message.of != "series":
            slot = series.stack.index_at(message.position)
        elif isinstance(view, MprView) and message.of == "region":
            plane = view
        elif message.of != "series":
            text = f"this window has no {message.of}; ask for the series"
            raise InvalidRequestError(text)
        if len(self._running) >= _MAX_QUERIES or not (series.received if slot is None else series.is_ready(slot)):
            self._outlet.post(PercentileValues(viewport=self._viewport, id=message.id, values=None, unit=self._unit))
            return
        work = self._rank(message, slot, plane, series)
        task = asyncio.create_task(work) if slot is None else with_pixels(series, slot, work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def close(self) -> None:
        """Nobody waits any more."""
        for task in self._running:
            task.cancel()

    async def _find(self, message: Pick, view: ViewState, size: Size, series: Series) -> None:
        job = Job(f"pick {series.number} {message.at} {view.model_dump_json()}")
        found = None
        try:
            answer, _ = await self._context.pool.ask(
                series.lane,
                job,
                lambda n: worker.Pick(job=n, arena=series.number, view=view, size=size, at=message.at),
            )
            found = answer if isinstance(answer, worker.Valued) else None
        except (WebViewerError, JobCancelledError) as error:
            _log.info("nothing picked", cause=type(error).__name__)
        self._outlet.post(
            Answer(
                viewport=self._viewport,
                id=message.id,
                value=found.value if found else None,
                unit=self._unit,
                point=found.point if found else None,
                interpolated=bool(found and found.interpolated),
            )
        )

    async def _rank(self, message: Percentiles, slot: int | None, plane: MprView | None, series: Series) -> None:
        where = plane.model_dump_json() if plane else slot
        job = Job(f"percentiles {series.number} {where} {message.corners} {message.percents} {message.non_air}")
        found = None
        try:
            answer, _ = await self._context.pool.ask(
                series.lane,
                job,
                lambda n: worker.Percentiles(
                    job=n,
                    arena=series.number,
                    slot=slot,
                    percents=message.percents,
                    corners=message.corners,
                    view=plane,
                    non_air=message.non_air,
                ),
            )
            found = answer if isinstance(answer, worker.PercentilesRead) else None
        except (WebViewerError, JobCancelledError) as error:
            _log.info("percentiles not read", cause=type(error).__name__)
        self._outlet.post(
            PercentileValues(
                viewport=self._viewport,
                id=message.id,
                values=found.values if found else None,
                unit=self._unit,
                share=found.share if found else 0.0,
            )
        )

    async def _answer(self, message: Query, slot: int) -> None:
        series = self._scene.series
        job = Job(f"value {series.number} {slot} {message.point}")
        image, frame = series.stack.image(slot), series.stack.slices[slot].frame
        value = None
        try:
            answer, _ = await self._context.pool.ask(
                series.lane, job, lambda n: worker.Value(job=n, arena=series.number, slot=slot, point=message.point)
            )
            value = answer.value if isinstance(answer, worker.Valued) else None
        except (WebViewerError, JobCancelledError) as error:
            _log.info("value not read", cause=type(error).__name__)
        point = patient_point(image.frame(frame), *message.point) if image else None
        self._outlet.post(Answer(viewport=self._viewport, id=message.id, value=value, unit=self._unit, point=point))
