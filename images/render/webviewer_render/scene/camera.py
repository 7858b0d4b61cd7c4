"""Where a projection is seen from: the one place that knows rays, for all back ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from webviewer.domain.view import Cut, Position, VolumeView
from webviewer_render.volume.levels import Level

Matrix = npt.NDArray[np.float64]
VIEW_ANGLE = math.radians(30)
"""What the shorter side subtends in perspective."""
_PARALLEL = 1e-6
_FAR = -1e9


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A camera in patient space (LPS, mm): ``row``, ``column`` and ``ahead`` are its right-handed axes.

    ``distance`` is that of the eye from ``center``, 0 for parallel rays.
    """

    center: Matrix
    row: Matrix
    column: Matrix
    ahead: Matrix
    distance: float

    @classmethod
    def of(cls, view: VolumeView | Cut) -> Camera:
        """Return the camera of a view, or of the moment of a cut; axes that are not square are made so."""
        row = np.array(view.row, np.float64)
        row /= np.linalg.norm(row)
        ahead = np.cross(row, view.column)
        length = float(np.linalg.norm(ahead))
        if length < _PARALLEL:
            ahead = np.cross(row, np.eye(3)[int(np.argmin(np.abs(row)))])
            length = float(np.linalg.norm(ahead))
        ahead /= length
        distance = view.extent / 2 / math.tan(VIEW_ANGLE / 2) if view.perspective else 0.0
        return cls(np.array(view.center, np.float64), row, np.cross(ahead, row), ahead, distance)

    @property
    def eye(self) -> Matrix:
        """Where rays begin, or the centre for parallel ones."""
        place: Matrix = self.center - self.distance * self.ahead
        return place

    def rays(self, level: Level, size: tuple[int, int], extent: float, step: float) -> Matrix:
        """Return what kernels need to know of the rays of a picture of ``size`` (width, height).

        0-2 the origin's index (column, row, slice); 3-5, 6-8, 9-11 index increments of a millimetre along row, column and
        ahead; 12 millimetres of a pixel; 13 = 1 where the origin moves with the pixel, 14 = 1 / distance where the
        direction does, else 0; 15 millimetres of a step; 16, 17 millimetres from the centre to the first pixel's along row
        and column; 18 the lowest number of a step.
        """
        inverse = np.linalg.inv(level.axes)
        width, height = size
        pixel = extent / min(width, height)
        rays = np.zeros(19)
        rays[0:3] = inverse @ (self.eye - level.origin)
        rays[3:6], rays[6:9], rays[9:12] = (inverse @ axis for axis in (self.row, self.column, self.ahead))
        rays[12:16] = pixel, 0.0 if self.distance else 1.0, 1 / self.distance if self.distance else 0.0, step
        rays[16:19] = (1 - width) / 2 * pixel, (1 - height) / 2 * pixel, 0.0 if self.distance else _FAR
        return rays

    def point(self, x: float, y: float, size: tuple[int, int], extent: float, depth: float) -> Position:
        """Return LPS mm of a place ``depth`` millimetres along the ray of a (fractional) pixel."""
        pixel = extent / min(size)
        u, v = (x + 0.5 - size[0] / 2) * pixel, (y + 0.5 - size[1] / 2) * pixel
        across = u * self.row + v * self.column
        if self.distance:
            ahead = self.distance * self.ahead + across
            place = self.eye + ahead * (depth / float(np.linalg.norm(ahead)))
        else:
            place = self.center + across + depth * self.ahead
        return float(place[0]), float(place[1]), float(place[2])
