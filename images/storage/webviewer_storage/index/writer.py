"""Rows of a batch of received objects, in the caller's transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import BigInteger, Integer, Select, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from webviewer.domain.study import IngestOutcome, refusal
from webviewer.reasons import Reason, Why
from webviewer_storage.index import study_keys
from webviewer_storage.index.models import (
    InstanceRow,
    QuarantineRow,
    SeriesRow,
    StudyRow,
    TermRow,
    new_id,
)
from webviewer_storage.ingest.facts import ObjectFacts, Receipt

SameData = Callable[[str, Receipt], Awaitable[bool]]
_LIST_LENGTH = 400
_SERIES_CHANGES = ("ninst", "nframes", "nimages", "problem", "why", "technique", "version")
_MAX_REMEMBERED = 64


def _by_uid(columns: Any, store: Any, uid: Any) -> Select[Any]:  # noqa: ANN401 - columns of three tables
    return select(*columns).where(store == bindparam("store"), uid.in_(bindparam("uids", expanding=True)))


# Built once: composing a statement costs more than running it.
_INSTANCES = _by_uid(
    (InstanceRow.sop_uid, InstanceRow.digest, InstanceRow.study_id), InstanceRow.store_id, InstanceRow.sop_uid
)
_STUDIES = _by_uid(StudyRow.__table__.columns, StudyRow.store_id, StudyRow.study_uid)
_SERIES = _by_uid(SeriesRow.__table__.columns, SeriesRow.store_id, SeriesRow.series_uid)
_INSERT_SERIES, _INSERT_INSTANCES = insert(SeriesRow.__table__), insert(InstanceRow.__table__)  # type: ignore[arg-type]
_INSERT_TERMS = insert(TermRow.__table__)  # type: ignore[arg-type]
_UPDATE_STUDY = (
    update(StudyRow.__table__)  # type: ignore[arg-type]
    .where(StudyRow.id == bindparam("key"))
    .values(
        nser=StudyRow.nser + bindparam("add_nser", type_=Integer),
        ninst=StudyRow.ninst + bindparam("add_ninst", type_=Integer),
        size=StudyRow.size + bindparam("add_size", type_=BigInteger),
        modalities=bindparam("new_modalities"),
        regions=bindparam("new_regions"),
    )
)
_UPDATE_SERIES = (
    update(SeriesRow.__table__)  # type: ignore[arg-type]
    .where(SeriesRow.id == bindparam("key"))
    .values({name: bindparam(f"new_{name}", type_=SeriesRow.__table__.c[name].type) for name in _SERIES_CHANGES})
)


@dataclass(slots=True)
class _Study:
    """A study as the batch changes it."""

    values: dict[str, Any]
    new: bool = False
    ninst: int = 0
    nser: int = 0
    size: int = 0
    terms: set[tuple[str, str]] = field(default_factory=set)

    def change(self) -> dict[str, Any]:
        """Return the parameters of the update."""
        lists = {"new_modalities": self.values["modalities"], "new_regions": self.values["regions"]}
        return {
            "key": self.values["id"],
            "add_nser": self.nser,
            "add_ninst": self.ninst,
            "add_size": self.size,
            **lists,
        }

    def add_to_list(self, column: str, term_field: str, value: str) -> None:
        """Add a modality or region to the study's list of them."""
        value = value.replace(",", " ")
        known = self.values[column].split(",") if self.values[column] else []
        joined = ",".join(sorted({*known, value}))
        term = study_keys.key(value)
        if term and term not in map(study_keys.key, known) and len(joined) <= _LIST_LENGTH:
            self.values[column] = joined
            self.terms.add((term_field, term))


@dataclass(slots=True)
class _Series:
    """A series as the batch changes it."""

    values: dict[str, Any]
    new: bool = False
    changed: bool = False

    def change(self) -> dict[str, Any]:
        """Return the parameters of the update."""
        return {"key": self.values["id"], **{f"new_{name}": self.values[name] for name in _SERIES_CHANGES}}


@dataclass(frozen=True, slots=True)
class WriterMemory:
    """Studies and series of recent batches, by (store, UID): a sender keeps to one for hundreds of objects.

    Right as long as nobody else writes: start an empty one after a failed batch and after any deletion.
    """

    studies: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    series: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


