"""The table of links: a query as SQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from webviewer.domain.search_form import search_form
from webviewer_control.store.models import LinkRow, SignedLinkRow, UserRow

LinkSort = Literal[
    "created", "name", "pid", "sex", "dob", "mod", "region", "date", "acc", "desc", "user", "comment", "valid_until", "opens"
]  # fmt: skip
_ORDER: dict[LinkSort, InstrumentedAttribute[Any]] = {
    "created": LinkRow.created,
    "name": LinkRow.name_key,
    "pid": LinkRow.pid_key,
    "sex": LinkRow.sex,
    "dob": LinkRow.dob,
    "mod": LinkRow.mod_key,
    "region": LinkRow.region_key,
    "date": LinkRow.date,
    "acc": LinkRow.acc_key,
    "desc": LinkRow.desc_key,
    "user": UserRow.login_key,
    "comment": LinkRow.comment,
    "valid_until": LinkRow.valid_until,
    "opens": LinkRow.opens,
}
_NULLABLE = frozenset({"dob", "date", "user", "valid_until"})


@dataclass(frozen=True, slots=True)
class LinkEntry:
    """A link with who made it; ``user`` null = the administrator."""

    row: LinkRow
    user: UserRow | None
    signed: bool


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose links: of a user, of the administrator (``user`` null), or of all."""

    user: str | None = None
    all: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return them as SQL."""
        if self.all:
            return []
        return [LinkRow.user_id == self.user if self.user else LinkRow.user_id.is_(None)]


@dataclass(frozen=True, slots=True)
class LinkFilter:
    """Which links; what is empty does not matter. Text as in the study list; ``created_to`` is not included."""

    name: str = ""
    pid: str = ""
    acc: str = ""
    desc: str = ""
    date_from: dt.date | None = None
    date_to: dt.date | None = None
    birth_date: dt.date | None = None
    sex: str = ""
    modality: str = ""
    region: str = ""
    created_from: dt.datetime | None = None
    created_to: dt.datetime | None = None
    user: str = ""


def entries() -> Select[LinkRow, UserRow | None, str | None]:
    """Select links with their makers and whether they are signed."""
    found: Select[LinkRow, UserRow | None, str | None] = select(LinkRow, UserRow, SignedLinkRow.link)
    joined = found.outerjoin(UserRow, UserRow.id == LinkRow.user_id)
    return joined.outerjoin(SignedLinkRow, SignedLinkRow.link == LinkRow.id)


async def search(  # noqa: PLR0913 - which rows, in which order, from where to where
    transaction: AsyncSession,
    whose: Whose,
    wanted: LinkFilter,
    sort: LinkSort,
    offset: int,
    limit: int,
    *,
    descending: bool,
) -> tuple[int, Sequence[LinkEntry]]:
    """Return the number of all matches and a page of them."""
    conditions = [*whose.conditions(), *_conditions(wanted)]
    total = await transaction.scalar(
        select(func.count()).select_from(LinkRow).outerjoin(UserRow, UserRow.id == LinkRow.user_id).where(*conditions)
    )
    column = _ORDER[sort]
    order = column.desc() if descending else column.asc()
    # Who has no value comes last in either order; where every row has one, an index gives the order.
    order = order.nulls_last() if sort in _NULLABLE else order
    key = LinkRow.id.desc() if descending else LinkRow.id.asc()
    page = entries().where(*conditions).order_by(order, key).offset(offset).limit(limit)
    rows = (await transaction.execute(page)).all()
    return total or 0, [LinkEntry(row, user, signed is not None) for row, user, signed in rows]


def _conditions(wanted: LinkFilter) -> list[ColumnElement[bool]]:
    found = [
        *_words(LinkRow.name_key, wanted.name),
        *_words(LinkRow.desc_key, wanted.desc),
        *_value(LinkRow.pid_key, wanted.pid),
        *_value(LinkRow.acc_key, wanted.acc),
        *_any_of(LinkRow.mod_key, wanted.modality),
        *_any_of(LinkRow.region_key, wanted.region),
    ]
    if wanted.sex:
        found.append(LinkRow.sex == wanted.sex)
    if wanted.birth_date:
        found.append(LinkRow.dob == wanted.birth_date)
    if wanted.date_from:
        found.append(LinkRow.date >= dt.datetime.combine(wanted.date_from, dt.time()))
    if wanted.date_to:
        found.append(LinkRow.date <= dt.datetime.combine(wanted.date_to, dt.time.max))
    if wanted.created_from:
        found.append(LinkRow.created >= wanted.created_from)
    if wanted.created_to:
        found.append(LinkRow.created < wanted.created_to)
    if wanted.user:
        found.append(UserRow.login_key == wanted.user.lower())
    return found


def _words(column: InstrumentedAttribute[str], pattern: str) -> list[ColumnElement[bool]]:
    """Every word begins a word of the value; with wildcards the pattern is the whole value."""
    form = search_form(pattern)
    if "*" in form or "?" in form:
        return [_like(column, form)]
    return [
        or_(column.startswith(word, autoescape=True), column.contains(f" {word}", autoescape=True))
        for word in form.split()
    ]


def _value(column: InstrumentedAttribute[str], pattern: str) -> list[ColumnElement[bool]]:
    form = search_form(pattern)
    if not form:
        return []
    return [_like(column, form) if "*" in form or "?" in form else column.startswith(form, autoescape=True)]


def _any_of(column: InstrumentedAttribute[str], values: str) -> list[ColumnElement[bool]]:
    wanted = [form for value in values.split(",") if (form := search_form(value))]
    return [or_(*(column.contains(f",{form},", autoescape=True) for form in wanted))] if wanted else []


def _like(column: InstrumentedAttribute[str], pattern: str) -> ColumnElement[bool]:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.like(escaped.replace("*", "%").replace("?", "_"), escape="\\")
