"""Tables of figures in Markdown, with the verdict on each target."""

from __future__ import annotations

import math
from collections.abc import Iterable

Row = tuple[str, ...]
_NONE = "-"


def markdown(head: Row, rows: Iterable[Row]) -> str:
    """Return a table, ending with a line feed."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def compared(action: str, side: int, ours: float, peer: float | None, target: float | None) -> Row:
    """Return a row (action, side, ours, peer, ratio, target, verdict); the peer is to cost ``target`` times as much."""
    if peer is None or not ours:
        return action, str(side), number(ours), _NONE, _NONE, _NONE, _NONE
    ratio = peer / ours
    wanted, judged = (_NONE, _NONE) if target is None else (f">= {target:g}", verdict(met=ratio >= target))
    return action, str(side), number(ours), number(peer), f"{ratio:.1f}", wanted, judged


def limited(name: str, value: float, most: float | None = None, *, least: float | None = None) -> Row:
    """Return a row (name, value, target, verdict) of a figure with an upper or a lower limit, or none."""
    if least is not None:
        return name, number(value), f">= {least:g}", verdict(met=value >= least)
    if most is not None:
        return name, number(value), f"<= {most:g}", verdict(met=value <= most)
    return name, number(value), _NONE, _NONE


def number(value: float) -> str:
    """Return three significant digits, more for large numbers."""
    if not math.isfinite(value):
        return "never" if value > 0 else "unknown"
    digits = 0 if value == int(value) else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def verdict(*, met: bool) -> str:
    """Return what a table says of a target."""
    return "met" if met else "missed"
