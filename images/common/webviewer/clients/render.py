"""The render node over WebSocket and HTTP."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from webviewer.domain.load import DeviceName, HeldSeries, NodeLoad
from webviewer.ports.render import LinkClosedError, RenderLink
from webviewer.tls import unreachable
from webviewer.web.errors import from_problem
from webviewer.wire.messages import MAX_MESSAGE_BYTES, ErrorMessage

_TIMEOUT = httpx2.Timeout(60.0, connect=5.0)
_WHO = "the render node"
_OPEN_SECONDS = 10.0
_MAX_FRAME_BYTES = 512 * 1024 * 1024
_ABNORMAL = 1006
_CLOSE_SECONDS = 0.5
"""So long is a node waited for that does not take its leave: it may hang, and the picture is wanted from another."""


class RenderClient:
    """Implements :class:`webviewer.ports.render.RenderPort`; close it by :meth:`aclose`."""

    def __init__(self, base_url: str, tls: ssl.SSLContext | None = None, name: str | None = None) -> None:
        """``name`` is what the node's certificate must say where ``base_url`` holds an address."""
        base = base_url.rstrip("/")
        self._socket_url = "ws" + base.removeprefix("http") + "/v1/session"
        # trust_env off: a proxy of the environment is for the world, not for a node beside us.
        self._http = httpx2.AsyncClient(base_url=base, timeout=_TIMEOUT, trust_env=False, verify=tls or True)
        self._tls = tls if base.startswith("https") else None
        self._name = name if base.startswith("https") else None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ping(self) -> None:
        """Return if the node serves requests."""
        await self._get("/readyz")

    @asynccontextmanager
    async def connect(self, token: str) -> AsyncIterator[RenderLink]:
        """Open a link; see the port."""
        try:
            # Frames are compressed already, and pings go the other way.
            socket = await connect(
                self._socket_url,
                additional_headers={"Authorization": _bearer(token)},
                compression=None,
                open_timeout=_OPEN_SECONDS,
                ping_interval=None,
                close_timeout=_CLOSE_SECONDS,
                max_size=_MAX_FRAME_BYTES,
                proxy=None,
                **self._secured(),
            )
        except InvalidStatus as error:
            raise from_problem(error.response.status_code, bytes(error.response.body or b"")) from error
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, ConnectionClosed) as error:
            raise unreachable(_WHO, error) from error
        link = _SocketLink(socket)
        try:
            yield link
        finally:
            await link.aclose()

    async def thumbnail(
        self, token: str, pixels_token: str, size: int, storage: str | None = None
    ) -> tuple[bytes, str]:
        """Return (image, media type) of the middle frame; see the port."""
        params: dict[str, Any] = {"size": size} | ({"storage": storage} if storage else {})
        headers = {"Authorization": _bearer(token), "X-Pixels-Grant": pixels_token}
        answer = await self._get("/v1/thumbnail", params=params, headers=headers)
        return answer.content, answer.headers.get("content-type", "")

    async def load(self, token: str) -> NodeLoad:
        """Return how busy the node is; see the port."""
        answer = await self._get("/v1/load", headers={"Authorization": _bearer(token)})
        return NodeLoad.model_validate_json(answer.content)

    async def held_series(self, token: str) -> Sequence[str]:
        """Return the series in the node's memory; see the port."""
        answer = await self._get("/v1/series", headers={"Authorization": _bearer(token)})
        return HeldSeries.model_validate_json(answer.content).series

    async def device(self, token: str) -> str:
        """Return what the node draws on; see the port."""
        answer = await self._get("/v1/device", headers={"Authorization": _bearer(token)})
        return DeviceName.model_validate_json(answer.content).device

    async def set_draining(self, token: str, *, draining: bool, move: bool) -> None:
        """Start or end draining; see the port."""
        headers = {"Authorization": _bearer(token)}
        await self._ask("PUT", "/v1/draining", headers=headers, json={"draining": draining, "move": move})

    def _secured(self) -> dict[str, Any]:
        settings = {"ssl": self._tls, "server_hostname": self._name}
        return {name: value for name, value in settings.items() if value is not None}

    async def _get(self, path: str, **arguments: Any) -> httpx2.Response:  # noqa: ANN401 - passed on
        return await self._ask("GET", path, **arguments)

    async def _ask(self, method: str, path: str, **arguments: Any) -> httpx2.Response:  # noqa: ANN401 - passed on
        try:
            names = {"sni_hostname": self._name} if self._name else {}
            answer = await self._http.request(method, path, extensions=names, **arguments)
        except httpx2.TransportError as error:
            raise unreachable(_WHO, error) from error
        if not answer.is_success:
            raise from_problem(answer.status_code, answer.content)
        return answer


class _SocketLink:
    """A link whose other end is in another process."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._refused: asyncio.Queue[str] = asyncio.Queue()
        self._reading: asyncio.Task[str | bytes] | None = None

    async def send(self, text: str) -> None:
        """Hand a message to the node. Raises LinkClosedError."""
        if len(text.encode(errors="replace")) > MAX_MESSAGE_BYTES:
            # The node's server would end the connection; a wrong message costs no more than an error.
            message = f"a message may have at most {MAX_MESSAGE_BYTES} bytes"
            self._refused.put_nowait(ErrorMessage(code="too_large", message=message).model_dump_json())
            return
        try:
            await self._socket.send(text)
        except ConnectionClosed as error:
            raise _closed(error) from error

    async def receive(self) -> str | bytes:
        """Wait for the next message or frame. Raises LinkClosedError."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        refused = asyncio.create_task(self._refused.get())
        try:
            await asyncio.wait({self._reading, refused}, return_when=asyncio.FIRST_COMPLETED)
            if refused.done():
                return refused.result()
        finally:
            refused.cancel()
        reading, self._reading = self._reading, None
        return reading.result()

    async def aclose(self) -> None:
        """Close the connection."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self._socket.close()

    async def _read(self) -> str | bytes:
        try:
            return await self._socket.recv()
        except ConnectionClosed as error:
            raise _closed(error) from error


def _closed(error: ConnectionClosed) -> LinkClosedError:
    received = error.rcvd
    if received is None:
        return LinkClosedError(_ABNORMAL, "the render node has gone")
    return LinkClosedError(received.code, received.reason)


def _bearer(token: str) -> str:
    """An empty token is refused by the node; a header must not end in a blank."""
    return f"Bearer {token}".strip()
