"""The body in a CT: what is left when the table is removed."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from webviewer.domain.view import VolumeView
from webviewer_render.scene import visibility_kernels
from webviewer_render.volume.levels import Levels

Mask = npt.NDArray[np.uint8]
BodyKind = Literal["whole", "tight"]
_BODY = -300.0
"""Hounsfield units between air, or a table's foam, and tissue."""
_AIR = -850.0
_GROWN = 5.0
_SHRUNK = 3.0


def body_of(levels: Levels, kind: BodyKind) -> Mask:
    """Return the body on the smallest level, 255 inside: its largest connected part above -300 HU, holes filled.

    A whole one is 5 mm larger, so that all of the skin is there; a tight one 3 mm smaller, so that the air around it is
    not seen. All is body where nothing is above -300 HU.
    """
    level = levels.sizes[-1]
    mask = np.where(level.array() * levels.slope + levels.intercept > _BODY, 255, 0).astype(np.uint8)
    if not mask.any():
        return np.full(mask.shape, 255, np.uint8)
    queue = np.empty(mask.size, np.int32)
    visibility_kernels.largest_part(mask, np.zeros(mask.shape, np.int32), queue)
    visibility_kernels.fill_holes(mask, queue)
    if kind == "tight":
        return 255 - _grown(255 - mask, level.spacing, _SHRUNK)
    return _grown(mask, level.spacing, _GROWN)


def shows_air(view: VolumeView) -> bool:
    """Tell whether air around the body would hide it."""
    if view.mode == "minip":
        return True
    if view.mode != "composite" or not view.transfer:
        return False
    points = sorted(view.transfer, key=lambda point: point.value)
    seen = [point for point in points if point.value <= _AIR]
    return points[0].opacity > 0 or any(point.opacity > 0 for point in seen)


def _grown(mask: Mask, spacing: npt.NDArray[Any], millimetres: float) -> Mask:
    out = np.empty_like(mask)
    reach = np.maximum(millimetres / spacing[::-1], 1e-3)
    visibility_kernels.grow(mask, reach, out)
    return out
