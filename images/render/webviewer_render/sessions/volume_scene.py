"""The MPR and Volume windows: planes through a volume, and projections of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from webviewer.domain.image import Vector
from webviewer.domain.view import MprView, Quality, ViewState, VolumeView, WindowKind
from webviewer.domain.volume import VolumeGrid
from webviewer.errors import InvalidRequestError, NotAVolumeError, WebViewerError
from webviewer.wire.messages import Opened, Orientation, Size
from webviewer_render.decoded.series import Series
from webviewer_render.sessions.stack_scene import describe
from webviewer_render.volume.plan import VolumePlan

_MARGIN = 1.02
"""The whole volume is shown with a little room around it."""
_AXES: dict[Orientation, tuple[Vector, Vector]] = {
    # Seen from the feet, from the front and from the left, as radiology does.
    "axial": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "sagittal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
}


class VolumeScene:
    """Implements :class:`webviewer_render.sessions.scene.Scene`. All slices of the series stay while it is open.

    Raises NotAVolumeError.
    """

    def __init__(self, series: Series, window: WindowKind, orientation: Orientation, size: Size) -> None:
        if not isinstance(series.plan, VolumePlan):
            raise NotAVolumeError(series.plan.code, series.plan.images)
        self.window = window
        self.series = series
        self.final = Quality.LOSSLESS if window == "mpr" else Quality.FINAL
        self._orientation = orientation
        self._size = size
        self._slots = series.plan.slots
        series.hold()

    def opened(self, viewport: int, view: ViewState) -> Opened:
        """Describe the series."""
        return describe(self.series, viewport, view)

    def first_view(self) -> MprView | VolumeView:
        """Return the whole volume: a plane through its middle, or a projection from the front."""
        grid = self.series.grid
        middle, corners = _middle(grid), list(_corners(grid))
        row, column = _AXES[self._orientation if self.window == "mpr" else "coronal"]
        width, height = (_span(corners, axis) for axis in (row, column))
        scale = max(width / self._size[0], height / self._size[1]) * _MARGIN
        extent = max(1.0, scale * min(self._size))
        if self.window == "mpr":
            dark = self.series.stack.manifest.modality == "PT"
            colours = "inverted" if dark else "grey"
            return MprView(center=middle, row=row, column=column, extent=extent, colour_map=colours)
        return VolumeView(center=middle, row=row, column=column, extent=extent, mode="mip")

    def slot(self, view: ViewState) -> int:
        """Return the slice nearest to the middle of the viewport."""
        grid, center = self.series.grid, _center(view)
        normal = _normal(grid)
        place = sum(n * (c - o) for n, c, o in zip(normal, center, grid.origin, strict=True))
        return self._slots[_nearest(grid.places, place)]

    def available(self, view: ViewState, *, patient: bool) -> tuple[int, float] | WebViewerError | None:  # noqa: ARG002
        """Return the slice in the middle; planes are drawn with holes until all slices have come, projections are not."""
        settled = self.series.settled(self._slots)
        if settled == len(self._slots):
            return self.slot(view), 1.0
        if not settled or self.window == "volume":
            return None
        return self.slot(view), settled / len(self._slots) * 0.99

    def progress(self) -> tuple[int, int]:
        """Slices that are left out of the volume are not waited for, nor damaged ones."""
        return self.series.settled(self._slots), len(self._slots)

    def identity(self, slot: int, view: ViewState) -> str:  # noqa: ARG002
        """A complete volume is decided by its series."""
        return f"{self.series.reduction}|{view.model_dump_json()}"

    def close(self) -> None:
        """Let slices go again."""
        self.series.let_go()


def _nearest(places: Sequence[float], place: float) -> int:
    """Return the number of the nearest of ascending ``places``, the lower of two."""
    above = bisect_left(places, place)
    if above == 0 or above == len(places):
        return min(above, len(places) - 1)
    return above - 1 if place - places[above - 1] <= places[above] - place else above


def _center(view: ViewState) -> Vector:
    if not isinstance(view, MprView | VolumeView):
        text = "an image view does not belong into this window"
        raise InvalidRequestError(text)
    return view.center


def _corners(grid: VolumeGrid) -> Iterable[Vector]:
    slices, rows, columns = grid.shape
    half = grid.step / 2
    for column in (-0.5, columns - 0.5):
        for row in (-0.5, rows - 0.5):
            for place in (-half, grid.places[slices - 1] + half):
                yield grid.point(column, row, place)


def _middle(grid: VolumeGrid) -> Vector:
    slices, rows, columns = grid.shape
    return grid.point((columns - 1) / 2, (rows - 1) / 2, grid.places[slices - 1] / 2)


def _normal(grid: VolumeGrid) -> Vector:
    (a, b, c), (d, e, f) = grid.across, grid.down
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    length = sum(part * part for part in normal) ** 0.5
    x, y, z = (part / length for part in normal)
    return x, y, z


def _span(points: list[Vector], axis: Vector) -> float:
    along = [sum(p * a for p, a in zip(point, axis, strict=True)) for point in points]
    return max(along) - min(along)
