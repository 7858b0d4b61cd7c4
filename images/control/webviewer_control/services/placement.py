"""Which render node a session has: given at the first opened viewport, kept for all its tabs, and given back."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from webviewer.db.engine import lock_until_commit
from webviewer.errors import NodeFullError, PeerUnavailableError
from webviewer_control.services.records import Records
from webviewer_control.store.models import PlacementRow, SessionRow

PlacementPolicy = Literal["fewest-sessions", "volume-affinity"]
_CLAIM = dt.timedelta(seconds=30)
"""So long at least is a place held for a session that is on its way to the node."""
_LOCK = 7_201_151
"""Names the lock of placements among those of the database."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A render node that may live. ``open``: it takes new sessions; ``failing``: it did not answer the last time."""

    id: int
    address: str
    open: bool = True
    failing: bool = False
    slots: int | None = None
    series: frozenset[str] = field(default_factory=frozenset)
    """What is in its memory, as far as is known."""


class Registry(Protocol):
    """Who knows the render nodes."""

    async def candidates(self, transaction: AsyncSession) -> Sequence[Candidate]:
        """Return the render nodes that may live."""
        ...

    async def note_failure(self, node: int, cause: str) -> None:
        """A node did not answer: others must not wait for it, too."""
        ...


class LocalNode:
    """The registry of a server that draws in its own process."""

    ADDRESS = "local"

    async def candidates(self, transaction: AsyncSession) -> Sequence[Candidate]:  # noqa: ARG002 - the protocol's
        """Return the one node."""
        return (Candidate(0, self.ADDRESS),)

    async def note_failure(self, node: int, cause: str) -> None:
        """There is no other node that could be asked instead."""


