"""The camera of all renderers of a run: it goes round the patient in steps, looking 20 degrees down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from webviewer.bench.appearance import PLANES, Style
from webviewer.bench.volume_file import BenchVolume

Array = npt.NDArray[np.float64]
_TURN = math.radians(3)
_TILT = math.radians(20)


@dataclass(frozen=True, slots=True, eq=False)
class Turntable:
    """Parallel rays; ``extent`` millimetres fill the (square) picture around ``center``. Patient coordinates, LPS."""

    center: Array
    extent: float

    @classmethod
    def around(cls, volume: BenchVolume, style: Style) -> Self:
        """Show the whole of a volume, or a plane of it at 512 pixels without making it smaller than its voxels."""
        whole = style not in PLANES
        return cls(volume.middle, float(np.max(volume.size)) * 1.02 if whole else float(volume.size[0]) * 0.95)

    def axes(self, number: float) -> tuple[Array, Array, Array]:
        """Return the directions right, down and ahead of picture ``number``."""
        angle = number * _TURN
        right = np.array([math.cos(angle), math.sin(angle), 0.0])
        ahead = np.array(
            [-math.sin(angle) * math.cos(_TILT), math.cos(angle) * math.cos(_TILT), -math.sin(_TILT)],
        )
        return right, np.cross(ahead, right), ahead

    def patch(self, number: float) -> dict[str, Any]:
        """Return the part of a view that this camera decides."""
        right, down, _ = self.axes(number)
        return {
            "center": tuple(self.center.tolist()),
            "extent": self.extent,
            "row": tuple(right.tolist()),
            "column": tuple(down.tolist()),
        }
