"""One stream of a series' encoded frames from the storage node, read ahead of the decoders."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from webviewer.domain.study import SeriesManifest
from webviewer.errors import PeerUnavailableError, WebViewerError
from webviewer_render.worker.encoded_pixels import stream
from webviewer_render.worker.protocol import Source

_AHEAD_BYTES = 32 * 1024 * 1024
_NEAR_SLICES = 48
"""A slice so little ahead of the stream is waited for; for others the stream starts again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Encoded bytes of one slice; ``data`` is the whole file where the instance's table says so."""

    slot: int
    data: bytes


class SeriesStream:
    """A thread with an event loop of its own, for the client is asynchronous and the worker is not.

    It starts at slice ``focus``; when everything wanted was delivered it ends, and when the stream ends before, it starts
    again. ``lock`` guards ``is_wanted`` and everything here.
    """

    def __init__(  # noqa: PLR0913
        self,
        source: Source,
        slots: tuple[tuple[int, int], ...],
        manifest: SeriesManifest,
        focus: int,
        is_wanted: Callable[[int], bool],
        lock: threading.Lock,
        failed: Callable[[WebViewerError], None],
        wake: Callable[[], None],
    ) -> None:  # fmt: skip
        self._source = source
        self._slots = slots
        self._manifest = manifest
        self._by_frame = {pair: slot for slot, pair in enumerate(slots)}
        self._focus = focus
        self._newest = focus
        self._is_wanted = is_wanted
        self._lock = lock
        self._failed = failed
        self._wake = wake
        self._ready: deque[Delivery] = deque()
        self._waiting: set[int] = set()
        self._bytes = 0
        self._ended = False
        self._closed = False
        self._room: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        threading.Thread(target=self._run, name="series-stream", daemon=True).start()

    def serves(self, source: Source, focus: int) -> bool:
        """Tell whether this stream brings what an order with this focus wants soon enough."""
        if self._ended or self._closed or source.storage != self._source.storage:
            return False
        return not self._is_wanted(focus) or focus in self._waiting or 0 <= focus - self._newest <= _NEAR_SLICES

    def take(self) -> Delivery | None:
        """Return the next slice that has arrived."""
        if not self._ready:
            return None
        delivery = self._ready.popleft()
        self._waiting.discard(delivery.slot)
        self._bytes -= len(delivery.data)
        if self._room is not None and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._room.set)
        return delivery

    def close(self) -> None:
        """Leave the stream."""
        self._closed = True
        self._ready.clear()
        self._waiting.clear()
        if self._loop is not None and self._task is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._main())

    async def _main(self) -> None:
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._task = asyncio.current_task()
            self._room = asyncio.Event()
            if self._closed:
                return
        try:
            await self._fetch()
        except WebViewerError as error:
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 - whatever it was, the front has to know that nothing comes
            self._give_up(PeerUnavailableError(f"the storage node cannot be read: {type(error).__name__}"))
        finally:
            with self._lock:
                self._ended = True

    def _give_up(self, error: WebViewerError) -> None:
        with self._lock:
            self._ended = True
            closed = self._closed
        if not closed:
            self._failed(error)

    async def _fetch(self) -> None:
        while missing := self._missing():
            before = len(missing)
            start = self._focus if self._focus in missing else min(missing, key=lambda slot: abs(slot - self._focus))
            async with aclosing(stream(self._source, self._slots[start][0])) as frames:
                async for frame in frames:
                    missing -= await self._deliver(frame.instance, frame.frame, frame.data)
                    if not missing:
                        break
            if len(missing) == before:
                text = "the storage node did not send all frames of the series"
                raise PeerUnavailableError(text)

    def _missing(self) -> set[int]:
        with self._lock:
            return {n for n in range(len(self._slots)) if self._is_wanted(n) and n not in self._waiting}

    async def _deliver(self, index: int, frame: int, data: bytes) -> set[int]:
        whole = index < len(self._manifest.instances) and self._manifest.instances[index].frames.whole_file
        image = self._manifest.instances[index].image if whole else None
        delivered = set()
        for number in range(image.frames if image else 1):
            slot = self._by_frame.get((index, number if whole else frame))
            if slot is None:
                continue
            delivered.add(slot)
            with self._lock:
                if slot in self._waiting or not self._is_wanted(slot):
                    continue
                self._newest = slot
                self._ready.append(Delivery(slot, data))
                self._waiting.add(slot)
                self._bytes += len(data)
            self._wake()
        await self._wait_for_room()
        return delivered

    async def _wait_for_room(self) -> None:
        while self._room is not None:
            with self._lock:
                if self._bytes <= _AHEAD_BYTES:
                    return
                self._room.clear()
            await self._room.wait()
