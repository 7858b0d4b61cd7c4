"""An analytic head-and-torso CT phantom.

Bodies are given by formulas in patient coordinates (LPS, mm: x to the patient's left, y to the back, z to the
head), so the true value at any point, every length and every volume is known. Pixels at a surface
are blended by how much of them the body covers, as a scanner would.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

AIR = -1000.0


def _array(values: npt.NDArray[Any]) -> Array:
    return values.astype(np.float32, copy=False)


class Body(Protocol):
    """Something with one density."""

    @property
    def hu(self) -> float:
        """Hounsfield units inside."""
        ...

    def z_range(self) -> tuple[float, float]:
        """Return the lowest and highest z in mm."""
        ...

    def distance(self, x: Array, y: Array, z: float) -> Array:
        """Return the approximate signed distance in mm to the surface, negative inside, at (x, y, z)."""
        ...


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid with axes along x, y, z; ``radii`` in mm."""

    center: tuple[float, float, float]
    radii: tuple[float, float, float]
    hu: float

    def z_range(self) -> tuple[float, float]:
        """Return the lowest and highest z in mm."""
        return self.center[2] - self.radii[2], self.center[2] + self.radii[2]

    def distance(self, x: Array, y: Array, z: float) -> Array:
        """Return f * |p| / |grad f| scaled: first order of the true distance, exact on the surface."""
        u = (x - self.center[0]) / self.radii[0]
        v = (y - self.center[1]) / self.radii[1]
        w = (z - self.center[2]) / self.radii[2]
        length = np.sqrt(u * u + v * v + w * w)
        gradient = np.sqrt((u / self.radii[0]) ** 2 + (v / self.radii[1]) ** 2 + (w / self.radii[2]) ** 2)
        return _array((length - 1.0) * length / np.maximum(gradient, np.float32(1e-6)))

    @property
    def volume(self) -> float:
        """Volume in mm³."""
        return float(4.0 / 3.0 * np.pi * np.prod(self.radii))


@dataclass(frozen=True, slots=True)
class Tube:
    """An upright elliptic cylinder between two heights; ``waves`` pinch it (vertebrae and discs)."""

    center: tuple[float, float]
    radii: tuple[float, float]
    z: tuple[float, float]
    hu: float
    wave: float = 0.0
    period: float = 1.0

    def z_range(self) -> tuple[float, float]:
        """Return the lowest and highest z in mm."""
        return self.z

    def distance(self, x: Array, y: Array, z: float) -> Array:
        """Return the distance to the wall in the slice, mm."""
        pinch = 1.0 - self.wave * float(np.cos(2.0 * np.pi * z / self.period) > 0.6)  # noqa: PLR2004 - share of a disc
        a, b = self.radii[0] * pinch, self.radii[1] * pinch
        u, v = (x - self.center[0]) / a, (y - self.center[1]) / b
        length = np.sqrt(u * u + v * v)
        gradient = np.sqrt((u / a) ** 2 + (v / b) ** 2)
        return _array((length - 1.0) * length / np.maximum(gradient, np.float32(1e-6)))


@dataclass(frozen=True, slots=True)
class Ribs:
    """Sloping hoops on an elliptic chest wall: ``count`` of them, ``pitch`` mm apart, ``thickness`` mm thick."""

    center: tuple[float, float]
    radii: tuple[float, float]
    lowest: float
    count: int
    pitch: float
    thickness: float
    slope: float
    hu: float

    def z_range(self) -> tuple[float, float]:
        """Return the lowest and highest z in mm."""
        tilt = self.slope * self.radii[1] + self.thickness
        return self.lowest - tilt, self.lowest + (self.count - 1) * self.pitch + tilt

    def distance(self, x: Array, y: Array, z: float) -> Array:
        """Return the distance to the nearest hoop's round section, mm."""
        u, v = (x - self.center[0]) / self.radii[0], (y - self.center[1]) / self.radii[1]
        length = np.sqrt(u * u + v * v)
        gradient = np.sqrt((u / self.radii[0]) ** 2 + (v / self.radii[1]) ** 2)
        radial = (length - 1.0) * length / np.maximum(gradient, np.float32(1e-6))
        height = z - self.lowest - self.slope * (y - self.center[1])  # hoops fall towards the front
        nearest = np.clip(np.round(height / self.pitch), 0, self.count - 1) * self.pitch
        return _array(np.hypot(radial, height - nearest) - self.thickness / 2)


