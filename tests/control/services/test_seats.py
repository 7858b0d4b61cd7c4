"""The ledger of seats: never one too many, none lost; in every order of events, at once, and over crashes."""

import asyncio
import contextlib
import datetime as dt
import secrets
import shutil
import subprocess
import sys
from collections import Counter
from itertools import count

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from pydantic import SecretStr
from sqlalchemy import func, select

from webviewer.domain.licence import Licence
from webviewer.settings import Settings
from webviewer.wire.licences import LicenceReader, Vendor
from webviewer_control.errors import LicenceRefusalError
from webviewer_control.services.actor import SYSTEM
from webviewer_control.services.journal import Journal
from webviewer_control.services.licences import Licences
from webviewer_control.services.records import Records
from webviewer_control.services.seats import Seats
from webviewer_control.services.sessions import SessionLimits, Sessions
from webviewer_control.services.watch import MemoryBus
from webviewer_control.store.database import Database
from webviewer_control.store.models import LedgerRow, SessionRow, UserRow

VENDOR = Vendor.generate()
START = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
IDLE = dt.timedelta(minutes=30)


class Replica:
    """The services of one control process, without HTTP."""

    def __init__(self, settings, clock):
        self.records = Records(Database(settings), Journal(clock), clock)
        seats = Seats(enforced=True)
        limits = SessionLimits(IDLE.total_seconds(), 12 * 3600)
        self.sessions = Sessions(self.records, MemoryBus(), b"k" * 32, seats, limits)
        reader = LicenceReader([VENDOR.public_key])
        self.licences = Licences(self.records, seats, self.sessions, reader, trial_supported=True)

    async def prepare(self):
        await self.records.database.upgrade()
        await self.licences.ensure()
        return self

    async def add_users(self, number):
        users = []
        async with self.records.database.writing() as transaction:
            for index in range(number):
                name = f"user{index}"
                row = UserRow(login=name, login_key=name, password="-", created=self.records.clock())
                transaction.add(row)
                users.append(row)
        return users

    async def sign(self, kind, **fields):
        async with self.records.database.reading() as transaction:
            product = await transaction.scalar(select(LedgerRow.product))
        now = self.records.clock()
        return VENDOR.sign(Licence(id=secrets.token_hex(16), product=product, type=kind, issued=now, **fields))

    async def activate(self, kind, **fields):
        await self.licences.activate(await self.sign(kind, **fields), SYSTEM)

    async def rows(self):
        async with self.records.database.reading() as transaction:
            return (await transaction.scalars(select(SessionRow))).all()

    async def held(self):
        """Seats by kind, as the database has them."""
        query = select(SessionRow.seat, func.count()).group_by(SessionRow.seat)
        async with self.records.database.reading() as transaction:
            return dict((await transaction.execute(query)).all())

    async def close(self):
        await self.records.database.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A prepared database with three users, to be copied."""
    folder = tmp_path_factory.mktemp("empty")

    async def make():
        replica = await Replica(Settings(data=folder), lambda: START).prepare()
        users = await replica.add_users(3)
        await replica.close()
        return users

    return folder / "control.db", asyncio.run(make())


class Ledger(RuleBasedStateMachine):
    """Sessions come and go in any order; a model in plain words says who must get in, and by which seat."""

    file = users = folder = None
    numbers = count()
    sessions = Bundle("sessions")

    @initialize()
    def start(self):
        self.runner = asyncio.Runner()
        data = self.folder / f"{next(self.numbers)}"
        data.mkdir()
        shutil.copy(self.file, data)
        self.settings = Settings(data=data)
        self.now = START
        self.replica = Replica(self.settings, lambda: self.now)
        self.live = {}  # id -> seat, moment of the last sign of life
        self.limits, self.order = {"user": 0, "link": 0}, {"user": [], "link": []}
        self.keys = set()

    def run(self, work):
        return self.runner.run(work)

    def taken(self):
        return Counter(seat for seat, _ in self.live.values())

    def free(self, kind):
        """The pool that the licence gives a seat from."""
        taken = self.taken()
        return next((pool for pool in self.order[kind] if taken[pool] < self.limits[pool]), None)

    def come(self, expected, *arguments, **options):
        try:
            session, secret = self.run(self.replica.sessions.open(*arguments, **options))
        except LicenceRefusalError:
            assert expected is None
            return multiple()
        seat = next(row.seat for row in self.run(self.replica.rows()) if row.id == session.id)
        assert seat == expected
        self.live[session.id] = (seat, self.now)
        return secret, session.id

    @rule(target=sessions, index=st.integers(0, 2))
    def log_in(self, index):
        user = self.users[index]
        if index not in self.keys:
            return self.come(self.free("user"), "user", "127.0.0.1", user)
        mine = {row.id for row in self.run(self.replica.rows()) if row.user_id == user.id}
        sitting = [name for name, (seat, _) in self.live.items() if seat == "personal" and name in mine]
        if not sitting:
            return self.come("personal", "user", "127.0.0.1", user)
        pool = self.free("user")
        if pool is None:
            del self.live[sitting[0]]  # he always gets in, and sits where he came last
        return self.come(pool or "personal", "user", "127.0.0.1", user)

    @rule(target=sessions, signed=st.booleans())
    def open_link(self, signed):
        expected = "signed" if signed and self.order["link"] else self.free("link")
        return self.come(expected, "link", "127.0.0.1", signed=signed)

    @rule(session=consumes(sessions))
    def end(self, session):
        self.live.pop(session[1], None)
        self.run(self.replica.sessions.end(session[1], SYSTEM, "closed"))

    @rule(session=sessions)
    def use(self, session):
        kind = "link" if self.live.get(session[1], ("",))[0] in {"link", "signed"} else "user"
        found = [self.run(self.replica.sessions.find(session[0], each)) for each in ("user", "link")]
        known = next((each for each in found if each), None)
        assert (known is not None) == (session[1] in self.live), kind
        if known:
            # Written half a minute after the last one at the earliest.
            touched = self.run(self.replica.sessions.touch(known))
            self.live[session[1]] = (self.live[session[1]][0], touched.last_seen)

    @rule(minutes=st.integers(1, 40))
    def wait(self, minutes):
        self.now += dt.timedelta(minutes=minutes)
        self.live = {name: value for name, value in self.live.items() if value[1] + IDLE > self.now}

    @rule()
    def sweep(self):
        self.run(self.replica.sessions.sweep())

    @rule()
    def crash(self):
        self.run(self.replica.close())
        self.replica = Replica(self.settings, lambda: self.now)

    @rule(
        users=st.integers(0, 3),
        links=st.integers(0, 2),
        policy=st.sampled_from(["separate", "links-use-users", "users-use-links"]),
    )
    def buy_unified(self, users, links, policy):
        self.run(self.replica.activate("unified", concurrents=users, link_connections=links, policy=policy))
        self.limits = {"user": users, "link": links}
        self.order = {
            "user": ["user", "link"] if policy == "users-use-links" else ["user"],
            "link": ["link", "user"] if policy == "links-use-users" else ["link"],
        }

    @rule(users=st.integers(1, 3))
    def buy_concurrent(self, users):
        self.run(self.replica.activate("concurrent", concurrents=users))
        self.limits, self.order = {"user": users, "link": 0}, {"user": ["user"], "link": ["link", "user"]}

    @rule(index=st.integers(0, 2))
    def give_or_take_key(self, index):
        user = self.users[index]
        if index in self.keys:
            mine = {
                row.id for row in self.run(self.replica.rows()) if row.user_id == user.id and row.seat == "personal"
            }
            self.run(self.replica.licences.delete_personal(user.id, SYSTEM))
            self.live = {name: value for name, value in self.live.items() if name not in mine}
            self.keys.remove(index)
            return
        with contextlib.suppress(Exception):  # the concurrent licence has no keys
            self.run(self.replica.licences.activate_personal(user.id, self.run(self.replica.sign("personal")), SYSTEM))
            self.keys.add(index)

    @invariant()
    def the_database_and_the_model_know_the_same_sessions(self):
        rows = {row.id: row for row in self.run(self.replica.rows())}
        alive = {name for name, row in rows.items() if row.last_seen + IDLE > self.now and row.expires > self.now}
        assert alive == set(self.live)
        assert all(rows[name].seat == seat for name, (seat, _) in self.live.items())

    def teardown(self):
        if hasattr(self, "runner"):
            self.run(self.replica.close())
            self.runner.close()
            shutil.rmtree(self.settings.data)


@pytest.mark.contract("E08", "E09", "E10", "E11", "E12")
def test_in_every_order_of_events_who_must_get_in_does_and_nobody_else(empty, tmp_path):
    file, users = empty
    machine = type("Machine", (Ledger,), {"file": file, "users": users, "folder": tmp_path})
    run = machine.TestCase
    run.settings = hypothesis_settings(max_examples=20, stateful_step_count=30, deadline=None)
    run("runTest").runTest()


@pytest.fixture
async def replicas(postgresql):
    """Four control processes' services on one PostgreSQL, with users."""
    database = Settings(database_url=SecretStr(postgresql()))
    clock = lambda: dt.datetime.now(dt.UTC)  # noqa: E731 - as the server's
    found = [Replica(database, clock) for _ in range(4)]
    await found[0].prepare()
    found[0].users = await found[0].add_users(50)
    yield found
    for replica in found:
        await replica.close()


