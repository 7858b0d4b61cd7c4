"""One viewport: from the newest merged state to the next frame."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

import structlog
from pydantic import BaseModel

from webviewer.domain.merging import check, merged, plain_view
from webviewer.domain.view import Quality
from webviewer.errors import InvalidRequestError, PeerUnavailableError, WebViewerError
from webviewer.wire.messages import (
    Ack,
    Answer,
    ErrorMessage,
    Measure,
    Measured,
    NodeOpen,
    Percentiles,
    PercentileValues,
    Pick,
    Progress,
    Query,
    View,
)
from webviewer_render import metrics
from webviewer_render.decoded.frame_cache import Frame
from webviewer_render.decoded.series import Series
from webviewer_render.pool.process import WorkerLostError
from webviewer_render.pool.workers import Job, JobCancelledError
from webviewer_render.sessions.bandwidth import TokenBucket
from webviewer_render.sessions.clock import Handle
from webviewer_render.sessions.context import Context
from webviewer_render.sessions.drawing import Drawing
from webviewer_render.sessions.flow import AckWindow
from webviewer_render.sessions.measurements import Measurements
from webviewer_render.sessions.pinning import with_pixels
from webviewer_render.sessions.queries import Queries
from webviewer_render.sessions.scene import Scene
from webviewer_render.sessions.stack_scene import StackScene
from webviewer_render.sessions.volume_scene import VolumeScene
from webviewer_render.sessions.wanted import Wanted

_log = structlog.get_logger(__name__)
REST_SECONDS = 0.12
PROGRESS_SECONDS = 0.1
_MAX_QUERIES = 4
_SLOW_FINAL_SECONDS = 0.04
"""A final frame that takes longer is preceded by a preview."""


class Outlet(Protocol):
    """Where a viewport's messages go."""

    def post(self, message: BaseModel | bytes) -> None:
        """Send."""
        ...


@dataclass(slots=True)
class _Shown:
    """What was sent last: of which state, how good. What has holes is worse than any quality."""

    stamp: int = 0
    rank: float = -1.0


