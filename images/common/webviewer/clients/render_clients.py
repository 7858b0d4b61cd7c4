"""Connections to render nodes by their addresses."""

from __future__ import annotations

import ssl

from webviewer.clients.render import RenderClient
from webviewer.tls import service_name


class RenderClients:
    """Implements :class:`webviewer.ports.render.RenderDirectory`; close it by :meth:`aclose`.

    ``service`` is the URL that lists the nodes: one that is asked by a number shows a certificate of its name.
    """

    def __init__(self, service: str = "", tls: ssl.SSLContext | None = None) -> None:
        self._service = service
        self._tls = tls
        self._clients: dict[str, RenderClient] = {}

    async def aclose(self) -> None:
        """Close all connections."""
        for address in list(self._clients):
            await self.forget(address)

    def at(self, address: str) -> RenderClient:
        """Return the client of a node; see the port."""
        if address not in self._clients:
            self._clients[address] = RenderClient(address, self._tls, service_name(address, self._service))
        return self._clients[address]

    async def forget(self, address: str) -> None:
        """Close the connections to an address that is asked no more."""
        client = self._clients.pop(address, None)
        if client is not None:
            await client.aclose()
