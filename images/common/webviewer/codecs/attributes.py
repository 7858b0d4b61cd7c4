"""Attribute values of a data set that may hold anything: what cannot be read counts as absent."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue


def raw(dataset: Dataset, keyword: str) -> object:
    """Return the value as pydicom converts it, or None."""
    try:
        return dataset[keyword].value if keyword in dataset else None
    except Exception:  # noqa: BLE001 - conversion fails in many ways, nested sequences included
        return None


def text(dataset: Dataset, keyword: str) -> str:
    """Return the first value as stripped text, empty where there is none."""
    value = raw(dataset, keyword)
    first = next(iter(value), "") if isinstance(value, MultiValue) else value
    return "" if first is None else str(first).strip(" \0")


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Return all values as stripped texts."""
    value = raw(dataset, keyword)
    if value is None:
        return ()
    return tuple(str(part).strip(" \0") for part in (value if isinstance(value, MultiValue) else (value,)))


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """Return all values as finite numbers; nothing if any of them is none."""
    value = raw(dataset, keyword)
    if value is None or isinstance(value, (str, bytes)):
        return ()
    try:
        parts: Iterable[Any] = value if isinstance(value, Iterable) else (value,)
        result = tuple(float(part) for part in parts)
    except (TypeError, ValueError, OverflowError):
        return ()
    return result if all(map(math.isfinite, result)) else ()


def number(dataset: Dataset, keyword: str) -> float | None:
    """Return the first number, or None."""
    return next(iter(numbers(dataset, keyword)), None)


def integer(dataset: Dataset, keyword: str) -> int | None:
    """Return the first number if it is whole, or None."""
    value = number(dataset, keyword)
    return int(value) if value is not None and value == int(value) else None


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence."""
    value = raw(dataset, keyword)
    if value is None or isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return []
    return [item for item in value if isinstance(item, Dataset)]


def item(dataset: Dataset, keyword: str) -> Dataset | None:
    """Return the first item of a sequence, or None."""
    return next(iter(items(dataset, keyword)), None)
