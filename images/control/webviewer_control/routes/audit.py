"""The viewing audit for the administrator: pages, files and the check of its chain."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from webviewer.errors import InvalidRequestError, NotAuthenticatedError
from webviewer.web.endpoint import Endpoint
from webviewer_control.errors import CsrfError
from webviewer_control.routes.context import address, caller, context
from webviewer_control.services import csv_rows
from webviewer_control.services.audit import Action, AuditFilter, AuditHead, AuditReport, AuditSort, Viewer
from webviewer_control.store.models import AuditRow

_COLUMNS = ("id", "time", "action", "user", "kind", "session", "link", "address", "study", "subject", "details", "seal")
_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "text/plain; charset=utf-8"}


class AuditEntry(BaseModel):
    """Who did what. ``subject`` is what the study was then; ``seal`` is null until the next minute."""

    id: int
    time: dt.datetime
    action: Action
    user: str
    kind: str
    session: str
    link: str
    address: str
    study: str
    subject: dict[str, Any]
    details: dict[str, Any]
    seal: int | None


class AuditPage(BaseModel):
    """A page of entries and the number of all matches."""

    total: int
    offset: int
    entries: list[AuditEntry]


class AuditConditions(BaseModel):
    """Which entries. ``patient``: words that are parts of the name, or the whole patient ID."""

    model_config = ConfigDict(extra="forbid")

    user: Annotated[str, Field(max_length=64)] = ""
    action: Action | None = None
    patient: Annotated[str, Field(max_length=64)] = ""
    study: Annotated[str, Field(max_length=64)] = ""
    after: AwareDatetime | None = None
    before: AwareDatetime | None = None

    def filter(self) -> AuditFilter:
        """Return the conditions as the service takes them."""
        return AuditFilter(self.user, self.action, self.patient, self.study, self.after, self.before)


class AuditQuery(AuditConditions):
    """Which entries, in which order."""

    sort: AuditSort = "time"
    descending: bool = True
    offset: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 20


class AuditExport(AuditConditions):
    """Which entries, as CSV or as lines of JSON."""

    format: Literal["csv", "jsonl"] = "csv"


async def list_audit(request: Request, query: AuditQuery) -> AuditPage:
    """List entries."""
    total, rows = await context(request).control.audit.page(
        query.filter(), query.sort, query.offset, query.limit, descending=query.descending
    )
    return AuditPage(total=total, offset=query.offset, entries=[_entry(row) for row in rows])


async def export_audit(request: Request, query: AuditExport) -> Response:
    """Return all matching entries, the oldest first. That somebody took them out of the system is an entry too."""
    audit = context(request).control.audit
    asked = {name: str(value) for name, value in query.model_dump(exclude_defaults=True).items() if name != "patient"}
    await audit.note("exported", Viewer.of(caller(request), address(request)), details={"what": "audit", **asked})
    write = _csv_line if query.format == "csv" else _json_line
    first = csv_rows.line(_COLUMNS) if query.format == "csv" else ""
    content = _lines(audit.all(query.filter()), first, write)
    headers = {"Content-Disposition": f'attachment; filename="audit.{query.format}"'}
    return StreamingResponse(content, media_type=_TYPES[query.format], headers=headers)


async def get_audit_head(request: Request) -> AuditHead:
    """Return the newest seal."""
    return await context(request).control.audit.head()


async def verify_audit(request: Request) -> AuditReport:
    """Check the whole chain now."""
    return await context(request).control.audit.verify()


async def _lines(batches: AsyncIterator[Any], first: str, write: Callable[[AuditRow], str]) -> AsyncIterator[str]:
    if first:
        yield first
    async for rows in batches:
        yield "".join(write(row) for row in rows)


def _csv_line(row: AuditRow) -> str:
    values = _entry(row).model_dump(mode="json")
    packed = {name: json.dumps(values[name], ensure_ascii=False, sort_keys=True) for name in ("subject", "details")}
    return csv_rows.line([(values | packed)[name] for name in _COLUMNS])


def _json_line(row: AuditRow) -> str:
    return _entry(row).model_dump_json() + "\n"


def _entry(row: AuditRow) -> AuditEntry:
    action: Action = row.action  # type: ignore[assignment]  # only these are ever written
    return AuditEntry(
        id=row.id,
        time=row.time,
        action=action,
        user=row.login,
        kind=row.kind,
        session=row.session,
        link=row.link,
        address=row.address,
        study=row.study,
        subject=row.subject,
        details=row.details,
        seal=row.seal_id,
    )


_READ_ERRORS = (NotAuthenticatedError, InvalidRequestError)
ENDPOINTS = (
    Endpoint(
        "GET",
        "/v2/admin/audit",
        list_audit,
        "Viewing audit",
        access="auditor",
        query=AuditQuery,
        response=AuditPage,
        errors=_READ_ERRORS,
    ),
    Endpoint(
        "GET",
        "/v2/admin/audit/export",
        export_audit,
        "Viewing audit as a file",
        access="auditor",
        query=AuditExport,
        media_types=("text/csv", "text/plain"),
        errors=_READ_ERRORS,
    ),
    Endpoint(
        "GET",
        "/v2/admin/audit/head",
        get_audit_head,
        "Newest seal of the viewing audit",
        access="auditor",
        response=AuditHead,
        errors=(NotAuthenticatedError,),
    ),
    Endpoint(
        "POST",
        "/v2/admin/audit/verify",
        verify_audit,
        "Check the chain of the viewing audit",
        access="auditor",
        response=AuditReport,
        errors=(NotAuthenticatedError, CsrfError),
    ),
)
