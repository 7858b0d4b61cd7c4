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
from sqlalchemy import JSON, Connection, MetaData, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from webviewer.errors import SchemaOutdatedError
from webviewer.settings import Settings

Json = JSON().with_variant(JSONB(), "postgresql")
"""Column type for JSON documents on both engines."""


def create_engine(settings: Settings, schema: str) -> AsyncEngine:
    """Open the database of a role: ``<data>/<schema>.db``, or the schema of that name on PostgreSQL."""
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        return create_async_engine(url, pool_pre_ping=True, pool_size=8, max_overflow=16).execution_options(
            schema_translate_map={None: schema}
        )
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_async_engine(f"sqlite+aiosqlite:///{settings.data / schema}.db", connect_args={"timeout": 30})
    _configure_sqlite(engine)
    return engine


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
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def read_only(engine: AsyncEngine) -> AsyncEngine:
    """Return a view of the engine whose transactions never take SQLite's write lock."""
    return engine.execution_options(read_only=True)


async def upgrade(engine: AsyncEngine, scripts: Path, schema: str) -> None:
    """Bring the schema to the newest revision in ``scripts``."""
    await _run(engine, scripts, schema, "upgrade")


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


async def _run(engine: AsyncEngine, scripts: Path, schema: str, action: str) -> None:
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
                command.upgrade(config, "head")
                return
            current = MigrationContext.configure(connection).get_current_revision()
        if current != head:
            message = f"schema {schema} is at {current or 'nothing'}, needed is {head}: run `webviewer db upgrade`"
            raise SchemaOutdatedError(message)

    async with engine.execution_options(schema_translate_map={}).begin() as connection:
        await connection.run_sync(work)
