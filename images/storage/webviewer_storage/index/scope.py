"""What the bearer of a grant may look at, as conditions of SQL."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, select

from webviewer.domain.identity import Grant
from webviewer_storage.index.models import SeriesRow, StudyRow


@dataclass(frozen=True, slots=True)
class Scope:
    """Some stores; of these only ``study``, and of that only ``series``, where they are set."""

    stores: tuple[str, ...]
    study: str | None = None
    series: str | None = None

    @classmethod
    def of(cls, grant: Grant) -> Scope:
        """Return what the grant allows."""
        return cls(grant.stores, grant.study, grant.series)

    def within(self, store: str) -> Scope:
        """Return the part of it that lies in one of its stores."""
        return replace(self, stores=(store,))

    def studies(self) -> list[ColumnElement[bool]]:
        """Return conditions on rows of studies."""
        found = [_in_stores(StudyRow, self.stores)]
        if self.study is not None:
            found.append(StudyRow.id == self.study)
        if self.series is not None:
            found.append(StudyRow.id.in_(select(SeriesRow.study_id).where(*self.series_of_studies())))
        return found

    def series_of_studies(self) -> list[ColumnElement[bool]]:
        """Return conditions on rows of series."""
        found = [_in_stores(SeriesRow, self.stores)]
        if self.study is not None:
            found.append(SeriesRow.study_id == self.study)
        if self.series is not None:
            found.append(SeriesRow.id == self.series)
        return found


def _in_stores(row: type[StudyRow | SeriesRow], stores: tuple[str, ...]) -> ColumnElement[bool]:
    return row.store_id == stores[0] if len(stores) == 1 else row.store_id.in_(stores)
