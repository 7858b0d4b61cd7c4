"""CPU time per frame of a peer, in its own process: a few frames warm up, then as many as time allows."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

_WARM = 3
_FEWEST = 2
_SECONDS = 4.0
"""Software OpenGL needs tens of seconds for some pictures: nobody has to watch sixty of them."""


@dataclass
class PeerClock:
    """Counts frames: ``number`` is that of the next one, negative while warming up, at most ``frames``."""

    frames: int
    number: int = -_WARM
    _begun: float = field(default_factory=time.perf_counter)
    _cpu: float = 0.0

    def more(self) -> bool:
        """Whether another frame is to be drawn; call before each, and :meth:`drawn` after it."""
        if self.number >= 0:
            return self.number < self.frames and not (self.number >= _FEWEST and self._is_late())
        if self.number == -1 or (self.number > -_WARM and self._is_late()):
            self.number = -1
        return True

    def drawn(self) -> None:
        """Count a frame."""
        self.number += 1
        if self.number == 0:
            self._begun, self._cpu = time.perf_counter(), time.process_time()

    def milliseconds(self) -> float:
        """Return CPU ms per frame so far."""
        return (time.process_time() - self._cpu) / self.number * 1000

    def _is_late(self) -> bool:
        return time.perf_counter() - self._begun > _SECONDS
