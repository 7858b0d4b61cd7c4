"""What open viewports show, kept with the session."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select

from webviewer_control.services.journal import Clock
from webviewer_control.store.database import Database
from webviewer_control.store.models import SessionRow, ViewportRow


@dataclass(frozen=True, slots=True)
class KeptViewport:
    """One viewport of a socket with the merged ViewState as JSON."""

    viewport: int
    study: str
    series: str
    view: dict[str, Any]


class ViewportStore:
    """Writes the viewports of one socket in few transactions."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def save(
        self, socket: str, session: str, changed: Collection[KeptViewport], closed: Collection[int] = ()
    ) -> None:
        """Write changed viewports and delete closed ones; nothing is written for a session that has ended."""
        async with self._database.writing() as transaction:
            gone = delete(ViewportRow).where(ViewportRow.socket == socket, ViewportRow.viewport.in_(closed))
            await transaction.execute(gone)
            if not await transaction.scalar(select(SessionRow.id).where(SessionRow.id == session)):
                return
            for kept in changed:
                row = ViewportRow(
                    socket=socket,
                    viewport=kept.viewport,
                    session_id=session,
                    study=kept.study,
                    series=kept.series,
                    view=kept.view,
                    changed=self._clock(),
                )
                await transaction.merge(row)

    async def forget(self, socket: str) -> None:
        """Delete all viewports of a socket that was closed."""
        async with self._database.writing() as transaction:
            await transaction.execute(delete(ViewportRow).where(ViewportRow.socket == socket))

    async def of_session(self, session: str) -> list[KeptViewport]:
        """Return what a session has open."""
        query = select(ViewportRow).where(ViewportRow.session_id == session).order_by(ViewportRow.viewport)
        async with self._database.reading() as transaction:
            rows = (await transaction.scalars(query)).all()
        return [KeptViewport(row.viewport, row.study, row.series, row.view) for row in rows]
