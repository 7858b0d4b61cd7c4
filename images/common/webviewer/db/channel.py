"""Short messages between the processes that share a PostgreSQL database (LISTEN and NOTIFY)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from webviewer.db.engine import outages_named
from webviewer.errors import PeerUnavailableError

MAX_BYTES = 7999
"""PostgreSQL's limit for one message."""
_RETRY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class Channel:
    """Messages reach all who listen at the moment, and nobody else: whoever listens has to look at the tables, too."""

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        self._engine = engine
        self._name = name

    async def send(self, message: str) -> None:
        """Send to all who listen, oneself included. Raises PeerUnavailableError while the database does not answer."""
        with outages_named():
            async with self._engine.begin() as connection:
                await connection.execute(
                    text("SELECT pg_notify(:name, :message)"), {"name": self._name, "message": message}
                )

    async def listen(self, hear: Callable[[str], None]) -> None:
        """Pass on what is sent, until cancelled; a connection that breaks is made again."""
        while True:
            try:
                with outages_named():
                    await self._listen(hear)
            except (PeerUnavailableError, SQLAlchemyError) as error:
                _log.warning("not listening to other processes", cause=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self, hear: Callable[[str], None]) -> None:
        lost = asyncio.Event()
        async with self._engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            driver.add_termination_listener(lambda _: lost.set())
            await driver.add_listener(self._name, lambda _connection, _pid, _channel, message: hear(message))
            try:
                await lost.wait()
            finally:
                await connection.invalidate()  # nobody else shall get a connection that listens
