"""How busy a render node is."""

from __future__ import annotations

from webviewer.domain.image import Value


class NodeLoad(Value):
    """Sessions of one render node. ``draining``: it takes no new ones."""

    slots: int
    used: int
    draining: bool
