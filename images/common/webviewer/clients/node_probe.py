"""Asks a node of any kind whether it lives, by its address."""

from __future__ import annotations

import ssl
import time

import httpx2

from webviewer.clients.render import RenderClient
from webviewer.domain.load import NodeLoad
from webviewer.errors import PeerUnavailableError

_SECONDS = 5.0


class NodeProbe:
    """Keeps a connection to each address that was asked; close them by :meth:`aclose`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._http = httpx2.AsyncClient(timeout=_SECONDS, trust_env=False, verify=tls or True)
        self._renders: dict[str, RenderClient] = {}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        for client in self._renders.values():
            await client.aclose()

    async def ping(self, address: str) -> float:
        """Return the seconds that the node took to say that it is ready. Raises PeerUnavailableError with the cause."""
        started = time.perf_counter()
        try:
            answer = await self._http.get(f"{address}/readyz")
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
        return self._renders.setdefault(address, RenderClient(address, self._tls))
