"""Time, so that tests need not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class Handle(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Do not call."""
        ...


class Clock(Protocol):
    """A clock that only rises, in seconds, and calls."""

    def now(self) -> float:
        """Return the time."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        """Call ``callback`` once after ``delay`` seconds."""
        ...


class LoopClock:
    """The clock of the running event loop."""

    def now(self) -> float:
        """Return the time."""
        return asyncio.get_running_loop().time()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        """Call ``callback`` once after ``delay`` seconds."""
        return asyncio.get_running_loop().call_later(delay, callback)
