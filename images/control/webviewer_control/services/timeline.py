"""Pages of a table whose rows are only added, and pruned at the old end: quick however long it grows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from webviewer_control.store.database import Database

Row = TypeVar("Row")
_UNSETTLED_ROWS = 512
_MAX_COUNTS = 256
_BATCH_ROWS = 1000


@dataclass(slots=True)
class _Count:
    """How many rows up to ``last`` match, while the oldest row was ``first``."""

    first: int
    last: int
    rows: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions on rows; ``key`` is equal for equal conditions."""

    key: Hashable
    conditions: tuple[ColumnElement[bool], ...]


class Timeline(Generic[Row]):
    """Counts and pages the rows of one table by the orders of its indexes.

    A total is counted once per filter and then followed: what was counted cannot change but by
    pruning. Rows of transactions that end late come among the last few, which are always counted.
    A page is read from the nearer end of its order.
    """

    def __init__(
        self, database: Database, row: type[Row], sorts: Mapping[str, tuple[InstrumentedAttribute[Any], ...]]
    ) -> None:
        self._database = database
        self._row = row
        self._id: InstrumentedAttribute[int] = row.id  # type: ignore[attr-defined]  # every table of this kind has one
        self._sorts = sorts
        self._counts: OrderedDict[Hashable, _Count] = OrderedDict()

    async def page(
        self, wanted: Filter, sort: str, offset: int, limit: int, *, descending: bool
    ) -> tuple[int, Sequence[Row]]:
        """Return the number of all matches and the rows of a page."""
        async with self._database.reading() as transaction:
            total = await self._total(transaction, wanted)
            count = min(limit, total - offset)
            if count <= 0:
                return total, []
            behind = total - offset - count
            backwards = behind < offset
            ids: Select[int] = select(self._id).where(*wanted.conditions)
            for column in self._sorts[sort]:
                ids = ids.order_by(column.desc() if descending != backwards else column.asc())
            ids = ids.offset(behind if backwards else offset).limit(count)
            order = list((await transaction.scalars(ids)).all())
            found = await transaction.scalars(select(self._row).where(self._id.in_(order)))
            rows = {row.id: row for row in found}  # type: ignore[attr-defined]  # as above
        if backwards:
            order.reverse()
        return total, [rows[key] for key in order if key in rows]

    async def all(self, wanted: Filter) -> AsyncIterator[Sequence[Row]]:
        """Yield all matches in batches, the oldest first; no transaction is open between two of them."""
        after = 0
        while True:
            query = select(self._row).where(*wanted.conditions, self._id > after).order_by(self._id).limit(_BATCH_ROWS)
            async with self._database.reading() as transaction:
                rows = (await transaction.scalars(query)).all()
            if not rows:
                return
            yield rows
            after = rows[-1].id  # type: ignore[attr-defined]  # as above

    async def _total(self, transaction: AsyncSession, wanted: Filter) -> int:
        first, last = (await transaction.execute(select(func.min(self._id), func.max(self._id)))).one()
        if last is None:
            return 0
        known = self._counts.get(wanted.key)
        if known is None or known.first != first:
            known = _Count(first, 0, 0)
        settled = max(known.last, last - _UNSETTLED_ROWS)
        counting = select(func.count()).select_from(self._row).where(*wanted.conditions)
        if settled > known.last:
            between = counting.where(self._id > known.last, self._id <= settled)
            known = _Count(first, settled, known.rows + (await transaction.scalar(between) or 0))
        self._counts[wanted.key] = known
        self._counts.move_to_end(wanted.key)
        if len(self._counts) > _MAX_COUNTS:
            self._counts.popitem(last=False)
        return known.rows + (await transaction.scalar(counting.where(self._id > settled)) or 0)
