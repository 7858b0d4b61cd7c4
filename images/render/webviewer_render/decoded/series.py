"""A series whose decoded pixels are in shared memory, and the loading of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from webviewer.domain.volume import VolumeGrid, VolumeNotice, VolumeProblem
from webviewer.errors import NotAVolumeError, PeerUnavailableError, UnsupportedImageError, WebViewerError
from webviewer.web.errors import BY_CODE
from webviewer_render import metrics
from webviewer_render.decoded.arena import Arena, ArenaLayout, SlotState
from webviewer_render.decoded.residence import residence
from webviewer_render.pool.process import WorkerProcess
from webviewer_render.pool.workers import WorkerPool
from webviewer_render.scene.stack import Stack
from webviewer_render.volume.plan import VolumePlan
from webviewer_render.worker.protocol import Attach, Detach, Load, LoadFailed, Reply, SlotFailed, SlotReady, Source

_log = structlog.get_logger(__name__)
_STRIKES = 2
_SETTLED = (SlotState.READY, SlotState.FAILED)
_RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)


class Watcher(Protocol):
    """Somebody who looks at the series."""

    def slice_changed(self, slot: int) -> None:
        """A slice has come, failed or gone."""
        ...

    def loading_failed(self, error: WebViewerError) -> None:
        """The rest of the series cannot be fetched."""
        ...


@dataclass(frozen=True, slots=True)
class Content:
    """What is to be loaded: a stack, the volume it makes or why it makes none, and its manifest as JSON.

    With ``reduction`` n > 1 the pixels of n x n blocks are averaged when they are loaded.
    """

    stack: Stack
    plan: VolumePlan | VolumeProblem
    manifest: bytes
    reduction: int = 1


class Series:
    """Member of a lane: its arena outlives the workers.

    ``quota`` is how many bytes it may keep resident. Where that is less than all, only slices near to where people look are
    kept. Slices are named by their index in display order.
    """

    def __init__(self, number: int, content: Content, pool: WorkerPool, source: Source) -> None:
        self.number = number
        self.content = content
        self.stack = stack = content.stack
        self.plan = content.plan
        self.reduction = content.reduction
        self.holds = 0
        """How many viewports need all slices at once."""
        self.references = 0
        self.source = source
        self.problems: dict[int, WebViewerError] = {}
        self.received = 0
        self.resident_bytes = 0
        self.watchers: dict[Watcher, int] = {}
        """Who looks, and at which slice; the last one looked last."""
        self.pins: Counter[int] = Counter()
        images = [stack.image(slot) for slot in range(len(stack.slices))]
        self.layout = ArenaLayout.of(images, self.reduction)
        self.quota = sum(self.layout.capacities)
        self.arena = Arena.create(self.layout)
        self._states = bytearray(len(images))
        self._ranges: Sequence[tuple[int, int]] = ((0, len(images)),)
        self._suspects: Counter[int] = Counter()
        self._failures = 0
        self._ordered = False
        self._retry: asyncio.TimerHandle | None = None
        for slot, image in enumerate(images):
            if image is None:
                self._fail(slot, UnsupportedImageError(stack.source(slot).problem or "the object has no picture"))
        self.pool = pool
        self.lane = pool.next_lane()
        self.lane.add(number, self)

    @property
    def total_bytes(self) -> int:
        """What all slices need."""
        return sum(self.layout.capacities)

    def close(self) -> None:
        """Free the memory."""
        self.lane.remove(self.number)
        if self.lane.worker is not None:
            self.lane.worker.send(Detach(arena=self.number))
        self.arena.close_descriptor()
        metrics.ARENA_BYTES.dec(self.resident_bytes)
        self.resident_bytes = 0
        self._states = bytearray(len(self._states))
        if self._retry is not None:
            self._retry.cancel()

    @property
    def grid(self) -> VolumeGrid:
        """Where the voxels in memory lie. Raises NotAVolumeError."""
        if not isinstance(self.plan, VolumePlan):
            raise NotAVolumeError(self.plan.code, self.plan.images)
        return self.plan.grid if self.reduction == 1 else self.plan.grid.reduced(self.reduction)

    @property
    def notices(self) -> tuple[VolumeNotice, ...]:
        """What the reader must know of the volume."""
        notices = self.plan.notices if isinstance(self.plan, VolumePlan) else ()
        return (*notices, VolumeNotice(code="reduced", value=self.reduction)) if self.reduction > 1 else notices

    # ------------------------------------------------------------ what is there

    def is_ready(self, slot: int) -> bool:
        """Whether the pixels of a slice are there."""
        return self._states[slot] == SlotState.READY

    def is_coming(self, slot: int) -> bool:
        """Whether a slice is being decoded at this moment."""
        return self._states[slot] == SlotState.ABSENT and self.arena.state(slot) == SlotState.DECODING

    def nearest_ready(self, slot: int) -> int | None:
        """Return the slice nearest to ``slot`` whose pixels are there."""
        above = self._states.find(SlotState.READY, slot)
        below = self._states.rfind(SlotState.READY, 0, slot)
        if above < 0 or below < 0:
            return max(above, below) if max(above, below) >= 0 else None
        return above if above - slot <= slot - below else below

    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Return the half-open ranges of slices that are there."""
        found, position = [], 0
        while (start := self._states.find(SlotState.READY, position)) >= 0:
            position = start
            while position < len(self._states) and self._states[position] == SlotState.READY:
                position += 1
            found.append((start, position))
        return tuple(found)

    def settled(self, slots: Sequence[int]) -> int:
        """Count the slices of which nothing more is to be expected: there, or found to be damaged."""
        return sum(self._states[slot] in _SETTLED for slot in slots)

    def hold(self) -> None:
        """Keep all slices, until :meth:`let_go` was called as often."""
        self.holds += 1
        if self._settle(anew=True):
            self._order()

    def let_go(self) -> None:
        """Let slices go if they may not stay."""
        self.holds -= 1
        self._settle(anew=True)

    def pin(self, slot: int) -> None:
        """Keep the pixels of a slice until :meth:`unpin`."""
        self.pins[slot] += 1

    def unpin(self, slot: int) -> None:
        """Let the pixels of a slice go if they may not stay."""
        self.pins[slot] -= 1
        if not self.pins[slot]:
            del self.pins[slot]
            if self._states[slot] == SlotState.READY and not self._may_stay(slot):
                self._evict(slot)

    # ------------------------------------------------------------ what is wanted

    def look(self, watcher: Watcher, slot: int) -> None:
        """Load around ``slot`` first."""
        self.watchers.pop(watcher, None)
        self.watchers[watcher] = slot
        moved = self._settle()
        if moved or not self._ordered or self._states[slot] == SlotState.ABSENT:
            self._order()

    def look_away(self, watcher: Watcher) -> None:
        """Forget somebody who looked."""
        self.watchers.pop(watcher, None)

    def set_quota(self, quota: int) -> None:
        """Change how much may stay resident."""
        if quota != self.quota:
            self.quota = quota
            if self._settle(anew=True):
                self._order()

    def renew(self, source: Source) -> None:
        """Take a newer right to fetch; what could not be fetched is tried again."""
        self.source = source
        if self._failures:
            self._failures = 0
            self._order()

    def _focus(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(reversed(self.watchers.values())))

    def _settle(self, *, anew: bool = False) -> bool:
        """Choose which slices may be resident and evict the others; tells whether the choice has changed."""
        focus = self._focus()
        quota = self.total_bytes if self.holds else self.quota
        ranges = residence(self.layout.capacities, quota, focus, () if anew else self._ranges)
        if ranges == self._ranges:
            return False
        self._ranges = ranges
        for slot, state in enumerate(self._states):
            if state == SlotState.READY and not self._may_stay(slot):
                self._evict(slot)
        return True

    def _may_stay(self, slot: int) -> bool:
        return slot in self.pins or any(first <= slot < end for first, end in self._ranges)

    def _evict(self, slot: int) -> None:
        self.arena.evict(slot)
        self._change(slot, SlotState.ABSENT)
        metrics.EVICTED_FRAMES.inc()

    def _order(self) -> None:
        if self.lane.worker is None or not self.watchers:
            return
        self._ordered = True
        careful = tuple(slot for slot in self._suspects if self._states[slot] == SlotState.ABSENT)
        order = Load(
            arena=self.number, ranges=tuple(self._ranges), focus=self._focus() or (0,), careful=careful, source=self.source
        )  # fmt: skip
        self.lane.worker.send(order)

    # ------------------------------------------------------------ what the worker says

    def enter(self, worker: WorkerProcess) -> None:
        """Give the memory to a worker and have it load what is missing."""
        worker.send_arena(self.number, self.arena.descriptor)
        attach = Attach(
            arena=self.number,
            size=self.layout.size,
            slots=tuple((piece.instance, piece.frame) for piece in self.stack.slices),
            offsets=self.layout.offsets,
            capacities=self.layout.capacities,
            reduction=self.reduction,
        )
        worker.send(attach, self.content.manifest)
        self._order()

    def leave(self) -> None:
        """Find out what the dead worker has done, and what it was doing."""
        self._ordered = False
        for slot in range(len(self._states)):
            state = self.arena.state(slot)
            if state == SlotState.DECODING:
                self.arena.set_state(slot, SlotState.ABSENT)
                self._suspects[slot] += 1
                if self._suspects[slot] >= _STRIKES:
                    self._fail(
                        slot, UnsupportedImageError("the renderer failed twice at this slice; it is not tried again")
                    )
            elif state == SlotState.READY and self._states[slot] == SlotState.ABSENT:
                self._change(slot, SlotState.READY)
            elif state == SlotState.FAILED and self._states[slot] == SlotState.ABSENT:
                self.arena.set_state(slot, SlotState.ABSENT)  # its reason was lost: ask again

    def hear(self, news: Reply) -> None:
        """Take what became of a slice; what cannot be is not believed."""
        if isinstance(news, LoadFailed):
            self._hear_failure(news)
            return
        if not isinstance(news, (SlotReady, SlotFailed)) or not 0 <= news.slot < len(self._states):
            return
        if isinstance(news, SlotFailed):
            self._fail(news.slot, _error(news.code, news.message))
            return
        if self.arena.state(news.slot) != SlotState.READY:
            return
        metrics.LOADED_FRAMES.inc()
        metrics.LOADED_BYTES.inc(max(0, news.fetched))
        self._failures = 0
        self._suspects.pop(news.slot, None)
        if self._may_stay(news.slot):
            self._change(news.slot, SlotState.READY)
        else:  # nobody may begin to use it
            self.arena.evict(news.slot)

    def _hear_failure(self, news: LoadFailed) -> None:
        self._failures += 1
        if self._failures <= len(_RETRY_SECONDS):
            loop = asyncio.get_running_loop()
            self._retry = loop.call_later(_RETRY_SECONDS[self._failures - 1], self._order)
            return
        _log.warning("series not loaded", code=news.code)
        for watcher in list(self.watchers):
            watcher.loading_failed(_error(news.code, news.message, PeerUnavailableError))

    def _fail(self, slot: int, error: WebViewerError) -> None:
        self.problems[slot] = error
        self.arena.set_state(slot, SlotState.FAILED)
        metrics.FAILED_FRAMES.inc()
        self._change(slot, SlotState.FAILED)

    def _change(self, slot: int, state: SlotState) -> None:
        before = self._states[slot]
        if before == state:
            return
        self._states[slot] = state
        step = (state == SlotState.READY) - (before == SlotState.READY)
        self.received += step
        self.resident_bytes += step * self.layout.capacities[slot]
        metrics.ARENA_BYTES.inc(step * self.layout.capacities[slot])
        for watcher in list(self.watchers):
            watcher.slice_changed(slot)


def _error(code: str, message: str, default: type[WebViewerError] = UnsupportedImageError) -> WebViewerError:
    kind = BY_CODE.get(code, default)
    try:
        return kind(message)
    except TypeError:  # needs more than a message
        return default(message)
