"""Asks a node of any kind whether it lives, by its address."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping, Sequence

import httpx2

from webviewer.clients.render_clients import RenderClients
from webviewer.domain.load import NodeLoad, NodeRole
from webviewer.errors import PeerUnavailableError
from webviewer.tls import service_name

_SECONDS = 5.0


class NodeProbe:
    """Keeps a connection to each address that was asked; close them by :meth:`aclose`.

    ``services`` are the addresses of the services that the nodes of a role are behind. A node that is asked by a number has
    a certificate of its service's name: pods come and go.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, services: Mapping[NodeRole, str] | None = None) -> None:
        self._tls = tls
        self._services = dict(services or {})
        self._http = httpx2.AsyncClient(timeout=_SECONDS, trust_env=False, verify=tls or True)
        self._renders = RenderClients(self._services.get("render", ""), tls)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        await self._renders.aclose()

    async def ping(self, address: str, role: NodeRole) -> float:
        """Return the seconds that the node took to say that it is ready. Raises PeerUnavailableError with the cause."""
        started = time.perf_counter()
        try:
            name = service_name(address, self._services.get(role, ""))
            answer = await self._http.get(f"{address}/readyz", extensions={"sni_hostname": name} if name else {})
        except httpx2.TransportError as error:
            cause = str(error) or type(error).__name__
            raise PeerUnavailableError(cause) from error
        if not answer.is_success:
            text = f"HTTP {answer.status_code}"
            raise PeerUnavailableError(text)
        return time.perf_counter() - started

    async def load(self, address: str, token: str) -> NodeLoad:
        """Return how busy a render node is. Raises as the port does."""
        return await self._renders.at(address).load(token)

    async def held_series(self, address: str, token: str) -> Sequence[str]:
        """Return the series in the memory of a render node. Raises as the port does."""
        return await self._renders.at(address).held_series(token)

    async def device(self, address: str, token: str) -> str:
        """Return what a render node draws on. Raises as the port does."""
        return await self._renders.at(address).device(token)

    async def set_draining(self, address: str, token: str, *, draining: bool, move: bool = False) -> None:
        """Let a render node take no new sessions, or take them again; ``move`` sends away those that are there.

        Raises as the port does.
        """
        await self._renders.at(address).set_draining(token, draining=draining, move=move)

    async def forget(self, address: str) -> None:
        """Close the connection to an address that is asked no more."""
        await self._renders.forget(address)
