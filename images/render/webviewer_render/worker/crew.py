"""One picture by several threads of a worker."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Sequence

from webviewer_render.scene.bands import Piece
from webviewer_render.worker.threads import Threads


class ThreadCrew:
    """Implements :class:`webviewer_render.scene.bands.Crew`: the calling thread, and those of ``threads`` that are free.

    So no more threads run than there are (``--max-thread-pool-threads``), and a picture takes no more than there are
    ``cores``, which would only be in each other's way.
    """

    def __init__(self, threads: Threads, cores: int | None = None) -> None:
        self._threads = threads
        self._helpers = min(threads.count, cores or len(os.sched_getaffinity(0))) - 1

    def share(self, pieces: Sequence[Piece]) -> None:
        """See :class:`webviewer_render.scene.bands.Crew`."""
        work = _Work(pieces)
        for _ in range(min(self._helpers, len(pieces) - 1)):
            self._threads.submit(lambda: self._help(work))
        while work.do_one():
            pass
        work.finish()

    def _help(self, work: _Work) -> None:
        """Do pieces; where somebody waits, stand in line again: pictures of others must not wait for all of this one."""
        while work.do_one():
            if self._threads.is_awaited:
                self._threads.submit(lambda: self._help(work))
                return


class _Work:
    """Pieces that are left, and how many are being done."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._left = deque(pieces)
        self._running = 0
        self._changed = threading.Condition()
        self._error: BaseException | None = None

    def do_one(self) -> bool:
        """Do the next piece; returns False where none is left. Never raises."""
        with self._changed:
            if not self._left:
                return False
            piece = self._left.popleft()
            self._running += 1
        error: BaseException | None = None
        try:
            piece()
        except BaseException as raised:  # noqa: BLE001 - raised again by finish()
            error = raised
        with self._changed:
            self._running -= 1
            if error is not None:
                self._error = self._error or error
                self._left.clear()
            self._changed.notify_all()
        return True

    def finish(self) -> None:
        """Wait for the pieces that others do; raises what one of them raised first."""
        with self._changed:
            while self._running:
                self._changed.wait()
        if self._error is not None:
            raise self._error
