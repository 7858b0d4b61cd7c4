"""The compiled kernels: they run everywhere and are the reference for what a picture is."""

from __future__ import annotations

import platform
from collections.abc import Callable

from webviewer.domain.view import Position, Quality, VolumeView
from webviewer_render.backends.base import Capabilities
from webviewer_render.scene import projection
from webviewer_render.scene.bands import ALONE, Crew
from webviewer_render.scene.picture import Picture
from webviewer_render.volume.levels import Levels


class CpuBackend:
    """See :class:`webviewer_render.backends.base.Backend`."""

    capabilities = Capabilities("cpu", platform.processor() or platform.machine(), deterministic=True)

    def render(  # noqa: PLR0913 - as the frame function
        self,
        levels: Levels,
        view: VolumeView,
        size: tuple[int, int],
        quality: Quality,
        windows: projection.Windows = (),
        cancelled: Callable[[], bool] | None = None,
        crew: Crew = ALONE,
    ) -> Picture:
        """Draw on the threads of ``crew``, without the interpreter lock."""
        return projection.render_volume(levels, view, size, quality, windows, cancelled, crew)

    def pick(self, levels: Levels, view: VolumeView, size: tuple[int, int], at: tuple[float, float]) -> Position | None:
        """Follow one ray."""
        return projection.pick(levels, view, size, *at)

    def close(self) -> None:
        """Hold nothing."""
