"""The registry of nodes: those that told us of themselves, and those that were entered by hand."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import structlog
from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from webviewer import __version__
from webviewer.clients.node_probe import NodeProbe
from webviewer.domain.load import NodeRole
from webviewer.errors import ConflictError, NotFoundError, PeerUnavailableError, WebViewerError
from webviewer.wire.grants import GrantSigner
from webviewer_control.errors import InUseError, NodeAddressError, NodeOfflineError
from webviewer_control.services.actor import Actor
from webviewer_control.services.placement import Candidate
from webviewer_control.services.records import Records
from webviewer_control.services.rounds import repeat
from webviewer_control.services.stores import operate_grant
from webviewer_control.store.models import NodeRow, PlacementRow, UserRow

NodeState = Literal["available", "unavailable", "draining", "other-version"]
NodeSort = Literal["id", "address", "role", "active", "sessions", "ae_title", "version", "last_seen"]
ADDRESS_PATTERN = r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?):\d{1,5}"
_LEASE = dt.timedelta(seconds=35)
_FORGET = dt.timedelta(hours=1)
_ROUND_SECONDS = 10.0
_MAX_TEXT = 255
_NOT_ASKED = "it has not answered yet"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What a node says of itself."""

    key: str
    role: NodeRole
    address: str
    version: str
    ae_title: str


