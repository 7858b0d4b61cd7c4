"""Lines of CSV (RFC 4180) that a spreadsheet shows and never calculates."""

from __future__ import annotations

from collections.abc import Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def line(cells: Sequence[object]) -> str:
    """Return a line with its end. Text that a spreadsheet would take for a formula gets an apostrophe in front."""
    return ",".join(_cell(cell) for cell in cells) + "\r\n"


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if isinstance(value, str) and text.startswith(_FORMULA):
        text = "'" + text
    if any(character in text for character in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
