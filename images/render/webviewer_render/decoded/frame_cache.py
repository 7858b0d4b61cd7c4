"""Finished frames, so that what was seen once is not drawn again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from webviewer_render import metrics
from webviewer_render.worker.protocol import Rendered

_OVERHEAD_BYTES = 512
"""Roughly what an entry costs beside its payload."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture as the worker made it."""

    description: Rendered
    payload: bytes


class FrameCache:
    """Least recently used frames go first when there are more than ``budget`` bytes."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._frames: OrderedDict[str, Frame] = OrderedDict()
        self.bytes = 0

    def __contains__(self, key: str) -> bool:
        return key in self._frames

    def get(self, key: str) -> Frame | None:
        """Return a frame if it is kept."""
        frame = self._frames.get(key)
        if frame is None:
            metrics.FRAME_CACHE_MISSES.inc()
            return None
        self._frames.move_to_end(key)
        metrics.FRAME_CACHE_HITS.inc()
        return frame

    def put(self, key: str, frame: Frame) -> None:
        """Keep a frame."""
        size = len(frame.payload) + _OVERHEAD_BYTES
        if size > self._budget or key in self._frames:
            return
        self._frames[key] = frame
        self.bytes += size
        while self.bytes > self._budget:
            _, old = self._frames.popitem(last=False)
            self.bytes -= len(old.payload) + _OVERHEAD_BYTES
        metrics.FRAME_CACHE_BYTES.set(self.bytes)
