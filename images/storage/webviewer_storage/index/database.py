"""Opens the index and brings its schema to this release."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from webviewer.db import engine as db
from webviewer.reasons import Reason
from webviewer.settings import Settings

SCRIPTS = Path(__file__).parent / "migrations"


def schema_of(settings: Settings) -> str:
    """Return the name of the node's schema: several nodes may share a PostgreSQL, never a file."""
    shared = settings.database_url is not None and settings.storage_index > 0
    return f"storage_{settings.storage_index}" if shared else "storage"


@asynccontextmanager
async def open_index(settings: Settings, *, migrate: bool) -> AsyncIterator[AsyncEngine]:
    """Yield the engine. ``migrate`` upgrades the schema; otherwise an outdated one raises SchemaOutdatedError."""
    schema = schema_of(settings)
    engine = db.create_engine(settings, schema)
    try:
        await (db.upgrade if migrate else db.check)(engine, SCRIPTS, schema)
        yield engine
    finally:
        await engine.dispose()


async def upgrade(settings: Settings) -> None:
    """Bring the schema to this release: what ``webviewer db upgrade`` runs."""
    async with open_index(settings, migrate=True):
        pass


def as_utc(time: dt.datetime) -> dt.datetime:
    """Give a time read from the index its zone: SQLite keeps none."""
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)


def as_reason(why: dict[str, Any] | None) -> Reason | None:
    """Return the cause of a row; rows of former releases have none."""
    return Reason.model_validate(why) if why else None
