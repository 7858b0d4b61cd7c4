"""All render nodes behind one name: its DNS answer lists them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from webviewer.clients.render import RenderClient
from webviewer.errors import InvalidRequestError, PeerUnavailableError

_PORTS = {"http": 80, "https": 443}


class RenderNodes:
    """Implements :class:`webviewer.ports.render.RenderNodesPort`; close it by :meth:`aclose`."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            text = f"the address of the render nodes must be like http://name:8092, not {url!r}"
            raise InvalidRequestError(text)
        self._scheme, self._host = parts.scheme, parts.hostname
        self._port = parts.port or _PORTS[parts.scheme]
        self._tls = tls
        self._clients: dict[str, RenderClient] = {}

    async def aclose(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()

    async def nodes(self) -> Mapping[str, RenderClient]:
        """Return the nodes by address; see the port."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            text = "the name of the render nodes cannot be resolved"
            raise PeerUnavailableError(text) from error
        addresses = {str(entry[4][0]) for entry in found}
        for address in self._clients.keys() - addresses:
            await self._clients.pop(address).aclose()
        for address in addresses - self._clients.keys():
            host = f"[{address}]" if ":" in address else address
            # Certificates are of the name: addresses come and go.
            url = f"{self._scheme}://{host}:{self._port}"
            self._clients[address] = RenderClient(url, self._tls, self._host)
        return dict(self._clients)
