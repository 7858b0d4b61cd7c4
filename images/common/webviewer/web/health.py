"""``/healthz`` (the process answers) and ``/readyz`` (what it needs answers too)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog
from pydantic import BaseModel

from webviewer.errors import PeerUnavailableError

_log = structlog.get_logger(__name__)
_TIMEOUT_SECONDS = 3.0
_FRESH_SECONDS = 1.0


class Health(BaseModel):
    """The process runs."""

    status: str = "ok"


class Readiness:
    """Asks the parts that a role needs; the answer is kept a second, so that asking costs nothing."""

    def __init__(self, parts: Mapping[str, Callable[[], Awaitable[None]]]) -> None:
        self._parts = parts
        self._failed: list[str] = []
        self._asked = float("-inf")
        self._lock = asyncio.Lock()

    async def check(self) -> Health:
        """Return if every part answers. Raises PeerUnavailableError naming those that do not."""
        async with self._lock:
            if time.monotonic() - self._asked > _FRESH_SECONDS:
                answers = await asyncio.gather(*(self._ask(name) for name in self._parts))
                self._failed = [name for name, good in zip(self._parts, answers, strict=True) if not good]
                self._asked = time.monotonic()
        if self._failed:
            text = f"not ready: no answer from {', '.join(self._failed)}"
            raise PeerUnavailableError(text)
        return Health()

    async def _ask(self, name: str) -> bool:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self._parts[name]()
        except Exception as error:  # noqa: BLE001 - whatever it is, the part does not answer
            reason = {"reason": error.message} if isinstance(error, PeerUnavailableError) else {}
            _log.warning("not ready", part=name, cause=type(error).__name__, **reason)
            return False
        return True
