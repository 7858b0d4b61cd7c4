"""A frame to be drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from webviewer.domain.view import Quality, ViewState
from webviewer.wire.messages import Size
from webviewer_render.decoded.series import Series


@dataclass(frozen=True, slots=True)
class Wanted:
    """A frame to be drawn of ``series``, around its slice ``slot``.

    ``share`` is how much of what the state asks for has come: 1 = all. Less is drawn only until more comes: a neighbour of
    the wanted slice, or a volume with holes.
    """

    BEST_RANK: ClassVar[float] = 9.0

    series: Series
    slot: int
    view: ViewState
    size: Size
    sequence: int
    quality: Quality
    share: float = 1.0

    @property
    def is_partial(self) -> bool:
        """Whether something is missing."""
        return self.share < 1

    @property
    def rank(self) -> float:
        """How good it is, beside others of the same state."""
        return self.share if self.is_partial else 1.0 + self.quality

    def preview(self) -> Wanted:
        """Return the same in preview quality."""
        return replace(self, quality=Quality.PREVIEW)
