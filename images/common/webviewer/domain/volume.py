"""A series as a volume in patient coordinates: values that the page and the renderer share."""

from __future__ import annotations

from typing import Literal

from webviewer.domain.image import Value, Vector

VolumeProblemCode = Literal[
    "too-few", "no-geometry", "mixed-orientation", "mixed-size", "mixed-frame-of-reference", "colour", "no-spacing"
]
VolumeNoticeCode = Literal["tilt", "uneven", "missing", "duplicate", "left-out", "reduced"]


class VolumeProblem(Value):
    """Why a series cannot be a volume. ``images`` is how many are to blame."""

    code: VolumeProblemCode
    images: int = 0


class VolumeNotice(Value):
    """What the reader must know of a volume.

    ``value``: degrees of gantry tilt; the largest distance of neighbours in mm; how many slices are missing, occur twice or
    were left out; by which factor the voxels are larger than the file's.
    """

    code: VolumeNoticeCode
    value: float


class VolumeGrid(Value):
    """Where voxels lie (LPS, mm).

    The centre of the voxel in column i, row j of slice k is ``origin + i * across + j * down + place[k] * through``.
    ``through`` is what one millimetre along the normal moves the first pixel: with gantry tilt it is not square to the
    slices. ``places`` are the millimetres of each slice along the normal, rising from 0.
    """

    shape: tuple[int, int, int]
    """Slices, rows, columns."""
    origin: Vector
    across: Vector
    down: Vector
    through: Vector
    places: tuple[float, ...]

    @property
    def is_even(self) -> bool:
        """Whether all slices have the same distance (within 0.1 %)."""
        step = self.step
        return all(abs(place - k * step) <= 1e-3 * step for k, place in enumerate(self.places))

    @property
    def step(self) -> float:
        """Mean distance of neighbouring slices in mm."""
        return self.places[-1] / (len(self.places) - 1) if len(self.places) > 1 else 1.0

    def reduced(self, factor: int) -> VolumeGrid:
        """Return the grid of slices whose blocks of ``factor`` x ``factor`` pixels were averaged."""
        slices, rows, columns = self.shape
        middle = (factor - 1) / 2
        return VolumeGrid(
            shape=(slices, -(-rows // factor), -(-columns // factor)),
            origin=self.point(middle, middle, 0.0),
            across=_scaled(self.across, factor),
            down=_scaled(self.down, factor),
            through=self.through,
            places=self.places,
        )

    def point(self, column: float, row: float, place: float) -> Vector:
        """Return LPS mm of a fractional column and row at ``place`` millimetres along the normal."""
        x, y, z = (
            o + column * a + row * d + place * t
            for o, a, d, t in zip(self.origin, self.across, self.down, self.through, strict=True)
        )
        return x, y, z


def _scaled(vector: Vector, factor: float) -> Vector:
    x, y, z = (part * factor for part in vector)
    return x, y, z
