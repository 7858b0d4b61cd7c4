"""Asks a node of any kind whether it lives, by its address."""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx2

from webviewer.clients.render import RenderClient
from webviewer.domain.load import NodeLoad, NodeRole
from webviewer.errors import PeerUnavailableError

_SECONDS = 5.0


class NodeProbe:
    """Keeps a connection to each address that was asked; close them by :meth:`aclose`.

    ``services`` are the addresses of the services that the nodes of a role are behind. A node that is asked by a number has
    a certificate of its service's name: pods come and go.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, services: Mapping[NodeRole, str] | None = None) -> None:
        self._tls = tls
        self._names = {role: urlsplit(url).hostname for role, url in (services or {}).items() if url}
        self._http = httpx2.AsyncClient(timeout=_SECONDS, trust_env=False, verify=tls or True)
        self._renders: dict[str, RenderClient] = {}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        for client in self._renders.values():
            await client.aclose()

    async def ping(self, address: str, role: NodeRole) -> float:
        """Return the seconds that the node took to say that it is ready. Raises PeerUnavailableError with the cause."""
        started = time.perf_counter()
        try:
            name = self._name(address, role)
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
        return await self._render(address).load(token)

    async def set_draining(self, address: str, token: str, *, draining: bool) -> None:
        """Let a render node take no new sessions, or take them again. Raises as the port does."""
        await self._render(address).set_draining(token, draining=draining, move=False)

    async def forget(self, address: str) -> None:
        """Close the connection to an address that is asked no more."""
        client = self._renders.pop(address, None)
        if client is not None:
            await client.aclose()

    def _render(self, address: str) -> RenderClient:
        if address not in self._renders:
            self._renders[address] = RenderClient(address, self._tls, self._name(address, "render"))
        return self._renders[address]

    def _name(self, address: str, role: NodeRole) -> str | None:
        """Return whose certificate is expected, None for that of the address itself."""
        try:
            ipaddress.ip_address(urlsplit(address).hostname or "")
        except ValueError:
            return None
        return self._names.get(role)
