"""Who may do what: the content of a grant, and the stores that studies belong to."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from webviewer.domain.image import Value

StoreKind = Literal["user", "shared", "cache"]


class Action(StrEnum):
    """What a grant allows its bearer to do at a node."""

    MANAGE_STORES = "stores:manage"
    LIST = "studies:list"
    WRITE = "studies:write"
    DELETE = "studies:delete"
    PIXELS = "pixels:read"
    VIEW = "view"
    """Hold a rendering session (render nodes)."""
    OPERATE = "node:operate"
    """Ask for the load of a node and drain it."""


class Grant(Value):
    """A right that control hands to a node for a short time.

    Rights are decided per store, never by UID: a node looks only into ``stores`` and, where
    ``study`` or ``series`` is set, only at that study, and at that series.
    """

    audience: str
    """Name of the node that may accept it."""
    subject: str
    """Opaque id of who acts, for logs and journals."""
    session: str
    actions: frozenset[Action]
    stores: tuple[str, ...] = ()
    study: str | None = None
    series: str | None = None
    anonymised: bool = False
    download: bool = False


class Store(Value):
    """A set of studies with one owner."""

    id: str
    kind: StoreKind
    owner: str | None = None
    """The user's opaque id for kind ``user``; the requester for ``cache``."""
    ae_title: str | None = None
    """Called AE title whose C-STOREs land here."""