class Viewport:
    """Draws the newest state only.

    States are merged on receipt and counted by ``stamp``. At most one frame is being drawn; when it is finished, the state
    of that moment is looked at again, so what came in between is dropped undrawn and nothing queues. Everything happens in
    :meth:`_pump`, which every event calls: a new state, an acknowledgement, a slice that has come, a finished frame, the
    hand at rest, the line free again.
    """

    def __init__(  # noqa: PLR0913
        self,
        message: NodeOpen,
        serial: int,
        context: Context,
        outlet: Outlet,
        bucket: TokenBucket,
        *,
        anonymised: bool = False,
    ) -> None:
        if message.view is not None:
            check(message.view)
        self.number = message.viewport
        self.serial = serial
        self.view = message.view or plain_view(message.window)
        self.sequence = message.sequence
        self.size = message.size
        self.scene: Scene | None = None
        self.series: Series | None = None
        self._opening = message
        self._context = context
        self._clock = context.clock
        self._outlet = outlet
        self._bucket = bucket
        self._window = AckWindow()
        self._anonymised = anonymised
        self._drawing: Drawing | None = None
        self._early: list[View] | None = [] if message.view is None else None
        self._stamp = 1
        self._changed_at = self._clock.now()
        self._shown = _Shown()
        self._resting = True
        self._hurry = False
        self._closed = False
        self._job: Job | None = None
        self._job_stamp = 0
        self._task: asyncio.Task[None] | None = None
        self._rest: Handle | None = None
        self._line: Handle | None = None
        self._progress: Handle | None = None
        self._queries: Queries | None = None
        self._measurements: Measurements | None = None

    # ------------------------------------------------------------ life

    def start(self, series: Series) -> None:
        """Go live with the pixels of ``series``. Raises UnsupportedImageError if the window cannot show it."""
        scene = self._scene_of(series)
        self.scene, self.series = scene, series
        self._drawing = Drawing(self._context, scene, anonymised=self._anonymised)
        metrics.VIEWPORTS.inc()
        if self._early is not None:
            self.view = scene.first_view()
            for message in self._early:
                self.view = merged(self.view, message.patch)
            self._early = None
        opened = scene.opened(self.number, self.view)
        self._queries = Queries(self.number, scene, opened.unit, self._context, self._outlet)
        self._measurements = Measurements(self.number, series, opened.unit, self._context, self._outlet)
        self._outlet.post(opened)
        series.look(self, scene.slot(self.view))
        self._report_progress()
        self._pump()

    def _scene_of(self, series: Series) -> Scene:
        opening = self._opening
        if opening.window == "image":
            return StackScene(series)
        return VolumeScene(series, opening.window, opening.orientation, opening.size)

    def close(self) -> None:
        """Stop; the series is given back by the caller."""
        self._closed = True
        for handle in (self._rest, self._line, self._progress):
            if handle is not None:
                handle.cancel()
        if self._job is not None:
            self._job.cancel()
        if self._task is not None:
            self._task.cancel()
        if self._queries is not None:
            self._queries.close()
        if self._measurements is not None:
            self._measurements.close()
        if self.scene is not None:
            self.scene.close()
            self.scene.series.look_away(self)
            metrics.VIEWPORTS.dec()

    # ------------------------------------------------------------ what the browser says

    def change(self, message: View) -> None:
        """Merge a change. Raises InvalidRequestError and leaves the state as it was."""
        if message.sequence < self.sequence:
            text = f"sequence {message.sequence} comes after {self.sequence}"
            raise InvalidRequestError(text)
        self.view = merged(self.view, message.patch)
        if self._early is not None:
            self._early.append(message)
        self.size = message.size or self.size
        self.sequence = message.sequence
        self._stamp += 1
        self._changed_at = self._clock.now()
        self._resting = not message.active
        if message.active and self._rest is None:
            self._rest = self._clock.call_later(REST_SECONDS, self._maybe_rest)
        if self._job is not None and self._drawing is not None and self._drawing.is_final(self._job):
            self._job.cancel()
        if self.scene is not None:
            self.scene.series.look(self, self.scene.slot(self.view))
        self._pump()

    def acknowledge(self, message: Ack) -> None:
        """Note that a frame was displayed. Raises InvalidRequestError for one that was never sent."""
        if message.serial > self.serial:
            text = f"frame {message.serial} was never sent"
            raise InvalidRequestError(text)
        self._window.acknowledged(message.serial, message.displayed_ms / 1000, self._clock.now())
        self._pump()

    def query(self, message: Query) -> None:
        """Answer a question, or with null while there is nothing to look at."""
        if self._queries is not None:
            self._queries.ask(message)
        else:
            self._outlet.post(Answer(viewport=self.number, id=message.id, value=None))

    def pick(self, message: Pick) -> None:
        """Answer what is seen at a point, or with null while there is nothing to look at."""
        if self._queries is not None:
            self._queries.pick(message, self.view, self.size)
        else:
            self._outlet.post(Answer(viewport=self.number, id=message.id, value=None))

    def percentiles(self, message: Percentiles) -> None:
        """Answer with percentiles, or with null while there is nothing to look at."""
        if self._queries is not None:
            self._queries.percentiles(message, self.view)
        else:
            self._outlet.post(PercentileValues(viewport=self.number, id=message.id, values=None))

    def measure(self, message: Measure) -> None:
        """Answer what a shape measures. Raises InvalidRequestError for one that lies nowhere."""
        if self._measurements is not None:
            self._measurements.measure(message)
        else:
            self._outlet.post(Measured(viewport=self.number, id=message.id, code="not_loaded"))

    # ------------------------------------------------------------ what the series says

    def slice_changed(self, slot: int) -> None:
        """Show it if it is the wanted one, and tell how far loading is."""
        self._report_progress()
        if self.scene is not None and (slot == self.scene.slot(self.view) or self._shown.stamp != self._stamp):
            self._pump()

    def loading_failed(self, error: WebViewerError) -> None:
        """Say that the rest will not come."""
        self._fail(error)

    def _report_progress(self) -> None:
        if self._progress is None:
            self._progress = self._clock.call_later(PROGRESS_SECONDS, self._send_progress)

    def _send_progress(self) -> None:
        self._progress = None
        if self.scene is not None:
            received, total = self.scene.progress()
            ranges = self.scene.series.ranges()
            self._outlet.post(Progress(viewport=self.number, received=received, total=total, ranges=ranges))
            self._pump()

    # ------------------------------------------------------------ the next frame

    def _maybe_rest(self) -> None:
        self._rest = None
        left = self._changed_at + REST_SECONDS - self._clock.now()
        if left > 0:
            self._rest = self._clock.call_later(left, self._maybe_rest)
            return
        self._resting = True
        self._pump()

    def _line_free(self) -> None:
        self._line = None
        self._pump()

    def _pump(self) -> None:
        """Draw the next frame if there is one to draw, nothing is being drawn, and it may be sent."""
        if self._closed or self._task is not None or self._line is not None or not self._window.is_open:
            return
        wanted = self._wanted()
        if wanted is None or self._drawing is None:
            return
        allowance = self._bucket.allowance(self._clock.now())
        if allowance.delay > 0:
            self._line = self._clock.call_later(allowance.delay, self._line_free)
            return
        metrics.DROPPED_STATES.inc(max(0, self._stamp - max(self._job_stamp, self._shown.stamp) - 1))
        self._job_stamp = self._stamp
        self._job = self._drawing.job(wanted, allowance)
        self._task = with_pixels(wanted.series, wanted.slot, self._draw(self._drawing, wanted, self._job))

    def _wanted(self) -> Wanted | None:
        """Decide what comes next; None if what is shown is as good as can be."""
        scene = self.scene
        if scene is None:
            return None
        found = scene.available(self.view, patient=self._resting or self._shown.rank < 0)
        if isinstance(found, WebViewerError):
            if self._shown.stamp != self._stamp:
                self._fail(found)
            return None
        if found is None:
            return None
        slot, share = found
        quality = scene.final if self._resting and share == 1 else Quality.PREVIEW
        wanted = Wanted(scene.series, slot, self.view, self.size, self.sequence, quality, share)
        if quality is not Quality.PREVIEW and self._shown.stamp != self._stamp and self._needs_preview(wanted):
            wanted = wanted.preview()
        if self._shown.stamp == self._stamp:
            # What has come meanwhile is drawn with the next report of progress: more often it would only delay the rest.
            is_told_soon = wanted.is_partial and self._progress is not None
            if is_told_soon or self._shown.rank >= wanted.rank:
                return None
        return wanted

    def _needs_preview(self, final: Wanted) -> bool:
        if self._drawing is None:
            return False
        slow = self._hurry or self._drawing.expected_seconds(final) > _SLOW_FINAL_SECONDS
        return slow and not self._drawing.is_cached(final)

    async def _draw(self, drawing: Drawing, wanted: Wanted, job: Job) -> None:
        stamp, changed_at = self._job_stamp, self._changed_at
        try:
            frame = await drawing.draw(wanted, job)
        except (WorkerLostError, JobCancelledError) as error:
            # Nothing was shown, so the pump asks again for what is wanted then.
            self._hurry = self._hurry or isinstance(error, JobCancelledError)
            metrics.SUPERSEDED_FRAMES.inc(isinstance(error, JobCancelledError))
        except WebViewerError as error:
            self._fail(error, stamp)
        except Exception as error:  # one frame is lost, the viewport goes on  # noqa: BLE001
            _log.exception("frame not drawn")
            self._fail(PeerUnavailableError(f"the picture cannot be made: {type(error).__name__}"), stamp)
        else:
            self._finish(drawing, wanted, frame, stamp, changed_at)
        finally:
            self._job = self._task = None
        self._pump()

    def _finish(self, drawing: Drawing, wanted: Wanted, frame: Frame, stamp: int, changed_at: float) -> None:
        if wanted.quality is not Quality.PREVIEW and stamp != self._stamp:
            # A large frame of a state that is over would only delay the next one, which is a preview.
            self._hurry = True
            metrics.SUPERSEDED_FRAMES.inc()
            return
        self._hurry = False
        self.serial += 1
        content = drawing.message(wanted, frame, self.number, self.serial)
        now = self._clock.now()
        self._window.sent(self.serial, now)
        self._bucket.take(len(content), now)
        self._shown = _Shown(stamp, wanted.rank)
        if wanted.is_partial:
            self._report_progress()
        labels = (wanted.view.kind, frame.description.quality.name.lower())
        metrics.FRAMES.labels(*labels).inc()
        metrics.FRAME_BYTES.labels(*labels).inc(len(content))
        metrics.LATENCY_SECONDS.labels(*labels).observe(max(0.0, now - changed_at))
        self._outlet.post(content)

    def _fail(self, error: WebViewerError, stamp: int | None = None) -> None:
        """Tell that a state has no picture; it is not tried again."""
        self._shown = _Shown(self._stamp if stamp is None else stamp, Wanted.BEST_RANK)
        self._outlet.post(ErrorMessage.of(error, self.number))
