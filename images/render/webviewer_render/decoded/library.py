"""All series in memory: shared between sessions, kept as long as the budget allows."""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable

import structlog

from webviewer.domain.study import SeriesManifest
from webviewer.errors import ForbiddenError, UnsupportedImageError
from webviewer.ports.storage import StoragePort
from webviewer.wire.messages import PixelSource
from webviewer_render import metrics
from webviewer_render.decoded.series import Series
from webviewer_render.pool.workers import WorkerPool
from webviewer_render.scene.stack import build_stack
from webviewer_render.worker.protocol import Source

_log = structlog.get_logger(__name__)
_SMALL_SERIES = 64
"""Series with more objects are put in order outside of the event loop."""


class SeriesLibrary:
    """``budget`` is in bytes of decoded pixels; ``keep`` tells whether a series stays after its last viewport closed."""

    def __init__(self, pool: WorkerPool, budget: int, *, keep: bool) -> None:
        self._pool = pool
        self._budget = budget
        self._keep = keep
        self._series: OrderedDict[tuple[str, str], Series] = OrderedDict()
        self._numbers = itertools.count(1)

    async def open(self, pixels: PixelSource, series: str, storage: Callable[[str | None], StoragePort]) -> Series:
        """Return the series that ``pixels`` gives the right to; give it back by :meth:`release`.

        Storage is asked every time: it checks the right and names the version. Raises what storage raises, ForbiddenError
        for another series than the right is for, and UnsupportedImageError for one without pictures.
        """
        manifest = await storage(pixels.storage).series_manifest(pixels.token)
        if manifest.series != series:
            text = "the right to read pixels is for another series"
            raise ForbiddenError(text)
        source = Source(token=pixels.token, storage=pixels.storage)
        key = (manifest.series, manifest.version)
        if key not in self._series:
            made = await self._make(manifest, source)
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
        self._balance()
        return found

    def release(self, series: Series) -> None:
        """Give back a series."""
        series.references -= 1
        if not series.references and not self._keep:
            self._drop(series)
        self._balance()

    def close(self) -> None:
        """Free everything."""
        for series in list(self._series.values()):
            self._drop(series)

    @property
    def resident_bytes(self) -> int:
        """Decoded pixels in memory."""
        return sum(series.resident_bytes for series in self._series.values())

    def __len__(self) -> int:
        return len(self._series)

    async def _make(self, manifest: SeriesManifest, source: Source) -> Series:
        if not any(instance.image for instance in manifest.instances):
            reasons = [instance.problem for instance in manifest.instances if instance.problem]
            raise UnsupportedImageError(reasons[0] if reasons else "the series has no pictures")
        if len(manifest.instances) <= _SMALL_SERIES:
            stack, content = build_stack(manifest), manifest.model_dump_json().encode()
        else:
            stack = await asyncio.to_thread(build_stack, manifest)
            content = await asyncio.to_thread(lambda: manifest.model_dump_json().encode())
        return Series(next(self._numbers), stack, content, self._pool, source)

    def _drop(self, series: Series) -> None:
        key = next((key for key, value in self._series.items() if value is series), None)
        if key is not None:
            del self._series[key]
            series.close()
            metrics.SERIES.set(len(self._series))

    def _balance(self) -> None:
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
        left = self._budget
        ordered = sorted(self._series.values(), key=lambda series: series.total_bytes)
        for position, series in enumerate(ordered):
            quota = min(series.total_bytes, left // (len(ordered) - position))
            left -= quota
            series.set_quota(quota)
