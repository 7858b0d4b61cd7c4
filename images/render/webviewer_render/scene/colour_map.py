"""Pseudo-colour tables, 256 entries each: the standard's (PS3.6 annex B) as pydicom ships them, and two from points."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.data import get_palette_files

from webviewer.domain.view import ColourMap

Table = npt.NDArray[np.uint8]
_STANDARD: dict[ColourMap, str] = {
    "hot-iron": "hotiron.dcm",
    "hot-metal-blue": "hotmetalblue.dcm",
    "pet-20": "pet20step.dcm",
}
_POINTS: dict[ColourMap, list[tuple[float, tuple[int, int, int]]]] = {
    # Control points (position, colour); between them colours are linear.
    "rainbow": [
        (0, (0, 0, 0)), (0.15, (64, 0, 160)), (0.35, (0, 64, 255)), (0.55, (0, 224, 96)), (0.75, (255, 240, 0)),
        (0.9, (255, 64, 0)), (1, (255, 255, 255)),
    ],
    "viridis": [
        (0, (68, 1, 84)), (0.125, (71, 44, 122)), (0.25, (59, 81, 139)), (0.375, (44, 113, 142)), (0.5, (33, 144, 141)),
        (0.625, (39, 173, 129)), (0.75, (92, 200, 99)), (0.875, (170, 220, 50)), (1, (253, 231, 37)),
    ],
}  # fmt: skip


@cache
def table(name: ColourMap) -> Table | None:
    """Return shape (256, 3) uint8; None for grey and inverted, which stay grey."""
    if name in {"grey", "inverted"}:
        return None
    return _standard(_STANDARD[name]) if name in _STANDARD else _interpolated(name)


def _standard(file: str) -> Table:
    palette = dcmread(get_palette_files(file)[0])
    channels = [palette[f"{colour}PaletteColorLookupTableData"].value for colour in ("Red", "Green", "Blue")]
    return np.stack([np.frombuffer(channel, np.uint8) for channel in channels], axis=-1)


def _interpolated(name: ColourMap) -> Table:
    points = _POINTS[name]
    positions = [position * 255 for position, _ in points]
    channels = [np.interp(np.arange(256), positions, [colour[c] for _, colour in points]) for c in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