class BatchWriter:
    """Decides about each object of one batch and writes the rows. Used once.

    ``same_data(digest, receipt)`` tells whether a stored blob and a received file hold the same data
    set: the same object sent twice may differ in its file meta information.
    """

    def __init__(self, connection: AsyncConnection, same_data: SameData, memory: WriterMemory) -> None:
        self._connection = connection
        self._same_data = same_data
        self._now = dt.datetime.now(dt.UTC)
        self._studies = {key: _Study(values) for key, values in memory.studies.items()}
        self._series = {key: _Series(values) for key, values in memory.series.items()}
        self._known: dict[tuple[str, str], tuple[str, str]] = {}
        self._quarantined: set[tuple[str, str]] = set()
        self._instances: list[dict[str, Any]] = []
        self._held: list[dict[str, Any]] = []
        self.identical: set[str] = set()
        """Files whose bytes are those of a stored blob."""

    async def write(self, receipts: Sequence[Receipt]) -> list[IngestOutcome]:
        """Write the rows and return what became of each object, in order."""
        await self._load(receipts)
        outcomes = [await self._decide(receipt) for receipt in receipts]
        await self._flush()
        return outcomes

    def memory(self) -> WriterMemory:
        """Return what the next batch may rely on. Call it after the commit."""
        if len(self._series) > _MAX_REMEMBERED:
            return WriterMemory()
        return WriterMemory(
            {key: study.values for key, study in self._studies.items()},
            {key: series.values for key, series in self._series.items()},
        )

    async def _load(self, receipts: Sequence[Receipt]) -> None:
        wanted: dict[str, list[ObjectFacts]] = {}
        for receipt in receipts:
            if receipt.facts:
                wanted.setdefault(receipt.store, []).append(receipt.facts)
        for store, facts in wanted.items():
            for row in await self._select(_INSTANCES, store, {one.sop_uid for one in facts}):
                self._known[store, row.sop_uid] = (row.digest, row.study_id)
            studies = {one.study.uid for one in facts if (store, one.study.uid) not in self._studies}
            for row in await self._select(_STUDIES, store, studies):
                self._studies[store, row.study_uid] = _Study(dict(row._mapping))  # noqa: SLF001 - its public name
            series = {one.series.uid for one in facts if (store, one.series.uid) not in self._series}
            for row in await self._select(_SERIES, store, series):
                self._series[store, row.series_uid] = _Series(dict(row._mapping))  # noqa: SLF001
        if self._known or any(receipt.facts is None for receipt in receipts):
            statement = select(QuarantineRow.store_id, QuarantineRow.digest).where(
                QuarantineRow.store_id.in_({receipt.store for receipt in receipts}),
                QuarantineRow.digest.in_({receipt.digest for receipt in receipts}),
            )
            rows = (await self._connection.execute(statement)).all()
            self._quarantined = {(row.store_id, row.digest) for row in rows}

    async def _select(self, statement: Select[Any], store: str, uids: set[str]) -> Sequence[Any]:
        if not uids:
            return ()
        rows: Sequence[Any] = (await self._connection.execute(statement, {"store": store, "uids": list(uids)})).all()
        return rows

    async def _decide(self, receipt: Receipt) -> IngestOutcome:
        facts = receipt.facts
        if facts is None:
            return self._hold(receipt, "quarantined", receipt.why or Why.HEADER_DAMAGED())
        existing = self._known.get((receipt.store, facts.sop_uid))
        study = self._studies.get((receipt.store, facts.study.uid))
        if existing:
            digest, study_id = existing
            if digest == receipt.digest:
                self.identical.add(receipt.file)
            if digest == receipt.digest or await self._same_data(digest, receipt):
                return IngestOutcome(
                    status="duplicate", name=receipt.name, study=study_id, problem=facts.problem, why=facts.why
                )
            is_elsewhere = study is None or study.values["id"] != study_id
            why = Why.INSTANCE_ELSEWHERE() if is_elsewhere else Why.INSTANCE_DIFFERS()
            return self._hold(receipt, "conflict", why)
        series = self._series.get((receipt.store, facts.series.uid))
        if series and (study is None or series.values["study_id"] != study.values["id"]):
            return self._hold(receipt, "conflict", Why.SERIES_ELSEWHERE())
        if study and _other_patient(study.values, facts):
            return self._hold(receipt, "conflict", Why.PATIENT_DIFFERS())
        return self._add(receipt, facts, study, series)

    def _add(self, receipt: Receipt, facts: ObjectFacts, study: _Study | None, series: _Series | None) -> IngestOutcome:
        if study is None:
            study = self._new_study(receipt.store, facts)
        if series is None:
            series = self._new_series(receipt.store, facts, study)
        why = facts.why.model_dump(mode="json") if facts.why else None
        instance = {
            "id": new_id(),
            "store_id": receipt.store,
            "study_id": study.values["id"],
            "series_id": series.values["id"],
            "sop_uid": facts.sop_uid,
            "sop_class": facts.sop_class,
            "number": facts.number,
            "digest": receipt.digest,
            "size": receipt.size,
            "transfer_syntax": facts.transfer_syntax,
            "image": facts.image,
            "frames": facts.frames,
            "problem": facts.problem,
            "why": why,
            "received": self._now,
        }
        self._instances.append(instance)
        self._known[receipt.store, facts.sop_uid] = (receipt.digest, study.values["id"])
        study.ninst += 1
        study.size += receipt.size
        study.add_to_list("modalities", study_keys.MODALITY, facts.series.modality)
        study.add_to_list("regions", study_keys.REGION, facts.series.region)
        values = series.values
        values["ninst"] += 1
        values["nframes"] += facts.nframes
        values["nimages"] += facts.image is not None
        if not values["problem"]:
            values["problem"], values["why"] = facts.problem, why
        values["technique"] = {**facts.series.technique, **values["technique"]}
        values["version"] = new_id()
        series.changed = True
        return IngestOutcome(
            status="stored", name=receipt.name, study=study.values["id"], problem=facts.problem, why=facts.why
        )

    def _new_study(self, store: str, facts: ObjectFacts) -> _Study:
        attributes = facts.study
        values = {
            "id": new_id(),
            "store_id": store,
            "study_uid": attributes.uid,
            "name": attributes.name,
            "pid": attributes.pid,
            "pid_issuer": attributes.pid_issuer,
            "sex": attributes.sex,
            "birth_date": attributes.birth_date,
            "age": attributes.age,
            "study_time": attributes.time,
            "accession": attributes.accession,
            "description": attributes.description,
            "referrer": attributes.referrer,
            "institution": attributes.institution,
            "modalities": "",
            "regions": "",
            "received": self._now,
            **study_keys.study_keys(attributes),
        }
        study = _Study(values, new=True, terms=study_keys.study_terms(attributes))
        self._studies[store, attributes.uid] = study
        return study

    def _new_series(self, store: str, facts: ObjectFacts, study: _Study) -> _Series:
        attributes = facts.series
        values = {
            "id": new_id(),
            "store_id": store,
            "study_id": study.values["id"],
            "series_uid": attributes.uid,
            "number": attributes.number,
            "modality": attributes.modality,
            "description": attributes.description,
            "region": attributes.region,
            "laterality": attributes.laterality,
            "kind": attributes.kind,
            "version": new_id(),
            "ninst": 0,
            "nframes": 0,
            "nimages": 0,
            "problem": "",
            "why": None,
            "technique": {},
        }
        study.nser += 1
        self._series[store, attributes.uid] = series = _Series(values, new=True)
        return series

    def _hold(self, receipt: Receipt, status: Literal["quarantined", "conflict"], why: Reason) -> IngestOutcome:
        key = (receipt.store, receipt.digest)
        if key not in self._quarantined:  # a sender that tries again adds nothing
            self._quarantined.add(key)
            self._held.append(
                {
                    "id": new_id(),
                    "store_id": receipt.store,
                    "received": self._now,
                    "source": receipt.source,
                    "ae_title": receipt.ae_title,
                    "address": receipt.address,
                    "name": receipt.name,
                    "size": receipt.size,
                    "digest": receipt.digest,
                    "reason": why.text[:400],
                    "why": why.model_dump(mode="json"),
                }
            )
        return refusal(status, why, receipt.name)

    async def _flush(self) -> None:
        for study in self._studies.values():
            if study.new:
                values = {**study.values, "nser": study.nser, "ninst": study.ninst, "size": study.size}
                await self._connection.execute(insert(StudyRow).values(values))
            elif study.ninst:
                await self._connection.execute(_UPDATE_STUDY, study.change())
            await self._insert_terms(study)
        new = [series.values for series in self._series.values() if series.new]
        if new:
            await self._connection.execute(_INSERT_SERIES, new)
        changed = [series.change() for series in self._series.values() if series.changed and not series.new]
        if changed:
            await self._connection.execute(_UPDATE_SERIES, changed)
        if self._instances:
            await self._connection.execute(_INSERT_INSTANCES, self._instances)
        if self._held:
            await self._connection.execute(insert(QuarantineRow), self._held)

    async def _insert_terms(self, study: _Study) -> None:
        base = {"store_id": study.values["store_id"], "study_id": study.values["id"]}
        rows = [{**base, "field": name, "term": term} for name, term in sorted(study.terms) if term]
        if rows:
            await self._connection.execute(_INSERT_TERMS, rows)


def _other_patient(study: dict[str, Any], facts: ObjectFacts) -> bool:
    """Whether both sides name a patient and the names differ: two patients in one study is the worst mix-up."""
    return bool(study["pid"] and facts.study.pid and study["pid"] != facts.study.pid)
