"""Schema, migrations and transactions on both engines, with the tables of storage as the example."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import insert, select, text

import webviewer_storage.index
from webviewer.db import engine as db
from webviewer.errors import SchemaOutdatedError
from webviewer.settings import Settings
from webviewer_storage.index.models import Base, DoomedBlobRow

SCRIPTS = Path(webviewer_storage.index.__file__).parent / "migrations"


@pytest.fixture(params=["sqlite", "postgresql"])
async def engine(request, tmp_path):
    url = request.getfixturevalue("postgresql")() if request.param == "postgresql" else None
    settings = Settings(data=tmp_path, database_url=SecretStr(url) if url else None)
    engine = db.create_engine(settings, "storage")
    yield engine
    await engine.dispose()


async def test_models_and_migrated_schema_agree(engine):
    await db.upgrade(engine, SCRIPTS, "storage")
    assert list(await db.differences(engine, Base.metadata, "storage")) == []


async def test_an_empty_database_is_reported_with_the_command_that_mends_it(engine):
    with pytest.raises(SchemaOutdatedError, match="webviewer db upgrade"):
        await db.check(engine, SCRIPTS, "storage")


async def test_upgrading_twice_changes_nothing(engine):
    await db.upgrade(engine, SCRIPTS, "storage")
    await db.upgrade(engine, SCRIPTS, "storage")
    await db.check(engine, SCRIPTS, "storage")


async def test_tables_of_another_role_in_the_same_database_are_not_seen(engine):
    await db.upgrade(engine, SCRIPTS, "storage")
    if engine.dialect.name == "postgresql":
        async with engine.begin() as connection:
            await connection.execute(text("CREATE SCHEMA control"))
            await connection.execute(text("CREATE TABLE control.users (id int)"))
            await connection.execute(text("CREATE TABLE public.other (id int)"))
    assert list(await db.differences(engine, Base.metadata, "storage")) == []


async def test_rows_land_in_the_schema_of_the_role(engine):
    await db.upgrade(engine, SCRIPTS, "storage")
    async with engine.begin() as connection:
        await connection.execute(insert(DoomedBlobRow).values(digest="a"))
    async with db.read_only(engine).connect() as connection:
        assert (await connection.execute(select(DoomedBlobRow.digest))).scalars().all() == ["a"]


async def test_a_failed_transaction_leaves_nothing(engine):
    await db.upgrade(engine, SCRIPTS, "storage")

    async def fail():
        async with engine.begin() as connection:
            await connection.execute(insert(DoomedBlobRow).values(digest="a"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with db.read_only(engine).connect() as connection:
        assert (await connection.execute(select(DoomedBlobRow.digest))).scalars().all() == []


async def test_readers_do_not_wait_for_a_writer(engine):
    await db.upgrade(engine, SCRIPTS, "storage")
    async with engine.begin() as writer:
        await writer.execute(insert(DoomedBlobRow).values(digest="a"))
        async with asyncio.timeout(5), db.read_only(engine).connect() as reader:
            assert (await reader.execute(select(DoomedBlobRow.digest))).scalars().all() == []
