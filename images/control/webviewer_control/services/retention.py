"""How long the journals are kept: the administrator's choice, carried out every hour."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable

import structlog
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from webviewer_control.services.actor import Actor
from webviewer_control.services.records import Records
from webviewer_control.services.rounds import repeat
from webviewer_control.store.models import ServerSettingRow

MAX_DAYS = 36525
_KEY = "retention"
_ROUND_SECONDS = 3600.0
_RETRY_SECONDS = 60.0
_log = structlog.get_logger(__name__)
Prune = Callable[[dt.datetime], Awaitable[int]]


class RetentionDays(BaseModel):
    """Days that rows of each journal are kept; 0 = for ever."""

    model_config = ConfigDict(extra="forbid")

    journal: int = Field(default=0, ge=0, le=MAX_DAYS)
    audit: int = Field(default=0, ge=0, le=MAX_DAYS)


class Retention:
    """Reads and writes the choice, and deletes what is older."""

    def __init__(self, records: Records, prune: dict[str, Prune]) -> None:
        self._records = records
        self._prune = prune

    async def get(self) -> RetentionDays:
        """Return how long rows are kept."""
        async with self._records.database.reading() as transaction:
            value = await transaction.scalar(select(ServerSettingRow.value).where(ServerSettingRow.key == _KEY))
        return RetentionDays.model_validate(value or {})

    async def put(self, days: RetentionDays, by: Actor) -> None:
        """Choose how long rows are kept; what is too old then goes in the next round."""
        before = await self.get()
        changed = {
            f"{name}_days": f"{old} -> {getattr(days, name)}"
            for name, old in before.model_dump().items()
            if old != getattr(days, name)
        }
        if not changed:
            return
        async with self._records.database.writing() as transaction:
            await transaction.merge(ServerSettingRow(key=_KEY, value=days.model_dump()))
            self._records.journal.add(transaction, "server-changed", by, **changed)

    async def prune(self) -> None:
        """Do one round."""
        days = await self.get()
        for name, prune in self._prune.items():
            kept = getattr(days, name)
            if kept:
                pruned = await prune(self._records.clock() - dt.timedelta(days=kept))
                if pruned:
                    _log.info("old rows deleted", journal=name, rows=pruned, days=kept)

    async def prune_for_ever(self) -> None:
        """Do a round every hour."""
        await repeat(self.prune, _ROUND_SECONDS, "old rows not deleted", again=_RETRY_SECONDS)
