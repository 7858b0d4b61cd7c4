"""How a role is put together, and where the roles are found.

A role is two functions: ``build`` makes its services (they open databases, start children) and
``create_app`` puts HTTP in front of them. Services of one process meet each other through
:class:`Peers`, which holds service objects in unified mode and network clients in a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Generic, Literal, TypeVar

from starlette.applications import Starlette

from webviewer.errors import InvalidRequestError
from webviewer.ports.render import RenderDirectory, RenderNodesPort, RenderPort
from webviewer.ports.storage import StorageDirectory, StoragePort
from webviewer.settings import Settings

RoleName = Literal["control", "storage", "render"]
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Peers:
    """The other roles as a role sees them. Render needs ``storage``; control needs both.

    ``storage`` is the node of this process or of the configuration, ``storages`` those of a cluster that has several.
    ``render`` is the one node of this process, ``renders`` those of a cluster. ``render_nodes`` lists the latter for whoever
    scales them; null = those that have registered.
    """

    storage: StoragePort | None = None
    storages: StorageDirectory | None = None
    render: RenderPort | None = None
    renders: RenderDirectory | None = None
    render_nodes: RenderNodesPort | None = None


@dataclass(frozen=True, slots=True)
class Role(Generic[S]):
    """``build(settings, mode)`` returns a context manager that yields running services."""

    name: RoleName
    default_port: int
    build: Callable[[Settings, Mode], AbstractAsyncContextManager[S]]
    create_app: Callable[[S, Peers], Starlette]
    upgrade: Callable[[Settings], Coroutine[Any, Any, None]] | None = None
    """Brings the database schema of the role to this release; null where it has none."""
    before_stop: Callable[[S], Coroutine[Any, Any, None]] | None = None
    """Runs when the process is told to stop, before connections are closed; bounded in time by itself."""


@dataclass(frozen=True, slots=True)
class Mode:
    """How the process is composed.

    ``unified``: all roles in this process, so local paths may be shared. ``keys``: the public key
    set that verifies grants, known before the services start.
    """

    unified: bool
    keys: dict[str, Any]


def find_role(name: RoleName) -> Role[Any]:
    """Load a role by its entry point. Raises InvalidRequestError if it is not installed."""
    for entry in entry_points(group="webviewer.roles", name=name):
        role: Role[Any] = entry.load()
        return role
    text = f"the role {name} is not installed: pip install 'webviewer[{name}]'"
    raise InvalidRequestError(text)