class Nodes:
    """Keeps the rows, asks the nodes, and switches them on and off."""

    def __init__(self, records: Records, signer: GrantSigner, probe: NodeProbe, *, affinity: bool = False) -> None:
        """``affinity``: render nodes are asked what they have in memory, too."""
        self._database = records.database
        self._journal = records.journal
        self._clock = records.clock
        self._signer = signer
        self._probe = probe
        self._affinity = affinity

    async def aclose(self) -> None:
        """Close the connections to nodes."""
        await self._probe.aclose()

    async def list(
        self, sort: NodeSort, offset: int, limit: int, *, descending: bool
    ) -> tuple[int, int, Sequence[NodeRow]]:
        """Return the number of nodes, the next free id, and a page of them."""
        column = self._placed().scalar_subquery() if sort == "sessions" else getattr(NodeRow, sort)
        order = (column.desc() if descending else column.asc()).nulls_last()
        page = select(NodeRow).order_by(order, NodeRow.id).offset(offset).limit(limit)
        async with self._database.reading() as transaction:
            total, highest = (await transaction.execute(select(func.count(), func.max(NodeRow.id)))).one()
            rows = (await transaction.scalars(page)).all()
        return total, (highest or 0) + 1, rows

    async def sessions(self, nodes: Collection[int]) -> dict[int, int]:
        """Return how many sessions are at each of these render nodes."""
        query = select(NodeRow.id, self._placed().scalar_subquery())
        query = query.where(NodeRow.id.in_(nodes), NodeRow.role == "render")
        async with self._database.reading() as transaction:
            return dict((await transaction.execute(query)).all())

    def _placed(self) -> Select[int]:
        here = select(func.count()).select_from(PlacementRow).where(PlacementRow.node_id == NodeRow.id)
        return here.where(PlacementRow.expires > self._clock()).correlate(NodeRow)

    async def get(self, node: int) -> NodeRow:
        """Return a node. Raises NotFoundError."""
        async with self._database.reading() as transaction:
            row = await transaction.get(NodeRow, node)
        if row is None:
            raise _unknown()
        return row

    def state(self, row: NodeRow) -> NodeState:
        """Say how a node is."""
        if row.last_seen is None or self._clock() - row.last_seen > _LEASE or row.cause:
            return "unavailable"
        if row.draining:
            return "draining"
        return "other-version" if row.version and row.version != __version__ else "available"

    async def add(self, node: int | None, address: str, role: NodeRole, by: Actor) -> NodeRow:
        """Enter a node by hand; it is asked at once. Raises NodeAddressError or ConflictError."""
        row = NodeRow(
            id=node, address=checked(address), role=role, active=True, by_hand=True, created=self._clock(),
            version="", ae_title="", cause="", draining=False,
        )  # fmt: skip
        try:
            async with self._database.writing() as transaction:
                transaction.add(row)
                await transaction.flush()
                self._journal.add(
                    transaction, "node-changed", by, node=row.id, change="created", node_address=row.address
                )
        except IntegrityError as error:
            text = "a node with this ID or address exists already"
            raise ConflictError(text) from error
        await self._ask(row)
        return await self.get(row.id)

    async def report(self, report: NodeReport) -> NodeRow:
        """Take over what a node says of itself; a row that was entered by hand for its address becomes its own.

        A node that is new here, or that did not answer the last time, is asked at once: that it speaks is no proof that it
        can be reached, nor that it is warm.
        """
        async with self._database.writing() as transaction:
            found = select(NodeRow).where((NodeRow.key == report.key) | (NodeRow.address == report.address))
            rows = (await transaction.scalars(found.order_by(NodeRow.id).with_for_update())).all()
            own = next((row for row in rows if row.key == report.key), rows[0] if rows else None)
            for other in rows:
                if other is not own:
                    await transaction.delete(other)  # its address belongs to this node now
            await transaction.flush()
            if own is None:
                own = NodeRow(active=True, by_hand=False, created=self._clock(), draining=False)
                transaction.add(own)
            if (own.key, own.address) != (report.key, report.address):
                own.cause = _NOT_ASKED
            former = own.key
            if former != report.key:
                own.device = ""  # another machine, perhaps
            own.key, own.role, own.address = report.key, report.role, report.address
            own.version, own.ae_title = report.version, report.ae_title or own.ae_title or ""
            own.last_seen = self._clock()
            await transaction.flush()
            if own.role == "storage" and own.key != former:
                # Users of before any node had registered, or of the one that was at this address.
                theirs = UserRow.storage_node.is_not_distinct_from(former)
                await transaction.execute(update(UserRow).where(theirs).values(storage_node=own.key))
        if own.cause:
            await self._ask(own)
        return own

    async def candidates(self, transaction: AsyncSession) -> Sequence[Candidate]:
        """Return the render nodes that were heard of lately; see :class:`webviewer_control.services.placement.Registry`."""
        living = NodeRow.last_seen >= self._clock() - _LEASE
        rows = await transaction.scalars(select(NodeRow).where(NodeRow.role == "render", living).order_by(NodeRow.id))
        return [
            Candidate(
                row.id, row.address, open=row.active and not row.draining, failing=bool(row.cause), slots=row.slots,
                series=frozenset(row.series),
            )
            for row in rows
        ]  # fmt: skip

    async def note_failure(self, node: int, cause: str) -> None:
        """A node did not answer; see :class:`webviewer_control.services.placement.Registry`."""
        here = update(NodeRow).where(NodeRow.id == node, NodeRow.cause == "")
        async with self._database.writing() as transaction:
            await transaction.execute(here.values(cause=cause[:_MAX_TEXT]))

    async def change(
        self, node: int, by: Actor, *, address: str | None, ae_title: str | None, active: bool | None
    ) -> NodeRow:
        """Change a row. Whether a node is active changes only while it answers.

        Raises NodeAddressError, ConflictError, InUseError, NodeOfflineError.
        """
        before = await self.get(node)
        changed: dict[str, Any] = {}
        if active is not None and active != before.active:
            await self._switch(before, active=active)
            changed["new_status"] = "active" if active else "inactive"
        try:
            async with self._database.writing() as transaction:
                row = await transaction.get(NodeRow, node, with_for_update=True)
                if row is None:
                    raise _unknown()
                if address is not None and checked(address) != row.address:
                    changed |= {"old_address": row.address, "new_address": address}
                    row.address = checked(address)
                if ae_title is not None and ae_title != row.ae_title:
                    changed |= {"old_ae_title": row.ae_title or "-", "new_ae_title": ae_title or "-"}
                    row.ae_title = ae_title
                row.active = row.active if active is None else active
                if changed:
                    self._journal.add(transaction, "node-changed", by, node=node, change="changed", **changed)
                await transaction.flush()
        except IntegrityError as error:
            text = "another node has this address"
            raise ConflictError(text) from error
        await self._ask(row)
        return await self.get(node)

    async def _switch(self, row: NodeRow, *, active: bool) -> None:
        if not active:
            await self._refuse_in_use(row)
        try:
            await self._probe.ping(row.address, row.role)
            if row.role == "render":
                await self._probe.set_draining(row.address, self._token(), draining=not active)
        except PeerUnavailableError as error:
            raise NodeOfflineError(error.message) from error

    async def set_draining(self, node: int, by: Actor, *, draining: bool) -> NodeRow:
        """Move the sessions of a render node to others and let it take no new ones, or take it back into service.

        It stays so until the node is started again; whether it is active does not change. Raises ConflictError for a
        storage node, whose studies cannot move, and for one that is inactive; NodeOfflineError.
        """
        row = await self.get(node)
        if row.role != "render" or not row.active:
            text = "only an active render node is drained: studies do not move, and an inactive node takes no sessions"
            raise ConflictError(text)
        try:
            await self._probe.set_draining(row.address, self._token(), draining=draining, move=draining)
        except PeerUnavailableError as error:
            raise NodeOfflineError(error.message) from error
        if draining != row.draining:
            async with self._database.writing() as transaction:
                status = "draining" if draining else "active"
                self._journal.add(transaction, "node-changed", by, node=node, change="changed", new_status=status)
        await self._ask(row)
        return await self.get(node)

    async def delete(self, node: int, by: Actor) -> None:
        """Forget a node. Raises InUseError for one that lives and would come again, or that users need."""
        row = await self.get(node)
        if not row.by_hand and self.state(row) != "unavailable":
            text = "the node is running and would register again: stop it first, or make it inactive"
            raise InUseError(text)
        await self._refuse_in_use(row)
        async with self._database.writing() as transaction:
            await transaction.delete(await transaction.get_one(NodeRow, node))
            self._journal.add(transaction, "node-changed", by, node=node, change="deleted", node_address=row.address)
        await self._probe.forget(row.address)

    async def _refuse_in_use(self, row: NodeRow) -> None:
        if row.role != "storage" or row.key is None:
            return
        own = select(func.count()).where(UserRow.storage_node == row.key)
        async with self._database.reading() as transaction:
            users = await transaction.scalar(own) or 0
        if users:
            text = f"the studies of {users} users are on this node"
            raise InUseError(text)

    async def ping(self, node: int) -> float:
        """Return the seconds that a node took to answer. Raises NodeOfflineError with the cause."""
        row = await self.get(node)
        seconds = await self._ask(row)
        if seconds is None:
            raise NodeOfflineError((await self.get(node)).cause)
        return seconds

    async def watch_for_ever(self) -> None:
        """Ask all nodes every few seconds and forget render nodes that are gone."""
        await repeat(self.look, _ROUND_SECONDS, "nodes not asked")

    async def look(self) -> None:
        """Do one round."""
        async with self._database.reading() as transaction:
            rows = (await transaction.scalars(select(NodeRow))).all()
        gone = [row for row in rows if self._is_gone(row)]
        await asyncio.gather(*(self._ask(row) for row in rows if row not in gone))
        if not gone:
            return
        async with self._database.writing() as transaction:
            for row in gone:
                found = await transaction.get(NodeRow, row.id)
                if found is not None:
                    await transaction.delete(found)

    def _is_gone(self, row: NodeRow) -> bool:
        """Tell whether a pod was replaced: its row goes, as another took its place."""
        seen = row.last_seen or row.created
        return row.role == "render" and not row.by_hand and self._clock() - seen > _FORGET

    async def _ask(self, row: NodeRow) -> float | None:
        """Note how the node is; returns the seconds that it took to answer, or None."""
        seconds, cause, load, series, device = None, "", None, None, ""
        try:
            if row.role == "render":
                load = await self._probe.load(row.address, self._token())
                series = await self._held(row.address)
                device = row.device or await self._device(row.address)
            seconds = await self._probe.ping(row.address, row.role)
        except WebViewerError as error:
            cause = error.message[:_MAX_TEXT] or error.code
        if load is not None and load.draining:
            cause = ""  # it says that it is not ready, and serves those that are there
        async with self._database.writing() as transaction:
            found = await transaction.get(NodeRow, row.id)
            if found is not None:
                found.cause = cause
                if not cause:
                    found.last_seen = self._clock()
                if load:
                    found.slots, found.used, found.draining = load.slots, load.used, load.draining
                if series is not None:
                    found.series = list(series)
                if device and found.key == row.key:
                    found.device = device
        return None if cause else seconds

    async def _held(self, address: str) -> Sequence[str] | None:
        """Return what a node has in memory, None where nobody wants to know or it is of a release that does not say so."""
        if not self._affinity:
            return None
        try:
            return await self._probe.held_series(address, self._token())
        except NotFoundError:
            return None

    async def _device(self, address: str) -> str:
        """Return what a node draws on, nothing where it is of a release that does not say so."""
        try:
            return (await self._probe.device(address, self._token()))[:_MAX_TEXT]
        except NotFoundError:
            return ""

    def _token(self) -> str:
        return operate_grant(self._signer, "render")


def checked(address: str) -> str:
    """Return an address that has the form of one. Raises NodeAddressError."""
    if not re.fullmatch(ADDRESS_PATTERN, address) or not 0 < int(address.rpartition(":")[2]) <= 65535:  # noqa: PLR2004 - ports
        raise NodeAddressError
    return address


def _unknown() -> NotFoundError:
    return NotFoundError("no such node")
