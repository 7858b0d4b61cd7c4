"""Control's database: transactions that write, and ones that only read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from webviewer.db import engine as db
from webviewer.settings import Settings

SCHEMA = "control"
SCRIPTS = Path(__file__).with_name("migrations")


class Database:
    """Opens transactions. Rows read from it stay usable after their transaction."""

    def __init__(self, settings: Settings) -> None:
        self.engine = db.create_engine(settings, SCHEMA)
        self._write = async_sessionmaker(self.engine, expire_on_commit=False)
        self._read = async_sessionmaker(db.read_only(self.engine), expire_on_commit=False)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that is committed at the end, or rolled back by an exception.

        Raises PeerUnavailableError while the database does not answer.
        """
        with db.outages_named():
            async with self._write() as session, session.begin():
                yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that never waits for a writer. Raises as :meth:`writing`."""
        with db.outages_named():
            async with self._read() as session:
                yield session

    async def ping(self) -> None:
        """Return if the database answers."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))

    async def upgrade(self) -> None:
        """Bring the schema to this release."""
        await db.upgrade(self.engine, SCRIPTS, SCHEMA)

    async def check(self) -> None:
        """Raise SchemaOutdatedError unless the schema is this release's."""
        await db.check(self.engine, SCRIPTS, SCHEMA)

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()