SPHERES: tuple[Ellipsoid, ...] = tuple(
    Ellipsoid((x, -20.0, -150.0), (radius, radius, radius), 60.0)
    for x, radius in ((-75.0, 5.0), (-55.0, 10.0), (60.0, 15.0))
)
"""Round nodules in the lungs, whose centres and volumes tests rely on."""

BODIES: tuple[Body, ...] = (
    # torso: skin and fat, muscle, then what is inside
    Ellipsoid((0, 0, -230), (192, 122, 228), -90),
    Ellipsoid((0, 2, -230), (178, 108, 220), 45),
    Tube((0, 14), (60, 74), (-90, 62), 45),
    Ellipsoid((-76, -8, -170), (60, 70, 100), -860),
    Ellipsoid((76, -8, -170), (60, 70, 100), -860),
    Ribs((0, 0), (149, 90), -272, 8, 23, 9, 0.35, 420),
    Ellipsoid((14, -28, -175), (50, 42, 54), 40),
    Ellipsoid((20, -28, -175), (26, 22, 30), 180),
    Tube((6, 26), (12, 12), (-380, -90), 190),
    Tube((0, -90), (17, 6), (-240, -120), 380),
    Ellipsoid((-70, 0, -290), (88, 72, 62), 62),
    Ellipsoid((88, 30, -285), (35, 30, 45), 52),
    Ellipsoid((40, -30, -290), (45, 30, 30), -900),
    Ellipsoid((-58, 48, -350), (24, 20, 46), 35),
    Ellipsoid((62, 48, -355), (24, 20, 46), 35),
    Tube((0, 56), (21, 17), (-380, 26), 330, wave=0.2, period=28.0),
    Tube((0, 56), (17, 13), (-380, 24), 190, wave=0.2, period=28.0),
    Tube((0, 78), (8, 7), (-380, 30), 20),
    Tube((0, 94), (3, 9), (-380, -115), 480, wave=0.6, period=28.0),
    *SPHERES,
    # neck and head
    Ellipsoid((0, 0, 100), (78, 98, 110), 40),
    Ellipsoid((0, 0, 104), (72, 92, 98), 1050),
    Ellipsoid((0, 0, 104), (71, 91, 97), 600),
    Ellipsoid((0, 0, 104), (66, 86, 92), 1000),
    Ellipsoid((0, 0, 104), (65, 85, 91), 38),
    Ellipsoid((0, 4, 108), (59, 78, 84), 28),
    Ellipsoid((0, 4, 108), (1.5, 80, 86), 60),
    Ellipsoid((-11, 0, 112), (7, 28, 13), 4),
    Ellipsoid((11, 0, 112), (7, 28, 13), 4),
    Ellipsoid((28, 30, 125), (9, 9, 9), 72),
    Ellipsoid((-31, -70, 78), (13, 15, 13), -60),
    Ellipsoid((31, -70, 78), (13, 15, 13), -60),
    Ellipsoid((-31, -74, 78), (11, 11, 11), 12),
    Ellipsoid((31, -74, 78), (11, 11, 11), 12),
    Ellipsoid((0, -56, 46), (13, 17, 17), -950),
    Ellipsoid((-25, -50, 42), (10, 12, 13), -950),
    Ellipsoid((25, -50, 42), (10, 12, 13), -950),
    Ellipsoid((0, -46, 16), (27, 15, 6), 1400),
    Ellipsoid((0, -40, 14), (20, 13, 10), 50),
    Tube((0, -12), (9, 9), (-130, 36), -990),
)
"""Painted in order: a later body replaces what it covers."""


def slice_values(x: Array, y: Array, z: float, pixel: float, bodies: tuple[Body, ...] = BODIES) -> Array:
    """Return Hounsfield units on the grid ``x`` (1, columns), ``y`` (rows, 1) at height ``z``; all in mm.

    ``pixel`` is the width over which surfaces are blended. Shape (rows, columns), float32.
    """
    values = np.full((y.shape[0], x.shape[1]), AIR, np.float32)
    for body in bodies:
        low, high = body.z_range()
        if not low - pixel <= z <= high + pixel:
            continue
        cover = np.clip(np.float32(0.5) - body.distance(x, y, z) / np.float32(pixel), 0, 1)
        values += (cover * (np.float32(body.hu) - values)).astype(np.float32, copy=False)
    return values
