"""A place for a worker: who uses it keeps it, while the process in it may change."""

from __future__ import annotations

import asyncio
from typing import Protocol

from webviewer.errors import PeerUnavailableError
from webviewer_render.pool.process import WorkerProcess
from webviewer_render.worker.protocol import Reply

_PATIENCE_SECONDS = 60.0


class LaneMember(Protocol):
    """Something that lives in a worker and has to be brought into its successor, by its number."""

    def enter(self, worker: WorkerProcess) -> None:
        """Introduce itself to a worker that is ready."""
        ...

    def hear(self, news: Reply) -> None:
        """Take what the worker says of it."""
        ...

    def leave(self) -> None:
        """The worker has died."""
        ...


class Lane:
    """The worker of this moment, and the members that are in it."""

    def __init__(self) -> None:
        self.worker: WorkerProcess | None = None
        self.waiting = 0
        self._members: dict[int, LaneMember] = {}
        self.ready = asyncio.Event()

    def __len__(self) -> int:
        return len(self._members)

    def add(self, number: int, member: LaneMember) -> None:
        """Take in a member."""
        self._members[number] = member
        if self.worker is not None:
            member.enter(self.worker)

    def remove(self, number: int) -> None:
        """Let a member go; telling the worker is the member's business."""
        self._members.pop(number, None)

    def occupy(self, worker: WorkerProcess) -> None:
        """Put a warm worker in and bring all members into it."""
        self.worker = worker
        worker.on_news = self._hear
        for member in list(self._members.values()):
            member.enter(worker)
        self.ready.set()

    def vacate(self) -> None:
        """The worker has died."""
        self.ready.clear()
        self.worker = None
        for member in list(self._members.values()):
            member.leave()

    async def wait(self) -> WorkerProcess:
        """Return the worker as soon as there is one. Raises PeerUnavailableError after a minute without."""
        self.waiting += 1
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while self.worker is None:
                    await self.ready.wait()
        except TimeoutError as error:
            text = "the renderers do not start; see the server's log"
            raise PeerUnavailableError(text) from error
        finally:
            self.waiting -= 1
        return self.worker

    def _hear(self, news: Reply) -> None:
        number = getattr(news, "arena", None)
        if isinstance(number, int) and (member := self._members.get(number)):
            member.hear(news)
