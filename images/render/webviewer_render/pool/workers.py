"""The workers of a node: as many as configured, one more that is warm and takes over at once, and their successors."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable

import structlog
from pydantic import BaseModel

from webviewer.errors import DamagedObjectError, PeerUnavailableError, UnsupportedImageError
from webviewer.web.errors import BY_CODE
from webviewer_render import metrics
from webviewer_render.backends import BackendName
from webviewer_render.pool.lane import Lane
from webviewer_render.pool.process import WorkerLostError, WorkerProcess
from webviewer_render.worker.protocol import (
    Cancel,
    Cancelled,
    Failed,
    MeasuredValues,
    PercentilesRead,
    Rendered,
    Valued,
)

_log = structlog.get_logger(__name__)
_BACK_OFF_SECONDS = (0.0, 0.1, 1.0, 5.0, 15.0)
_STRIKES = 2
_REMEMBERED_STRIKES = 10_000


class JobCancelledError(Exception):
    """A job ended because nobody wants its answer any more."""


class Job:
    """A job that may be given up while it runs. ``key`` is the same for jobs that would do the same."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.number = 0
        self.worker: WorkerProcess | None = None

    def cancel(self) -> None:
        """Ask the worker to stop; :meth:`WorkerPool.ask` then raises JobCancelledError, or returns if it was done."""
        if self.worker is not None:
            self.worker.send(Cancel(job=self.number))


class WorkerPool:
    """Owns the processes. All methods belong to the event loop's thread."""

    def __init__(self, workers: int, threads: int, backend: BackendName = "cpu") -> None:
        self.lanes = [Lane() for _ in range(workers)]
        self._threads = threads
        self._backend = backend
        self._spare: WorkerProcess | None = None
        self._spare_taken = asyncio.Event()
        self._keepers: list[asyncio.Task[None]] = []
        self._numbers = itertools.count(1)
        self._strikes: Counter[str] = Counter()

    async def start(self) -> None:
        """Start all workers; returns before they are warm."""
        self._keepers = [asyncio.create_task(self._keep(lane)) for lane in self.lanes]
        self._keepers.append(asyncio.create_task(self._keep_spare()))

    async def stop(self) -> None:
        """End all workers and wait for them."""
        for task in self._keepers:
            task.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        if self._spare is not None:
            await self._spare.stop()

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers in use."""
        return [lane.worker.pid for lane in self.lanes if lane.worker is not None]

    @property
    def spare_pid(self) -> int | None:
        """Process id of the spare worker, None while there is none that is warm."""
        return self._spare.pid if self._spare is not None and self._spare.ready.is_set() else None

    @property
    def pending(self) -> int:
        """Jobs that were given out, or wait for a worker, and are not answered."""
        return sum(lane.waiting + (len(lane.worker.jobs) if lane.worker else 0) for lane in self.lanes)

    def check_ready(self) -> None:
        """Return if every lane has a warm worker. Raises PeerUnavailableError."""
        if not all(lane.ready.is_set() for lane in self.lanes):
            text = "the renderers are starting"
            raise PeerUnavailableError(text)

    def next_lane(self) -> Lane:
        """Return the lane with the fewest members."""
        return min(self.lanes, key=len)

    async def ask(
        self, lane: Lane, job: Job, message: Callable[[int], BaseModel]
    ) -> tuple[Rendered | Valued | PercentilesRead | MeasuredValues, bytes]:
        """Do a job in the lane's worker; ``message`` makes the command of a job number.

        Raises WorkerLostError if the worker dies (ask again for what is wanted then), JobCancelledError,
        UnsupportedImageError for a job whose workers died twice, and the domain errors the worker reports.
        """
        if self._strikes[job.key] >= _STRIKES:
            text = "the renderer failed twice at this picture; it is not tried again"
            raise UnsupportedImageError(text)
        job.number, job.worker = next(self._numbers), await lane.wait()
        try:
            answer, payload = await job.worker.ask(job.number, message(job.number))
        except WorkerLostError:
            self._strike(job.key)
            raise
        self._strikes.pop(job.key, None)
        if isinstance(answer, Cancelled):
            raise JobCancelledError
        if isinstance(answer, Failed):
            raise BY_CODE.get(answer.code, DamagedObjectError)(answer.message)
        return answer, payload

    def _strike(self, key: str) -> None:
        if len(self._strikes) >= _REMEMBERED_STRIKES:
            self._strikes.clear()
        self._strikes[key] += 1

    async def _keep(self, lane: Lane) -> None:
        """Have a warm worker in ``lane``, whatever happens to the one before."""
        failures = 0
        while True:
            await asyncio.sleep(_BACK_OFF_SECONDS[min(failures, len(_BACK_OFF_SECONDS) - 1)])
            worker = self._take_spare() or await WorkerProcess.start(self._threads, self._backend)
            try:
                warm = await _warm(worker)
                if warm:
                    lane.occupy(worker)
                    await worker.lost.wait()
                    lane.vacate()
            except asyncio.CancelledError:
                await worker.stop()
                raise
            failures = 0 if warm else failures + 1
            metrics.WORKER_RESTARTS.inc()
            _log.error("worker died", pid=worker.pid, warm=warm)

    async def _keep_spare(self) -> None:
        """Have one more warm worker. It is not started beside the first ones: they need the cores."""
        failures = 0
        for lane in self.lanes:
            await lane.ready.wait()
        while True:
            await asyncio.sleep(_BACK_OFF_SECONDS[min(failures, len(_BACK_OFF_SECONDS) - 1)])
            self._spare_taken.clear()
            worker = self._spare = await WorkerProcess.start(self._threads, self._backend)
            taken = asyncio.create_task(self._spare_taken.wait())
            lost = asyncio.create_task(worker.lost.wait())
            try:
                await asyncio.wait({taken, lost}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                taken.cancel()
                lost.cancel()
            failures = failures + 1 if self._spare is worker else 0
            self._spare = None

    def _take_spare(self) -> WorkerProcess | None:
        worker, self._spare = self._spare, None
        if worker is None or worker.lost.is_set():
            return None
        self._spare_taken.set()
        return worker


async def _warm(worker: WorkerProcess) -> bool:
    """Wait until a worker is ready; False if it died before."""
    ready, lost = asyncio.create_task(worker.ready.wait()), asyncio.create_task(worker.lost.wait())
    try:
        await asyncio.wait({ready, lost}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ready.cancel()
        lost.cancel()
    return worker.ready.is_set()
