"""All series in memory: shared between sessions, kept as long as the budget allows."""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog

from webviewer.domain.study import SeriesManifest
from webviewer.errors import ForbiddenError, TooLargeError, UnsupportedImageError
from webviewer.ports.storage import StoragePort
from webviewer.wire.messages import PixelSource
from webviewer_render import metrics
from webviewer_render.decoded.arena import ArenaLayout
from webviewer_render.decoded.series import Content, Series
from webviewer_render.pool.workers import WorkerPool
from webviewer_render.scene.stack import build_stack
from webviewer_render.scene.uptake import in_uptake
from webviewer_render.volume.levels import RECENT_SHARE
from webviewer_render.volume.plan import plan_volume
from webviewer_render.worker.protocol import Source

_log = structlog.get_logger(__name__)
_REDUCTIONS = (1, 2, 4, 8)
_VOLUME_SHARE = 1.3 + RECENT_SHARE
"""What a volume needs in all: its voxels, smaller versions of it (of thick slices 0.28), the extremes of blocks, and what is
derived from them."""
_SMALL_SERIES = 64
"""Series with more objects are put in order outside of the event loop."""


class SeriesLibrary:
    """``budget`` is in bytes of decoded pixels; ``keep`` tells whether a series stays after its last viewport closed.

    ``authority`` is a PEM file that certificates of storage nodes must be by; null = those that the system trusts.
    """

    def __init__(self, pool: WorkerPool, budget: int, *, keep: bool, authority: Path | None = None) -> None:
        self._pool = pool
        self._budget = budget
        self._keep = keep
        self._authority = authority
        self._series: OrderedDict[tuple[str, str, int], Series] = OrderedDict()
        self._numbers = itertools.count(1)

    def source(self, token: str, storage: str | None) -> Source:
        """Return where workers fetch encoded pixels: from the storage node at an address, or from files of this machine."""
        return Source(token=token, storage=storage, authority=self._authority)

    async def open(
        self, pixels: PixelSource, series: str, storage: Callable[[str | None], StoragePort], *, whole: bool = False
    ) -> Series:
        """Return the series that ``pixels`` gives the right to; give it back by :meth:`release`.

        Storage is asked every time: it checks the right and names the version. ``whole``: all of its slices will be needed
        at once; where they do not fit into the budget, their pixels are reduced. Raises what storage raises, ForbiddenError
        for another series than the right is for, UnsupportedImageError for one without pictures, and TooLargeError for one
        that is too large even if reduced.
        """
        manifest = await storage(pixels.storage).series_manifest(pixels.token)
        if manifest.series != series:
            text = "the right to read pixels is for another series"
            raise ForbiddenError(text)
        source = self.source(pixels.token, pixels.storage)
        content = await self._content(manifest)
        if whole:
            content = replace(content, reduction=self._reduction(content))
        key = (manifest.series, manifest.version, content.reduction)
        if key not in self._series:
            made = Series(next(self._numbers), content, self._pool, source)
            if key in self._series:  # somebody else was faster
                made.close()
            else:
                self._series[key] = made
                metrics.SERIES.set(len(self._series))
        else:
            metrics.SERIES_HITS.inc()
        found = self._series[key]
        found.references += 1
        found.renew(source)
        self._series.move_to_end(key)
        self.balance()
        return found

    def release(self, series: Series) -> None:
        """Give back a series."""
        series.references -= 1
        if not series.references and not self._keep:
            self._drop(series)
        self.balance()

    def close(self) -> None:
        """Free everything."""
        for series in list(self._series.values()):
            self._drop(series)

    @property
    def resident_bytes(self) -> int:
        """Decoded pixels in memory."""
        return sum(series.resident_bytes for series in self._series.values())

    @property
    def names(self) -> list[str]:
        """Opaque ids of the series in memory."""
        return sorted({series for series, _, _ in self._series})

    def __len__(self) -> int:
        return len(self._series)

    async def _content(self, manifest: SeriesManifest) -> Content:
        known = next((s for key, s in self._series.items() if key[:2] == (manifest.series, manifest.version)), None)
        if known is not None:
            return replace(known.content, reduction=1)
        if not any(instance.image for instance in manifest.instances):
            reasons = [instance.problem for instance in manifest.instances if instance.problem]
            raise UnsupportedImageError(reasons[0] if reasons else "the series has no pictures")
        if len(manifest.instances) <= _SMALL_SERIES:
            return _prepare(manifest)
        return await asyncio.to_thread(_prepare, manifest)

    def _reduction(self, content: Content) -> int:
        """Return by how much a volume must be reduced to fit beside those that are being looked at."""
        images = [content.stack.image(slot) for slot in range(len(content.stack.slices))]
        name = (content.stack.manifest.series, content.stack.manifest.version)
        held = sum(s.total_bytes for key, s in self._series.items() if s.holds and key[:2] != name)
        for reduction in _REDUCTIONS:
            size = sum(ArenaLayout.of(images, reduction).capacities)
            if size * _VOLUME_SHARE <= self._budget - held:
                return reduction
        text = "the volume is too large for the memory of the renderer; close other volumes, or view it as a stack"
        raise TooLargeError(text)

    def _drop(self, series: Series) -> None:
        key = next((key for key, value in self._series.items() if value is series), None)
        if key is not None:
            del self._series[key]
            series.close()
            metrics.SERIES.set(len(self._series))

    def balance(self) -> None:
        """Keep the budget: series that nobody looks at go, the oldest first; then the others share it."""
        used = sum(min(series.total_bytes, series.quota) for series in self._series.values())
        for series in list(self._series.values()):
            if used <= self._budget:
                break
            if not series.references:
                used -= min(series.total_bytes, series.quota)
                self._drop(series)
        self._share()

    def _share(self) -> None:
        """Give each series an equal share, and what small ones leave to the large ones."""
        left = self._budget - sum(series.total_bytes for series in self._series.values() if series.holds)
        loose = (series for series in self._series.values() if not series.holds)
        ordered = sorted(loose, key=lambda series: series.total_bytes)
        for position, series in enumerate(ordered):
            quota = min(series.total_bytes, max(0, left) // (len(ordered) - position))
            left -= quota
            series.set_quota(quota)


def _prepare(manifest: SeriesManifest) -> Content:
    manifest = in_uptake(manifest)
    stack = build_stack(manifest)
    return Content(stack, plan_volume(stack), manifest.model_dump_json().encode())
