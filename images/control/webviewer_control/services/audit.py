"""The viewing audit: who opened, exported, shared or changed which study, from where, by which link.

Entries are sealed into a chain every minute (:mod:`~webviewer_control.services.audit_chain`). Old ones are
deleted by whole seals, and a checkpoint keeps the rest verifiable.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

import structlog
from pydantic import BaseModel
from sqlalchemy import ColumnElement, String, cast, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from webviewer.domain.study import StudySummary
from webviewer_control.services.audit_chain import BEGINNING, Chain, digest_of, digest_of_all
from webviewer_control.services.records import Records
from webviewer_control.services.rounds import repeat
from webviewer_control.services.sessions import Session
from webviewer_control.services.timeline import Filter, Timeline
from webviewer_control.store.models import AuditRow, AuditSealRow

Action = Literal["opened", "exported", "downloaded", "shared", "retrieved", "uploaded", "changed", "deleted", "pruned"]
AuditSort = Literal["time", "id", "action", "user"]
ProblemKind = Literal["changed", "missing", "forged", "chain", "late"]
_SEAL_SECONDS = 60.0
_SEAL_ENTRIES = 2000
_LATE = dt.timedelta(minutes=15)
_MAX_PROBLEMS = 100
_MAX_NAME = 64
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who acts on studies: a log-in or a link opening, and from where."""

    login: str
    kind: str
    session: str
    address: str
    user: str | None = None
    link: str = ""

    @classmethod
    def of(cls, session: Session, address: str) -> Viewer:
        """Return who a session is."""
        return cls(session.login, session.kind, session.id, address, session.user, session.link or "")


SERVER = Viewer("system", "system", "", "")


class AuditProblem(BaseModel):
    """Something that is not as this program has left it. ``seal`` and ``entry`` say where, as far as it is known."""

    kind: ProblemKind
    seal: int | None = None
    entry: int | None = None


class AuditHead(BaseModel):
    """The newest seal. Noted elsewhere, it proves later that nothing was cut off after it."""

    seal: int
    mac: str
    time: dt.datetime


