"""A picture drawn in bands of rows, by one thread or by several, and given up between two of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from webviewer_render.scene.picture import CancelledError

Cancelled = Callable[[], bool]
Piece = Callable[[], None]


class Crew(Protocol):
    """Who draws. Pieces touch nothing that others write, so that neither their order nor who does them can be seen."""

    def share(self, pieces: Sequence[Piece]) -> None:
        """Do all pieces and return when the last is done; raises what one of them raised, after which none is begun."""
        ...


class Alone:
    """The calling thread."""

    def share(self, pieces: Sequence[Piece]) -> None:
        """See :class:`Crew`."""
        for piece in pieces:
            piece()


ALONE = Alone()


def in_bands(
    height: int, rows: int, draw: Callable[[int, int], None], cancelled: Cancelled | None = None, crew: Crew = ALONE
) -> None:
    """Call ``draw(first, end)`` for bands of ``rows`` rows of a picture; raises CancelledError once ``cancelled()`` is true."""

    def piece(first: int) -> Piece:
        def do() -> None:
            if cancelled is not None and cancelled():
                raise CancelledError
            draw(first, min(first + rows, height))

        return do

    crew.share([piece(first) for first in range(0, height, rows)])
