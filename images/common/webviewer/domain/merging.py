"""Changes of a ViewState, checked before they count. Control and render merge alike, so that both know one state."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from webviewer.domain.view import ImageView, MprView, ViewState, VolumeView, WindowKind
from webviewer.errors import InvalidRequestError

_LARGEST = 1e12
"""No position in mm, pixel coordinate or grey value is larger; 32-bit floats carry it."""
_MAX_REASONS = 5
_SQUARE = 1e-3
"""Cosine of the angle between directions that count as square to each other."""
_KINDS: dict[WindowKind, type[ImageView | MprView | VolumeView]] = {
    "image": ImageView,
    "mpr": MprView,
    "volume": VolumeView,
}


def plain_view(kind: WindowKind) -> ViewState:
    """Return the state of a window of which nothing is known yet."""
    return _KINDS[kind]()


def merged(view: ViewState, patch: dict[str, Any]) -> ViewState:
    """Return ``view`` with the fields of ``patch``. Raises InvalidRequestError for a state that cannot be.

    A patch does not change the kind of window: that takes a new ``open``.
    """
    try:
        result = type(view).model_validate(view.model_dump() | patch)
    except ValidationError as error:
        raise InvalidRequestError(describe(error)) from error
    check(result)
    return result


def check(view: ViewState) -> None:
    """Raise InvalidRequestError for numbers that are not finite, absurdly large, or no window."""
    numbers = [view.position, *(view.center or ())] if isinstance(view, ImageView) else []
    if view.window is not None:
        numbers += [view.window.center, view.window.width]
        if not view.window.width > 0:
            text = "window.width: must be larger than 0"
            raise InvalidRequestError(text)
    check_numbers(numbers)
    if isinstance(view, MprView | VolumeView) and abs(_dot(view.row, view.column)) > _SQUARE:
        text = "row and column must be square to each other"
        raise InvalidRequestError(text)


def _dot(one: Iterable[float], other: Iterable[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def check_numbers(numbers: Iterable[float]) -> None:
    """Raise InvalidRequestError unless all are finite and of a sensible size."""
    if not all(math.isfinite(number) and abs(number) <= _LARGEST for number in numbers):
        text = f"numbers must be finite and at most {_LARGEST:g}"
        raise InvalidRequestError(text)


def describe(error: ValidationError) -> str:
    """Say what is wrong, without the values."""
    lines = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()[:_MAX_REASONS]]
    return "; ".join(lines)
