"""Databases and their users, made and dropped by the command line; the servers themselves never do either."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from webviewer.db.engine import postgresql_url
from webviewer.errors import InvalidRequestError, PeerUnavailableError, WebViewerError
from webviewer.settings import Settings

_CONNECT_SECONDS = 10
_SCHEMAS = re.compile(r"control|storage(_\d+)?")
_SQLITE_ENDINGS = ("", "-wal", "-shm")
_ANY_DATABASE = "postgres"
"""Every PostgreSQL has one of this name."""
_MASTER = "--master-db-user and --master-db-password"
_EXPLANATIONS = {
    "28": f"PostgreSQL refuses this user or password: give those of its administrator by {_MASTER}",
    "42501": f"PostgreSQL does not allow this user to do that: give the administrator's name and password by {_MASTER}",
    "42710": "there is such a PostgreSQL user already: leave out --create-db-user",
    "42P04": "there is such a database already: `webviewer db upgrade` makes what it lacks",
    "3D000": "there is no such database: check the name in database_url, or give --master-db-name",
    "55006": "the database is in use: stop the servers that use it first",
}
"""By SQLSTATE, or the class of it (PostgreSQL, appendix A)."""


@dataclass(frozen=True, slots=True)
class Master:
    """Who may make databases: the administrator of PostgreSQL, and the database that he connects to."""

    user: str = "postgres"
    password: str | None = None
    database: str = _ANY_DATABASE


async def create_user(settings: Settings, master: Master) -> str:
    """Make the PostgreSQL user of the settings and return his name.

    Raises InvalidRequestError for SQLite, and where the user is there already; PeerUnavailableError where nobody answers.
    """
    url = _server(settings, "--create-db-user")
    async with _connected(_as_master(url, master)) as connection:
        # The server quotes: neither a name nor a password can become a command.
        words = "CREATE ROLE %I LOGIN PASSWORD %L" if url.password else "CREATE ROLE %I LOGIN"
        await _run(connection, words, url.username, url.password)
    return url.username or ""


async def create_database(settings: Settings, master: Master) -> str:
    """Make the PostgreSQL database of the settings, with all rights on it for their user; returns its name.

    Raises InvalidRequestError where it is there already or the user is not; PeerUnavailableError where nobody answers.
    """
    url = _server(settings, "--create-database")
    async with _connected(_as_master(url, master)) as connection:
        known = await connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": url.username})
        if not known:
            message = f"there is no PostgreSQL user {url.username}: add --create-db-user"
            raise InvalidRequestError(message)
        await _run(connection, "CREATE DATABASE %I ENCODING 'UTF8' TEMPLATE template0", url.database)
        await _run(connection, "GRANT ALL PRIVILEGES ON DATABASE %I TO %I", url.database, url.username)
        with contextlib.suppress(DBAPIError):  # so that he may drop it, too; not every administrator may give it away
            await _run(connection, "ALTER DATABASE %I OWNER TO %I", url.database, url.username)
    return url.database or ""


async def drop_database(settings: Settings, master: Master | None, schemas: Sequence[str]) -> str:
    """Drop the database of the settings with all that is in it; returns its name, or those of the SQLite files.

    ``schemas`` are those of the role that asks. Without ``master`` the user of the settings drops it, as he may if it is
    his. Raises InvalidRequestError where it is not there, is in use, or also holds tables of another role.
    """
    if settings.database_url is None:
        return ", ".join(_drop_sqlite(settings.data / f"{schema}.db") for schema in schemas)
    url = _server(settings, "--drop-database")
    own = _as_master(url, master, url.database or "") if master else url
    async with _connected(own) as connection:
        found = await connection.scalars(text("SELECT nspname FROM pg_namespace"))
        others = sorted(name for name in found if _SCHEMAS.fullmatch(name) and name not in schemas)
    if others:
        message = f"{url.database} also holds the tables of {others[0]}: `webviewer serve --drop-database` drops both"
        raise InvalidRequestError(message)
    keeper = _as_master(url, master) if master else url.set(database=_ANY_DATABASE)
    async with _connected(keeper) as connection:
        await _run(connection, "DROP DATABASE %I", url.database)
    return url.database or ""


def _drop_sqlite(file: Path) -> str:
    if not file.is_file():
        message = f"there is no database {file}: check --data"
        raise InvalidRequestError(message)
    try:
        # Leaving the write-ahead log needs the file for oneself alone.
        with contextlib.closing(sqlite3.connect(file, timeout=1)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        message = f"{file} is in use: stop the server first"
        raise InvalidRequestError(message) from error
    for ending in _SQLITE_ENDINGS:
        file.with_name(file.name + ending).unlink(missing_ok=True)
    return str(file)


def _server(settings: Settings, option: str) -> URL:
    if settings.database_url is None:
        message = f"{option} is for PostgreSQL: SQLite has no users; give database_url, or leave the option out"
        raise InvalidRequestError(message)
    url = postgresql_url(settings.database_url.get_secret_value())
    if not url.username or not url.database:
        message = "database_url must name user and database: postgresql+asyncpg://user:password@host:port/database"
        raise InvalidRequestError(message)
    return url


def _as_master(url: URL, master: Master, database: str = "") -> URL:
    # URL.set cannot take a password away.
    url = URL.create(url.drivername, host=url.host, port=url.port, query=url.query)
    return url.set(username=master.user, password=master.password, database=database or master.database)


@asynccontextmanager
async def _connected(url: URL) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(
        url,
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": _CONNECT_SECONDS},
    )
    try:
        async with engine.connect() as connection:
            yield connection
    except WebViewerError:
        raise
    except Exception as error:
        raise _explained(error, url) from error
    finally:
        await engine.dispose()


async def _run(connection: AsyncConnection, words: str, *values: str | None) -> None:
    names = ", ".join(f"CAST(:v{index} AS text)" for index in range(len(values)))
    parameters = {f"v{index}": value for index, value in enumerate(values)}
    command = await connection.scalar(text(f"SELECT format(:words, {names})"), {"words": words} | parameters)
    await connection.exec_driver_sql(str(command))


def _explained(error: Exception, url: URL) -> WebViewerError:
    state = str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")
    explanation = _EXPLANATIONS.get(state) or _EXPLANATIONS.get(state[:2])
    if explanation:
        return InvalidRequestError(f"{url.username}@{url.host or 'local socket'}/{url.database}: {explanation}")
    if isinstance(error, OSError) or state:
        cause = str(getattr(error, "orig", error)) or type(error).__name__
        return PeerUnavailableError(f"the database cannot be used: {cause}; check that it runs, and database_url")
    raise error
