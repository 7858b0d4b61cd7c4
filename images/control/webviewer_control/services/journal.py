"""The authorisation journal: who came, who was refused, what was changed. Rows are added and, when old, pruned."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from webviewer_control.services.actor import Actor
from webviewer_control.services.timeline import Filter, Timeline
from webviewer_control.store.database import Database
from webviewer_control.store.models import JournalRow

Event = Literal[
    "administrator-login-failed",
    "user-login-failed",
    "session-opened",
    "session-closed",
    "session-timed-out",
    "user-changed",
    "node-changed",
    "server-changed",
    "licence-activated",
    "licence-deleted",
    "licence-refused",
    "licence-expired",
    "clock-set-back",
]
JournalSort = Literal["id", "time", "event", "user"]
Clock = Callable[[], dt.datetime]
_MAX_LOGIN = 64
_PRUNE_ROWS = 2000


class Journal:
    """Adds rows inside the transaction of what they tell about."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def add(self, session: AsyncSession, event: Event, by: Actor, user: str | None = None, **details: Any) -> None:  # noqa: ANN401 - any JSON
        """Note an event. ``by`` is who did it, ``user`` the affected user's id; details without a value are left out."""
        told = {"address": by.address, "session": by.session} | details
        row = JournalRow(
            time=self._clock(),
            event=event,
            login=by.login[:_MAX_LOGIN],
            login_key=by.login[:_MAX_LOGIN].lower()[:_MAX_LOGIN],
            user_id=user,
            details={name: value for name, value in told.items() if value not in (None, "")},
        )
        session.add(row)


@dataclass(frozen=True, slots=True)
class JournalFilter:
    """Which events; what is empty does not matter. ``before`` is not included."""

    user: str = ""
    event: Event | None = None
    after: dt.datetime | None = None
    before: dt.datetime | None = None


class JournalReader:
    """Reads the journal for the administrator, and prunes it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        time, key = JournalRow.time, JournalRow.id
        sorts = {
            "id": (key,),
            "time": (time, key),
            "event": (JournalRow.event, time, key),
            "user": (JournalRow.login_key, time, key),
        }
        self._timeline: Timeline[JournalRow] = Timeline(database, JournalRow, sorts)

    async def page(
        self, wanted: JournalFilter, sort: JournalSort, offset: int, limit: int, *, descending: bool
    ) -> tuple[int, Sequence[JournalRow]]:
        """Return the number of all matches and a page of them."""
        return await self._timeline.page(_conditions(wanted), sort, offset, limit, descending=descending)

    def all(self, wanted: JournalFilter) -> AsyncIterator[Sequence[JournalRow]]:
        """Yield all matches in batches, the oldest first."""
        return self._timeline.all(_conditions(wanted))

    async def prune(self, before: dt.datetime) -> int:
        """Delete events older than ``before``, in small transactions; returns their number."""
        pruned = 0
        oldest = select(JournalRow.id).where(JournalRow.time < before).order_by(JournalRow.time).limit(_PRUNE_ROWS)
        while True:
            async with self._database.writing() as transaction:
                ids = (await transaction.scalars(oldest)).all()
                await transaction.execute(delete(JournalRow).where(JournalRow.id.in_(ids)))
            pruned += len(ids)
            if len(ids) < _PRUNE_ROWS:
                return pruned


def _conditions(wanted: JournalFilter) -> Filter:
    conditions: list[ColumnElement[bool]] = []
    if wanted.user:
        conditions.append(JournalRow.login_key == wanted.user.lower())
    if wanted.event:
        conditions.append(JournalRow.event == wanted.event)
    if wanted.after:
        conditions.append(JournalRow.time >= wanted.after)
    if wanted.before:
        conditions.append(JournalRow.time < wanted.before)
    return Filter(wanted, tuple(conditions))
