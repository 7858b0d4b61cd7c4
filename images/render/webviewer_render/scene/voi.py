"""From stored values to grey: modality LUT, VOI LUT, and the window where none is stated (PS3.3 C.11)."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from webviewer.domain.image import ImageDescription, LookupTable, Palette, Window
from webviewer.domain.view import ImageView
from webviewer_render.scene import kernels

Pixels = npt.NDArray[Any]
Greys = npt.NDArray[np.float32]
WHITE = 255.0
_SIGMOID_STEPS = 4096
_SIGMOID_REACH = 2.0
"""Window widths to either side of the centre: beyond, a sigmoid is within 0.1 level of black or white."""
_THRESHOLD_GAIN = 1e12
_FAR = 1 << 20
"""Beyond all stored values: windows whose middle is farther show one colour only."""
_SHARE_CUT = 0.005
_SAMPLES = 1 << 16
_NO_TABLE: Greys = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True)
class Shading:
    """Grey = value * gain + offset clipped to 0..255, or the entry of ``table`` at that index if there is one."""

    gain: float
    offset: float
    table: Greys

    def of_rescaled(self, slope: float, intercept: float) -> Shading:
        """Return the shading of values that become modality values by ``slope`` and ``intercept``."""
        return Shading(self.gain * slope, self.offset + self.gain * intercept, self.table)

    def for_kernels(self) -> tuple[np.float32, np.float32, np.float32, Greys]:
        """Return (base, gain, offset, table) as the kernels want them; the base is a whole number."""
        middle = WHITE / 2 if not self.table.size else self.table.size / 2
        base = min(max(round((middle - self.offset) / self.gain), -_FAR), _FAR) if self.gain else 0
        return np.float32(base), np.float32(self.gain), np.float32(self.offset + base * self.gain), self.table

    def inverted(self) -> Shading:
        """Return the same with black and white exchanged."""
        if self.table.size:
            return Shading(self.gain, self.offset, WHITE - self.table)
        return Shading(-self.gain, WHITE - self.offset, self.table)


def frozen(pixels: Pixels) -> Pixels:
    """Return contiguous, read-only pixels, so that each kernel is compiled for one kind of array per type."""
    view = np.ascontiguousarray(pixels).view()
    view.flags.writeable = False
    return view


@lru_cache(maxsize=64)
def entries(table: LookupTable) -> npt.NDArray[np.uint16]:
    """Return the entries of a table."""
    return np.frombuffer(base64.b64decode(table.data), "<u2")


def look_up(values: Pixels, table: LookupTable) -> npt.NDArray[np.uint16]:
    """Map integers of shape (rows, columns) through ``table``; beyond its ends the end entries (PS3.3 C.11.1.1)."""
    out = np.empty((*values.shape, 1), np.uint16)
    kernels.map_values(frozen(values), table.first, entries(table)[:, None], out)
    return out[:, :, 0]


def palette_to_rgb(indices: Pixels, palette: Palette) -> npt.NDArray[np.uint8]:
    """Return shape (rows, columns, 3); deep tables are reduced to their upper eight bits."""
    out = np.empty((*indices.shape, 3), np.uint8)
    kernels.map_values(frozen(indices), palette.red.first, _palette_colours(palette), out)
    return out


@lru_cache(maxsize=16)
def _palette_colours(palette: Palette) -> npt.NDArray[np.uint8]:
    tables = (palette.red, palette.green, palette.blue)
    length = min(len(entries(table)) for table in tables)
    channels = [entries(table)[:length] >> max(0, table.bits - 8) for table in tables]
    return frozen(np.stack(channels, axis=-1).astype(np.uint8))


def window_of(pixels: Pixels, image: ImageDescription, frame: int, view: ImageView) -> Window | LookupTable:
    """Return what maps modality values to grey: the view's window, the file's ``view.voi``, or one made here."""
    if view.window is not None:
        return view.window
    choices: tuple[Window | LookupTable, ...] = (*image.frame(frame).windows, *image.voi_luts)
    if choices:
        return choices[min(max(view.voi, 0), len(choices) - 1)]
    return automatic_window(pixels, image, frame)


def automatic_window(pixels: Pixels, image: ImageDescription, frame: int) -> Window:
    """Return a window for a frame that states none.

    Up to 8 bits: the whole depth, as such pictures come ready to be looked at. Deeper: from the 0.5th to the 99.5th
    percentile of what is no padding.
    """
    if image.bits_stored <= 8 and not image.floating and image.modality_lut is None:  # noqa: PLR2004
        low = -(1 << (image.bits_stored - 1)) if image.signed else 0
        return _span(low, low + (1 << image.bits_stored) - 1, image, frame)
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize <= 2:  # noqa: PLR2004
        return _span(*_percentiles(pixels, *padding_range(image)), image, frame)
    return _span(*_sampled_percentiles(pixels, image), image, frame)


def padding_range(image: ImageDescription) -> tuple[float, float]:
    """Return the stored values that are padding, as the kernels want them: low > high for none."""
    return image.padding if image.padding is not None else (math.inf, -math.inf)


def _percentiles(pixels: Pixels, low: float, high: float) -> tuple[float, float]:
    first = int(np.iinfo(pixels.dtype).min)
    counts = np.zeros(1 << (8 * pixels.dtype.itemsize), np.int64)
    kernels.count_values(frozen(pixels), low, high, first, counts)
    total = int(counts.sum())
    if total == 0:
        return 0.0, 1.0
    running = np.cumsum(counts)
    cut = int(total * _SHARE_CUT)
    lower, upper = (int(np.searchsorted(running, n, side="right")) for n in (cut, total - 1 - cut))
    if lower == upper:
        present = np.flatnonzero(counts)
        lower, upper = int(present[0]), int(present[-1])
    return float(lower + first), float(upper + first)


def _sampled_percentiles(pixels: Pixels, image: ImageDescription) -> tuple[float, float]:
    """As :func:`_percentiles` for deep and floating values, from a regular sample of a large frame."""
    values = pixels.ravel()
    low, high = padding_range(image)
    values = values[np.isfinite(values) & ((values < low) | (values > high))]
    values = np.sort(values[:: max(1, values.size // _SAMPLES)]).astype(np.float64)
    if not values.size:
        return 0.0, 1.0
    cut = int(values.size * _SHARE_CUT)
    lower, upper = float(values[cut]), float(values[-1 - cut])
    return (lower, upper) if lower < upper else (float(values[0]), float(values[-1]))


def _span(low: float, high: float, image: ImageDescription, frame: int) -> Window:
    """Return the window whose ends are the modality values of two stored ones."""
    ends = sorted(float(value) for value in modality(np.array([[low, high]]), image, frame).ravel())
    width = ends[1] - ends[0]
    whole = not image.floating and (image.modality_lut is not None or abs(image.frame(frame).slope) == 1)
    if whole:
        return Window(center=(ends[0] + ends[1] + 1) / 2, width=max(width + 1, 2.0))
    return Window(center=(ends[0] + ends[1]) / 2, width=width if width > 0 else 1.0, function="LINEAR_EXACT")


def modality(values: Pixels, image: ImageDescription, frame: int) -> npt.NDArray[np.float64]:
    """Return modality values (HU for CT) of stored ``values`` of shape (rows, columns)."""
    if image.modality_lut is not None:
        return look_up(values, image.modality_lut).astype(np.float64)
    attributes = image.frame(frame)
    return values.astype(np.float64) * attributes.slope + attributes.intercept


def shading(voi: Window | LookupTable) -> Shading:
    """Return how modality values become grey (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    if isinstance(voi, LookupTable):
        return Shading(1.0, float(-voi.first), _table_greys(voi))
    if voi.function == "SIGMOID":
        gain = (_SIGMOID_STEPS - 1) / (2 * _SIGMOID_REACH * max(voi.width, 1e-9))
        return Shading(gain, (_SIGMOID_STEPS - 1) / 2 - voi.center * gain, _sigmoid())
    if voi.function == "LINEAR_EXACT" and voi.width > 0:
        gain = WHITE / voi.width
        return Shading(gain, WHITE / 2 - voi.center * gain, _NO_TABLE)
    middle = voi.center - 0.5 if voi.function == "LINEAR" else voi.center
    if voi.function == "LINEAR" and voi.width > 1:
        gain = WHITE / (voi.width - 1)
        return Shading(gain, WHITE / 2 - middle * gain, _NO_TABLE)
    return Shading(_THRESHOLD_GAIN, -middle * _THRESHOLD_GAIN, np.array([0, WHITE], np.float32))


def as_window(wanted: Window | LookupTable) -> Window:
    """Return a window that spans what a table maps, or the window itself."""
    if isinstance(wanted, Window):
        return wanted
    length = len(entries(wanted))
    return Window(center=wanted.first + length / 2, width=length, explanation=f"{wanted.explanation} LUT".strip())


@lru_cache(maxsize=16)
def _table_greys(table: LookupTable) -> Greys:
    greys = (entries(table) * (WHITE / max(1, (1 << table.bits) - 1))).astype(np.float32)
    return greys if len(greys) > 1 else np.repeat(greys, 2)


@lru_cache(maxsize=1)
def _sigmoid() -> Greys:
    places = np.linspace(-_SIGMOID_REACH, _SIGMOID_REACH, _SIGMOID_STEPS)
    return (WHITE / (1 + np.exp(-4 * places))).astype(np.float32)
