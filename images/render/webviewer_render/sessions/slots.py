"""Slots of the node: who may have viewports. One slot per session, whatever its number of tabs."""

from __future__ import annotations

from dataclasses import dataclass

from webviewer.errors import DrainingError, NodeFullError
from webviewer_render import metrics
from webviewer_render.sessions.clock import Clock, Handle


@dataclass(slots=True)
class _Holder:
    viewports: int = 0
    expiry: Handle | None = None


class SlotTable:
    """The authority on the node's slots. Claims are atomic: nothing here waits.

    A session keeps its slot for ``idle`` seconds after its last viewport has closed or its last link has gone.
    """

    def __init__(self, slots: int, clock: Clock, idle: float = 60.0) -> None:
        self._idle = idle
        self._slots = slots
        self._clock = clock
        self._holders: dict[str, _Holder] = {}
        self.draining = False
        """New sessions are refused; those that hold a slot go on."""
        self.moving = False
        """Nobody is served any more: whoever leaves gives the slot back at once."""

    @property
    def total(self) -> int:
        """How many sessions the node takes."""
        return self._slots

    def __len__(self) -> int:
        return len(self._holders)

    def claim(self, session: str) -> None:
        """Hold a slot for ``session`` if it holds none. Raises NodeFullError or DrainingError."""
        if self.moving or (self.draining and session not in self._holders):
            text = "the render node is about to stop"
            raise DrainingError(text)
        if session in self._holders:
            return
        if len(self._holders) >= self._slots:
            text = f"all {self._slots} places of the render node are taken; try again when somebody has left"
            raise NodeFullError(text)
        self._holders[session] = _Holder()
        self._expire_later(session)
        metrics.SESSIONS.set(len(self._holders))

    def viewport_opened(self, session: str) -> None:
        """Count a viewport, claiming a slot for it if the session's has expired."""
        self.claim(session)
        holder = self._holders[session]
        holder.viewports += 1
        if holder.expiry is not None:
            holder.expiry.cancel()
            holder.expiry = None

    def viewport_closed(self, session: str) -> None:
        """Count a viewport out."""
        holder = self._holders[session]
        holder.viewports -= 1
        if not holder.viewports:
            self._expire_later(session)

    def close(self) -> None:
        """Forget all sessions."""
        for session in list(self._holders):
            self._free(session)

    def _expire_later(self, session: str) -> None:
        holder = self._holders[session]
        if holder.expiry is not None:
            holder.expiry.cancel()
            holder.expiry = None
        if self.moving:
            self._free(session)
            return
        holder.expiry = self._clock.call_later(self._idle, lambda: self._free(session))

    def _free(self, session: str) -> None:
        holder = self._holders.pop(session, None)
        if holder is not None and holder.expiry is not None:
            holder.expiry.cancel()
        metrics.SESSIONS.set(len(self._holders))
