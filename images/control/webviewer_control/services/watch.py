"""Tells open sockets that their session has ended, and waiting tabs that the line has moved."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Watch:
    """What a socket knows of its session: ``ended`` is set once, ``deadline`` moves with every activity."""

    def __init__(self, deadline: dt.datetime) -> None:
        self.ended = asyncio.Event()
        self.deadline = deadline


class SessionBus(Protocol):
    """Carries the end of sessions to whoever serves their sockets, and moves of the line of waiting tabs."""

    def publish_end(self, sessions: Iterable[str]) -> None:
        """Sessions have ended: wake their watchers."""
        ...

    def renew(self, deadlines: Mapping[str, dt.datetime]) -> None:
        """Pass on until when sessions last if nothing happens."""
        ...

    def watch(self, session: str, deadline: dt.datetime) -> AbstractContextManager[Watch]:
        """Watch a session for the length of a ``with``."""
        ...

    def watched(self) -> list[str]:
        """Sessions that somebody watches here."""
        ...

    def count(self, session: str) -> int:
        """How many sockets a session has here."""
        ...

    def publish_move(self) -> None:
        """The line of waiting tabs has moved."""
        ...

    def moved(self) -> asyncio.Event:
        """Return what is set at the next move of the line."""
        ...


class MemoryBus:
    """The bus within one process. With several replicas the poll of the database is the truth."""

    def __init__(self) -> None:
        self._watches: dict[str, set[Watch]] = {}
        self._moved = asyncio.Event()

    def watched(self) -> list[str]:
        """Sessions that somebody watches here."""
        return list(self._watches)

    def count(self, session: str) -> int:
        """How many sockets a session has here."""
        return len(self._watches.get(session, ()))

    def publish_move(self) -> None:
        """Wake who waits in the line."""
        self._moved.set()
        self._moved = asyncio.Event()

    def moved(self) -> asyncio.Event:
        """Return what is set at the next move of the line."""
        return self._moved

    def publish_end(self, sessions: Iterable[str]) -> None:
        """Wake the watchers of ended sessions."""
        for session in sessions:
            for watch in self._watches.get(session, ()):
                watch.ended.set()

    def renew(self, deadlines: Mapping[str, dt.datetime]) -> None:
        """Pass on until when sessions last if nothing happens."""
        for session, deadline in deadlines.items():
            for watch in self._watches.get(session, ()):
                watch.deadline = deadline

    @contextmanager
    def watch(self, session: str, deadline: dt.datetime) -> Iterator[Watch]:
        """Watch a session for the length of a ``with``."""
        watch = Watch(deadline)
        self._watches.setdefault(session, set()).add(watch)
        try:
            yield watch
        finally:
            watches = self._watches[session]
            watches.discard(watch)
            if not watches:
                del self._watches[session]
