"""Voxels from the slices of an arena, as they come: without a copy where the kernels can read them as they lie."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from webviewer.domain.image import ImageDescription
from webviewer_render.decoded.arena import Arena
from webviewer_render.scene import voi
from webviewer_render.volume.plan import VolumePlan
from webviewer_render.volume.voxels import KERNEL_TYPES, NOT_THERE, Voxels

_NAN_IS_PADDING = (math.inf, math.inf)
_EXACT_IN_INT16 = ("uint8", "int8")


def stored_type(image: ImageDescription) -> np.dtype[Any]:
    """Return the type of decoded pixels (see ``webviewer.codecs.decode``)."""
    if image.floating:
        return np.dtype(f"f{image.bits_allocated // 8}")
    size = next(size for size in (1, 2, 4, 8) if image.bits_stored <= size * 8)
    return np.dtype(f"{'i' if image.signed else 'u'}{size}")


class Assembly:
    """The volume of a plan in an arena; :meth:`voxels` is cheap, whatever has come in between.

    Where all slices have one type of :data:`~webviewer_render.volume.voxels.KERNEL_TYPES` and one meaning, the arena
    itself is read. Else (``copies``) each slice is converted once when it has come, in memory of ``copy_bytes``: bytes
    exactly to int16, all others to float32 modality values with NaN for padding. Threads may share an assembly.
    An arena of reduced pixels needs a plan with the grid of its blocks.
    """

    def __init__(self, plan: VolumePlan, arena: Arena) -> None:
        self.plan = plan
        self._arena = arena
        self._lock = threading.Lock()
        self._slots = np.array(plan.slots)
        self._types = [stored_type(image) for image, _ in plan.sources]
        one_type = len(set(self._types)) == 1 and plan.is_uniform
        self.copies = not (one_type and self._types[0].name in KERNEL_TYPES)
        self._exact = one_type and (not self.copies or self._types[0].name in _EXACT_IN_INT16)
        rows, columns = self.plan.grid.shape[1:]
        self._copied = np.zeros(len(plan.slots), bool)
        if self.copies:
            kind = np.int16 if self._exact else np.float32
            self._copy: npt.NDArray[Any] = np.empty((len(plan.slots), rows, columns), kind)
            values = self._copy.reshape(-1)
            self._places = np.arange(len(plan.slots), dtype=np.int64) * (rows * columns)
        else:
            values = arena.values(self._types[0])
            self._places = np.array(arena.layout.offsets, np.int64)[self._slots] // self._types[0].itemsize
        self._voxels = self._first(values)

    @property
    def copy_bytes(self) -> int:
        """Memory that the volume needs beside the arena."""
        return self._copy.nbytes if self.copies else 0

    def voxels(self) -> Voxels:
        """Return what has come. The same object as before if nothing has changed."""
        with self._lock:
            offsets = np.where(self._there(), self._places, NOT_THERE)
            if not np.array_equal(offsets, self._voxels.offsets):
                offsets.flags.writeable = False
                old = self._voxels
                self._voxels = Voxels(old.values, offsets, old.grid, old.slope, old.intercept, old.padding)
            return self._voxels

    def _first(self, values: npt.NDArray[Any]) -> Voxels:
        values.flags.writeable = False
        slope, intercept = self.plan.rescales[0] if self._exact else (1.0, 0.0)
        padding = _NAN_IS_PADDING if values.dtype.kind == "f" else voi.padding_range(self.plan.image)
        nothing = np.full(len(self._slots), NOT_THERE, np.int64)
        return Voxels(values, nothing, self.plan.grid, slope, intercept, padding)

    def _there(self) -> npt.NDArray[np.bool_]:
        rows, columns = self.plan.grid.shape[1:]
        if not self.copies:
            there: npt.NDArray[np.bool_] = self._arena.holding(self._types[0], rows, columns)[self._slots]
            return there
        for kind in set(self._types):
            ready = self._arena.holding(kind, rows, columns)[self._slots]
            for k in np.flatnonzero(ready & ~self._copied):
                if self._types[k] == kind:
                    self._convert(int(k))
        return self._copied

    def _convert(self, k: int) -> None:
        pixels = self._arena.pixels(self.plan.slots[k])
        image, frame = self.plan.sources[k]
        if self._exact:
            self._copy[k] = pixels
        else:
            values = voi.modality(voi.frozen(pixels), image, frame).astype(np.float32)
            low, high = voi.padding_range(image)
            values[((pixels >= low) & (pixels <= high)) | ~np.isfinite(values)] = np.nan
            self._copy[k] = values
        self._copied[k] = True
