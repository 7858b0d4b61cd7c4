"""The tabs of this control that wait for a place at a render node."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from webviewer.errors import PeerUnavailableError
from webviewer_control.services.line import Line, Waiter
from webviewer_control.services.watch import SessionBus
from webviewer_control.store.finish import finish

_REFRESH_SECONDS = 2.0
_EMPTY_SECONDS = 0.5
"""So long an empty line is taken for empty: hundreds that come at once do not ask the database each."""
_log = structlog.get_logger(__name__)


class WaitingRoom:
    """Knows where its tabs stand in the line of all controls. Who is first asks for a node, the others wait for their turn."""

    def __init__(self, line: Line, bus: SessionBus) -> None:
        """``bus`` tells when the line moves."""
        self._line = line
        self._bus = bus
        self._here: dict[str, Waiter] = {}
        self._refreshing = asyncio.Lock()
        self._empty_until = float("-inf")

    def __len__(self) -> int:
        return len(self._here)

    def __contains__(self, tab: str) -> bool:
        return tab in self._here

    async def everywhere(self) -> int:
        """Return how many tabs wait at all controls."""
        return await self._line.length()

    async def passes(self, tab: str, session: str) -> bool:
        """Tell whether a tab may ask for a node now: it is first, or its session has a node, or nobody waits."""
        waiter = self._here.get(tab)
        if waiter is not None and waiter.place == 1:
            return True
        now = asyncio.get_running_loop().time()
        if not self._here and now < self._empty_until:
            return True
        if await finish(self._line.is_empty()):
            self._empty_until = now + _EMPTY_SECONDS
            return True
        return await finish(self._line.has_place(session))

    async def place(self, tab: str, session: str) -> int:
        """Join the line if not yet in it, and return the place, from 1."""
        if tab not in self._here:
            self._here[tab] = Waiter(tab, session)
            await self._refresh()
        return self._here[tab].place

    async def wait(self, tab: str, seconds: float) -> None:
        """Return when the place of a tab has changed, or after so many seconds."""
        moved = self._here[tab].moved
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await moved.wait()
        moved.clear()

    async def leave(self, tab: str) -> None:
        """Give the place up, which all others are told; leaving twice is no error."""
        if self._here.pop(tab, None) is None:
            return
        try:
            await finish(self._line.leave(tab))
        except PeerUnavailableError as error:
            _log.warning("a tab stays in the line for a while", cause=error.code)
        self._bus.publish_move()

    async def watch_for_ever(self) -> None:
        """Keep the places of the tabs here, and look where they stand: every two seconds, and when the line moves."""
        while True:
            moved = self._bus.moved()
            try:
                await self._refresh()
            except PeerUnavailableError as error:
                _log.warning("the line of waiting tabs is not known", cause=error.code)
            except Exception:  # noqa: BLE001 - the next round may succeed
                _log.exception("the line of waiting tabs is not known")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REFRESH_SECONDS):
                    await moved.wait()

    async def _refresh(self) -> None:
        async with self._refreshing:
            own = list(self._here.values())
            if not own:
                return
            order = await finish(self._line.renew(own))
            places = {tab: place for place, tab in enumerate(order, 1)}
            for waiter in own:
                place = places.get(waiter.tab, len(order) + 1)
                if place != waiter.place:
                    waiter.place = place
                    waiter.moved.set()
