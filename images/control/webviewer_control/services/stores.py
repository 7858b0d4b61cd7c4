"""The stores that sessions may look into, and the grants that let nodes check it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from webviewer.domain.identity import Action, Grant, Store
from webviewer.errors import ForbiddenError, NotFoundError, WebViewerError
from webviewer.ports.storage import StoragePort
from webviewer.wire.grants import SHORT_SECONDS, VIEWPORT_SECONDS, GrantSigner
from webviewer_control.services.sessions import Session
from webviewer_control.store.finish import finish
from webviewer_control.store.models import UserRow

_SHARED_FRESH_SECONDS = 60.0
_RETRY_SECONDS = 2.0
_log = structlog.get_logger(__name__)


def operate_grant(signer: GrantSigner, node: str) -> str:
    """Return a grant to ask render nodes for their load and to drain them."""
    actions = frozenset({Action.OPERATE})
    return signer.sign(Grant(audience=node, subject="control", session="", actions=actions))


class Stores:
    """Decides which stores a session has, makes users' stores at the node, and signs grants."""

    def __init__(self, storage: StoragePort, signer: GrantSigner, storage_node: str, render_node: str) -> None:
        self._storage = storage
        self._signer = signer
        self._storage_node = storage_node
        self._render_node = render_node
        self._made: set[str] = set()
        self._shared: tuple[str, float] = ("", float("-inf"))

    async def put(self, user: UserRow) -> None:
        """Make the user's store at the node, or tell it the new AE title."""
        store = Store(id=user.store, kind="user", owner=user.id, ae_title=user.ae_title)
        await self._storage.put_store(self._manage(), store)
        self._made.add(user.store)

    async def delete(self, user: UserRow) -> None:
        """Delete the user's store with all its studies; a store that was never made is no error."""
        with contextlib.suppress(NotFoundError):
            await self._storage.delete_store(self._manage(), user.store)
        self._made.discard(user.store)

    async def put_all(self, users: Callable[[], Coroutine[Any, Any, list[UserRow]]]) -> None:
        """Make the stores of all users, waiting until the node answers: it may start after us, or be new."""
        while True:
            try:
                for user in await finish(users()):
                    await finish(self.put(user))
            except WebViewerError as error:
                _log.info("waiting for storage", cause=error.code)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def shared(self) -> str:
        """Return the id of the node's shared store."""
        store, asked = self._shared
        if time.monotonic() - asked > _SHARED_FRESH_SECONDS:
            store = (await self._storage.shared_store(self._manage(Action.LIST))).id
            self._shared = (store, time.monotonic())
        return store

    async def readable(self, session: Session) -> tuple[str, ...]:
        """Return the stores a session may read: a user's own and the node's shared one, a link's own list."""
        if session.kind == "link":
            return session.stores
        if session.kind == "administrator" or session.store is None:
            return (await self.shared(),)
        return (session.store, await self.shared())

    def own(self, session: Session) -> tuple[str, ...]:
        """Return the store a session may write to. Raises ForbiddenError for sessions without one."""
        if session.kind != "user" or session.store is None:
            text = "this session has no store of its own"
            raise ForbiddenError(text)
        return (session.store,)

    async def read_grant(self, session: Session) -> str:
        """Return a grant to list what the session may read."""
        return self._sign(session, {Action.LIST}, await self.readable(session))

    def own_grant(self, session: Session, action: Action) -> str:
        """Return a grant for the session's own store."""
        return self._sign(session, {action}, self.own(session))

    async def quarantine_grant(self, session: Session) -> str:
        """Return a grant to list what was put aside in the user's store and in the shared one.

        Raises ForbiddenError for sessions without a store: links show studies and nothing else.
        """
        return self._sign(session, {Action.LIST}, (*self.own(session), await self.shared()))

    async def shared_grant(self, session: Session, action: Action) -> str:
        """Return a grant for the shared store; the caller has checked that it may be given."""
        return self._sign(session, {action}, (await self.shared(),))

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
            series=series,
            anonymised=session.anonymised,
            download=session.download,
        )
        return self._signer.sign(grant, lifetime)

    def _manage(self, *more: Action) -> str:
        actions = frozenset({Action.MANAGE_STORES, *more})
        return self._signer.sign(Grant(audience=self._storage_node, subject="control", session="", actions=actions))
