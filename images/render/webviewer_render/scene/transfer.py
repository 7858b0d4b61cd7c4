"""Transfer functions as tables over stored values, and what they say of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from webviewer.domain.view import GradientPoint, TransferPoint
from webviewer_render.scene import ray_kernels
from webviewer_render.volume.levels import Level, Levels

Table = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
ENTRIES = 4096
_SLOPES = 512


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """``table`` (entries, 4): red, green, blue, opacity per mm, at ``(stored - base) * gain``, clamped to its ends.

    ``slopes`` are factors of opacity by the magnitude of the gradient from 0 to ``steepest`` (modality units per mm), empty
    where the gradient does not matter.
    """

    table: Table
    base: float
    gain: float
    slopes: Table
    steepest: float

    def of_step(self, step: float) -> Table:
        """Return the table with the opacity of ``step`` millimetres: 1 - (1 - a) ** step."""
        table = self.table.copy()
        table[:, 3] = 1 - (1 - self.table[:, 3].astype(np.float64)) ** step
        return table

    def codes(self, level: Level, states: Codes) -> Codes:
        """Return the codes of the blocks of ``level``; ``states`` tell what is hidden."""
        visible = np.concatenate([[0], np.cumsum(self.table[:, 3] > 0)]).astype(np.int32)
        codes = np.empty(level.lowest.shape, np.uint8)
        base, gain = np.float32(self.base), np.float32(self.gain)
        ray_kernels.mark_blocks(level.lowest, level.highest, base, gain, visible, states, codes)
        codes.flags.writeable = False
        return codes


def transfer_of(levels: Levels, points: Sequence[TransferPoint], gradient: Sequence[GradientPoint] = ()) -> Transfer:
    """Make the table of a transfer function over modality values; without points nothing is seen.

    Between points all is linear, below the first and above the last the end values hold. The table covers what both the
    points and the volume's values span.
    """
    slopes, steepest = _slopes(gradient)
    ordered = sorted(points, key=lambda point: point.value)
    slope, intercept = levels.slope or 1.0, levels.intercept
    lowest, highest = levels.full.span
    if not ordered:
        return Transfer(np.zeros((2, 4), np.float32), lowest, 1.0, slopes, steepest)
    places = np.array([(point.value - intercept) / slope for point in ordered])
    columns = np.array([(*point.colour, point.opacity) for point in ordered])
    if slope < 0:
        places, columns = places[::-1], columns[::-1]
    base = min(max(float(places[0]), lowest), highest)
    end = max(min(float(places[-1]), highest), base)
    gain = (ENTRIES - 1) / (end - base) if end > base else 1.0
    stored = base + np.arange(ENTRIES) / gain
    table = np.stack([np.interp(stored, places, column) for column in columns.T], axis=1)
    return Transfer(table.astype(np.float32), base, gain, slopes, steepest)


def _slopes(gradient: Sequence[GradientPoint]) -> tuple[Table, float]:
    if not gradient:
        return np.empty(0, np.float32), 1.0
    ordered = sorted(gradient, key=lambda point: point.magnitude)
    steepest = max(ordered[-1].magnitude, 1e-9)
    magnitudes = [point.magnitude for point in ordered]
    factors = np.interp(np.linspace(0, steepest, _SLOPES), magnitudes, [point.factor for point in ordered])
    return factors.astype(np.float32), steepest
