"""The open viewports of one socket, with the newest merged state of each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from webviewer.domain.merging import check, merged, plain_view
from webviewer.domain.view import ViewState, WindowKind
from webviewer.errors import InvalidRequestError, NotFoundError, TooLargeError
from webviewer.wire.messages import Open, Orientation, Size, View
from webviewer_control import metrics
from webviewer_control.services.viewports import KeptViewport

MAX_VIEWPORTS = 64


class NotOpenError(NotFoundError):
    """The viewport shows nothing: ``open`` comes first."""

    code = "not_open"


@dataclass(slots=True)
class Bound:
    """A viewport bound to a series.

    ``base`` is the state that the browser or the node started from, null until one of them said so;
    ``patch`` collects what the browser changed since. The picture follows ``base | patch``.
    """

    study: str
    series: str
    store: str
    storage: str | None
    """Where render nodes read its pixels; null in one process."""
    size: Size
    sequence: int
    base: ViewState | None
    window: WindowKind = "image"
    orientation: Orientation = "axial"
    patch: dict[str, Any] = field(default_factory=dict)

    def view(self) -> ViewState | None:
        """Return the merged state, or None while nobody has named the first one."""
        if self.base is None:
            return None
        return merged(self.base, self.patch)


class Viewports:
    """Viewports by number, and which of them changed since they were last saved."""

    def __init__(self) -> None:
        self._bound: dict[int, Bound] = {}
        self._dirty: set[int] = set()
        self._closed: set[int] = set()
        self._state_changed = asyncio.Event()
        self._opened = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def __len__(self) -> int:
        return len(self._bound)

    def items(self) -> list[tuple[int, Bound]]:
        """Return all open viewports."""
        return list(self._bound.items())

    def check_room(self, viewport: int) -> None:
        """Raise TooLargeError if one more viewport is too many."""
        if viewport not in self._bound and len(self._bound) >= MAX_VIEWPORTS:
            text = f"a page may have at most {MAX_VIEWPORTS} viewports"
            raise TooLargeError(text)

    def open(self, message: Open, store: str, storage: str | None = None) -> Bound:
        """Bind a viewport, whatever it showed before. Raises InvalidRequestError for a state that cannot be."""
        if message.view is not None:
            check(message.view)
        bound = Bound(
            message.study, message.series, store, storage, message.size, message.sequence, message.view,
            message.window, message.orientation,
        )  # fmt: skip
        metrics.VIEWPORTS.inc(message.viewport not in self._bound)
        self._bound[message.viewport] = bound
        self._closed.discard(message.viewport)
        self._mark(message.viewport)
        self._opened.set()
        self._emptied.clear()
        return bound

    def merge(self, message: View) -> None:
        """Take over a change. Raises NotOpenError, or InvalidRequestError for a state that cannot be."""
        bound = self._bound.get(message.viewport)
        if bound is None:
            text = "the viewport is not open"
            raise NotOpenError(text)
        if message.sequence < bound.sequence:
            text = f"sequence {message.sequence} comes after {bound.sequence}"
            raise InvalidRequestError(text)
        patch = bound.patch | message.patch
        merged(bound.base or plain_view(bound.window), patch)
        bound.patch = patch
        bound.size = message.size or bound.size
        bound.sequence = message.sequence
        self._mark(message.viewport)

    def started(self, viewport: int, series: str, view: ViewState) -> None:
        """Take over the state that the node shows first; what the browser changed meanwhile stays on top."""
        bound = self._bound.get(viewport)
        if bound is not None and bound.series == series:
            bound.base = view
            self._mark(viewport)

    def close(self, viewport: int) -> None:
        """Free a viewport; freeing twice is no error."""
        if self._bound.pop(viewport, None) is None:
            return
        metrics.VIEWPORTS.dec()
        self._dirty.discard(viewport)
        self._closed.add(viewport)
        self._state_changed.set()
        if not self._bound:
            self._opened.clear()
            self._emptied.set()

    def close_all(self) -> None:
        """Free what is open at the end of the socket."""
        for viewport in list(self._bound):
            self.close(viewport)

    async def wait_for_any(self) -> None:
        """Return as soon as a viewport is open."""
        await self._opened.wait()

    async def wait_idle(self, seconds: float) -> None:
        """Return when no viewport was open for ``seconds``."""
        while True:
            await self._emptied.wait()
            try:
                async with asyncio.timeout(seconds):
                    await self._opened.wait()
            except TimeoutError:
                return

    async def wait_changed(self) -> None:
        """Return as soon as there is something to save."""
        await self._state_changed.wait()

    def take_changes(self) -> tuple[list[KeptViewport], list[int]]:
        """Return what was changed and what was closed since the last call."""
        changed = []
        for number in self._dirty:
            bound = self._bound[number]
            view = bound.view()
            state = view.model_dump(mode="json") if view else bound.patch
            changed.append(KeptViewport(number, bound.study, bound.series, state))
        closed = list(self._closed)
        self._dirty.clear()
        self._closed.clear()
        self._state_changed.clear()
        return changed, closed

    def _mark(self, viewport: int) -> None:
        self._dirty.add(viewport)
        self._state_changed.set()
