"""How many places the render nodes have: what scaling goes by."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from webviewer.domain.image import Value
from webviewer.domain.load import NodeLoad
from webviewer.errors import NotFoundError, WebViewerError
from webviewer.ports.render import RenderNodesPort, RenderPort
from webviewer.wire.grants import GrantSigner
from webviewer_control.services.stores import operate_grant

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

    def __init__(self, render: RenderPort, nodes: RenderNodesPort | None, signer: GrantSigner, audience: str) -> None:
        self._render = render
        self._nodes = nodes
        self._signer = signer
        self._audience = audience

    async def read(self, queued: int) -> Capacities:
        """Ask every node. Raises PeerUnavailableError if not even their list can be had."""
        nodes = await self._all()
        loads = await asyncio.gather(*(self._load(node) for node in nodes.values()))
        found = zip(nodes, loads, strict=True)
        return Capacities(nodes=tuple(NodeCapacity(address=a, load=load) for a, load in sorted(found)), queued=queued)

    async def set_draining(self, address: str, *, draining: bool, move: bool) -> None:
        """Pass it on. Raises NotFoundError for an address that is none of the nodes'."""
        node = (await self._all()).get(address)
        if node is None:
            text = "no render node has this address"
            raise NotFoundError(text)
        await node.set_draining(self._token(), draining=draining, move=move)

    async def _all(self) -> Mapping[str, RenderPort]:
        return {"local": self._render} if self._nodes is None else await self._nodes.nodes()

    async def _load(self, node: RenderPort) -> NodeLoad | None:
        try:
            async with asyncio.timeout(_SECONDS):
                return await node.load(self._token())
        except (WebViewerError, TimeoutError):
            return None

    def _token(self) -> str:
        return operate_grant(self._signer, self._audience)
