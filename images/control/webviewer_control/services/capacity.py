"""How many places the render nodes have: what scaling goes by."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from webviewer.domain.image import Value
from webviewer.domain.load import NodeLoad
from webviewer.errors import NotFoundError, WebViewerError
from webviewer.ports.render import RenderNodesPort, RenderPort

_SECONDS = 5.0


class NodeCapacity(Value):
    """One render node. ``load`` is null where it did not answer: unknown, not idle."""

    address: str
    load: NodeLoad | None


class Capacities(Value):
    """All render nodes, and how many tabs wait at this control for a free place."""

    nodes: tuple[NodeCapacity, ...]
    queued: int


class Capacity:
    """Asks the nodes, and tells one to take no more sessions."""

    def __init__(self, nodes: RenderNodesPort, token: Callable[[], str]) -> None:
        """``token`` makes a grant to operate nodes."""
        self._nodes = nodes
        self._token = token

    async def read(self, queued: int) -> Capacities:
        """Ask every node. Raises PeerUnavailableError if not even their list can be had."""
        nodes = await self._nodes.nodes()
        loads = await asyncio.gather(*(self._load(node) for node in nodes.values()))
        found = zip(nodes, loads, strict=True)
        return Capacities(nodes=tuple(NodeCapacity(address=a, load=load) for a, load in sorted(found)), queued=queued)

    async def set_draining(self, address: str, *, draining: bool, move: bool) -> None:
        """Pass it on. Raises NotFoundError for an address that is none of the nodes'."""
        node = (await self._nodes.nodes()).get(address)
        if node is None:
            text = "no render node has this address"
            raise NotFoundError(text)
        await node.set_draining(self._token(), draining=draining, move=move)

    async def _load(self, node: RenderPort) -> NodeLoad | None:
        try:
            async with asyncio.timeout(_SECONDS):
                return await node.load(self._token())
        except (WebViewerError, TimeoutError):
            return None
