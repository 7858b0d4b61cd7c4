"""The study of a link as the table of links shows it: as it was when the link was made."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from webviewer.domain.search_form import search_form
from webviewer.domain.study import StudySummary
from webviewer_control.store.models import LinkRow

_KEY = 64


@dataclass(frozen=True, slots=True)
class StudyCells:
    """What the table shows of a study."""

    uid: str
    name: str
    pid: str
    sex: str
    dob: dt.date | None
    mod: tuple[str, ...]
    region: str
    date: dt.datetime | None
    acc: str
    desc: str

    @classmethod
    def of(cls, study: StudySummary) -> StudyCells:
        """Take them from the study."""
        return cls(
            study.uid, study.name, study.pid, study.sex, study.dob, study.mod, study.region, study.date, study.acc,
            study.desc,
        )  # fmt: skip

    def columns(self) -> dict[str, Any]:
        """Return the columns of a row, with those that it is searched and sorted by."""
        keys = {f"{name}_key": search_form(getattr(self, name))[:_KEY] for name in ("name", "pid", "acc", "desc")}
        lists = {"mod_key": _listed(self.mod), "region_key": _listed(self.region.split(","))}
        return asdict(self) | keys | lists | {"mod": list(self.mod)}


def summary(row: LinkRow) -> StudySummary:
    """Return the study of a link as the viewing audit keeps it."""
    return StudySummary(
        id=row.study, store="user", name=row.name, pid=row.pid, mod=tuple(row.mod), date=row.date, acc=row.acc,
        desc=row.desc, recv=row.created, uid=row.uid,
    )  # fmt: skip


def _listed(values: tuple[str, ...] | list[str]) -> str:
    forms = [form for value in values if (form := search_form(value))]
    return f",{','.join(forms)}," if forms else ""
