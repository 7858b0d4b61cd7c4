"""The authorisation journal: who came, who was refused, what was changed. Rows are only ever added."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from webviewer_control.store.models import JournalRow

Event = Literal[
    "administrator-login-failed",
    "user-login-failed",
    "session-opened",
    "session-closed",
    "session-timed-out",
    "user-changed",
]
Clock = Callable[[], dt.datetime]
_MAX_LOGIN = 64


class Journal:
    """Adds rows inside the transaction of what they tell about."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def add(self, session: AsyncSession, event: Event, login: str, user: str | None = None, **details: Any) -> None:  # noqa: ANN401 - any JSON
        """Note an event; ``login`` is the name as it was at that time."""
        row = JournalRow(time=self._clock(), event=event, login=login[:_MAX_LOGIN], user_id=user, details=details)
        session.add(row)
