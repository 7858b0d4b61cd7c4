"""The interface of back ends, proved by one conformance suite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from webviewer.domain.view import Position, Quality, VolumeMode, VolumeView
from webviewer_render.scene.bands import ALONE, Crew
from webviewer_render.scene.picture import Picture
from webviewer_render.scene.projection import Windows
from webviewer_render.volume.levels import Levels


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a back end is and can do on this machine."""

    name: str
    device: str
    """For people: the processor, or the GPU and its driver."""
    modes: tuple[VolumeMode, ...] = ("composite", "mip", "minip", "mean")
    deterministic: bool = False
    """The same view gives the same bytes on every machine."""
    exact_cuts: bool = True
    """Cuts have smooth edges finer than a voxel."""


class BackendUnavailableError(Exception):
    """This machine cannot run the back end; the text says what is missing."""


class Backend(Protocol):
    """Draws projections. May be called by several threads."""

    @property
    def capabilities(self) -> Capabilities:
        """What it is and can do."""
        ...

    def render(  # noqa: PLR0913 - as the frame function
        self,
        levels: Levels,
        view: VolumeView,
        size: tuple[int, int],
        quality: Quality,
        windows: Windows = (),
        cancelled: Callable[[], bool] | None = None,
        crew: Crew = ALONE,
    ) -> Picture:
        """Draw as :func:`webviewer_render.scene.projection.render_volume` does."""
        ...

    def pick(self, levels: Levels, view: VolumeView, size: tuple[int, int], at: tuple[float, float]) -> Position | None:
        """Return LPS mm of what is seen at a pixel (whole numbers are centres), None where nothing is."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...
