"""Whether a render node lives, while sessions are at it: a process that hangs closes no connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from webviewer.errors import WebViewerError
from webviewer.ports.render import RenderPort

BEAT_SECONDS = 1.0
PATIENCE_SECONDS = 3.5
LAST_CHANCE_SECONDS = 1.0
"""After it has been silent once: it was perhaps this process that stood still."""
_SILENT = "the render node does not answer"
_log = structlog.get_logger(__name__)


class Pulse:
    """Asks one node again and again while there is somebody to tell."""

    def __init__(self, port: RenderPort, token: Callable[[], str], tell: Callable[[str], Awaitable[None]]) -> None:
        self._port = port
        self._token = token
        self._tell = tell
        self._heard = float("-inf")
        self._waiting: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, silent: asyncio.Event) -> None:
        """Set ``silent`` when the node is."""
        self._waiting.add(silent)
        if self._task is None:
            self._task = asyncio.create_task(self._watch())

    def leave(self, silent: asyncio.Event) -> None:
        """Nobody waits for this event any more."""
        self._waiting.discard(silent)
        if not self._waiting and self._task is not None:
            self._task.cancel()
            self._task = None

    def hear(self) -> None:
        """The node has said something: one that has much to do may be slow to answer, and lives."""
        self._heard = asyncio.get_running_loop().time()

    def heard_within(self, seconds: float) -> bool:
        """Tell whether it has."""
        return asyncio.get_running_loop().time() - self._heard < seconds

    async def lives(self, seconds: float) -> bool:
        """Tell whether the node answers within ``seconds``; what it answers does not matter."""
        try:
            async with asyncio.timeout(seconds):
                await self._port.load(self._token())
        except TimeoutError:
            return self.heard_within(seconds)
        except WebViewerError:
            return False
        self.hear()
        return True

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if await self.lives(PATIENCE_SECONDS) or await self.lives(LAST_CHANCE_SECONDS):
                continue
            try:
                await self._tell(_SILENT)  # first, so that nobody comes back here
            except WebViewerError as error:
                _log.warning("silence of a node not noted", cause=error.code)
            for silent in self._waiting:
                silent.set()
