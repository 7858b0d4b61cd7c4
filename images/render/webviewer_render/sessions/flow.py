"""How many frames of a viewport may be on their way."""

from __future__ import annotations

from collections import OrderedDict

MAX_OUTSTANDING = 6
_BASE = 2.0
_SMOOTHING = 0.25


class AckWindow:
    """2 + round trip x rate frames, at most 6, may be sent and not acknowledged.

    The round trip is the time from sending to the acknowledgement without what the page needed to display the frame; the
    rate is that of acknowledgements. Frames are displayed in order, so an acknowledgement covers all frames before its own.
    """

    def __init__(self) -> None:
        self._sent: OrderedDict[int, float] = OrderedDict()
        self._round_trip = 0.0
        self._rate = 0.0
        self._last_ack: float | None = None

    @property
    def outstanding(self) -> int:
        """Frames sent and not acknowledged."""
        return len(self._sent)

    @property
    def size(self) -> int:
        """How many may be."""
        return min(MAX_OUTSTANDING, int(_BASE + self._round_trip * self._rate))

    @property
    def is_open(self) -> bool:
        """Whether one more may be sent."""
        return len(self._sent) < self.size

    def sent(self, serial: int, now: float) -> None:
        """Note a frame."""
        self._sent[serial] = now

    def acknowledged(self, serial: int, displayed: float, now: float) -> None:
        """Note an acknowledgement; ``displayed`` is the page's part of the time, in seconds."""
        moment = self._sent.get(serial)
        if moment is None:
            return  # a frame of a former life of the viewport, or one that a later ack has covered
        covered = 0
        while self._sent and next(iter(self._sent)) <= serial:
            self._sent.popitem(last=False)
            covered += 1
        trip = max(0.0, now - moment - displayed)
        self._round_trip = trip if self._last_ack is None else self._blend(self._round_trip, trip)
        if self._last_ack is not None and now > self._last_ack:
            self._rate = self._blend(self._rate, covered / (now - self._last_ack))
        self._last_ack = now

    @staticmethod
    def _blend(old: float, new: float) -> float:
        return old + _SMOOTHING * (new - old)
