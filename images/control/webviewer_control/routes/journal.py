"""The authorisation journal and how long it is kept, for the administrator."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from webviewer.errors import InvalidRequestError, NotAuthenticatedError
from webviewer.web.endpoint import Endpoint
from webviewer_control.errors import CsrfError
from webviewer_control.routes.context import actor, context
from webviewer_control.services import csv_rows
from webviewer_control.services.journal import Event, JournalFilter, JournalReader, JournalSort
from webviewer_control.services.retention import RetentionDays
from webviewer_control.store.models import JournalRow

CSV = "text/csv; charset=utf-8"


class JournalEvent(BaseModel):
    """One event. ``user`` did it; what ``details`` holds depends on the event."""

    id: int
    time: dt.datetime
    event: Event
    user: str
    details: dict[str, Any]


class JournalPage(BaseModel):
    """A page of events and the number of all matches."""

    total: int
    offset: int
    events: list[JournalEvent]


class JournalConditions(BaseModel):
    """Which events: of a user (his whole login, any case), of a kind, from a moment on, before a moment."""

    model_config = ConfigDict(extra="forbid")

    user: Annotated[str, Field(max_length=64)] = ""
    event: Event | None = None
    after: AwareDatetime | None = None
    before: AwareDatetime | None = None

    def filter(self) -> JournalFilter:
        """Return the conditions as the service takes them."""
        return JournalFilter(self.user, self.event, self.after, self.before)


class JournalQuery(JournalConditions):
    """Which events, in which order."""

    sort: JournalSort = "time"
    descending: bool = True
    offset: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 20


async def list_journal(request: Request, query: JournalQuery) -> JournalPage:
    """List events."""
    total, rows = await context(request).control.journal.page(
        query.filter(), query.sort, query.offset, query.limit, descending=query.descending
    )
    return JournalPage(total=total, offset=query.offset, events=[_event(row) for row in rows])


async def export_journal(request: Request, query: JournalConditions) -> Response:
    """Return all matching events as CSV, the oldest first."""
    content = _csv(context(request).control.journal, query.filter())
    headers = {"Content-Disposition": 'attachment; filename="journal.csv"'}
    return StreamingResponse(content, media_type=CSV, headers=headers)


async def get_retention(request: Request) -> RetentionDays:
    """Return how long the journals are kept."""
    return await context(request).control.retention.get()


async def put_retention(request: Request, body: RetentionDays) -> None:
    """Choose how long the journals are kept."""
    await context(request).control.retention.put(body, actor(request))


async def _csv(journal: JournalReader, wanted: JournalFilter) -> AsyncIterator[str]:
    yield csv_rows.line(["id", "time", "event", "user", "details"])
    async for rows in journal.all(wanted):
        yield "".join(_line(row) for row in rows)


def _line(row: JournalRow) -> str:
    details = json.dumps(row.details, ensure_ascii=False, sort_keys=True)
    return csv_rows.line([row.id, row.time.isoformat(), row.event, row.login, details])


def _event(row: JournalRow) -> JournalEvent:
    event: Event = row.event  # type: ignore[assignment]  # only these are ever written
    return JournalEvent(id=row.id, time=row.time, event=event, user=row.login, details=row.details)


_READ_ERRORS = (NotAuthenticatedError, InvalidRequestError)
ENDPOINTS = (
    Endpoint(
        "GET",
        "/v2/admin/journal",
        list_journal,
        "Authorisation journal",
        access="auditor",
        query=JournalQuery,
        response=JournalPage,
        errors=_READ_ERRORS,
    ),
    Endpoint(
        "GET",
        "/v2/admin/journal/export",
        export_journal,
        "Authorisation journal as CSV",
        access="auditor",
        query=JournalConditions,
        media_types=("text/csv",),
        errors=_READ_ERRORS,
    ),
    Endpoint(
        "GET",
        "/v2/admin/retention",
        get_retention,
        "How long the journals are kept",
        access="administrator",
        response=RetentionDays,
        errors=(NotAuthenticatedError,),
    ),
    Endpoint(
        "PUT",
        "/v2/admin/retention",
        put_retention,
        "Choose how long the journals are kept",
        access="administrator",
        body=RetentionDays,
        errors=(NotAuthenticatedError, CsrfError),
    ),
)
