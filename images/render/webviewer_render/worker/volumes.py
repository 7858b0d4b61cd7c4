"""The volume of an attached series."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from webviewer.domain.study import SeriesManifest
from webviewer.domain.volume import VolumeGrid
from webviewer.errors import NotAVolumeError, UnsupportedImageError
from webviewer_render.decoded.arena import Arena
from webviewer_render.scene.stack import build_stack
from webviewer_render.volume.assembly import Assembly
from webviewer_render.volume.levels import Levels, build_levels
from webviewer_render.volume.plan import VolumePlan, plan_volume
from webviewer_render.volume.voxels import NOT_THERE, Voxels

_FEWEST = 2


class SeriesVolume:
    """Assembled when it is first asked for, from slices that are loaded meanwhile. Threads may share it.

    ``reduction``: the arena holds means of blocks of so many by so many pixels.
    """

    def __init__(self, arena: Arena, manifest: SeriesManifest, reduction: int) -> None:
        self._arena = arena
        self._manifest = manifest
        self._reduction = reduction
        self._lock = threading.Lock()
        self._building = threading.Lock()
        self._assembly: Assembly | None = None
        self._levels: Levels | None = None

    @property
    def plan(self) -> VolumePlan:
        """What it is made of. Raises NotAVolumeError."""
        return self._assembled().plan

    def voxels(self) -> Voxels:
        """Return what has come so far."""
        return self._assembled().voxels()

    def levels(self, cancelled: Callable[[], bool]) -> Levels:
        """Return the volume as projections read it; slices that will never come are bridged.

        To be asked for when all others have come. Raises CancelledError, and UnsupportedImageError where too few are left.
        """
        with self._building:
            if self._levels is None:
                self._levels = build_levels(_present(self.voxels()), cancelled)
            return self._levels

    def _assembled(self) -> Assembly:
        with self._lock:
            if self._assembly is None:
                plan = plan_volume(build_stack(self._manifest))
                if not isinstance(plan, VolumePlan):
                    raise NotAVolumeError(plan.code, plan.images)
                if self._reduction > 1:
                    plan = replace(plan, grid=plan.grid.reduced(self._reduction))
                self._assembly = Assembly(plan, self._arena)
            return self._assembly


def _present(voxels: Voxels) -> Voxels:
    """Leave out slices that are not there: their neighbours are interpolated, as for any other gap."""
    there = np.flatnonzero(voxels.offsets != NOT_THERE)
    if len(there) == len(voxels.offsets):
        return voxels
    if len(there) < _FEWEST:
        text = "too few slices of the series could be read"
        raise UnsupportedImageError(text)
    old = voxels.grid
    first = old.places[there[0]]
    grid = VolumeGrid(
        shape=(len(there), *old.shape[1:]),
        origin=old.point(0, 0, first),
        across=old.across,
        down=old.down,
        through=old.through,
        places=tuple(old.places[k] - first for k in there.tolist()),
    )
    return replace(voxels, offsets=voxels.offsets[there], grid=grid)
