"""``--render-bandwidth``: a token bucket per session that makes previews smaller before it makes them rarer."""

from __future__ import annotations

from dataclasses import dataclass

FULL_QUALITY = 80
_BURST_SECONDS = 0.5
_STEPS = ((0.6, FULL_QUALITY, 1.0), (0.3, 60, 1.0), (0.0, 40, 0.5))
"""From which filling of the bucket on: JPEG quality of previews, and their size relative to the viewport."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Send after ``delay`` seconds; a preview with this quality and scale."""

    delay: float
    jpeg_quality: int
    scale: float


class TokenBucket:
    """``rate`` in bytes per second, 0 = unlimited. A frame may overdraw; the next one waits for it."""

    def __init__(self, rate: int, now: float) -> None:
        self._rate = rate
        self._burst = rate * _BURST_SECONDS
        self._tokens = self._burst
        self._filled = now

    def allowance(self, now: float) -> Allowance:
        """Return when and how the next preview may be sent."""
        if not self._rate:
            return Allowance(0.0, FULL_QUALITY, 1.0)
        self._fill(now)
        quality, scale = next(((q, s) for level, q, s in _STEPS if self._tokens >= level * self._burst), _STEPS[-1][1:])
        return Allowance(max(0.0, -self._tokens / self._rate), quality, scale)

    def take(self, size: int, now: float) -> None:
        """Note ``size`` bytes sent."""
        if self._rate:
            self._fill(now)
            self._tokens -= size

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
