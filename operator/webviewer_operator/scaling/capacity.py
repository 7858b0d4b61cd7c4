"""Control's answer to how many sessions the render pods hold, and the order to drain one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import httpx2
from pydantic import BaseModel

from webviewer.domain.load import NodeLoad
from webviewer_operator import metrics
from webviewer_operator.manifests.naming import HTTP_PORTS

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class CapacityAnswer:
    """Loads by address of the pod, null where a pod did not answer; tabs that wait at all controls."""

    loads: dict[str, NodeLoad | None]
    queued: int


class CapacityPort(Protocol):
    """Control, as scaling needs it."""

    async def read(self, controls: Sequence[str], secret: str) -> CapacityAnswer | None:
        """Ask every control pod, by address. Null = not known: one of them did not answer."""
        ...

    async def set_draining(
        self, control: str, secret: str, address: str, *, draining: bool, move: bool = False
    ) -> bool:
        """Tell control to drain the pod at ``address``, or to stop that; return whether it did."""
        ...


class _Node(BaseModel):
    address: str
    load: NodeLoad | None


class _Answer(BaseModel):
    nodes: tuple[_Node, ...]
    queued: int


class HttpCapacity:
    """Implements :class:`CapacityPort` over HTTP."""

    def __init__(self, client: httpx2.AsyncClient, port: int = HTTP_PORTS["control"]) -> None:
        self._client = client
        self._port = port

    async def read(self, controls: Sequence[str], secret: str) -> CapacityAnswer | None:
        """Ask every control pod; see the port."""
        answers = await asyncio.gather(*(self._read(address, secret) for address in controls))
        known = [answer for answer in answers if answer is not None]
        if not known or len(known) < len(answers):
            metrics.CAPACITY_FAILURES.inc()
            return None
        loads: dict[str, NodeLoad | None] = {}
        for node in (node for answer in known for node in answer.nodes):
            loads[node.address] = node.load or loads.get(node.address)
        return CapacityAnswer(loads, sum(answer.queued for answer in known))

    async def set_draining(
        self, control: str, secret: str, address: str, *, draining: bool, move: bool = False
    ) -> bool:
        """Pass it on; see the port."""
        url = self._url(control, f"/v2/capacity/{address}/draining")
        body = {"draining": draining, "move": move}
        try:
            answer = await self._client.put(url, headers=_headers(secret), json=body, timeout=_SECONDS)
        except httpx2.TransportError:
            return False
        return answer.is_success

    async def _read(self, address: str, secret: str) -> _Answer | None:
        url = self._url(address, "/v2/capacity")
        try:
            answer = await self._client.get(url, headers=_headers(secret), timeout=_SECONDS)
            return _Answer.model_validate_json(answer.content) if answer.is_success else None
        except (httpx2.TransportError, ValueError):
            return None

    def _url(self, address: str, path: str) -> str:
        host = f"[{address}]" if ":" in address else address
        return f"http://{host}:{self._port}{path}"


def _headers(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}
