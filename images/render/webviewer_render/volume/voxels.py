"""The voxels of a volume, as kernels read them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from webviewer.domain.volume import VolumeGrid

KERNEL_TYPES = ("int16", "uint16", "float32")
NOT_THERE = -1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Voxels:
    """Stored values in memory that may be shared, slice by slice.

    ``values`` is one-dimensional, of a type of :data:`KERNEL_TYPES`. The voxel (slice k, row j, column i) of ``grid`` is
    ``values[offsets[k] + j * columns + i]``; ``offsets`` is int64, :data:`NOT_THERE` where a slice has not come, which is
    drawn as background. Modality values are ``slope * stored + intercept``; stored values within ``padding`` (low, high)
    are background, none where low > high.
    """

    values: npt.NDArray[Any]
    offsets: npt.NDArray[np.int64]
    grid: VolumeGrid
    slope: float = 1.0
    intercept: float = 0.0
    padding: tuple[float, float] = (math.inf, -math.inf)
    _known: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, name: str, make: Callable[[Voxels], T]) -> T:
        """Return what ``make`` finds of these voxels, looked for the first time only."""
        if name not in self._known:
            self._known[name] = make(self)
        found: T = self._known[name]
        return found

    @property
    def complete(self) -> bool:
        """Whether all slices have come."""
        return bool((self.offsets != NOT_THERE).all())

    @classmethod
    def of_array(cls, array: npt.NDArray[Any], grid: VolumeGrid, slope: float = 1.0, intercept: float = 0.0) -> Voxels:
        """Return the voxels of a contiguous array of shape (slices, rows, columns), without a copy.

        Raises ValueError for another shape than the grid's, or a type that no kernel knows.
        """
        if array.shape != grid.shape or array.dtype.name not in KERNEL_TYPES:
            text = f"an array of shape {grid.shape} and one of {KERNEL_TYPES} is wanted"
            raise ValueError(text)
        each = grid.shape[1] * grid.shape[2]
        values = np.ascontiguousarray(array).reshape(-1)
        return cls(values, np.arange(grid.shape[0], dtype=np.int64) * each, grid, slope, intercept)
