"""Deletion of rows; blobs that lose their last reference are written down in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, exists, insert, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from webviewer.errors import NotFoundError
from webviewer_storage.index.models import (
    DoomedBlobRow,
    InstanceRow,
    QuarantineRow,
    SeriesRow,
    StoreRow,
    StudyRow,
    TermRow,
)
from webviewer_storage.index.scope import Scope

_CHUNK = 500


async def delete_study(connection: AsyncConnection, scope: Scope, study: str) -> None:
    """Delete a study of the scope. Raises NotFoundError."""
    found = select(StudyRow.id).where(StudyRow.id == study, *scope.studies())
    if (await connection.execute(found)).scalar_one_or_none() is None:
        text = "the study does not exist"
        raise NotFoundError(text)
    other = aliased(InstanceRow)
    await _doom(connection, InstanceRow.study_id == study, other, other.study_id != study)
    await connection.execute(delete(InstanceRow).where(InstanceRow.study_id == study))
    await connection.execute(delete(SeriesRow).where(SeriesRow.study_id == study))
    await connection.execute(delete(TermRow).where(TermRow.study_id == study))
    await connection.execute(delete(StudyRow).where(StudyRow.id == study))


async def delete_store(connection: AsyncConnection, store: str) -> None:
    """Delete a store with all that is in it. Raises NotFoundError."""
    if (await connection.execute(select(StoreRow.id).where(StoreRow.id == store))).scalar_one_or_none() is None:
        text = "the store does not exist"
        raise NotFoundError(text)
    held = await connection.execute(select(QuarantineRow.id).where(QuarantineRow.store_id == store))
    for item in held.scalars().all():
        await delete_quarantined(connection, [store], item)
    other = aliased(InstanceRow)
    await _doom(connection, InstanceRow.store_id == store, other, other.store_id != store)
    await connection.execute(delete(InstanceRow).where(InstanceRow.store_id == store))
    await connection.execute(delete(SeriesRow).where(SeriesRow.store_id == store))
    await connection.execute(delete(TermRow).where(TermRow.store_id == store))
    await connection.execute(delete(StudyRow).where(StudyRow.store_id == store))
    await connection.execute(delete(StoreRow).where(StoreRow.id == store))


async def delete_quarantined(connection: AsyncConnection, stores: Sequence[str], item: str) -> None:
    """Delete an object of the quarantine. Raises NotFoundError."""
    found = select(QuarantineRow.digest).where(QuarantineRow.id == item, QuarantineRow.store_id.in_(stores))
    digest = (await connection.execute(found)).scalar_one_or_none()
    if digest is None:
        text = "the quarantined object does not exist"
        raise NotFoundError(text)
    await connection.execute(delete(QuarantineRow).where(QuarantineRow.id == item))
    if not await referenced(connection, [digest]):
        known = select(DoomedBlobRow.digest).where(DoomedBlobRow.digest == digest)
        if (await connection.execute(known)).scalar_one_or_none() is None:
            await connection.execute(insert(DoomedBlobRow).values(digest=digest))


async def _doom(
    connection: AsyncConnection,
    going: ColumnElement[bool],
    other: type[InstanceRow],
    staying: ColumnElement[bool],
) -> None:
    """Write down the digests of the going instances that no staying row refers to."""
    digests = (
        select(InstanceRow.digest)
        .distinct()
        .where(
            going,
            ~exists(literal_column("1")).where(other.digest == InstanceRow.digest, staying),
            ~exists(literal_column("1")).where(QuarantineRow.digest == InstanceRow.digest),
            ~exists(literal_column("1")).where(DoomedBlobRow.digest == InstanceRow.digest),
        )
    )
    await connection.execute(insert(DoomedBlobRow).from_select(["digest"], digests))


async def doomed(connection: AsyncConnection) -> list[str]:
    """Return the digests of blobs that are to be unlinked."""
    return list((await connection.execute(select(DoomedBlobRow.digest))).scalars().all())


async def forget_doomed(connection: AsyncConnection, digests: Sequence[str]) -> None:
    """Strike out blobs that are gone, or that are referred to again."""
    for start in range(0, len(digests), _CHUNK):
        chunk = digests[start : start + _CHUNK]
        await connection.execute(delete(DoomedBlobRow).where(DoomedBlobRow.digest.in_(chunk)))


async def referenced(connection: AsyncConnection, digests: Sequence[str]) -> set[str]:
    """Return those of ``digests`` that a row refers to."""
    found: set[str] = set()
    for start in range(0, len(digests), _CHUNK):
        chunk = digests[start : start + _CHUNK]
        for column in (InstanceRow.digest, QuarantineRow.digest):
            found |= set((await connection.execute(select(column).where(column.in_(chunk)))).scalars().all())
    return found