@pytest.mark.contract("E09")
async def test_four_replicas_that_take_and_give_back_at_once_never_give_a_seat_too_many(replicas):
    first, limit = replicas[0], 2
    await first.activate("unified", concurrents=limit, link_connections=1, policy="users-use-links")
    most, stop = Counter(), asyncio.Event()

    async def look():
        while not stop.is_set():
            for seat, held in (await first.held()).items():
                most[seat] = max(most[seat], held)

    async def visitor(number):
        got_in = 0
        for turn in range(3):
            user = first.users[(number + turn) % 50]
            with contextlib.suppress(LicenceRefusalError):
                session, _ = await replicas[number % 4].sessions.open("user", "127.0.0.1", user)
                got_in += 1
                await replicas[(number + 1) % 4].sessions.end(session.id, SYSTEM, "closed")
        return got_in

    looking = asyncio.create_task(look())
    got_in = await asyncio.gather(*(visitor(number) for number in range(50)))
    stop.set()
    await looking
    assert most["user"] <= limit
    assert most["link"] <= 1
    assert sum(got_in) > limit + 1
    assert await first.held() == {}
    opened = await asyncio.gather(
        *(replicas[n % 4].sessions.open("user", "127.0.0.1", first.users[0]) for n in range(30)), return_exceptions=True
    )
    assert sum(isinstance(each, tuple) for each in opened) == limit + 1
    assert await first.held() == {"user": limit, "link": 1}


