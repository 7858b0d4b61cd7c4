"""Moments as Kubernetes writes them."""

from __future__ import annotations

import datetime as dt


def text(seconds: float) -> str:
    """Return seconds since the epoch as RFC 3339."""
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str) -> float | None:
    """Return RFC 3339 as seconds since the epoch, null if it is none."""
    try:
        return dt.datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
