"""The line of waiting tabs, which all controls share, on both engines."""

import asyncio
import datetime as dt

import pytest
from pydantic import SecretStr

from webviewer.settings import Settings
from webviewer_control.services.journal import Journal
from webviewer_control.services.line import KEEP, Line, Waiter
from webviewer_control.services.records import Records
from webviewer_control.store.database import Database
from webviewer_control.store.models import PlacementRow, SessionRow

START = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
SESSIONS = ("s1", "s2", "s3", "s4")


class Controls:
    """A database, and as many controls on it as are wanted."""

    def __init__(self, settings):
        self.settings = settings
        self.now = START
        self.databases = []

    def line(self):
        database = Database(self.settings)
        self.databases.append(database)
        return Line(Records(database, Journal(self.clock), self.clock))

    def clock(self):
        return self.now

    async def add(self, *rows):
        async with self.databases[0].writing() as transaction:
            transaction.add_all(rows)

    async def end(self, session):
        async with self.databases[0].writing() as transaction:
            await transaction.delete(await transaction.get_one(SessionRow, session))


@pytest.fixture
async def controls(tmp_path, database_url):
    controls = Controls(Settings(data=tmp_path, database_url=SecretStr(database_url) if database_url else None))
    controls.first, controls.second = controls.line(), controls.line()
    await controls.databases[0].upgrade()
    expires = START + dt.timedelta(days=1)
    await controls.add(
        *(
            SessionRow(id=name, kind="link", secret=name, created=START, last_seen=START, expires=expires, address="")
            for name in SESSIONS
        )
    )
    yield controls
    for database in controls.databases:
        await database.close()


async def test_tabs_of_two_controls_stand_in_one_line_in_the_order_of_their_coming(controls):
    tabs = [Waiter(f"t{number}", f"s{number}") for number in range(1, 5)]
    for number, tab in enumerate(tabs):
        await (controls.first, controls.second)[number % 2].renew(tabs[number % 2 : number + 1 : 2])
        assert tab.ticket == number + 1
    for line, own in ((controls.first, tabs[::2]), (controls.second, tabs[1::2])):
        assert list(await line.renew(own)) == ["t1", "t2", "t3", "t4"]
        assert await line.length() == 4
    await controls.first.leave("t1")
    await controls.first.leave("t1")
    assert list(await controls.second.renew(tabs[1::2])) == ["t2", "t3", "t4"]


async def test_many_that_come_at_once_get_different_numbers(controls):
    tabs = [Waiter(f"t{number}", "s1") for number in range(40)]
    lines = (controls.first, controls.second)
    await asyncio.gather(*(lines[number % 2].renew([tab]) for number, tab in enumerate(tabs)))
    assert sorted(tab.ticket for tab in tabs) == list(range(1, 41))


async def test_whoever_waited_at_a_control_that_died_leaves_the_line_by_himself(controls):
    dead, living = Waiter("t1", "s1"), Waiter("t2", "s2")
    await controls.first.renew([dead])
    await controls.second.renew([living])
    controls.now += KEEP / 2
    assert list(await controls.second.renew([living])) == ["t1", "t2"]
    controls.now += KEEP / 2
    assert list(await controls.second.renew([living])) == ["t2"]
    assert await controls.second.length() == 1


async def test_a_control_that_was_only_late_gets_its_places_back(controls):
    late, other = Waiter("t1", "s1"), Waiter("t2", "s2")
    await controls.first.renew([late])
    await controls.second.renew([other])
    controls.now += KEEP
    assert list(await controls.second.renew([other])) == ["t2"]
    assert list(await controls.first.renew([late])) == ["t1", "t2"]


async def test_a_session_that_ends_leaves_the_line_and_cannot_come_back(controls):
    own = Waiter("t1", "s1")
    await controls.first.renew([own])
    await controls.end("s1")
    assert await controls.first.length() == 0
    assert list(await controls.first.renew([own])) == []


async def test_the_line_is_empty_until_somebody_waits_and_a_session_with_a_node_is_known(controls):
    assert await controls.first.is_empty()
    await controls.second.renew([Waiter("t2", "s2")])
    await controls.add(PlacementRow(session_id="s3", node_id=1, expires=START + dt.timedelta(seconds=90)))
    assert not await controls.first.is_empty()
    assert [await controls.first.has_place(session) for session in ("s1", "s3")] == [False, True]
    controls.now += KEEP
    assert await controls.first.is_empty()
    controls.now += dt.timedelta(seconds=90)
    assert not await controls.first.has_place("s3")