OPENER = """
import asyncio, datetime as dt, sys
from pydantic import SecretStr
from webviewer.settings import Settings
from webviewer_control.errors import NoSeatError
from webviewer_control.services.actor import SYSTEM
from webviewer_control.services.journal import Journal
from webviewer_control.services.records import Records
from webviewer_control.services.seats import Seats
from webviewer_control.services.sessions import SessionLimits, Sessions
from webviewer_control.services.watch import MemoryBus
from webviewer_control.store.database import Database
from webviewer_control.store.models import UserRow

async def main():
    clock = lambda: dt.datetime.now(dt.UTC)
    records = Records(Database(Settings(database_url=SecretStr(sys.argv[1]))), Journal(clock), clock)
    sessions = Sessions(records, MemoryBus(), b"k" * 32, Seats(enforced=True), SessionLimits(1800, 43200))
    async with records.database.reading() as transaction:
        user = await transaction.get(UserRow, sys.argv[2])
    async def come_and_go():
        while True:
            try:
                session, _ = await sessions.open("user", "127.0.0.1", user)
            except NoSeatError:
                continue
            print("in", flush=True)
            await sessions.end(session.id, SYSTEM, "closed")
    await asyncio.gather(*(come_and_go() for _ in range(6)))

asyncio.run(main())
"""


async def test_a_process_that_is_killed_amid_log_ins_leaves_no_seat_behind(postgresql):
    url = postgresql()
    now = [dt.datetime.now(dt.UTC)]
    replica = await Replica(Settings(database_url=SecretStr(url)), lambda: now[0]).prepare()
    try:
        user = (await replica.add_users(1))[0]
        await replica.activate("concurrent", concurrents=4)
        arguments = ("-c", OPENER, url, user.id)
        process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=subprocess.PIPE)
        for _ in range(20):
            assert (await process.stdout.readline()).strip() == b"in"
        process.kill()
        await process.communicate()
        assert sum((await replica.held()).values()) <= 4
        # Whoever was logged in when it was killed is so still, until he times out; then all four are free again.
        now[0] += IDLE + dt.timedelta(minutes=1)
        results = await asyncio.gather(
            *(replica.sessions.open("user", "127.0.0.1", user) for _ in range(9)), return_exceptions=True
        )
        assert sum(isinstance(result, tuple) for result in results) == 4
        assert await replica.held() == {"user": 4}
    finally:
        await replica.close()
