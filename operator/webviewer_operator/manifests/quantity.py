"""Quantities of Kubernetes: ``4Gi``, ``500m``."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

_FACTORS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
}


def parse(text: str) -> Decimal:
    """Return the number that a quantity means. Raises ValueError if it is none."""
    for suffix in sorted(_FACTORS, key=len, reverse=True):
        if text.endswith(suffix):
            return _number(text.removesuffix(suffix)) * _FACTORS[suffix]
    return _number(text)


def same(left: object, right: object) -> bool:
    """Return whether two values are the same quantity, however they are written: the API server rewrites them."""
    try:
        return parse(str(left)) == parse(str(right))
    except ValueError:
        return False


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        message = f"{text!r} is no quantity"
        raise ValueError(message) from error
