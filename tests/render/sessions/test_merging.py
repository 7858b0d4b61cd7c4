"""Changes of a ViewState."""

import pytest

from webviewer.domain.image import Window
from webviewer.domain.view import ImageView
from webviewer.errors import InvalidRequestError
from webviewer_render.sessions.merging import merged


def test_only_named_fields_change_and_null_resets():
    view = ImageView(zoom=2, window=Window(center=1, width=2))
    view = merged(view, {"position": 5})
    assert (view.zoom, view.position) == (2, 5)
    assert merged(view, {"window": None}).window is None


@pytest.mark.parametrize(
    "patch",
    [
        {"zoom": float("nan")},
        {"zoom": 0},
        {"position": float("inf")},
        {"position": 1e13},
        {"center": [0, float("nan")]},
        {"window": {"center": 0, "width": -1}},
        {"window": {"center": float("nan"), "width": 1}},
        {"window": {"center": 0, "width": float("nan")}},
        {"kind": "volume"},
        {"anything": 1},
    ],
)
def test_a_state_that_cannot_be_is_refused(patch):
    with pytest.raises(InvalidRequestError):
        merged(ImageView(), patch)
