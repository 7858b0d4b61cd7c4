"""The Image window: one slice of a stack."""

from __future__ import annotations

from webviewer.domain.view import ImageView, Quality, ViewState, WindowKind
from webviewer.errors import InvalidRequestError, WebViewerError
from webviewer.wire.messages import Opened
from webviewer_render.decoded.series import Series
from webviewer_render.volume.plan import VolumePlan


class StackScene:
    """Implements :class:`webviewer_render.sessions.scene.Scene`."""

    window: WindowKind = "image"
    final = Quality.LOSSLESS

    def __init__(self, series: Series) -> None:
        self.series = series

    def opened(self, viewport: int, view: ViewState) -> Opened:
        """Describe the stack, and whether it could be a volume."""
        return describe(self.series, viewport, view)

    def first_view(self) -> ImageView:
        """Return the first slice with a picture."""
        return self.series.stack.default_view()

    def slot(self, view: ViewState) -> int:
        """Return the slice nearest to the position."""
        return self.series.stack.index_at(image_view(view).position)

    def available(self, view: ViewState, *, patient: bool) -> tuple[int, float] | WebViewerError | None:
        """Return the wanted slice, or until it comes its nearest neighbour."""
        series, slot = self.series, self.slot(view)
        if problem := series.problems.get(slot):
            return problem
        best = slot if series.is_ready(slot) else series.nearest_ready(slot)
        if best is None or (best != slot and patient and series.is_coming(slot)):
            return None
        return best, 1.0 if best == slot else 0.0

    def progress(self) -> tuple[int, int]:
        """All slices are wanted."""
        return self.series.received, len(self.series.stack.slices)

    def identity(self, slot: int, view: ViewState) -> str:
        """The slice stands for the position that led to it."""
        return f"{slot}|{view.model_copy(update={'position': 0.0}).model_dump_json()}"

    def close(self) -> None:
        """Nothing is held beyond the frames that are being drawn."""


def describe(series: Series, viewport: int, view: ViewState) -> Opened:
    """Describe a series to the page: its stack, and its volume or why it is none."""
    opened = series.stack.opened(viewport, view)
    plan = series.plan
    if not isinstance(plan, VolumePlan):
        return opened.model_copy(update={"volume_problem": plan})
    return opened.model_copy(update={"volume": series.grid, "volume_notices": series.notices})


def image_view(view: ViewState) -> ImageView:
    """Return the state of an Image window. Raises InvalidRequestError for one of another window."""
    if not isinstance(view, ImageView):
        text = f"a {view.kind} view does not belong into the image window"
        raise InvalidRequestError(text)
    return view
