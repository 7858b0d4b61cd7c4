"""Reads of the index other than the study list."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from webviewer.domain.identity import Store
from webviewer.domain.image import FrameTable, ImageDescription
from webviewer.domain.study import InstanceSource, SeriesManifest, SeriesSummary, StudyDetail, StudySummary
from webviewer.errors import NotFoundError
from webviewer_storage.index.database import as_reason
from webviewer_storage.index.models import InstanceRow, SeriesRow, StoreRow, StudyRow
from webviewer_storage.index.scope import Scope
from webviewer_storage.index.search import summaries, summary

_LAST = 2**31


async def all_stores(connection: AsyncConnection) -> list[Store]:
    """Return every store of the node."""
    rows = (await connection.execute(select(StoreRow.id, StoreRow.kind, StoreRow.owner, StoreRow.ae_title))).all()
    return [Store(id=row.id, kind=row.kind, owner=row.owner, ae_title=row.ae_title) for row in rows]


async def study_detail(connection: AsyncConnection, scope: Scope, study: str) -> StudyDetail:
    """Return a study with its series by number. Raises NotFoundError.

    Where the scope is one series, it is all that is listed and counted.
    """
    statement = summaries().where(StudyRow.id == study, *scope.studies())
    found = (await connection.execute(statement)).one_or_none()
    if found is None:
        text = "the study does not exist"
        raise NotFoundError(text)
    listed = select(*SeriesRow.__table__.columns).where(SeriesRow.study_id == study, *scope.series_of_studies())
    rows = (await connection.execute(listed)).all()
    ordered = sorted(rows, key=lambda row: (_LAST if row.number is None else row.number, uid_order(row.series_uid)))
    series = tuple(
        SeriesSummary(
            id=row.id,
            uid=row.series_uid,
            number=row.number,
            modality=row.modality,
            description=row.description,
            region=row.region,
            laterality=row.laterality,
            kind=row.kind,
            ninst=row.ninst,
            nframes=row.nframes,
            version=row.version,
            problem="" if row.nimages else row.problem,
            why=None if row.nimages else as_reason(row.why),
            technique=row.technique,
        )
        for row in ordered
    )
    return StudyDetail(study=_counted(summary(found), series, scope), series=series)


def _counted(study: StudySummary, series: Sequence[SeriesSummary], scope: Scope) -> StudySummary:
    if scope.series is None:
        return study
    modalities = tuple(sorted({item.modality for item in series if item.modality}))
    ninst = sum(item.ninst for item in series)
    return study.model_copy(update={"nser": len(series), "ninst": ninst, "mod": modalities})


async def store_of_series(connection: AsyncConnection, scope: Scope, series: str) -> str:
    """Return the store that holds the series. Raises NotFoundError."""
    statement = select(SeriesRow.store_id).where(SeriesRow.id == series, *scope.series_of_studies())
    found = (await connection.execute(statement)).scalar_one_or_none()
    if found is None:
        text = "the series does not exist"
        raise NotFoundError(text)
    return found


@dataclass(frozen=True, slots=True)
class ManifestRows:
    """What the index knows of a series and its instances."""

    series: str
    study: str
    version: str
    modality: str
    instances: Sequence[Any]
    """Ordered by instance number."""


async def manifest_rows(connection: AsyncConnection, scope: Scope, series: str) -> ManifestRows:
    """Read a series. Raises NotFoundError."""
    statement = select(SeriesRow.study_id, SeriesRow.version, SeriesRow.modality)
    statement = statement.where(SeriesRow.id == series, *scope.series_of_studies())
    found = (await connection.execute(statement)).one_or_none()
    if found is None:
        text = "the series does not exist"
        raise NotFoundError(text)
    columns = (
        InstanceRow.id,
        InstanceRow.sop_uid,
        InstanceRow.sop_class,
        InstanceRow.number,
        InstanceRow.digest,
        InstanceRow.size,
        InstanceRow.transfer_syntax,
        InstanceRow.image,
        InstanceRow.frames,
        InstanceRow.problem,
        InstanceRow.why,
    )
    rows = (await connection.execute(select(*columns).where(InstanceRow.series_id == series))).all()
    ordered = sorted(rows, key=lambda row: (_LAST if row.number is None else row.number, uid_order(row.sop_uid)))
    return ManifestRows(series, found.study_id, found.version, found.modality, ordered)


@dataclass(frozen=True, slots=True)
class SeriesFiles:
    """A series with its instances by number."""

    series: Any
    instances: Sequence[Any]


@dataclass(frozen=True, slots=True)
class StudyFiles:
    """A study with the files of its series in the order of the list."""

    study: Any
    series: Sequence[SeriesFiles]


async def study_files(connection: AsyncConnection, scope: Scope, study: str) -> StudyFiles:
    """Read what the files of a study are. Raises NotFoundError."""
    statement = select(*StudyRow.__table__.columns).where(StudyRow.id == study, *scope.studies())
    found = (await connection.execute(statement)).one_or_none()
    if found is None:
        text = "the study does not exist"
        raise NotFoundError(text)
    listed = select(SeriesRow.id, SeriesRow.series_uid, SeriesRow.number, SeriesRow.modality)
    listed = listed.where(SeriesRow.study_id == study, *scope.series_of_studies())
    columns = (
        InstanceRow.series_id,
        InstanceRow.sop_uid,
        InstanceRow.sop_class,
        InstanceRow.transfer_syntax,
        InstanceRow.number,
        InstanceRow.digest,
        InstanceRow.size,
    )
    instances: dict[str, list[Any]] = {}
    for row in (await connection.execute(select(*columns).where(InstanceRow.study_id == study))).all():
        instances.setdefault(row.series_id, []).append(row)
    series = [
        SeriesFiles(row, sorted(instances.get(row.id, []), key=lambda item: _order(item.number, item.sop_uid)))
        for row in (await connection.execute(listed)).all()
    ]
    series.sort(key=lambda item: _order(item.series.number, item.series.series_uid))
    return StudyFiles(found, series)


def _order(number: int | None, uid: str) -> tuple[int, list[int]]:
    return (_LAST if number is None else number, uid_order(uid))


async def one_picture_each(connection: AsyncConnection, study: str) -> dict[str, ManifestRows]:
    """Return one instance with a picture of every series of a study that has any, by the series."""
    chosen = select(func.min(InstanceRow.id)).where(InstanceRow.study_id == study, InstanceRow.image.is_not(None))
    statement = select(InstanceRow, SeriesRow.version, SeriesRow.modality)
    statement = statement.join(SeriesRow, SeriesRow.id == InstanceRow.series_id)
    rows = (await connection.execute(statement.where(InstanceRow.id.in_(chosen.group_by(InstanceRow.series_id))))).all()
    return {row.series_id: ManifestRows(row.series_id, study, row.version, row.modality, [row]) for row in rows}


def manifest(found: ManifestRows) -> SeriesManifest:
    """Describe the instances of a series, by instance number."""
    instances = tuple(
        InstanceSource(
            id=row.id,
            number=row.number,
            digest=row.digest,
            size=row.size,
            transfer_syntax=row.transfer_syntax,
            image=ImageDescription.model_validate_json(row.image) if row.image else None,
            frames=FrameTable.model_validate_json(row.frames) if row.frames else FrameTable(),
            problem=row.problem,
            why=as_reason(row.why),
        )
        for row in found.instances
    )
    return SeriesManifest(series=found.series, version=found.version, modality=found.modality, instances=instances)


async def stored_study(connection: AsyncConnection, store: str, digest: str) -> str | None:
    """Return the study of an instance with these bytes, or None."""
    statement = select(InstanceRow.study_id).where(InstanceRow.digest == digest, InstanceRow.store_id == store)
    return (await connection.execute(statement.limit(1))).scalar_one_or_none()


async def count_studies(connection: AsyncConnection, store: str, studies: Collection[str]) -> int:
    """Return how many of ``studies`` exist in the store."""
    statement = select(func.count()).select_from(StudyRow)
    statement = statement.where(StudyRow.store_id == store, StudyRow.id.in_(studies))
    return (await connection.execute(statement)).scalar_one()


def uid_order(uid: str) -> list[int]:
    """Order UIDs by their numbers, as people expect .10 after .9."""
    return [int(part) for part in re.findall(r"\d+", uid)]