class Placements:
    """The ledger. Every change is a short transaction under one lock, so that sessions spread evenly whoever places them.

    It says where to ask; the node itself decides whether it takes a session.
    """

    def __init__(self, records: Records, registry: Registry, policy: PlacementPolicy, idle: float) -> None:
        """``idle``: seconds that a session keeps its node after its last viewport has closed; the node does, too."""
        self._database = records.database
        self._clock = records.clock
        self._registry = registry
        self._policy = policy
        self._keep = dt.timedelta(seconds=idle)
        self._turn = asyncio.Lock()

    async def place(self, session: str, series: str, refused: Collection[int] = ()) -> Candidate:
        """Return the session's node, which is a new one if it has none or its own one has refused or does not answer.

        Raises NodeFullError if no node is left to be asked, and PeerUnavailableError if there is none.
        """
        async with self._database.reading() as transaction:
            row = await transaction.get(PlacementRow, session)
            own = self._kept(row, await self._registry.candidates(transaction), refused)
            if own is not None and row is not None and row.expires > self._clock() + self._keep * 2 / 3:
                return own
        # Who waits for the lock holds a connection; of this process one at a time does.
        async with self._turn, self._database.writing() as transaction:
            await lock_until_commit(transaction, _LOCK)
            nodes = await self._registry.candidates(transaction)
            row = await transaction.get(PlacementRow, session)
            node = self._kept(row, nodes, refused) or await self._choose(transaction, session, nodes, series, refused)
            await self._write(transaction, row, session, node.id)
        return node

    async def give_up(self, session: str, refused: Collection[int]) -> None:
        """Forget that the session is at one of the nodes that have refused it."""
        where = (PlacementRow.session_id == session, PlacementRow.node_id.in_(refused))
        async with self._database.writing() as transaction:
            await transaction.execute(delete(PlacementRow).where(*where))

    async def of(self, session: str) -> int | None:
        """Return the node of a session, null if it has none."""
        async with self._database.reading() as transaction:
            row = await transaction.get(PlacementRow, session)
        return row.node_id if row is not None and row.expires > self._clock() else None

    async def all(self, sessions: Collection[str]) -> dict[str, int]:
        """Return the nodes of sessions."""
        query = select(PlacementRow.session_id, PlacementRow.node_id).where(PlacementRow.session_id.in_(sessions))
        async with self._database.reading() as transaction:
            return dict((await transaction.execute(query)).all())

    async def renew(self, sessions: Mapping[str, int]) -> None:
        """Sessions with open viewports at these nodes go on; a row that was lost is made again."""
        # However short the idle time is: a busy control may be late with the next renewal, and what lapses is placed twice.
        expires = self._clock() + max(self._keep, _CLAIM)
        async with self._turn, self._database.writing() as transaction:
            await lock_until_commit(transaction, _LOCK)
            mine = PlacementRow.session_id.in_(sessions)
            await transaction.execute(update(PlacementRow).where(mine).values(expires=expires))
            known = set((await transaction.scalars(select(PlacementRow.session_id).where(mine))).all())
            living = await transaction.scalars(select(SessionRow.id).where(SessionRow.id.in_(sessions.keys() - known)))
            for session in living:
                transaction.add(PlacementRow(session_id=session, node_id=sessions[session], expires=expires))

    async def touch(self, session: str) -> None:
        """The session had a viewport open until now."""
        mine = update(PlacementRow).where(PlacementRow.session_id == session)
        async with self._database.writing() as transaction:
            await transaction.execute(mine.values(expires=self._clock() + self._keep))

    async def sweep(self) -> None:
        """Forget placements of sessions that have left."""
        async with self._database.writing() as transaction:
            await transaction.execute(delete(PlacementRow).where(PlacementRow.expires <= self._clock()))

    async def nodes(self) -> list[Candidate]:
        """Return the nodes that may live, in the order in which they are asked for what needs no slot."""
        async with self._database.reading() as transaction:
            nodes = await self._registry.candidates(transaction)
        return sorted(nodes, key=lambda node: (node.failing, not node.open, node.id))

    async def note_failure(self, node: int, cause: str) -> None:
        """Tell everybody that a node did not answer."""
        await self._registry.note_failure(node, cause)

    def _kept(self, row: PlacementRow | None, nodes: Sequence[Candidate], refused: Collection[int]) -> Candidate | None:
        """Return the node that a session stays at: also one that takes no new sessions."""
        if row is None or row.expires <= self._clock() or row.node_id in refused:
            return None
        return next((node for node in nodes if node.id == row.node_id and not node.failing), None)

    async def _choose(
        self,
        transaction: AsyncSession,
        session: str,
        nodes: Sequence[Candidate],
        series: str,
        refused: Collection[int],
    ) -> Candidate:
        if not nodes:
            text = "no render node has registered"
            raise PeerUnavailableError(text)
        left = [node for node in nodes if node.open and node.id not in refused]
        if not left:
            text = "no render node takes another session now; try again when somebody has left"
            raise NodeFullError(text)
        query = select(PlacementRow.node_id, func.count()).group_by(PlacementRow.node_id)
        others = query.where(PlacementRow.expires > self._clock(), PlacementRow.session_id != session)
        counts: dict[int, int] = dict((await transaction.execute(others)).all())
        return choose(left, counts, series if self._policy == "volume-affinity" else None)

    async def _write(self, transaction: AsyncSession, row: PlacementRow | None, session: str, node: int) -> None:
        expires = self._clock() + max(self._keep, _CLAIM)
        if row is not None:
            row.node_id, row.expires = node, expires
        elif await transaction.scalar(select(SessionRow.id).where(SessionRow.id == session)):
            transaction.add(PlacementRow(session_id=session, node_id=node, expires=expires))


def choose(nodes: Sequence[Candidate], counts: Mapping[int, int], series: str | None = None) -> Candidate:
    """Return the node with the fewest sessions; those that seem full or dead are taken last.

    With ``series`` one that has it in memory goes first, if it has at most one session more than the one with the fewest.
    """

    def rank(node: Candidate) -> tuple[bool, bool, int, int]:
        used = counts.get(node.id, 0)
        return node.failing, node.slots is not None and used >= node.slots, used, node.id

    best = min(nodes, key=rank)
    if series is None:
        return best
    near = [
        node
        for node in nodes
        if series in node.series and rank(node)[:2] == rank(best)[:2] and rank(node)[2] <= rank(best)[2] + 1
    ]
    return min(near, key=rank, default=best)
