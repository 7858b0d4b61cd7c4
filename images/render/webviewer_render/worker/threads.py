"""The threads of a worker: pictures that somebody waits for come before slices that are loaded ahead."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable

Task = Callable[[], None]


class Threads:
    """A fixed number of threads with two kinds of work.

    Urgent tasks are queued by :meth:`submit`. Where there are none, threads ask ``background`` for the next task, which
    decides then what is most useful; one thread is always left to urgent tasks if there are two or more. A task that runs
    longer than ``limit`` seconds hangs in a decoder: the only cure is to end the process, which its owner replaces.
    """

    def __init__(self, count: int, background: Callable[[], Task | None], limit: float) -> None:
        self.count = count
        self._background = background
        self._background_limit = max(1, count - 1)
        self._background_running = 0
        self._limit = limit
        self._urgent: deque[Task] = deque()
        self._changed = threading.Condition()
        self._started: dict[int, float] = {}
        for number in range(count):
            threading.Thread(target=self._run, args=(number,), name=f"render-{number}", daemon=True).start()
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    @property
    def is_awaited(self) -> bool:
        """Whether an urgent task waits for a thread."""
        return bool(self._urgent)

    def submit(self, task: Task) -> None:
        """Queue an urgent task. Tasks must not raise."""
        with self._changed:
            self._urgent.append(task)
            self._changed.notify()

    def wake(self) -> None:
        """Tell that ``background`` may have work."""
        with self._changed:
            self._changed.notify_all()

    def _run(self, number: int) -> None:
        while True:
            task, background = self._take()
            self._started[number] = time.monotonic()
            try:
                task()
            finally:
                del self._started[number]
                # Pixels and pictures must not live on until the next task.
                del task
                if background:
                    with self._changed:
                        self._background_running -= 1
                        self._changed.notify()

    def _take(self) -> tuple[Task, bool]:
        with self._changed:
            while True:
                if self._urgent:
                    return self._urgent.popleft(), False
                if self._background_running < self._background_limit:
                    task = self._background()
                    if task is not None:
                        self._background_running += 1
                        self._changed.notify()
                        return task, True
                self._changed.wait()

    def _watch(self) -> None:
        while True:
            time.sleep(1.0)
            now = time.monotonic()
            if any(now - started > self._limit for started in list(self._started.values())):
                os.kill(os.getpid(), signal.SIGKILL)
