"""Loads the slices of one series into its arena."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from pydantic import BaseModel

from webviewer.domain.study import SeriesManifest
from webviewer.errors import WebViewerError
from webviewer_render.decoded.arena import Arena, SlotState
from webviewer_render.scene.voi import padding_range
from webviewer_render.volume.reduction import reduced
from webviewer_render.worker.decoding import Decoder
from webviewer_render.worker.encoded_pixels import read_local
from webviewer_render.worker.outward import Outward
from webviewer_render.worker.protocol import Attach, Load, LoadFailed, SlotFailed, SlotReady
from webviewer_render.worker.series_stream import Delivery, SeriesStream
from webviewer_render.worker.volumes import SeriesVolume

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Piece:
    """A slice to decode; ``delivery`` brings its bytes where they came by stream."""

    slot: int
    careful: bool
    delivery: Delivery | None


class Loader:
    """What is still to be loaded of one series. The caller holds ``lock`` around all but :meth:`load`."""

    def __init__(self, attach: Attach, arena: Arena, manifest: SeriesManifest, wake: Callable[[], None]) -> None:
        self.arena = arena
        self.manifest = manifest
        self.slots = slots = attach.slots
        self.volume = SeriesVolume(arena, manifest, attach.reduction)
        self._number = attach.arena
        self._reduction = attach.reduction
        self._wake = wake
        self._decoder = Decoder()
        self._in_ranges = bytearray(len(slots))
        self._careful: set[int] = set()
        self._outward = Outward(0, (), self.is_wanted)
        self._stream: SeriesStream | None = None
        self._held: list[Delivery] = []

    def order(self, load: Load, lock: threading.Lock, send: Callable[[BaseModel], None]) -> None:
        """Replace what is wanted."""
        self._in_ranges = bytearray(len(self.slots))
        for first, end in load.ranges:
            self._in_ranges[first:end] = b"\1" * (end - first)
        self._careful = set(load.careful)
        self._outward = Outward(len(self.slots), load.focus, self.is_wanted)
        if load.source.storage is None:
            return
        focus = load.focus[0] if load.focus else 0
        if self._stream is not None and self._stream.serves(load.source, focus):
            return
        self.close()

        def failed(error: WebViewerError) -> None:
            send(LoadFailed(arena=self._number, code=error.code, message=error.message))

        self._stream = SeriesStream(
            load.source, self.slots, self.manifest, focus, self.is_wanted, lock, failed, self._wake
        )

    def close(self) -> None:
        """Stop fetching."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._held.clear()

    def is_wanted(self, slot: int) -> bool:
        """Tell whether a slice should be loaded and nobody does it yet."""
        return bool(self._in_ranges[slot]) and self.arena.state(slot) == SlotState.ABSENT

    def take(self) -> Piece | None:
        """Return the next slice that may be decoded beside others, marked as being decoded."""
        if self._stream is None:
            while (slot := self._outward.next()) is not None:
                if slot not in self._careful:
                    return self._claim(slot, None)
            return None
        while (delivery := self._stream.take()) is not None:
            if delivery.slot in self._careful:
                self._held.append(delivery)
            elif self.is_wanted(delivery.slot):
                return self._claim(delivery.slot, delivery)
        return None

    def take_careful(self) -> Piece | None:
        """Return the next slice that must be decoded alone."""
        if self._stream is None:
            slot = next((slot for slot in sorted(self._careful) if self.is_wanted(slot)), None)
            return None if slot is None else self._claim(slot, None)
        while self._held:
            delivery = self._held.pop()
            if self.is_wanted(delivery.slot):
                return self._claim(delivery.slot, delivery)
        return None

    def _claim(self, slot: int, delivery: Delivery | None) -> Piece:
        # Whoever finds this state after the death of the worker knows what it was doing.
        self.arena.set_state(slot, SlotState.DECODING)
        return Piece(slot, slot in self._careful, delivery)

    def load(self, piece: Piece) -> BaseModel:
        """Fetch and decode one slice; returns what became of it."""
        slot = piece.slot
        index, frame = self.slots[slot]
        instance = self.manifest.instances[index]
        try:
            data = piece.delivery.data if piece.delivery else read_local(instance, frame)
            pixels = self._decoder.decode(data, instance, frame)
            if pixels.ndim == 2 and instance.image is not None:  # noqa: PLR2004
                pixels = reduced(pixels, self._reduction, padding_range(instance.image))
            self.arena.store(slot, pixels)
        except WebViewerError as error:
            failed = SlotFailed(arena=self._number, slot=slot, code=error.code, message=error.message)
        except Exception as error:  # noqa: BLE001 - hostile bytes may raise anything; this slice alone is lost
            _log.warning("slice not decoded", cause=type(error).__name__)
            text = "the picture is damaged: it cannot be decoded"
            failed = SlotFailed(arena=self._number, slot=slot, code="damaged", message=text)
        else:
            return SlotReady(arena=self._number, slot=slot, fetched=len(data))
        self.arena.set_state(slot, SlotState.FAILED)
        return failed
