"""What a page showed in answer to the hand, from the records of ``picture_probe.js``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from webviewer.domain.view import Quality


class Asked(NamedTuple):
    """A ``view`` that the page sent; ``input`` is when the hand moved, ms, or None if it was no answer to the hand."""

    viewport: int
    sequence: int
    active: bool
    input: float | None


class Drawn(NamedTuple):
    """A picture on the canvas; ``time`` is in ms of the page's clock."""

    viewport: int
    sequence: int
    quality: int
    serial: int
    time: float


@dataclass(frozen=True, slots=True)
class DrawnPictures:
    """What happened in a page from ``clear`` until it was read."""

    asked: Sequence[Asked]
    drawn: Sequence[Drawn]
    received: int
    """Frames that came from the server; what the page drew from its own cache is not among them."""
    size: int
    """Bytes of those frames."""
    most_held: int
    """Greatest number of frames that had come and were not acknowledged yet, over all viewports."""
    last_input: float

    @classmethod
    def of(cls, probe: dict[str, Any]) -> Self:
        """Take what the probe has written."""
        return cls(
            asked=[Asked(*row) for row in probe["asked"]],
            drawn=[Drawn(*row) for row in probe["drawn"]],
            received=probe["received"],
            size=probe["bytes"],
            most_held=probe["mostHeld"],
            last_input=probe["lastInput"],
        )

    def input_to_picture(self) -> list[float]:
        """Return, for every movement that asked for a picture, ms until one of that state or a newer one was drawn.

        A movement whose picture never came is infinite: it must not vanish from a percentile.
        """
        return [self._answer(asked) - asked.input for asked in self.asked if asked.input is not None and asked.active]

    def last_to_final(self) -> float:
        """Return ms from the last input until every viewport that it had changed shows its final picture."""
        newest = {asked.viewport: asked.sequence for asked in self.asked}
        times = [
            next(
                (d.time for d in self.drawn if d.viewport == viewport and _is_final(d, sequence)),
                math.inf,
            )
            for viewport, sequence in newest.items()
        ]
        return max(times, default=math.nan) - self.last_input

    def previews(self) -> int:
        """Return how many pictures were drawn before the last input."""
        return sum(drawn.time <= self.last_input for drawn in self.drawn)

    def out_of_order(self) -> int:
        """Return how many pictures showed an older state than the one before them in the same viewport."""
        newest: dict[int, int] = {}
        count = 0
        for drawn in self.drawn:
            count += drawn.sequence < newest.get(drawn.viewport, 0)
            newest[drawn.viewport] = max(drawn.sequence, newest.get(drawn.viewport, 0))
        return count

    def _answer(self, asked: Asked) -> float:
        return next(
            (d.time for d in self.drawn if d.viewport == asked.viewport and d.sequence >= asked.sequence), math.inf
        )


def _is_final(drawn: Drawn, sequence: int) -> bool:
    return drawn.sequence >= sequence and drawn.quality > Quality.PREVIEW
