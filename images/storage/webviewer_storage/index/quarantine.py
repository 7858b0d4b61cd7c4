"""What was put aside as damaged or conflicting, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from webviewer.domain.study import QuarantineItem, QuarantinePage, QuarantineQuery, QuarantineSort
from webviewer.errors import NotFoundError
from webviewer_storage.index.database import as_reason, as_utc
from webviewer_storage.index.models import QuarantineRow, StoreRow

_ORDER: dict[QuarantineSort, tuple[ColumnElement[Any] | Any, ...]] = {
    "received": (QuarantineRow.received,),
    "source": (func.lower(QuarantineRow.source), QuarantineRow.ae_title, QuarantineRow.address),
    "name": (func.lower(QuarantineRow.name),),
    "size": (QuarantineRow.size,),
    "reason": (QuarantineRow.reason,),
}


async def page(connection: AsyncConnection, stores: Sequence[str], query: QuarantineQuery) -> QuarantinePage:
    """Return one page of the quarantine of the stores."""
    condition = QuarantineRow.store_id.in_(stores)
    total = (await connection.execute(select(func.count()).select_from(QuarantineRow).where(condition))).scalar_one()
    # Equal ones come newest first; the id makes the order total.
    columns = (column.desc() if query.descending else column for column in _ORDER[query.sort])
    order = (*columns, QuarantineRow.received.desc(), QuarantineRow.id)
    statement = _items().where(condition).order_by(*order).offset(query.offset).limit(query.limit)
    items = tuple(_item(row) for row in (await connection.execute(statement)).all())
    return QuarantinePage(total=total, offset=query.offset, items=items)


async def find(connection: AsyncConnection, stores: Sequence[str], item: str) -> QuarantineItem:
    """Return an object of the quarantine. Raises NotFoundError."""
    statement = _items().where(QuarantineRow.id == item, QuarantineRow.store_id.in_(stores))
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        text = "the quarantined object does not exist"
        raise NotFoundError(text)
    return _item(row)


def _items() -> Select[Any]:
    columns = QuarantineRow.__table__.columns
    return select(*columns, StoreRow.kind).join(StoreRow, StoreRow.id == QuarantineRow.store_id)


def _item(row: Row[Any]) -> QuarantineItem:
    return QuarantineItem(
        id=row.id,
        store=row.kind,
        received=as_utc(row.received),
        source=row.source,
        ae_title=row.ae_title,
        address=row.address,
        name=row.name,
        size=row.size,
        reason=row.reason,
        why=as_reason(row.why),
    )
