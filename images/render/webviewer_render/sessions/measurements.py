"""What the shapes of a viewport measure: lengths and angles at once, values from the worker that has the pixels."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog
from pydantic import BaseModel

from webviewer.domain.image import FrameAttributes
from webviewer.domain.merging import check, check_numbers
from webviewer.domain.view import MprView
from webviewer.errors import InvalidRequestError, PeerUnavailableError, WebViewerError
from webviewer.wire.messages import AxisValue, Measure, Measured, OnPlane, OnSlice
from webviewer_render.decoded.series import Series
from webviewer_render.pool.workers import Job, JobCancelledError
from webviewer_render.scene.calibration import Difference, Scale, differences, reading
from webviewer_render.scene.measure import Point, angle, length, undistorted
from webviewer_render.scene.picture import patient_point
from webviewer_render.scene.shapes import scale_under
from webviewer_render.sessions.context import Context
from webviewer_render.sessions.pinning import with_pixels
from webviewer_render.volume.plan import VolumePlan
from webviewer_render.worker import protocol as worker

_log = structlog.get_logger(__name__)
_MAX_RUNNING = 4
_DEGREES = "°"
_FLAT = 0.01
"""Millimetres by which points may lie beside their plane."""


class _Outlet(Protocol):
    def post(self, message: BaseModel | bytes) -> None: ...


class Measurements:
    """The shapes of one viewport. Too many at once are answered with ``busy``: the page asks again, nothing queues here."""

    def __init__(self, viewport: int, series: Series, unit: str, context: Context, outlet: _Outlet) -> None:
        self._viewport = viewport
        self._series = series
        self._unit = unit
        self._context = context
        self._outlet = outlet
        self._running: set[asyncio.Task[None]] = set()

    def measure(self, message: Measure) -> None:
        """Answer what a shape measures. Raises InvalidRequestError for one that lies nowhere."""
        if isinstance(message.place, OnSlice):
            self._on_slice(message, message.place)
        else:
            self._on_plane(message, message.place)

    def close(self) -> None:
        """Nobody waits any more."""
        for task in self._running:
            task.cancel()

    # ------------------------------------------------------------ slices

    def _on_slice(self, message: Measure, place: OnSlice) -> None:
        check_numbers([place.position, *(part for point in place.points for part in point)])
        series = self._series
        slot = series.stack.index_at(place.position)
        image, frame = series.stack.image(slot), series.stack.slices[slot].frame
        if image is None:
            self._post(message, code="unsupported_image")
            return
        scale = scale_under(image, frame, message.kind, place.points)
        answer = Measured(viewport=self._viewport, id=message.id, unit=self._unit, spacing=scale.source)
        if message.kind == "length":
            self._outlet.post(answer.model_copy(update=_length(scale, place.points)))
        elif message.kind == "angle":
            one, vertex, other = (undistorted(point, scale.spacing or image.pixel_aspect) for point in place.points)
            found = angle(one, vertex, other) if scale.angles else None
            self._outlet.post(answer.model_copy(update={"value": found, "unit": _DEGREES}))
        else:
            if message.kind == "point":
                answer = answer.model_copy(update=_place(scale, image.frame(frame), place.points[0]))
            if self._may_read(message, ready=series.is_ready(slot)):
                self._start(with_pixels(series, slot, self._read(message, answer, slot, None, place.points)))

    # ------------------------------------------------------------ planes

    def _on_plane(self, message: Measure, place: OnPlane) -> None:
        view, points = _view(place), _in_plane(place)
        series = self._series
        if not isinstance(series.plan, VolumePlan):
            text = "the series cannot be a volume: draw on its slices"
            raise InvalidRequestError(text)
        answer = Measured(viewport=self._viewport, id=message.id, unit=self._unit, spacing="volume")
        if message.kind == "length":
            self._outlet.post(answer.model_copy(update={"value": length(place.points), "unit": "mm"}))
        elif message.kind == "angle":
            self._outlet.post(answer.model_copy(update={"value": angle(*place.points), "unit": _DEGREES}))
        else:
            answer = answer.model_copy(update={"point": place.points[0] if message.kind == "point" else None})
            slots = series.plan.slots
            if self._may_read(message, ready=series.settled(slots) == len(slots)):
                self._start(asyncio.create_task(self._read(message, answer, None, view, points)))

    # ------------------------------------------------------------ values

    def _may_read(self, message: Measure, *, ready: bool) -> bool:
        if ready and len(self._running) < _MAX_RUNNING:
            return True
        self._post(message, code="busy" if ready else "not_loaded")
        return False

    def _start(self, task: asyncio.Task[None]) -> None:
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _read(
        self, message: Measure, answer: Measured, slot: int | None, view: MprView | None, points: tuple[Point, ...]
    ) -> None:
        series = self._series
        where = slot if view is None else view.model_dump_json()
        job = Job(f"measure {series.number} {message.kind} {where} {points}")
        try:
            found, _ = await self._context.pool.ask(
                series.lane,
                job,
                lambda n: worker.Measure(
                    job=n, arena=series.number, slot=slot, view=view, kind=message.kind, points=points
                ),
            )
        except (JobCancelledError, PeerUnavailableError):
            self._post(message, code="busy")
            return
        except WebViewerError as error:
            _log.info("not measured", cause=type(error).__name__)
            self._post(message, code=error.code)
            return
        if isinstance(found, worker.MeasuredValues):
            changes = found.model_dump(exclude={"op", "job", "statistics"}) | {"statistics": found.statistics}
            self._outlet.post(answer.model_copy(update=changes))

    def _post(self, message: Measure, code: str) -> None:
        self._outlet.post(Measured(viewport=self._viewport, id=message.id, unit=self._unit, code=code))


def _length(scale: Scale, points: tuple[Point, ...]) -> dict[str, object]:
    """Return what is answered: millimetres, what the axes of an ultrasound region say, or pixels."""
    if scale.spacing is not None:
        return {"value": length([undistorted(point, scale.spacing) for point in points]), "unit": "mm"}
    if scale.region is not None:
        return {"unit": "", "axes": tuple(_axis(each) for each in differences(scale.region, *points))}
    return {"value": length(points), "unit": "px"}


def _place(scale: Scale, attributes: FrameAttributes, point: Point) -> dict[str, object]:
    """Return where a point lies: in the patient, on the axis of a spectrum."""
    read = None if scale.region is None else reading(scale.region, point)
    return {"point": patient_point(attributes, *point), "axes": () if read is None else (_axis(read),)}


def _axis(found: Difference) -> AxisValue:
    return AxisValue(axis=found.axis, value=found.value, unit=found.unit)


def _view(place: OnPlane) -> MprView:
    view = MprView(center=place.points[0], row=place.row, column=place.column, slab=place.slab, blend=place.blend)
    check(view)
    return view


def _in_plane(place: OnPlane) -> tuple[Point, ...]:
    """Return millimetres along the plane's row and column from the first point. Raises InvalidRequestError."""
    (rx, ry, rz), (cx, cy, cz) = place.row, place.column
    normal = ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx
    offsets = [[part - first for part, first in zip(point, place.points[0], strict=True)] for point in place.points]
    if any(abs(_dot(offset, normal)) > _FLAT for offset in offsets):
        text = "the points of a shape must lie in its plane"
        raise InvalidRequestError(text)
    return tuple((_dot(offset, place.row), _dot(offset, place.column)) for offset in offsets)


def _dot(one: list[float], other: tuple[float, float, float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
