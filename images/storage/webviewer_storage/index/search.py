"""The study list: a StudyQuery as SQL."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Row, Select, and_, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from webviewer.domain.search_form import search_form
from webviewer.domain.study import StudyPage, StudyQuery, StudySort, StudySummary
from webviewer_storage.index import study_keys as keys
from webviewer_storage.index.database import as_utc
from webviewer_storage.index.models import StoreRow, StudyRow, TermRow
from webviewer_storage.index.scope import Scope

_END = "\U0010ffff"
_ORDER: dict[StudySort, InstrumentedAttribute[Any]] = {
    "name": StudyRow.name_key,
    "pid": StudyRow.pid_key,
    "sex": StudyRow.sex,
    "dob": StudyRow.birth_key,
    "mod": StudyRow.modalities,
    "region": StudyRow.regions,
    "date": StudyRow.date_key,
    "acc": StudyRow.acc_key,
    "desc": StudyRow.description_key,
    "nser": StudyRow.nser,
    "ninst": StudyRow.ninst,
    "size": StudyRow.size,
    "ref": StudyRow.referrer_key,
    "inst": StudyRow.institution_key,
    "recv": StudyRow.received,
}


async def search(connection: AsyncConnection, scope: Scope, query: StudyQuery) -> StudyPage:
    """Return one page of the studies of ``scope`` that match ``query``."""
    condition = and_(*scope.studies(), *_conditions(scope.stores, query))
    total = (await connection.execute(select(func.count()).select_from(StudyRow).where(condition))).scalar_one()
    size = min(query.limit, total - query.offset)
    if size <= 0:
        return StudyPage(total=total, offset=query.offset, studies=())
    # What is skipped is counted off the index, so a page behind the middle is sought from the end.
    is_near_end = query.offset > total // 2
    skipped = total - query.offset - size if is_near_end else query.offset
    found = sorted_ids(scope, query, descending=query.descending != is_near_end).offset(skipped).limit(size)
    chosen = found.subquery()
    statement = summaries().join(chosen, chosen.c.id == StudyRow.id)
    statement = statement.order_by(*_directed(chosen.c.sort_key, chosen.c.id, descending=query.descending))
    rows = (await connection.execute(statement)).all()
    return StudyPage(total=total, offset=query.offset, studies=tuple(summary(row) for row in rows))


def sorted_ids(scope: Scope, query: StudyQuery, *, descending: bool) -> Select[Any] | CompoundSelect[Any]:
    """Select the ids of all matches in order.

    One SELECT per store: each walks its own index in order and the engine merges them. Over
    ``store_id IN (a, b)`` no index is in order, so both engines would sort all rows for every page.
    """
    parts = [_sorted_ids_of(scope.within(store), query, descending=descending).subquery() for store in scope.stores]
    selects = [select(part.c.id, part.c.sort_key) for part in parts]
    one = selects[0] if len(selects) == 1 else union_all(*selects)
    columns = one.selected_columns
    return one.order_by(*_directed(columns.sort_key, columns.id, descending=descending))


def _sorted_ids_of(scope: Scope, query: StudyQuery, *, descending: bool) -> Select[Any]:
    """Select the matches of one store. Its order is said here too: PostgreSQL merges only what comes in order."""
    key = _ORDER[query.sort]
    statement = select(StudyRow.id, key.label("sort_key")).where(*scope.studies(), *_conditions(scope.stores, query))
    # The id makes the order total: pages neither repeat nor lose a study.
    return statement.order_by(*_directed(key, StudyRow.id, descending=descending))


def _directed(*columns: ColumnElement[Any] | InstrumentedAttribute[Any], descending: bool) -> list[ColumnElement[Any]]:
    return [column.desc() if descending else column.asc() for column in columns]


def summaries() -> Select[Any]:
    """Select what :func:`summary` reads."""
    columns = [column for column in StudyRow.__table__.columns if column.name != "store_id"]
    return select(*columns, StoreRow.kind).join(StoreRow, StoreRow.id == StudyRow.store_id)


def summary(row: Row[Any]) -> StudySummary:
    """Turn a row of :func:`summaries` into a row of the study list."""
    return StudySummary(
        id=row.id,
        store=row.kind,
        name=row.name,
        pid=row.pid,
        sex=row.sex,
        dob=row.birth_date,
        age=row.age or _age(row.birth_date, row.study_time),
        mod=tuple(row.modalities.split(",")) if row.modalities else (),
        region=row.regions.replace(",", ", "),
        date=row.study_time,
        acc=row.accession,
        desc=row.description,
        nser=row.nser,
        ninst=row.ninst,
        size=row.size,
        ref=row.referrer,
        inst=row.institution,
        recv=as_utc(row.received),
        uid=row.study_uid,
    )


def _age(birth: dt.date | None, study: dt.datetime | None) -> str:
    """Return the age at the study as DICOM writes it (PS3.5 6.2, AS)."""
    if birth is None or study is None or study.date() < birth:
        return ""
    days = (study.date() - birth).days
    months = (study.year - birth.year) * 12 + study.month - birth.month - (study.day < birth.day)
    if days < 60:  # noqa: PLR2004 - the usual limits of the units
        return f"{days:03}D"
    return f"{months:03}M" if months < 24 else f"{months // 12:03}Y"  # noqa: PLR2004


def _conditions(stores: Sequence[str], query: StudyQuery) -> list[ColumnElement[bool]]:
    found = [
        *_text(stores, keys.NAME_WORD, keys.NAME, query.name),
        *_text(stores, keys.DESCRIPTION_WORD, keys.DESCRIPTION, query.desc),
        *_text(stores, keys.REFERRER_WORD, keys.REFERRER, query.ref),
        *_list(stores, keys.MODALITY, query.modality),
        *_list(stores, keys.REGION, query.region),
        *_key(StudyRow.pid_key, query.pid),
        *_key(StudyRow.acc_key, query.acc),
    ]
    if query.uid:
        found.append(StudyRow.study_uid == query.uid)
    if query.sex:
        found.append(StudyRow.sex == query.sex)
    if query.birth_date:
        found.append(StudyRow.birth_key == query.birth_date.strftime("%Y%m%d"))
    if query.date_from or query.date_to:
        found.append(StudyRow.date_key != "")
    if query.date_from:
        found.append(StudyRow.date_key >= query.date_from.strftime("%Y%m%d"))
    if query.date_to:
        found.append(StudyRow.date_key < query.date_to.strftime("%Y%m%d") + "~")
    return found


def _text(stores: Sequence[str], word_field: str, value_field: str, pattern: str) -> list[ColumnElement[bool]]:
    """Every word begins a word of the value; with wildcards the pattern is the whole value (of any group)."""
    form = search_form(pattern)
    if "*" in form or "?" in form:
        return [_has_term(stores, value_field, _like(TermRow.term, form))]
    return [_has_term(stores, word_field, _begins(TermRow.term, word)) for word in form.split()]


def _list(stores: Sequence[str], field: str, values: str) -> list[ColumnElement[bool]]:
    wanted = [form for value in values.split(",") if (form := search_form(value))]
    return [_has_term(stores, field, TermRow.term.in_(wanted))] if wanted else []


def _key(column: InstrumentedAttribute[str], pattern: str) -> list[ColumnElement[bool]]:
    form = search_form(pattern)
    if not form:
        return []
    return [_like(column, form) if "*" in form or "?" in form else _begins(column, form)]


def _has_term(stores: Sequence[str], field: str, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    inner = select(TermRow.study_id).where(TermRow.store_id.in_(stores), TermRow.field == field, condition)
    return StudyRow.id.in_(inner)


def _begins(column: InstrumentedAttribute[str], prefix: str) -> ColumnElement[bool]:
    # A range instead of LIKE: an index serves it on both engines.
    return and_(column >= prefix, column < prefix + _END)


def _like(column: InstrumentedAttribute[str], pattern: str) -> ColumnElement[bool]:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    condition = column.like(escaped.replace("*", "%").replace("?", "_"), escape="\\")
    literal = re.split(r"[*?]", pattern, maxsplit=1)[0]
    return and_(_begins(column, literal), condition) if literal else condition
