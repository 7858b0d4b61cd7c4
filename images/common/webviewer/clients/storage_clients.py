"""Connections to storage nodes by their addresses."""

from __future__ import annotations

import ssl

from webviewer.clients.storage import StorageClient


class StorageClients:
    """Implements :class:`webviewer.ports.storage.StorageDirectory`; close it by :meth:`aclose`.

    With TLS a node's certificate has to be of the host in its address: render nodes read pixels from there, too.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._clients: dict[str, StorageClient] = {}

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    def at(self, address: str) -> StorageClient:
        """Return the client of a node; see the port."""
        if address not in self._clients:
            self._clients[address] = StorageClient(address, tls=self._tls)
        return self._clients[address]
