"""Where the source picture lies on the viewport: the one place that knows zoom, turn, mirror and aspect."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from webviewer.domain.image import ImageDescription
from webviewer.domain.view import ImageView


def pixel_aspect(image: ImageDescription, frame: int) -> float:
    """Return height over width of a pixel of ``frame`` (PS3.3 C.7.6.3.1.7; 1 for square ones)."""
    spacing = image.frame(frame).spacing
    height, width = spacing or image.pixel_aspect
    return height / width if height > 0 and width > 0 else 1.0


@dataclass(frozen=True, slots=True)
class Placement:
    """The map from viewport to source picture.

    ``scale`` is device pixels per source column; ``matrix`` the first six numbers of
    :func:`webviewer_render.scene.kernels.draw_turned`.
    """

    scale: float
    matrix: npt.NDArray[np.float64]

    @classmethod
    def of(cls, image: ImageDescription, frame: int, view: ImageView, size: tuple[int, int]) -> Placement:
        """Place ``image`` as ``view`` says on a viewport of ``size`` (width, height) device pixels.

        display = R(rotation) · F(flips) · S(scale) · (source - center), with y downwards, so that positive
        angles turn clockwise.
        """
        width, height = size
        aspect = pixel_aspect(image, frame)
        angle = math.radians(view.rotation)
        cosine, sine = _exact(math.cos(angle)), _exact(math.sin(angle))
        own_width, own_height = image.columns, image.rows * aspect
        box_width = abs(own_width * cosine) + abs(own_height * sine)
        box_height = abs(own_width * sine) + abs(own_height * cosine)
        scale = min(width / box_width, height / box_height) * view.zoom
        center = view.center or ((image.columns - 1) / 2, (image.rows - 1) / 2)
        fx = (-1.0 if view.flip_horizontal else 1.0) / scale
        fy = (-1.0 if view.flip_vertical else 1.0) / (scale * aspect)
        a, b, c, d = fx * cosine, fx * sine, -fy * sine, fy * cosine
        x0, y0 = 0.5 - width / 2, 0.5 - height / 2
        matrix = [a, b, center[0] + a * x0 + b * y0, c, d, center[1] + c * x0 + d * y0]
        return cls(scale, np.array(matrix, dtype=np.float64))

    @property
    def blocks(self) -> tuple[int, int]:
        """Rows and columns of the source that fall on one device pixel, as whole blocks to average."""
        a, b, _, c, d, _ = self.matrix
        return max(1, math.floor(math.hypot(c, d) + 0.5)), max(1, math.floor(math.hypot(a, b) + 0.5))

    def matrix_of(self, rows: int, columns: int, down: int, across: int) -> npt.NDArray[np.float64]:
        """Return the eight numbers of the kernels for a source averaged in blocks of ``down`` x ``across``."""
        matrix = np.empty(8)
        matrix[:3] = self.matrix[:3] / across
        matrix[3:6] = self.matrix[3:] / down
        matrix[2] -= (across - 1) / 2 / across  # the centre of a block lies between the centres of its pixels
        matrix[5] -= (down - 1) / 2 / down
        matrix[6:] = columns / across, rows / down
        return matrix


def _exact(value: float) -> float:
    """Quarter turns must not leave rounding dust behind."""
    return round(value) * 1.0 if abs(value - round(value)) < 1e-12 else value  # noqa: PLR2004 - far below a pixel
