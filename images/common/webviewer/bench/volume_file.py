"""The volume that all renderers of a run draw, as a file that peers in other processes read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from webviewer.bench.raw_series import RawImage, decoded
from webviewer.errors import UnsupportedImageError

Array = npt.NDArray[np.float64]
_MIN_SLICES = 3


@dataclass(frozen=True, slots=True)
class BenchVolume:
    """Modality values of shape (slices, rows, columns) in an even, upright grid.

    ``axes`` are the unit vectors across, down and through in patient coordinates (LPS), as rows; ``spacing`` is
    along them, mm; ``origin`` is the centre of the first voxel.
    """

    values: npt.NDArray[np.int16]
    axes: Array
    spacing: Array
    origin: Array

    @classmethod
    def of(cls, images: list[RawImage]) -> Self:
        """Make a volume of the images of a series, in order; raises UnsupportedImageError where that needs more care."""
        first, last = images[0].description.frame(0), images[-1].description.frame(0)
        if len(images) < _MIN_SLICES or first.plane is None or last.plane is None or first.spacing is None:
            text = "the bench needs a series of parallel slices that say where they lie"
            raise UnsupportedImageError(text)
        across, down = np.array(first.plane.row), np.array(first.plane.column)
        through = np.cross(across, down)
        origin = np.array(first.plane.origin)
        step = float(through @ (np.array(last.plane.origin) - origin)) / (len(images) - 1)
        values = decoded(images) * first.slope + first.intercept
        spacing = np.array([first.spacing[1], first.spacing[0], step])
        return cls(np.clip(values, -32768, 32767).astype(np.int16), np.array([across, down, through]), spacing, origin)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :meth:`save` has written."""
        with np.load(path) as found:
            return cls(**{name: found[name] for name in ("values", "axes", "spacing", "origin")})

    def save(self, path: Path) -> None:
        """Write the volume."""
        parts: dict[str, Any] = {name: getattr(self, name) for name in ("values", "axes", "spacing", "origin")}
        np.savez(path, **parts)

    @property
    def middle(self) -> Array:
        """Return the middle of the volume in patient coordinates."""
        middle: Array = self.origin + (self.size / 2) @ self.axes
        return middle

    @property
    def size(self) -> Array:
        """Return millimetres from the first to the last voxel along the axes."""
        size: Array = self.spacing * (np.array(self.values.shape[::-1]) - 1)
        return size
