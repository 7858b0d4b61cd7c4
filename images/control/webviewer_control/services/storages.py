"""The storage nodes: each user has one, where all of his studies are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from webviewer.db.engine import lock_until_commit
from webviewer.errors import PeerUnavailableError
from webviewer.ports.storage import StorageDirectory, StoragePort
from webviewer_control.errors import StorageNodeError
from webviewer_control.store.database import Database
from webviewer_control.store.models import NodeRow, SessionRow, UserRow

_FRESH_SECONDS = 5.0
_LOCK = 7_201_153
"""Names the lock of sessions that are given a storage node among those of the database."""


@dataclass(frozen=True, slots=True)
class StorageNode:
    """A storage node as control reaches it.

    ``key`` is its identity, which rows of users name; ``url`` is where render nodes reach it, null in one process.
    """

    key: str | None
    port: StoragePort
    url: str | None


class StorageNodes(Protocol):
    """Who knows the storage nodes."""

    async def all(self) -> Sequence[StorageNode]:
        """Return all nodes, the oldest first; never none."""
        ...

    async def of(self, key: str | None) -> StorageNode:
        """Return a node by its identity; null: that of who has none yet, the oldest.

        Raises PeerUnavailableError for a node that has not registered.
        """
        ...


class OneStorage:
    """The only storage node, which keeps the studies of everybody."""

    def __init__(self, port: StoragePort, url: str | None = None) -> None:
        self._node = StorageNode(None, port, url)

    async def all(self) -> Sequence[StorageNode]:
        """Return the one node."""
        return (self._node,)

    async def of(self, key: str | None) -> StorageNode:  # noqa: ARG002 - the protocol's
        """Return the one node."""
        return self._node


class RegisteredStorages:
    """Storage nodes by the registry.

    As long as no second one has registered, ``first`` is asked: the address of the configuration, which a certificate is
    of. Several are asked at the addresses that they register by.
    """

    def __init__(self, database: Database, first: StorageNode, directory: StorageDirectory) -> None:
        self._database = database
        self._first = first
        self._directory = directory
        self._known: Sequence[StorageNode] = (first,)
        self._asked = float("-inf")

    async def all(self) -> Sequence[StorageNode]:
        """Return all nodes; see the protocol."""
        if time.monotonic() - self._asked > _FRESH_SECONDS:
            await self._look()
        return self._known

    async def of(self, key: str | None) -> StorageNode:
        """Return a node by its identity; see the protocol."""
        nodes = await self.all()
        if key is None:
            return nodes[0]
        found = next((node for node in nodes if node.key == key), None)
        if found is None:  # it may be new
            nodes = await self._look()
            found = next((node for node in nodes if node.key == key), None if nodes[0].key else nodes[0])
        if found is not None:
            return found
        text = "the storage node that has these studies is not registered: start it, or ask the administrator"
        raise PeerUnavailableError(text)

    async def _look(self) -> Sequence[StorageNode]:
        query = select(NodeRow).where(NodeRow.role == "storage", NodeRow.key.is_not(None)).order_by(NodeRow.id)
        async with self._database.reading() as transaction:
            rows = (await transaction.scalars(query)).all()
        if len(rows) > 1:
            self._known = [StorageNode(row.key, self._directory.at(row.address), row.address) for row in rows]
        else:
            self._known = (StorageNode(rows[0].key if rows else None, self._first.port, self._first.url),)
        self._asked = time.monotonic()
        return self._known


async def ping_all(storages: StorageNodes) -> None:
    """Return if every storage node serves requests. Raises PeerUnavailableError."""
    await asyncio.gather(*(node.port.ping() for node in await storages.all()))


async def ping_any(storages: StorageNodes) -> None:
    """Return if one storage node serves requests: its users can work. Raises PeerUnavailableError."""
    answers = await asyncio.gather(*(node.port.ping() for node in await storages.all()), return_exceptions=True)
    failures = [answer for answer in answers if answer is not None]
    if len(failures) == len(answers):
        raise failures[0]


async def node_for(transaction: AsyncSession, wanted: int | None) -> str | None:
    """Return the identity of the storage node of a new user: the wanted one, or the active one with the fewest users.

    Null where none has registered: the first that does gets all such users. Raises StorageNodeError.
    """
    users = select(func.count()).where(UserRow.storage_node == NodeRow.key).correlate(NodeRow).scalar_subquery()
    nodes = select(NodeRow.key).where(NodeRow.role == "storage", NodeRow.key.is_not(None), NodeRow.active)
    if wanted is None:
        key: str | None = await transaction.scalar(nodes.order_by(users, NodeRow.id).limit(1))
        return key
    key = await transaction.scalar(nodes.where(NodeRow.id == wanted))
    if key is None:
        raise StorageNodeError
    return key


async def quietest_node(transaction: AsyncSession) -> str | None:
    """Return the identity of the active storage node with the fewest sessions; null where none has registered.

    A09: a session without a user whose study is at no node in particular, as of a link to a global PACS, is given its
    storage node as others are given their render node.
    """
    await lock_until_commit(transaction, _LOCK)  # who comes at the same moment counts this session
    users = select(UserRow.storage_node.label("node")).join(SessionRow, SessionRow.user_id == UserRow.id)
    links = select(SessionRow.storage_node.label("node")).where(SessionRow.storage_node.is_not(None))
    seen = users.union_all(links).subquery()
    sessions = select(func.count()).where(seen.c.node == NodeRow.key).correlate(NodeRow).scalar_subquery()
    nodes = select(NodeRow.key).where(NodeRow.role == "storage", NodeRow.key.is_not(None), NodeRow.active)
    key: str | None = await transaction.scalar(nodes.order_by(sessions, NodeRow.id).limit(1))
    return key
