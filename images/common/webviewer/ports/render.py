"""What control asks of a render node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from webviewer.domain.load import NodeLoad
from webviewer.errors import WebViewerError


class LinkClosedError(WebViewerError, ConnectionError):
    """The render node ended the link; ``close_code`` is a WebSocket close code (4001 = move)."""

    code = "link_closed"

    def __init__(self, close_code: int, message: str) -> None:
        super().__init__(message)
        self.close_code = close_code


class RenderLink(Protocol):
    """One browser tab's conversation with a render node: texts and frames of :mod:`webviewer.wire`."""

    async def send(self, text: str) -> None:
        """Hand a message to the node. Raises :class:`LinkClosedError`."""
        ...

    async def receive(self) -> str | bytes:
        """Wait for the next message or frame. Raises :class:`LinkClosedError`."""
        ...


class RenderPort(Protocol):
    """A render node."""

    async def ping(self) -> None:
        """Return if the node serves requests."""
        ...

    def connect(self, token: str) -> AbstractAsyncContextManager[RenderLink]:
        """Open a link for the grant's session, claiming a slot for it if it holds none.

        Needs ``view``. Raises :class:`~webviewer.errors.NodeFullError` or
        :class:`~webviewer.errors.DrainingError`.
        """
        ...

    async def thumbnail(
        self, token: str, pixels_token: str, size: int, storage: str | None = None
    ) -> tuple[bytes, str]:
        """Return (image, media type) of the middle frame of the series named by ``pixels_token``.

        The longer side has ``size`` pixels. ``storage`` is the address of the storage node, null in unified mode.
        Needs ``view``. Raises
        :class:`~webviewer.errors.UnsupportedImageError` with the reason.
        """
        ...

    async def load(self, token: str) -> NodeLoad:
        """Return how many sessions the node holds, and how many it could. Needs ``node:operate``."""
        ...

    async def held_series(self, token: str) -> Sequence[str]:
        """Return the opaque ids of the series whose pixels are in the node's memory. Needs ``node:operate``."""
        ...

    async def device(self, token: str) -> str:
        """Return the name of the processor or GPU that the node draws on. Needs ``node:operate``."""
        ...

    async def set_draining(self, token: str, *, draining: bool, move: bool) -> None:
        """Take no new sessions, or take them again; ``move`` ends the links of those that are there by code 4001.

        Needs ``node:operate``.
        """
        ...


class RenderDirectory(Protocol):
    """Render nodes by their addresses."""

    def at(self, address: str) -> RenderPort:
        """Return the node; whether there is one at this address is seen when it is asked."""
        ...


class RenderNodesPort(Protocol):
    """All render nodes of a cluster."""

    async def nodes(self) -> Mapping[str, RenderPort]:
        """Return the nodes by address, draining ones too. Raises PeerUnavailableError if nobody knows them."""
        ...
