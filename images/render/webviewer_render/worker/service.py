"""The inside of a worker process: commands come in order, work is done on its threads."""

from __future__ import annotations

import threading

from webviewer.domain.study import SeriesManifest
from webviewer_render.backends.base import Backend
from webviewer_render.decoded.arena import Arena, ArenaLayout
from webviewer_render.worker.channel import Channel
from webviewer_render.worker.crew import ThreadCrew
from webviewer_render.worker.jobs import perform
from webviewer_render.worker.loader import Loader, Piece
from webviewer_render.worker.protocol import Attach, Cancel, Detach, JobCommand, Load, Thumbnail
from webviewer_render.worker.threads import Task, Threads

TASK_SECONDS = 60.0
"""No decoder or encoder needs longer for one picture; what does hangs."""


class WorkerService:
    """Attached series and their loaders, and the jobs that were not cancelled."""

    def __init__(self, channel: Channel, threads: int, backend: Backend) -> None:
        self._channel = channel
        self._backend = backend
        self._lock = threading.Lock()
        self._loaders: dict[int, Loader] = {}
        self._turn = 0
        self._decoding = 0
        self._alone = False
        self._jobs: dict[int, threading.Event] = {}
        self._threads = Threads(threads, self._next, TASK_SECONDS)
        self._crew = ThreadCrew(self._threads)

    def run(self) -> None:
        """Obey until the front goes."""
        while (received := self._channel.receive()) is not None:
            command, payload = received
            if isinstance(command, Attach):
                self._attach(command, payload)
            elif isinstance(command, Load):
                self._load(command)
            elif isinstance(command, Detach):
                self._detach(command)
            elif isinstance(command, Cancel):
                if event := self._jobs.get(command.job):
                    event.set()
            else:
                self._start(command)

    def _attach(self, command: Attach, payload: bytes) -> None:
        descriptor = self._channel.receive_arena(command.arena)
        arena = Arena(descriptor, ArenaLayout(command.offsets, command.capacities, command.size))
        arena.close_descriptor()
        manifest = SeriesManifest.model_validate_json(payload)
        with self._lock:
            self._loaders[command.arena] = Loader(command, arena, manifest, self._threads.wake)

    def _load(self, command: Load) -> None:
        with self._lock:
            if loader := self._loaders.get(command.arena):
                loader.order(command, self._lock, self._channel.send)
        self._threads.wake()

    def _detach(self, command: Detach) -> None:
        with self._lock:
            if loader := self._loaders.pop(command.arena, None):
                loader.close()

    def _start(self, job: JobCommand) -> None:
        # Taken here and not in the thread: a job may be followed by the end of its series.
        loader = None if isinstance(job, Thumbnail) else self._loaders.get(job.arena)
        event = self._jobs[job.job] = threading.Event()

        def run() -> None:
            answer, payload = perform(job, loader, self._backend, event.is_set, self._crew)
            del self._jobs[job.job]
            self._channel.send(answer, payload)

        self._threads.submit(run)

    def _next(self) -> Task | None:
        """Return the next slice to decode: series take turns; a dangerous slice comes last and alone."""
        with self._lock:
            if self._alone:
                return None
            loaders = list(self._loaders.values())
            for offset in range(len(loaders)):
                loader = loaders[(self._turn + offset) % len(loaders)]
                if piece := loader.take():
                    self._turn = (self._turn + offset + 1) % len(loaders)
                    return self._decode(loader, piece)
            for loader in loaders if self._decoding == 0 else ():
                if piece := loader.take_careful():
                    self._alone = True
                    return self._decode(loader, piece)
        return None

    def _decode(self, loader: Loader, piece: Piece) -> Task:
        self._decoding += 1

        def run() -> None:
            answer = loader.load(piece)
            with self._lock:
                self._decoding -= 1
                if piece.careful:
                    self._alone = False
            self._channel.send(answer)
            self._threads.wake()

        return run
