"""Which render node a session gets: the rule, and the ledger on both engines."""

import asyncio
import datetime as dt
from collections import Counter

import pytest
from pydantic import SecretStr

from webviewer.errors import NodeFullError, PeerUnavailableError
from webviewer.settings import Settings
from webviewer_control.services.journal import Journal
from webviewer_control.services.placement import Candidate, Placements, choose
from webviewer_control.services.records import Records
from webviewer_control.store.database import Database
from webviewer_control.store.models import SessionRow

NODES = (Candidate(1, "http://a:1"), Candidate(2, "http://b:1"), Candidate(3, "http://c:1"))
START = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


class Listed:
    """A registry that knows what it is told."""

    def __init__(self, nodes=NODES):
        self.nodes = nodes

    async def candidates(self, _):
        return self.nodes

    async def note_failure(self, node, cause):
        pass


class Ledger:
    """A database, and as many controls on it as are wanted."""

    def __init__(self, settings):
        self.settings = settings
        self.registry = Listed()
        self.now = START
        self.databases = []

    def control(self, policy="fewest-sessions"):
        database = Database(self.settings)
        self.databases.append(database)
        return Placements(Records(database, Journal(self.clock), self.clock), self.registry, policy, 60)

    def clock(self):
        return self.now

    async def add_sessions(self, names):
        async with self.databases[0].writing() as transaction:
            for name in names:
                transaction.add(
                    SessionRow(
                        id=name, kind="link", secret=name, created=START, last_seen=START,
                        expires=START + dt.timedelta(days=1), address="",
                    )
                )  # fmt: skip


@pytest.fixture
async def ledger(tmp_path, database_url):
    ledger = Ledger(Settings(data=tmp_path, database_url=SecretStr(database_url) if database_url else None))
    ledger.first = ledger.control()
    await ledger.databases[0].upgrade()
    await ledger.add_sessions(["s1", "s2", "s3", "s4"])
    yield ledger
    for database in ledger.databases:
        await database.close()


def test_the_node_with_the_fewest_sessions_is_chosen_and_what_seems_full_or_dead_is_last():
    nodes = [Candidate(1, "", slots=4), Candidate(2, "", slots=2), Candidate(3, "", failing=True)]
    assert choose(nodes, {1: 1, 2: 0, 3: 0}).id == 2
    assert choose(nodes, {1: 3, 2: 2, 3: 0}).id == 1
    assert choose(nodes, {1: 4, 2: 2, 3: 0}).id == 2
    assert choose(nodes[2:], {3: 5}).id == 3
    assert choose(nodes, {}).id == 1


def test_affinity_prefers_who_has_the_series_within_one_session_of_the_fewest():
    nodes = [Candidate(1, ""), Candidate(2, "", series=frozenset({"a"})), Candidate(3, "", series=frozenset({"a"}))]
    assert choose(nodes, {1: 2, 2: 3, 3: 4}, "a").id == 2
    assert choose(nodes, {1: 2, 2: 4, 3: 4}, "a").id == 1
    assert choose(nodes, {1: 2, 2: 3, 3: 4}, "b").id == 1
    assert choose(nodes, {1: 2, 2: 3, 3: 4}).id == 1
    dead = [Candidate(1, ""), Candidate(2, "", series=frozenset({"a"}), failing=True)]
    assert choose(dead, {}, "a").id == 1


async def test_300_sessions_placed_at_once_by_two_controls_differ_by_one(ledger):
    names = [f"n{number}" for number in range(300)]
    await ledger.add_sessions(names)
    controls = [ledger.first, ledger.control()]
    placed = await asyncio.gather(*(controls[i % 2].place(name, "series") for i, name in enumerate(names)))
    counts = Counter(node.id for node in placed)
    assert sorted(counts.values()) == [100, 100, 100]


async def test_a_session_keeps_its_node_at_every_control_even_if_that_takes_no_new_ones(ledger):
    own = await ledger.first.place("s1", "series")
    other = ledger.control()
    ledger.registry.nodes = (Candidate(own.id, own.address, open=False), *NODES[1:])
    await other.place("s2", "series")
    assert (await other.place("s1", "other")).id == own.id
    ledger.now += dt.timedelta(seconds=30)
    assert (await ledger.first.place("s1", "series")).id == own.id
    ledger.now += dt.timedelta(seconds=59)
    assert await other.of("s1") == own.id


async def test_a_place_is_given_back_a_minute_after_the_last_viewport(ledger):
    for session in ("s1", "s2", "s3"):
        await ledger.first.place(session, "series")
    ledger.now += dt.timedelta(seconds=50)
    await ledger.first.touch("s2")
    await ledger.first.renew({"s3": 3})
    ledger.now += dt.timedelta(seconds=11)
    await ledger.first.sweep()
    assert await ledger.first.all(["s1", "s2", "s3"]) == {"s2": 2, "s3": 3}
    assert (await ledger.first.place("s4", "series")).id == 1


async def test_a_place_that_was_lost_is_made_again_for_a_living_session_only(ledger):
    await ledger.first.renew({"s1": 2, "nobody": 2})
    assert await ledger.first.all(["s1", "nobody"]) == {"s1": 2}


async def test_a_refusal_moves_the_session_and_when_all_have_refused_it_holds_nothing(ledger):
    assert (await ledger.first.place("s1", "series")).id == 1
    assert (await ledger.first.place("s1", "series", {1})).id == 2
    assert (await ledger.first.place("s1", "series", {1})).id == 2
    assert (await ledger.first.place("s1", "series", {1, 2})).id == 3
    with pytest.raises(NodeFullError):
        await ledger.first.place("s1", "series", {1, 2, 3})
    await ledger.first.give_up("s1", {1, 2})
    assert await ledger.first.of("s1") == 3
    await ledger.first.give_up("s1", {1, 2, 3})
    assert await ledger.first.of("s1") is None


async def test_a_node_that_fails_or_has_gone_is_left(ledger):
    own = await ledger.first.place("s1", "series")
    ledger.registry.nodes = (Candidate(own.id, own.address, failing=True), NODES[1])
    assert (await ledger.first.place("s1", "series")).id == 2
    ledger.registry.nodes = NODES[2:]
    assert (await ledger.first.place("s1", "series")).id == 3
    ledger.registry.nodes = (Candidate(3, "", open=False),)
    with pytest.raises(NodeFullError):
        await ledger.first.place("s2", "series")
    ledger.registry.nodes = ()
    with pytest.raises(PeerUnavailableError):
        await ledger.first.place("s2", "series")


async def test_a_session_that_ends_leaves_no_place(ledger):
    await ledger.first.place("s1", "series")
    async with ledger.databases[0].writing() as transaction:
        await transaction.delete(await transaction.get_one(SessionRow, "s1"))
    assert await ledger.first.all(["s1"]) == {}
    await ledger.first.place("s1", "series")
    assert await ledger.first.all(["s1"]) == {}
