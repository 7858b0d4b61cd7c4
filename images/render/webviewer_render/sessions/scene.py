"""What a viewport looks at: the slices of a stack, or a volume."""

from __future__ import annotations

from typing import Protocol

from webviewer.domain.view import Quality, ViewState, WindowKind
from webviewer.errors import WebViewerError
from webviewer.wire.messages import Opened
from webviewer_render.decoded.series import Series


class Scene(Protocol):
    """One kind of window over one series. Made when the series is there, closed with the viewport."""

    window: WindowKind
    series: Series
    final: Quality
    """Quality of a frame when the hand rests."""

    def opened(self, viewport: int, view: ViewState) -> Opened:
        """Describe to the page what was opened."""
        ...

    def first_view(self) -> ViewState:
        """Return the state a viewport opens with."""
        ...

    def slot(self, view: ViewState) -> int:
        """Return the slice that a state looks at, which is loaded first."""
        ...

    def available(self, view: ViewState, *, patient: bool) -> tuple[int, float] | WebViewerError | None:
        """Return what can be drawn now: the slice and the share of what is wanted (see Wanted).

        None while nothing can; the reason if it never will. ``patient``: rather wait for what will be there in a moment.
        """
        ...

    def progress(self) -> tuple[int, int]:
        """Return how many of the slices that it draws have come, and of how many."""
        ...

    def identity(self, slot: int, view: ViewState) -> str:
        """Name everything of a state that decides the picture."""
        ...

    def close(self) -> None:
        """Let the series go."""
        ...
