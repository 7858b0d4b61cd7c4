"""What every service writes with: the database, the journal of changes, and the clock of both."""

from __future__ import annotations

from dataclasses import dataclass

from webviewer_control.services.journal import Clock, Journal
from webviewer_control.store.database import Database


@dataclass(frozen=True, slots=True)
class Records:
    """Shared by all services."""

    database: Database
    journal: Journal
    clock: Clock
