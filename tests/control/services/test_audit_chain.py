"""The chain of the viewing audit: what is changed, added or taken away shows."""

import asyncio
import datetime as dt
import json

import pytest
from sqlalchemy import delete, func, select, update

from webviewer import cli
from webviewer.domain.study import StudySummary
from webviewer_control.services.audit import AuditFilter, Viewer
from webviewer_control.services.audit_chain import digest_of
from webviewer_control.store.models import AuditRow, AuditSealRow

ANNA = Viewer("anna", "user", "session", "192.0.2.1", "user-id")
STUDY = StudySummary(
    id="study", store="user", name="Ivanova^Anna", pid="P-1", uid="1.2.3", mod=("CT",), recv=dt.datetime.now(dt.UTC)
)


@pytest.fixture
async def server(start, database_url):
    return await start(database_url=database_url)


@pytest.fixture
async def sealed(server):
    """Nine entries under three seals."""
    audit = server.control.audit
    for _ in range(3):
        for number in range(3):
            await audit.note("opened", ANNA, STUDY, {"number": number})
        await audit.seal()
        server.clock.advance(minutes=1)
    report = await audit.verify()
    assert (report.sound, report.entries, report.waiting, report.seals) == (True, 9, 0, 4)
    return server


async def run(server, statement):
    async with server.control.database.writing() as transaction:
        await transaction.execute(statement)


async def problems(server):
    report = await server.control.audit.verify()
    assert report.sound == (not report.problems)
    return [(problem.kind, problem.seal, problem.entry) for problem in report.problems]


@pytest.mark.parametrize(
    "change",
    [
        {"login": "berta"},
        {"subject": {"name": "Somebody^Else"}},
        {"time": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)},
        {"details": {}},
        {"address": "203.0.113.1"},
    ],
)
async def test_a_changed_entry_is_named(sealed, change):
    await run(sealed, update(AuditRow).where(AuditRow.id == 5).values(**change))
    assert await problems(sealed) == [("changed", 3, 5)]


async def test_an_entry_that_is_changed_with_its_digest_shows_at_the_seal(sealed):
    other = update(AuditRow).where(AuditRow.id == 4).values(login="berta")
    await run(sealed, other)
    async with sealed.control.database.writing() as transaction:
        row = await transaction.get(AuditRow, 4)

        row.digest = digest_of(row)
    assert await problems(sealed) == [("changed", 3, None)]


async def test_a_deleted_entry_an_added_one_and_a_deleted_seal_show(sealed):
    await run(sealed, delete(AuditRow).where(AuditRow.id == 5))
    assert await problems(sealed) == [("missing", 3, None)]
    await run(sealed, update(AuditSealRow).where(AuditSealRow.id == 4).values(entries=4))
    assert ("forged", 4, None) in await problems(sealed)
    await run(sealed, delete(AuditSealRow).where(AuditSealRow.id == 3))
    assert ("chain", 4, None) in await problems(sealed)


async def test_entries_whose_seal_was_taken_away_with_all_later_ones_show_after_a_while(sealed):
    head = await sealed.control.audit.head()
    await run(sealed, delete(AuditSealRow).where(AuditSealRow.id == 4))
    sealed.clock.advance(minutes=20)
    assert await problems(sealed) == [("late", None, 7)]
    await run(sealed, delete(AuditRow).where(AuditRow.seal_id == 4))
    assert await problems(sealed) == []
    report = await sealed.control.audit.verify((head.seal, head.mac))
    assert [(problem.kind, problem.seal) for problem in report.problems] == [("missing", 4)]


async def test_what_is_added_to_a_sealed_minute_shows(sealed):
    async with sealed.control.database.writing() as transaction:
        copy = {c.name: getattr(await transaction.get(AuditRow, 5), c.name) for c in AuditRow.__table__.columns}
        transaction.add(AuditRow(**copy | {"id": 50}))
    kinds = await problems(sealed)
    assert kinds[0][:2] == ("changed", 3)


async def test_retention_keeps_the_chain_verifiable(sealed):
    audit, database = sealed.control.audit, sealed.control.database
    async with database.reading() as transaction:
        second = (await transaction.get(AuditSealRow, 3)).time
    assert await audit.prune(second) == 3
    assert await audit.prune(second + dt.timedelta(seconds=1)) == 3
    assert await audit.prune(second + dt.timedelta(seconds=1)) == 0
    await audit.seal()
    report = await audit.verify()
    assert (report.sound, report.deleted, report.entries) == (True, 6, 5)
    _, rows = await audit.page(AuditFilter(action="pruned"), "time", 0, 10, descending=False)
    assert [(row.login, row.details["entries"]) for row in rows] == [("system", 3), ("system", 3)]
    # Who deletes more and moves the checkpoint cannot sign it.
    await run(sealed, delete(AuditRow).where(AuditRow.seal_id == 4))
    await run(sealed, delete(AuditSealRow).where(AuditSealRow.id == 3))
    await run(sealed, update(AuditSealRow).where(AuditSealRow.id == 4).values(deleted=9, checkpoint="f" * 64))
    assert await problems(sealed) == [("chain", 4, None)]


async def test_two_replicas_seal_one_chain(start, postgresql):
    url = postgresql()
    first, second = await start(database_url=url), await start(database_url=url)
    for number in range(40):
        await (first, second)[number % 2].control.audit.note("opened", ANNA, STUDY)
        if number % 10 == 9:
            await asyncio.gather(first.control.audit.seal(), second.control.audit.seal())
    await first.control.audit.seal()
    report = await second.control.audit.verify()
    assert (report.sound, report.entries, report.waiting) == (True, 40, 0)
    async with first.control.database.reading() as transaction:
        assert await transaction.scalar(select(func.count()).select_from(AuditRow)) == 40


async def test_without_names_the_audit_knows_no_patient(start):
    server = await start(audit_names=False)
    await server.control.audit.note("opened", ANNA, STUDY)
    _, [row] = await server.control.audit.page(AuditFilter(), "time", 0, 10, descending=True)
    assert row.subject == {"uid": "1.2.3", "mod": "CT"}


async def test_the_command_checks_the_chain_and_fails_when_it_is_broken(sealed, capsys):
    settings = sealed.control.settings
    options = ["audit", "verify", "--data", str(settings.data)]
    if settings.database_url:
        options += ["--database-url", settings.database_url.get_secret_value()]
    assert await asyncio.to_thread(cli.main, options) == 0
    text = capsys.readouterr().out
    assert "entries checked: 9" in text
    assert "sound" in text
    head = await sealed.control.audit.head()
    assert await asyncio.to_thread(cli.main, [*options, "--expect", f"{head.seal}:{'0' * 64}"]) == 1
    assert await asyncio.to_thread(cli.main, [*options, "--expect", "nonsense"]) == 2
    capsys.readouterr()
    await run(sealed, update(AuditRow).where(AuditRow.id == 5).values(login="berta"))
    assert await asyncio.to_thread(cli.main, [*options, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["problems"] == [{"kind": "changed", "seal": 3, "entry": 5}]


async def test_the_command_needs_the_key_of_the_installation(tmp_path, capsys):
    assert await asyncio.to_thread(cli.main, ["audit", "verify", "--data", str(tmp_path)]) == 2
    assert "instance.key is missing" in capsys.readouterr().err
