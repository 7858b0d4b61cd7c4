"""What all renderers of a run draw: the windows, the transfer function and the light."""

from __future__ import annotations

from typing import Any, Literal

Style = Literal["oblique", "slab", "composite", "shaded", "mip"]
PLANES: tuple[Style, ...] = ("oblique", "slab")
PROJECTIONS: tuple[Style, ...] = ("composite", "shaded", "mip")
SLAB_MM = 20.0
PLANE_WINDOW = (40.0, 400.0)
"""Centre and width, HU."""
MIP_WINDOW = (500.0, 1500.0)
BONE = (
    (150.0, 0.0, (0.42, 0.23, 0.16)),
    (250.0, 0.15, (0.73, 0.54, 0.38)),
    (450.0, 0.55, (0.87, 0.76, 0.6)),
    (900.0, 0.85, (0.96, 0.92, 0.84)),
    (3071.0, 0.95, (1.0, 1.0, 1.0)),
)
"""Value in HU, opacity per millimetre, colour."""
LIGHT = {"ambient": 0.15, "diffuse": 0.85, "specular": 0.3, "power": 20.0}
PREVIEW_STEP, FINAL_STEP = 1.4, 0.7
"""Steps along rays, in voxels."""
PREVIEW_JPEG, FINAL_JPEG = 80, 92
SIDES = (512, 1024)
PREVIEW_SIDES = {512: 320, 1024: 512}
"""Pixels along a side of a projection's preview."""


def patch(style: Style) -> dict[str, Any]:
    """Return what of a view differs from style to style."""
    bone: dict[str, Any] = {
        "mode": "composite",
        "transfer": [{"value": value, "opacity": alpha, "colour": colour} for value, alpha, colour in BONE],
    }
    plane: dict[str, Any] = {"window": {"center": PLANE_WINDOW[0], "width": PLANE_WINDOW[1]}}
    patches: dict[Style, dict[str, Any]] = {
        "oblique": plane,
        "slab": plane | {"slab": SLAB_MM},
        "composite": bone | {"light": None},
        "shaded": bone | {"light": LIGHT},
        "mip": {"mode": "mip", "window": {"center": MIP_WINDOW[0], "width": MIP_WINDOW[1]}},
    }
    return patches[style]