class AuditReport(BaseModel):
    """What a check of the whole chain has found; ``problems`` is empty if all is as it was written."""

    sound: bool
    entries: int
    """Sealed entries that were checked."""
    waiting: int
    """Entries that the next seal will cover."""
    deleted: int
    """Entries that retention has deleted before the first one left."""
    seals: int
    head: AuditHead
    problems: list[AuditProblem]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries; what is empty does not matter. ``before`` is not included."""

    user: str = ""
    action: Action | None = None
    patient: str = ""
    study: str = ""
    after: dt.datetime | None = None
    before: dt.datetime | None = None


class Audit:
    """Writes, seals, reads, checks and prunes the viewing audit."""

    def __init__(self, records: Records, secret: bytes, *, names: bool) -> None:
        self._database = records.database
        self._clock = records.clock
        self._chain = Chain(secret)
        self._names = names
        time, key = AuditRow.time, AuditRow.id
        sorts = {
            "id": (key,),
            "time": (time, key),
            "action": (AuditRow.action, time, key),
            "user": (AuditRow.login_key, time, key),
        }
        self._timeline: Timeline[AuditRow] = Timeline(records.database, AuditRow, sorts)

    async def note(
        self,
        action: Action,
        viewer: Viewer,
        study: StudySummary | None = None,
        details: Mapping[str, str | int | bool] | None = None,
    ) -> None:
        """Write an entry. ``study`` is as it is now: what it was stays readable after it is gone."""
        async with self._database.writing() as transaction:
            self._add(transaction, action, viewer, study, dict(details or {}))

    def _add(
        self,
        transaction: AsyncSession,
        action: Action,
        viewer: Viewer,
        study: StudySummary | None,
        details: dict[str, Any],
    ) -> None:
        row = AuditRow(
            time=self._clock(),
            action=action,
            login=viewer.login[:_MAX_NAME],
            login_key=viewer.login.lower()[:_MAX_NAME],
            user_id=viewer.user,
            kind=viewer.kind,
            session=viewer.session,
            link=viewer.link,
            address=viewer.address[:_MAX_NAME],
            study=study.id if study else "",
            subject=self._subject(study) if study else {},
            details=details,
        )
        transaction.add(row)

    def _subject(self, study: StudySummary) -> dict[str, Any]:
        patient = {"name": study.name, "pid": study.pid, "acc": study.acc} if self._names else {}
        known = {
            **patient,
            "uid": study.uid,
            "date": study.date.isoformat() if study.date else "",
            "mod": ",".join(study.mod),
            "desc": study.desc if self._names else "",
        }
        return {name: value for name, value in known.items() if value}

    # ------------------------------------------------------------ reading

    async def page(
        self, wanted: AuditFilter, sort: AuditSort, offset: int, limit: int, *, descending: bool
    ) -> tuple[int, Sequence[AuditRow]]:
        """Return the number of all matches and a page of them."""
        return await self._timeline.page(_conditions(wanted), sort, offset, limit, descending=descending)

    def all(self, wanted: AuditFilter) -> AsyncIterator[Sequence[AuditRow]]:
        """Yield all matches in batches, the oldest first."""
        return self._timeline.all(_conditions(wanted))

    # ------------------------------------------------------------ the chain

    async def seal(self) -> None:
        """Cover all entries that no seal covers yet."""
        while await self._seal_some() == _SEAL_ENTRIES:
            pass

    async def _seal_some(self) -> int:
        open_rows = select(AuditRow).where(AuditRow.seal_id.is_(None)).order_by(AuditRow.id).limit(_SEAL_ENTRIES)
        async with self._database.reading() as transaction:
            if not (await transaction.scalars(open_rows.limit(1))).all():
                return 0
        async with self._database.writing() as transaction:
            if not await _lock(transaction):
                return 0  # another replica prunes at this moment; the next round seals
            rows = (await transaction.scalars(open_rows)).all()
            if not rows:
                return 0
            last = await transaction.scalar(select(AuditSealRow).order_by(AuditSealRow.id.desc()).limit(1))
            digests = [digest_of(row) for row in rows]
            seal = AuditSealRow(
                time=self._clock(),
                entries=len(rows),
                digest=digest_of_all(digests),
                previous=last.mac if last else BEGINNING,
                mac="",
            )
            seal.mac = self._chain.mac(seal)
            transaction.add(seal)
            await transaction.flush()
            values = [
                {"id": row.id, "digest": digest, "seal_id": seal.id} for row, digest in zip(rows, digests, strict=True)
            ]
            await transaction.execute(update(AuditRow), values)
        _log.info("viewing audit sealed", seal=seal.id, entries=len(rows), mac=seal.mac)
        return len(rows)

    async def seal_for_ever(self) -> None:
        """Seal every minute; what the end of the process leaves unsealed is sealed by the next one."""
        await asyncio.sleep(_SEAL_SECONDS)
        await repeat(self.seal, _SEAL_SECONDS, "viewing audit not sealed")

    async def head(self) -> AuditHead:
        """Return the newest seal."""
        async with self._database.reading() as transaction:
            newest = select(AuditSealRow).order_by(AuditSealRow.id.desc()).limit(1)
            seal = (await transaction.scalars(newest)).one()
        return AuditHead(seal=seal.id, mac=seal.mac, time=seal.time)

    async def seal_after(self, seal: int) -> AuditSealRow | None:
        """Return the next seal that covers entries which are still there; null if there is none."""
        covered = select(AuditRow.id).where(AuditRow.seal_id == AuditSealRow.id).exists()
        later = select(AuditSealRow).where(AuditSealRow.id > seal, covered).order_by(AuditSealRow.id).limit(1)
        async with self._database.reading() as transaction:
            found: AuditSealRow | None = await transaction.scalar(later)
        return found

    async def sealed_by(self, seal: AuditSealRow) -> Sequence[AuditRow]:
        """Return the entries that a seal covers, in their order."""
        query = select(AuditRow).where(AuditRow.seal_id == seal.id).order_by(AuditRow.id)
        async with self._database.reading() as transaction:
            return (await transaction.scalars(query)).all()

    async def verify(self, expected: tuple[int, str] | None = None) -> AuditReport:
        """Check the whole chain. ``expected`` is a seal (number, mac) that was noted before."""
        problems: list[AuditProblem] = []
        entries = seals = 0
        first: AuditSealRow | None = None
        before: AuditSealRow | None = None
        async for seal in self._all_seals():
            seals += 1
            first = first or seal
            problems += self._check_seal(seal, before)
            found, wrong = await self._check_entries(seal)
            entries += found
            problems += wrong
            if expected and seal.id == expected[0] and seal.mac != expected[1]:
                problems.append(AuditProblem(kind="forged", seal=seal.id))
            before = seal
        if first is None or before is None:
            problems.append(AuditProblem(kind="chain"))
            head = AuditHead(seal=0, mac="", time=self._clock())
        else:
            head = AuditHead(seal=before.id, mac=before.mac, time=before.time)
            if expected and not first.id <= expected[0] <= before.id and expected[0] > first.id:
                problems.append(AuditProblem(kind="missing", seal=expected[0]))
        waiting, late = await self._unsealed()
        problems += late
        return AuditReport(
            sound=not problems,
            entries=entries,
            waiting=waiting,
            deleted=first.deleted if first else 0,
            seals=seals,
            head=head,
            problems=problems[:_MAX_PROBLEMS],
        )

    async def _all_seals(self) -> AsyncIterator[AuditSealRow]:
        after = 0
        while True:
            query = select(AuditSealRow).where(AuditSealRow.id > after).order_by(AuditSealRow.id).limit(500)
            async with self._database.reading() as transaction:
                seals = (await transaction.scalars(query)).all()
            if not seals:
                return
            for seal in seals:
                yield seal
            after = seals[-1].id

    def _check_seal(self, seal: AuditSealRow, before: AuditSealRow | None) -> list[AuditProblem]:
        if before is None:
            if seal.checkpoint:
                sound = seal.checkpoint == self._chain.checkpoint(seal)
            else:
                sound = (seal.mac, seal.entries, seal.deleted) == (BEGINNING, 0, 0)
            return [] if sound else [AuditProblem(kind="chain", seal=seal.id)]
        problems = []
        if seal.previous != before.mac:
            problems.append(AuditProblem(kind="chain", seal=seal.id))
        if seal.mac != self._chain.mac(seal):
            problems.append(AuditProblem(kind="forged", seal=seal.id))
        return problems

    async def _check_entries(self, seal: AuditSealRow) -> tuple[int, list[AuditProblem]]:
        if seal.checkpoint:
            return 0, []
        rows = await self.sealed_by(seal)
        digests = await asyncio.to_thread(lambda: [digest_of(row) for row in rows])
        problems = [
            AuditProblem(kind="changed", seal=seal.id, entry=row.id)
            for row, digest in zip(rows, digests, strict=True)
            if row.digest != digest
        ]
        if len(rows) < seal.entries:
            problems.append(AuditProblem(kind="missing", seal=seal.id))
        elif seal.entries and digest_of_all(digests) != seal.digest and not problems:
            problems.append(AuditProblem(kind="changed", seal=seal.id))
        return len(rows), problems

    async def _unsealed(self) -> tuple[int, list[AuditProblem]]:
        """Return how many entries wait for a seal, and a problem if one waits so long that its seal was taken away."""
        known = select(AuditSealRow.id)
        open_rows = or_(AuditRow.seal_id.is_(None), AuditRow.seal_id.not_in(known))
        late = (
            select(AuditRow.id).where(open_rows, AuditRow.time < self._clock() - _LATE).order_by(AuditRow.id).limit(1)
        )
        async with self._database.reading() as transaction:
            waiting = await transaction.scalar(select(func.count()).select_from(AuditRow).where(open_rows))
            oldest = await transaction.scalar(late)
        problem = [] if oldest is None else [AuditProblem(kind="late", entry=oldest)]
        return waiting or 0, problem

    async def prune(self, before: dt.datetime) -> int:
        """Delete entries older than ``before`` by whole seals; returns their number."""
        pruned = 0
        while True:
            async with self._database.writing() as transaction:
                seals = await self._oldest_seals(transaction, before)
                if len(seals) < 2:  # noqa: PLR2004 - the first is the beginning, or the checkpoint of before
                    return pruned
                first, last = seals[0], seals[-1]
                deleted = sum(seal.entries for seal in seals[1:])
                ids = [seal.id for seal in seals]
                await transaction.execute(delete(AuditRow).where(AuditRow.seal_id.in_(ids)))
                await transaction.execute(delete(AuditSealRow).where(AuditSealRow.id.in_(ids[:-1])))
                last.deleted = first.deleted + deleted
                last.checkpoint = self._chain.checkpoint(last)
                self._add(transaction, "pruned", SERVER, None, {"entries": deleted, "before": before.isoformat()})
                pruned += deleted

    async def _oldest_seals(self, transaction: AsyncSession, before: dt.datetime) -> Sequence[AuditSealRow]:
        """Return the beginning and the seals that are too old, a few at a time. The newest one always stays."""
        if not await _lock(transaction):
            return []
        seals = (await transaction.scalars(select(AuditSealRow).order_by(AuditSealRow.id).limit(100))).all()
        old = [*seals[:1], *takewhile(lambda seal: seal.time < before, seals[1:])]
        newest = await transaction.scalar(select(func.max(AuditSealRow.id)))
        if old and old[-1].id == newest:
            old.pop()
        return old


async def _lock(transaction: AsyncSession) -> AuditSealRow | None:
    """Be the only one who seals or prunes until the transaction ends; None if somebody else was just at it."""
    first = select(AuditSealRow).order_by(AuditSealRow.id).limit(1).with_for_update()
    row: AuditSealRow | None = await transaction.scalar(first)
    return row


def _conditions(wanted: AuditFilter) -> Filter:
    conditions: list[ColumnElement[bool]] = []
    if wanted.user:
        conditions.append(AuditRow.login_key == wanted.user.lower())
    if wanted.action:
        conditions.append(AuditRow.action == wanted.action)
    if wanted.study:
        conditions.append(AuditRow.study == wanted.study)
    if wanted.patient:
        text = wanted.patient.lower()
        for word in text.split():
            name = func.lower(cast(AuditRow.subject["name"].as_string(), String))
            pid = func.lower(cast(AuditRow.subject["pid"].as_string(), String))
            conditions.append(or_(name.contains(word, autoescape=True), pid == word))
    if wanted.after:
        conditions.append(AuditRow.time >= wanted.after)
    if wanted.before:
        conditions.append(AuditRow.time < wanted.before)
    return Filter(wanted, tuple(conditions))
