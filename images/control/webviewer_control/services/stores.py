"""The stores that sessions may look into, and the grants that let nodes check it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import structlog

from webviewer.domain.identity import Action, Grant, Store
from webviewer.domain.load import VolumeUse
from webviewer.domain.study import StudyDetail, StudyPage, StudyQuery
from webviewer.errors import ForbiddenError, NotFoundError, WebViewerError
from webviewer.wire.grants import SHORT_SECONDS, VIEWPORT_SECONDS, GrantSigner
from webviewer_control.services.sessions import Session
from webviewer_control.services.storages import StorageNode, StorageNodes
from webviewer_control.store.finish import finish
from webviewer_control.store.models import UserRow

_SHARED_FRESH_SECONDS = 60.0
_RETRY_SECONDS = 2.0
_SIZES_SECONDS = 2.0
"""The table of users does not wait longer for a column."""
_log = structlog.get_logger(__name__)


def operate_grant(signer: GrantSigner, node: str) -> str:
    """Return a grant to ask render nodes for their load and to drain them."""
    actions = frozenset({Action.OPERATE})
    return signer.sign(Grant(audience=node, subject="control", session="", actions=actions))


class Stores:
    """Decides which stores a session has, makes users' stores at their nodes, and signs grants."""

    def __init__(self, storages: StorageNodes, signer: GrantSigner, storage_node: str, render_node: str) -> None:
        """``storage_node`` and ``render_node`` are the audiences of grants."""
        self._storages = storages
        self._signer = signer
        self._storage_node = storage_node
        self._render_node = render_node
        self._shared: dict[str | None, tuple[str, float]] = {}

    async def node(self, session: Session) -> StorageNode:
        """Return the storage node that has what the session may see. Raises PeerUnavailableError."""
        return await self._storages.of(session.storage_node)

    async def node_of(self, key: str | None) -> StorageNode:
        """Return a storage node by its identity. Raises PeerUnavailableError."""
        return await self._storages.of(key)

    async def put(self, user: UserRow) -> None:
        """Make the user's store at his node, or tell it the new AE title."""
        store = Store(id=user.store, kind="user", owner=user.id, ae_title=user.ae_title)
        node = await self._storages.of(user.storage_node)
        await node.port.put_store(self._manage(), store)

    async def delete(self, user: UserRow) -> None:
        """Delete the user's store with all its studies, and what a former node may have of it.

        A store that was never made is no error. Raises PeerUnavailableError while his own node does not answer.
        """
        own = await self._storages.of(user.storage_node)
        for node in await self._storages.all():
            try:
                await node.port.delete_store(self._manage(), user.store)
            except NotFoundError:
                continue
            except WebViewerError as error:
                if node.key == own.key:
                    raise
                _log.warning("store of a deleted user not looked for", node=node.key, cause=error.code)

    async def close(self, key: str | None, user: UserRow) -> None:
        """Let nothing more come into the user's store at a node that he has left.

        It is not deleted: what came in while he moved would be gone, though its sender was told that it is kept.
        """
        node = await self._storages.of(key)
        await node.port.put_store(self._manage(), Store(id=user.store, kind="user", owner=user.id, ae_title=None))

    async def count(self, user: UserRow) -> int:
        """Return how many studies are in the user's store."""
        node = await self._storages.of(user.storage_node)
        return (await self.search(node, user.store, StudyQuery(limit=1))).total

    async def sizes(self, users: Sequence[UserRow]) -> dict[str, int]:
        """Return the bytes of users' stores by their ids: one call per node, and one that does not answer is left out."""
        at: dict[str | None, list[UserRow]] = {}
        for user in users:
            at.setdefault(user.storage_node, []).append(user)
        found: dict[str, int] = {}

        async def ask(key: str | None, theirs: list[UserRow]) -> None:
            try:
                async with asyncio.timeout(_SIZES_SECONDS):
                    node = await self._storages.of(key)
                    sizes = await node.port.sizes(self._manage(), [user.store for user in theirs])
            except (WebViewerError, TimeoutError) as error:
                _log.warning("sizes of stores not known", node=key, cause=type(error).__name__)
                return
            found.update({user.id: sizes[user.store] for user in theirs})

        await asyncio.gather(*(ask(key, theirs) for key, theirs in at.items()))
        return found

    async def volume_use(self, node: StorageNode) -> VolumeUse:
        """Return how full the volume of a node is. Raises PeerUnavailableError."""
        return await node.port.volume_use(self._manage())

    async def put_all(self, users: Callable[[], Coroutine[Any, Any, list[UserRow]]]) -> None:
        """Make the stores of all users, waiting until their nodes answer: these may start after us, or be new."""
        left: list[UserRow] | None = None
        while left is None or left:
            try:
                left = await finish(self._put_those(await finish(users()) if left is None else left))
            except WebViewerError as error:
                _log.info("waiting for users", cause=error.code)
            if left is None or left:
                await asyncio.sleep(_RETRY_SECONDS)

    async def _put_those(self, users: list[UserRow]) -> list[UserRow]:
        """Make stores and return the users whose node does not answer; the others do not wait for it."""
        left: list[UserRow] = []
        silent: set[str | None] = set()
        for user in users:
            if user.storage_node in silent:
                left.append(user)
                continue
            try:
                await self.put(user)
            except WebViewerError as error:
                _log.info("waiting for storage", cause=error.code)
                silent.add(user.storage_node)
                left.append(user)
        return left

    async def shared(self, node: StorageNode) -> str:
        """Return the id of the node's shared store."""
        store, asked = self._shared.get(node.key, ("", float("-inf")))
        if time.monotonic() - asked > _SHARED_FRESH_SECONDS:
            store = (await node.port.shared_store(self._manage(Action.LIST))).id
            self._shared[node.key] = (store, time.monotonic())
        return store

    async def readable(self, session: Session) -> tuple[str, ...]:
        """Return the stores a session may read: a user's own and his node's shared one, a link's own list."""
        if session.kind == "link":
            return session.stores
        shared = await self.shared(await self.node(session))
        return (shared,) if session.kind == "administrator" or session.store is None else (session.store, shared)

    def own(self, session: Session) -> tuple[str, ...]:
        """Return the store a session may write to. Raises ForbiddenError for sessions without one."""
        if session.kind != "user" or session.store is None:
            text = "this session has no store of its own"
            raise ForbiddenError(text)
        return (session.store,)

    async def look(self, node: StorageNode, store: str, study: str) -> StudyDetail:
        """Return a study for control's own use, as for a link to it. Raises NotFoundError."""
        return await node.port.get_study(self._look_grant((store,)), study)

    async def search(self, node: StorageNode, store: str, query: StudyQuery) -> StudyPage:
        """Search a store for control's own use."""
        return await node.port.list_studies(self._look_grant((store,)), query)

    def _look_grant(self, stores: tuple[str, ...]) -> str:
        actions = frozenset({Action.LIST})
        grant = Grant(audience=self._storage_node, subject="control", session="", actions=actions, stores=stores)
        return self._signer.sign(grant)

    async def read_grant(self, session: Session) -> str:
        """Return a grant to list what the session may read."""
        return self._sign(session, {Action.LIST}, await self.readable(session))

    async def download_grant(self, session: Session) -> str:
        """Return a grant to take the files of what the session may read; the caller has checked that it may."""
        return self._sign(replace(session, download=True), {Action.LIST}, await self.readable(session))

    def own_grant(self, session: Session, action: Action) -> str:
        """Return a grant for the session's own store."""
        return self._sign(session, {action}, self.own(session))

    async def quarantine_grant(self, session: Session) -> str:
        """Return a grant to list what was put aside in the user's store and in the shared one.

        Raises ForbiddenError for sessions without a store: links show studies and nothing else.
        """
        return self._sign(session, {Action.LIST}, (*self.own(session), await self.shared(await self.node(session))))

    async def shared_grant(self, session: Session, action: Action, node: StorageNode) -> str:
        """Return a grant for the shared store of a node; the caller has checked that it may be given."""
        return self._sign(session, {action}, (await self.shared(node),))

    def pixels_grant(self, session: Session, store: str, series: str, lifetime: float = VIEWPORT_SECONDS) -> str:
        """Return a grant to read the pixels of exactly one series in exactly one store."""
        return self._sign(session, {Action.PIXELS}, (store,), series, lifetime)

    def view_grant(self, session: Session) -> str:
        """Return a grant to hold a rendering session."""
        grant = Grant(
            audience=self._render_node,
            subject=session.subject,
            session=session.id,
            actions=frozenset({Action.VIEW}),
            anonymised=session.anonymised,
        )
        return self._signer.sign(grant)

    def _sign(
        self,
        session: Session,
        actions: set[Action],
        stores: tuple[str, ...],
        series: str | None = None,
        lifetime: float = SHORT_SECONDS,
    ) -> str:
        grant = Grant(
            audience=self._storage_node,
            subject=session.subject,
            session=session.id,
            actions=frozenset(actions),
            stores=stores,
            study=session.study,
            series=series or session.series,
            anonymised=session.anonymised,
            download=session.download,
        )
        return self._signer.sign(grant, lifetime)

    def _manage(self, *more: Action) -> str:
        actions = frozenset({Action.MANAGE_STORES, *more})
        return self._signer.sign(Grant(audience=self._storage_node, subject="control", session="", actions=actions))
