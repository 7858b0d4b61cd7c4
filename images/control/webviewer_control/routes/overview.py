"""How the server is, in one answer for the administrator's first page."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

from pydantic import BaseModel
from sqlalchemy import func, select
from starlette.requests import Request

from webviewer import __version__, version
from webviewer.domain.identity import Action
from webviewer.domain.study import QuarantineQuery
from webviewer.errors import NotAuthenticatedError, WebViewerError
from webviewer.web.endpoint import Endpoint
from webviewer.web.forwarded import is_loopback, seen
from webviewer_control.routes.context import Context, caller, context
from webviewer_control.services.licences import LicenceWarning
from webviewer_control.services.storages import StorageNode, ping_all
from webviewer_control.store.models import NodeRow, SessionRow, UserRow, ViewportRow

WarningCode = (
    Literal[
        "well-known-password",
        "no-tls",
        "disk-full",
        "part-silent",
        "node-silent",
        "no-places",
        "audit-not-forwarded",
        "personal-keys-end-soon",
    ]
    | LicenceWarning
)
PartName = Literal["database", "storage", "render"]
_LITTLE_SHARE = 0.1
_DISK_SECONDS = 2.0


class Part(BaseModel):
    """A part of the server, and whether it answers."""

    name: PartName
    answers: bool


class Disk(BaseModel):
    """The volume of a storage node, in bytes. ``node`` is its ID; null where all is one process."""

    node: int | None
    total: int
    free: int
    full: bool
    """So little is free that somebody should do something."""


class Overview(BaseModel):
    """Numbers of this moment; null where nobody could say."""

    version: str
    commit: str
    cluster: bool
    database: Literal["sqlite", "postgresql"]
    started: dt.datetime
    users: int
    active_users: int
    sessions: dict[str, int]
    viewports: int
    slots: int | None
    used_slots: int | None
    waiting: int
    """Tabs that wait for a free place of a render node."""
    nodes: int
    silent_nodes: int
    quarantined: int | None
    """Damaged objects of the shared store."""
    disks: list[Disk]
    """Of the storage nodes that answer."""
    parts: list[Part]
    warnings: list[WarningCode]


async def get_overview(request: Request) -> Overview:
    """Ask all parts at once; what does not answer is left out."""
    known = context(request)
    control = known.control
    counts, parts, places, quarantined, disks = await asyncio.gather(
        _counts(known), _parts(known), _places(known), _quarantined(request), _disks(known)
    )
    total, active, sessions, viewports, nodes, silent = counts
    slots, used = places
    found = Overview(
        version=__version__,
        commit=version.commit(),
        cluster=not control.mode.unified,
        database="postgresql" if control.settings.database_url else "sqlite",
        started=control.started,
        users=total,
        active_users=active,
        sessions=sessions,
        viewports=viewports,
        slots=slots,
        used_slots=used,
        waiting=await known.waiting.everywhere(),
        nodes=nodes,
        silent_nodes=silent,
        quarantined=quarantined,
        disks=disks,
        parts=parts,
        warnings=[],
    )
    return found.model_copy(update={"warnings": await _warnings(request, found)})


async def _counts(known: Context) -> tuple[int, int, dict[str, int], int, int, int]:
    nodes = known.control.nodes
    kinds = select(SessionRow.kind, func.count()).group_by(SessionRow.kind)
    async with known.control.database.reading() as transaction:
        total = await transaction.scalar(select(func.count()).select_from(UserRow))
        active = await transaction.scalar(select(func.count()).select_from(UserRow).where(UserRow.active))
        sessions: dict[str, int] = dict((await transaction.execute(kinds)).all())
        viewports = await transaction.scalar(select(func.count()).select_from(ViewportRow))
        rows = (await transaction.scalars(select(NodeRow))).all()
    silent = sum(nodes.state(row) == "unavailable" for row in rows)
    return total or 0, active or 0, sessions, viewports or 0, len(rows), silent


async def _parts(known: Context) -> list[Part]:
    async def ask(name: PartName, ping: Callable[[], Awaitable[None]]) -> Part:
        try:
            await ping()
        except WebViewerError:
            return Part(name=name, answers=False)
        return Part(name=name, answers=True)

    return list(
        await asyncio.gather(
            ask("database", known.control.database.ping),
            ask("storage", partial(ping_all, known.gateway.storages)),
            ask("render", known.gateway.renders.ping),
        )
    )


async def _places(known: Context) -> tuple[int | None, int | None]:
    try:
        capacity = await known.gateway.capacity.read(0)
    except WebViewerError:
        return None, None
    loads = [node.load for node in capacity.nodes if node.load and not node.load.draining]
    return (sum(load.slots for load in loads), sum(load.used for load in loads)) if loads else (None, None)


async def _quarantined(request: Request) -> int | None:
    gateway = context(request).gateway
    total = 0
    try:
        for node in await gateway.storages.all():
            token = await gateway.stores.shared_grant(caller(request), Action.LIST, node)
            total += (await node.port.list_quarantine(token, QuarantineQuery(limit=1))).total
    except WebViewerError:
        return None
    return total


async def _disks(known: Context) -> list[Disk]:
    async with known.control.database.reading() as transaction:
        rows = select(NodeRow.key, NodeRow.id).where(NodeRow.role == "storage", NodeRow.key.is_not(None))
        ids: dict[str | None, int] = dict((await transaction.execute(rows)).all())

    async def ask(node: StorageNode) -> Disk | None:
        try:
            async with asyncio.timeout(_DISK_SECONDS):
                use = await known.gateway.stores.volume_use(node)
        except (WebViewerError, TimeoutError):
            return None  # that it does not answer is told elsewhere
        little = max(use.reserve, _LITTLE_SHARE * use.total)
        return Disk(node=ids.get(node.key), total=use.total, free=use.free, full=use.free < little)

    try:
        nodes = await known.gateway.storages.all()
    except WebViewerError:
        return []
    found = await asyncio.gather(*map(ask, nodes))
    return [disk for disk in found if disk is not None]


async def _warnings(request: Request, found: Overview) -> list[WarningCode]:
    settings, origin = context(request).control.settings, seen(request)
    encrypted = origin.scheme == "https" or settings.server_url.startswith("https:")
    holds: dict[WarningCode, bool] = {
        "well-known-password": (await context(request).control.administrator.get()).demo,
        "no-tls": not encrypted and not is_loopback(settings.host),
        "disk-full": any(disk.full for disk in found.disks),
        "part-silent": not all(part.answers for part in found.parts),
        "node-silent": found.silent_nodes > 0,
        "no-places": found.waiting > 0,
        "audit-not-forwarded": await _audit_behind(request),
    }
    return [code for code, true in holds.items() if true] + await _licence_warnings(request)


async def _audit_behind(request: Request) -> bool:
    forwarding = context(request).control.audit_forwarding
    return forwarding is not None and await forwarding.behind()


async def _licence_warnings(request: Request) -> list[WarningCode]:
    control = context(request).control
    if not control.licences.seats.enforced:
        return []
    own = (await control.licences.standing()).warning(control.clock())
    found: list[WarningCode] = [own] if own else []
    return [*found, "personal-keys-end-soon"] if await control.licences.keys_end_soon() else found


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v2/admin/overview",
        get_overview,
        "How the server is",
        access="administrator",
        response=Overview,
        errors=(NotAuthenticatedError,),
    ),
)
