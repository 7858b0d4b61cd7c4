"""Merging of ViewStates."""

import pytest

from webviewer.domain.image import Window
from webviewer.domain.merging import merged
from webviewer.domain.view import ImageView
from webviewer.errors import InvalidRequestError


def test_only_named_fields_change_and_null_takes_back():
    view = ImageView(position=3.0, window=Window(center=40, width=400))
    assert merged(view, {"zoom": 2}) == ImageView(position=3.0, zoom=2.0, window=Window(center=40, width=400))
    assert merged(view, {"window": None}).window is None


@pytest.mark.parametrize(
    "patch",
    [
        {"zoom": 0},
        {"unknown": 1},
        {"position": float("inf")},
        {"position": float("nan")},
        {"position": 1e13},
        {"center": [0, -1e300]},
        {"window": {"center": 0, "width": 0}},
        {"window": {"center": float("nan"), "width": 1}},
        {"kind": "other"},
    ],
)
def test_a_state_that_cannot_be_is_refused(patch):
    with pytest.raises(InvalidRequestError):
        merged(ImageView(), patch)
