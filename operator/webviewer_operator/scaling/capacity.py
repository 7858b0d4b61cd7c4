"""Control's answer to how many sessions the render pods hold, and the order to drain one."""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import httpx2
import structlog
from pydantic import BaseModel

from webviewer.domain.load import NodeLoad
from webviewer.tls import distrust
from webviewer_operator import metrics
from webviewer_operator.manifests.naming import HTTP_PORTS, NODES_PORT

_SECONDS = 10.0
_CLIENTS = 256
"""Clusters whose connections are kept."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CapacityAnswer:
    """Loads by address of the pod, null where a pod did not answer; tabs that wait at all controls."""

    loads: dict[str, NodeLoad | None]
    queued: int


@dataclass(frozen=True, slots=True)
class ControlAccess:
    """What control is asked with: the secret of nodes; with ``authority`` (PEM) by TLS, its certificate being of ``name``."""

    secret: str
    authority: str = ""
    name: str = ""


class CapacityPort(Protocol):
    """Control, as scaling needs it."""

    async def read(self, controls: Sequence[str], access: ControlAccess) -> CapacityAnswer | None:
        """Ask every control pod, by address. Null = not known: one of them did not answer."""
        ...

    async def set_draining(
        self, control: str, access: ControlAccess, address: str, *, draining: bool, move: bool = False
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

    def __init__(self, port: int = HTTP_PORTS["control"], tls_port: int = NODES_PORT) -> None:
        self._port = port
        self._tls_port = tls_port
        self._clients: OrderedDict[ControlAccess, httpx2.AsyncClient] = OrderedDict()

    async def aclose(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()

    async def read(self, controls: Sequence[str], access: ControlAccess) -> CapacityAnswer | None:
        """Ask every control pod; see the port."""
        answers = await asyncio.gather(*(self._read(address, access) for address in controls))
        known = [answer for answer in answers if answer is not None]
        if not known or len(known) < len(answers):
            metrics.CAPACITY_FAILURES.inc()
            return None
        loads: dict[str, NodeLoad | None] = {}
        for node in (node for answer in known for node in answer.nodes):
            loads[node.address] = node.load or loads.get(node.address)
        return CapacityAnswer(loads, sum(answer.queued for answer in known))

    async def set_draining(
        self, control: str, access: ControlAccess, address: str, *, draining: bool, move: bool = False
    ) -> bool:
        """Pass it on; see the port."""
        body = {"draining": draining, "move": move}
        try:
            answer = await self._ask("PUT", control, f"/v2/capacity/{address}/draining", access, json=body)
        except httpx2.TransportError:
            return False
        return answer.is_success

    async def _read(self, address: str, access: ControlAccess) -> _Answer | None:
        try:
            answer = await self._ask("GET", address, "/v2/capacity", access)
            return _Answer.model_validate_json(answer.content) if answer.is_success else None
        except httpx2.TransportError as error:
            reason = distrust("control", error)
            if reason:
                _log.warning("control is not asked for its capacity", address=address, reason=reason)
            return None
        except ValueError:
            return None

    async def _ask(
        self, method: str, address: str, path: str, access: ControlAccess, json: dict[str, bool] | None = None
    ) -> httpx2.Response:
        host = f"[{address}]" if ":" in address else address
        base = f"https://{host}:{self._tls_port}" if access.authority else f"http://{host}:{self._port}"
        headers = {"Authorization": f"Bearer {access.secret}"}
        names = {"sni_hostname": access.name} if access.authority else {}
        client = await self._client(access)
        return await client.request(method, base + path, headers=headers, json=json, extensions=names, timeout=_SECONDS)

    async def _client(self, access: ControlAccess) -> httpx2.AsyncClient:
        """Return the client for this access: its connections are of that name. Those used longest ago are closed."""
        if access not in self._clients:
            trusted = ssl.create_default_context(cadata=access.authority) if access.authority else True
            # trust_env off: a proxy of the environment is for the world, not for pods beside us.
            self._clients[access] = httpx2.AsyncClient(trust_env=False, verify=trusted)
        self._clients.move_to_end(access)
        if len(self._clients) > _CLIENTS:
            _, old = self._clients.popitem(last=False)
            await old.aclose()
        return self._clients[access]
