"""Schema of control on both engines."""

import datetime as dt
from types import SimpleNamespace

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from webviewer.db import engine as db
from webviewer.db.engine import differences
from webviewer.settings import Settings
from webviewer_control.store.database import SCHEMA, SCRIPTS, Database
from webviewer_control.store.models import Base, JournalRow, SettingRow, UserRow


@pytest.fixture
async def database(tmp_path, database_url):
    database = Database(Settings(data=tmp_path, database_url=SecretStr(database_url) if database_url else None))
    await database.upgrade()
    yield database
    await database.close()


async def test_models_and_migrated_schema_agree(database):
    assert list(await differences(database.engine, Base.metadata, SCHEMA)) == []


async def test_upgrading_twice_changes_nothing(database):
    await database.upgrade()
    await database.check()


async def test_moments_keep_their_zone(database):
    zone = dt.timezone(dt.timedelta(hours=3))
    moment = dt.datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=zone)
    async with database.writing() as transaction:
        transaction.add(JournalRow(time=moment, event="user-changed", login="a", login_key="a", details={}))
    async with database.reading() as transaction:
        row = (await transaction.scalars(select(JournalRow))).one()
    assert row.time == moment
    assert row.time.utcoffset() == dt.timedelta()
    column = SimpleNamespace(naive=dt.datetime(2026, 5, 1))  # noqa: DTZ001 - the point of the test
    with pytest.raises(Exception, match="zone"):
        async with database.writing() as transaction:
            transaction.add(JournalRow(time=column.naive, event="user-changed", login="a", login_key="a", details={}))


async def test_no_upgrade_deletes_what_hangs_on_a_table_that_it_makes_anew(tmp_path, database_url):
    database = Database(Settings(data=tmp_path, database_url=SecretStr(database_url) if database_url else None))
    await db.upgrade(database.engine, SCRIPTS, SCHEMA, "0007")
    moment = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
    async with database.writing() as transaction:
        user = {
            "id": "u1",
            "login": "a",
            "login_key": "a",
            "password": "",
            "active": True,
            "demo": False,
            "store": "s1",
        }
        await transaction.execute(UserRow.__table__.insert().values(created=moment, version=1, **user))
        await transaction.execute(SettingRow.__table__.insert().values(user_id="u1", key="theme", value="dark"))
    await database.upgrade()
    async with database.reading() as transaction:
        kept = (await transaction.scalars(select(SettingRow))).all()
        assert [row.value for row in kept] == ["dark"]
    with pytest.raises(IntegrityError):  # keys are looked at again
        async with database.writing() as transaction:
            transaction.add(SettingRow(user_id="nobody", key="theme", value="dark"))
    await database.close()
