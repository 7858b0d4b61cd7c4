"""Engines for SQLite and PostgreSQL, and schema migration. The only module that knows dialects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, URL, Connection, MetaData, event, make_url, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from webviewer.errors import InvalidRequestError, PeerUnavailableError, SchemaOutdatedError, WebViewerError
from webviewer.settings import Settings

Json = JSON().with_variant(JSONB(), "postgresql")
"""Column type for JSON documents on both engines."""
_CONNECT_SECONDS = 10
_POSTGRESQL = frozenset({"postgres", "postgresql", "postgresql+asyncpg"})
# Connection exceptions, too many connections, the server stops or starts (PostgreSQL, appendix A).
_OUTAGES = ("08", "53", "57P")
_SQLITE_OUTAGES = ("database is locked", "disk I/O error", "unable to open database file")


def create_engine(settings: Settings, schema: str) -> AsyncEngine:
    """Open the database of a role: ``<data>/<schema>.db``, or the schema of that name on PostgreSQL."""
    # Parameters are names of patients: they must not get into messages of errors and from there into logs.
    if settings.database_url is not None:
        return create_async_engine(
            postgresql_url(settings.database_url.get_secret_value()),
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=8,
            max_overflow=16,
            connect_args={"timeout": _CONNECT_SECONDS},
        ).execution_options(schema_translate_map={None: schema})
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{settings.data / schema}.db", hide_parameters=True, connect_args={"timeout": 30}
    )
    _configure_sqlite(engine)
    return engine


def postgresql_url(value: str) -> URL:
    """Read the setting, whose driver may be left out. Raises InvalidRequestError, without the password in it."""
    try:
        url = make_url(value)
    except ArgumentError:
        url = None
    if url is None or url.drivername not in _POSTGRESQL:
        message = "database_url: write it as postgresql+asyncpg://user:password@host:port/database"
        raise InvalidRequestError(message)
    return url.set(drivername="postgresql+asyncpg")


@contextmanager
def outages_named() -> Iterator[None]:
    """Turn what a lost database raises inside the block into PeerUnavailableError: callers may try again."""
    try:
        yield
    except Exception as error:
        if not _is_outage(error):
            raise
        message = "the database does not answer: try again in a moment"
        raise PeerUnavailableError(message) from error


def _is_outage(error: Exception) -> bool:
    if isinstance(error, WebViewerError):
        return False
    if isinstance(error, OSError | PoolTimeoutError):
        return True
    if isinstance(error, DBAPIError):
        lost = error.connection_invalidated or any(words in str(error.orig) for words in _SQLITE_OUTAGES)
        return lost or str(getattr(error.orig, "sqlstate", None) or "").startswith(_OUTAGES)
    # While connecting, errors of the driver come as they are.
    return type(error).__module__.startswith("asyncpg.")


def _configure_sqlite(engine: AsyncEngine) -> None:
    """One writer at a time, readers never blocked, a commit survives power loss."""

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's type is SQLAlchemy's secret
        connection.isolation_level = None  # the driver must not begin transactions on its own
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        # Deferred readers run beside the writer; a writer that starts as a reader could not upgrade.
        options = connection.get_execution_options()
        if options.get("migrating", False):
            # A column that changes means a new table: dropping the old one would delete what refers to its rows.
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN" if options.get("read_only", False) else "BEGIN IMMEDIATE")


def read_only(engine: AsyncEngine) -> AsyncEngine:
    """Return a view of the engine whose transactions never take SQLite's write lock."""
    return engine.execution_options(read_only=True)


async def lock_until_commit(session: AsyncSession, number: int) -> None:
    """Wait until no other transaction of any process holds the lock ``number``, and hold it to the end of this one.

    On SQLite a transaction that writes is alone already.
    """
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


async def upgrade(engine: AsyncEngine, scripts: Path, schema: str, revision: str = "head") -> None:
    """Bring the schema to a revision in ``scripts``, the newest one unless told otherwise."""
    await _run(engine, scripts, schema, "upgrade", revision)


async def check(engine: AsyncEngine, scripts: Path, schema: str) -> None:
    """Raise SchemaOutdatedError, naming the command that mends it, unless the schema is current."""
    await _run(engine, scripts, schema, "check")


async def differences(engine: AsyncEngine, metadata: MetaData, schema: str) -> Sequence[Any]:
    """Return what an automatic migration would still change: empty when models and schema agree."""

    def compare(connection: Connection) -> Sequence[Any]:
        options = {"compare_type": True, "include_schemas": False, "version_table": "alembic_version"}
        with _inside(connection, schema):
            return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)  # type: ignore[no-any-return]

    async with engine.execution_options(schema_translate_map={}).connect() as connection:
        return await connection.run_sync(compare)


@contextmanager
def _inside(connection: Connection, schema: str) -> Iterator[None]:
    """Make ``schema`` the default one for a transaction: Alembic then sees no other role's tables."""
    if connection.dialect.name != "postgresql":
        yield
        return
    # LOCAL: the pool gives this connection to others afterwards.
    connection.execute(text(f'SET LOCAL search_path TO "{schema}"'))
    before = connection.dialect.default_schema_name
    connection.dialect.default_schema_name = schema
    try:
        yield
    finally:
        connection.dialect.default_schema_name = before


async def _run(engine: AsyncEngine, scripts: Path, schema: str, action: str, revision: str = "head") -> None:
    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.attributes["schema"] = schema

    def work(connection: Connection) -> None:
        if action == "upgrade" and connection.dialect.name == "postgresql":
            connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
        head = ScriptDirectory.from_config(config).get_current_head()
        with _inside(connection, schema):
            if action == "upgrade":
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
                return
            current = MigrationContext.configure(connection).get_current_revision()
        if current != head:
            message = f"schema {schema} is at {current or 'nothing'}, needed is {head}: run `webviewer db upgrade`"
            raise SchemaOutdatedError(message)

    try:
        with outages_named():
            options = {"schema_translate_map": {}, "migrating": action == "upgrade"}
            async with engine.execution_options(**options).connect() as connection:
                async with connection.begin():
                    await connection.run_sync(work)
                if action == "upgrade" and connection.dialect.name == "sqlite":
                    await connection.invalidate()  # it does not look at foreign keys
    except PeerUnavailableError as error:
        cause = str(error.__cause__) or type(error.__cause__).__name__
        message = f"the database cannot be used: {cause}; check that it runs, and database_url"
        raise PeerUnavailableError(message) from error
