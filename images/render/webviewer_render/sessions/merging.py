"""Changes of a ViewState, checked before they count."""

from __future__ import annotations

import math
from typing import Any

from pydantic import ValidationError

from webviewer.domain.view import ImageView, ViewState
from webviewer.errors import InvalidRequestError

_LARGEST = 1e12
"""No position in mm, pixel coordinate or grey value is larger; 32-bit floats carry it."""


def merged(view: ViewState, patch: dict[str, Any]) -> ViewState:
    """Return ``view`` with the fields of ``patch``. Raises InvalidRequestError for a state that cannot be."""
    try:
        result = ImageView.model_validate(view.model_dump() | patch)
    except ValidationError as error:
        raise InvalidRequestError(describe(error)) from error
    check(result)
    return result


def check(view: ViewState) -> None:
    """Raise InvalidRequestError for numbers that are not finite, absurdly large, or no window."""
    numbers = [view.position, *(view.center or ())]
    if view.window is not None:
        numbers += [view.window.center, view.window.width]
        if not view.window.width > 0:
            text = "window.width: must be larger than 0"
            raise InvalidRequestError(text)
    check_numbers(numbers)


def check_numbers(numbers: list[float]) -> None:
    """Raise InvalidRequestError unless all are finite and of a sensible size."""
    if not all(math.isfinite(number) and abs(number) <= _LARGEST for number in numbers):
        text = f"numbers must be finite and at most {_LARGEST:g}"
        raise InvalidRequestError(text)


def describe(error: ValidationError) -> str:
    """Say what is wrong, without the values."""
    lines = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()[:5]]
    return "; ".join(lines)
