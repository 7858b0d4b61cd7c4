"""The shared stores of all storage nodes, which the administrator sees as one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from webviewer.domain.identity import Action
from webviewer.errors import NotFoundError
from webviewer_control.services.control import Gateway
from webviewer_control.services.sessions import Session
from webviewer_control.services.storages import StorageNode

T = TypeVar("T")


async def shared_at(
    gateway: Gateway, session: Session, ask: Callable[[StorageNode, str], Awaitable[T]]
) -> tuple[StorageNode, T]:
    """Return the first node that finds what ``ask`` asks of it, with a grant to list its shared store, and what it found.

    Raises NotFoundError if no node has it, and PeerUnavailableError for a node that does not answer.
    """
    missing = NotFoundError("no storage node has this")
    for node in await gateway.storages.all():
        token = await gateway.stores.shared_grant(session, Action.LIST, node)
        try:
            return node, await ask(node, token)
        except NotFoundError as error:
            missing = error
    raise missing
