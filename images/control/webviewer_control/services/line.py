"""The line of tabs that wait for a place at a render node: one for all controls, first come, first served."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, exists, func, select, update

from webviewer.db.engine import lock_until_commit
from webviewer_control.services.records import Records
from webviewer_control.store.models import PlacementRow, SessionRow, WaiterRow

KEEP = dt.timedelta(seconds=15)
"""So long a tab keeps its place in the line without a sign of life from its control."""
_LOCK = 7_201_154
"""Names the lock of the line among those of the database."""


@dataclass(slots=True, eq=False)
class Waiter:
    """A tab that waits. ``ticket`` is its number once it stands in the line; ``place`` counts from 1."""

    tab: str
    session: str
    ticket: int | None = None
    place: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the place has changed."""


class Line:
    """Keeps the line in the database: every control sees the same order, and who died with a control leaves it by himself."""

    def __init__(self, records: Records) -> None:
        self._database = records.database
        self._clock = records.clock

    async def renew(self, own: Collection[Waiter]) -> Sequence[str]:
        """Let tabs of this control join the line or stay in it; returns all that wait, in order."""
        now = self._clock()
        mine = WaiterRow.tab.in_([waiter.tab for waiter in own])
        async with self._database.writing() as transaction:
            await lock_until_commit(transaction, _LOCK)
            await transaction.execute(delete(WaiterRow).where(WaiterRow.expires <= now, ~mine))
            await transaction.execute(update(WaiterRow).where(mine).values(expires=now + KEEP))
            known = dict((await transaction.execute(select(WaiterRow.tab, WaiterRow.ticket).where(mine))).all())
            sessions = SessionRow.id.in_({waiter.session for waiter in own})
            living = set((await transaction.scalars(select(SessionRow.id).where(sessions))).all())
            last = await transaction.scalar(select(func.max(WaiterRow.ticket))) or 0
            for waiter in own:
                if waiter.tab in known:
                    waiter.ticket = known[waiter.tab]
                elif waiter.session in living:
                    # A control that was too late comes back with the number that it had.
                    if waiter.ticket is None:
                        waiter.ticket = last = last + 1
                    row = WaiterRow(tab=waiter.tab, session_id=waiter.session, ticket=waiter.ticket, expires=now + KEEP)
                    transaction.add(row)
            await transaction.flush()
            return (await transaction.scalars(select(WaiterRow.tab).order_by(WaiterRow.ticket, WaiterRow.tab))).all()

    async def leave(self, tab: str) -> None:
        """Take a tab out; leaving twice is no error."""
        async with self._database.writing() as transaction:
            await transaction.execute(delete(WaiterRow).where(WaiterRow.tab == tab))

    async def is_empty(self) -> bool:
        """Tell whether nobody waits."""
        async with self._database.reading() as transaction:
            return not await transaction.scalar(select(exists().where(WaiterRow.expires > self._clock())))

    async def has_place(self, session: str) -> bool:
        """Tell whether a session has a node: its tabs do not wait for one."""
        placed = exists().where(PlacementRow.session_id == session, PlacementRow.expires > self._clock())
        async with self._database.reading() as transaction:
            return bool(await transaction.scalar(select(placed)))

    async def length(self) -> int:
        """Return how many tabs wait at all controls."""
        waiting = select(func.count()).select_from(WaiterRow).where(WaiterRow.expires > self._clock())
        async with self._database.reading() as transaction:
            return await transaction.scalar(waiting) or 0
