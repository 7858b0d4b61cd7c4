"""The end of sessions and moves of the line of waiting tabs, told to all controls on one PostgreSQL at once."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager

import structlog

from webviewer.db.channel import Channel
from webviewer.errors import PeerUnavailableError
from webviewer_control.services.watch import MemoryBus, Watch
from webviewer_control.store.finish import finish

CHANNEL = "webviewer_control"
_AT_ONCE = 200
"""Ids in one message: 200 of 32 characters stay below PostgreSQL's limit."""
_MOVE = "line"
_log = structlog.get_logger(__name__)


class PostgresBus:
    """Implements :class:`webviewer_control.services.watch.SessionBus` over several processes.

    A message that is lost is made up for by those who look at the tables every few seconds.
    """

    def __init__(self, channel: Channel) -> None:
        self._here = MemoryBus()
        self._channel = channel
        self._told: asyncio.Queue[list[str] | str] = asyncio.Queue()

    def publish_end(self, sessions: Iterable[str]) -> None:
        """Wake the watchers of ended sessions, here and elsewhere."""
        ended = list(sessions)
        self._here.publish_end(ended)
        for start in range(0, len(ended), _AT_ONCE):
            self._told.put_nowait(ended[start : start + _AT_ONCE])

    def publish_move(self) -> None:
        """Wake who waits in the line, here and elsewhere."""
        self._here.publish_move()
        self._told.put_nowait(_MOVE)

    def moved(self) -> asyncio.Event:
        """Return what is set at the next move of the line, wherever it happens."""
        return self._here.moved()

    def renew(self, deadlines: Mapping[str, dt.datetime]) -> None:
        """Pass on until when sessions last; every process looks for itself."""
        self._here.renew(deadlines)

    def watch(self, session: str, deadline: dt.datetime) -> AbstractContextManager[Watch]:
        """Watch a session for the length of a ``with``."""
        return self._here.watch(session, deadline)

    def watched(self) -> list[str]:
        """Sessions that somebody watches in this process."""
        return self._here.watched()

    def count(self, session: str) -> int:
        """How many sockets a session has in this process."""
        return self._here.count(session)

    async def send_for_ever(self) -> None:
        """Tell the others."""
        while True:
            told = await self._told.get()
            try:
                await finish(self._channel.send(json.dumps(told)))
            except PeerUnavailableError as error:
                _log.warning("others not told", what="move" if told == _MOVE else "end of sessions", cause=error.code)

    async def listen_for_ever(self) -> None:
        """Hear the others."""
        await self._channel.listen(self._hear)

    def _hear(self, message: str) -> None:
        try:
            told = json.loads(message)
        except ValueError:
            told = None
        if told == _MOVE:
            self._here.publish_move()
        elif isinstance(told, list):
            self._here.publish_end(str(session) for session in told)
        else:
            _log.warning("message of another process not understood")
