"""Sends messages to a syslog server: RFC 5424 over TLS (RFC 5425), TCP with counted octets (RFC 6587) or UDP (RFC 5426)."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import urlsplit

from webviewer import __version__
from webviewer.errors import PeerUnavailableError

Transport = Literal["udp", "tcp", "tls"]
_AUTHPRIV_NOTICE = 10 * 8 + 5
"""Facility and severity that DICOM PS3.15 A.6 gives audit messages."""
_SECONDS = 10.0
_PORTS: dict[Transport, int] = {"udp": 514, "tcp": 601, "tls": 6514}
_BOM = "\ufeff"
"""Says that the text is UTF-8 (RFC 5424 section 6.4)."""


@dataclass(frozen=True, slots=True)
class SyslogAddress:
    """Where the server is."""

    transport: Transport
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> SyslogAddress:
        """Read ``tls://host[:port]``, ``tcp://…`` or ``udp://…``; ports are the registered ones where none is named."""
        parts = urlsplit(url)
        transport = cast("Transport", parts.scheme)
        return cls(transport, parts.hostname or "", parts.port or _PORTS[transport])


def framed(text: str, moment: dt.datetime, identity: str) -> bytes:
    """Return the syslog message (RFC 5424 section 6) of a text; ``identity`` is its MSGID."""
    time = moment.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    host = re.sub(r"[^\x21-\x7e]", "", socket.gethostname())[:255] or "-"
    origin = f'[origin software="WebViewer" swVersion="{__version__}"]'
    return f"<{_AUTHPRIV_NOTICE}>1 {time} {host} webviewer {os.getpid()} {identity} {origin} {_BOM}{text}".encode()


class SyslogSender:
    """One connection, opened when it is needed and again after it broke."""

    def __init__(self, address: SyslogAddress, context: ssl.SSLContext | None) -> None:
        """``context`` is how the server's certificate is checked, for ``tls``."""
        self._address = address
        self._context = context if address.transport == "tls" else None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, messages: Sequence[bytes]) -> None:
        """Hand all messages over in their order. Raises PeerUnavailableError.

        Syslog knows no acknowledgement: what is on its way when a connection breaks may be lost, by UDP anything.
        """
        try:
            if self._address.transport == "udp":
                await self._send_datagrams(messages)
            else:
                await self._send_stream(messages)
        except (OSError, TimeoutError) as error:
            await self.aclose()
            address = self._address
            text = f"the syslog server {address.transport}://{address.host}:{address.port} takes nothing: {error}"
            raise PeerUnavailableError(text) from error

    async def aclose(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await writer.wait_closed()

    async def _send_stream(self, messages: Sequence[bytes]) -> None:
        reader, writer = await self._connected()
        for message in messages:
            writer.write(b"%d %b" % (len(message), message))
            async with asyncio.timeout(_SECONDS):
                await writer.drain()
        if reader.at_eof():
            text = "it has closed the connection"
            raise ConnectionResetError(text)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and self._streams[0].at_eof():
            await self.aclose()
        if self._streams is None:
            address = self._address
            async with asyncio.timeout(_SECONDS):
                self._streams = await asyncio.open_connection(address.host, address.port, ssl=self._context)
        return self._streams

    async def _send_datagrams(self, messages: Sequence[bytes]) -> None:
        loop = asyncio.get_running_loop()
        remote = (self._address.host, self._address.port)
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=remote)
        try:
            for message in messages:
                transport.sendto(message)
        finally:
            transport.close()
