"""Whether an object has to be applied: a round that finds all in order sends no write request."""

from __future__ import annotations

from typing import Any

from webviewer_operator.cluster import Manifest
from webviewer_operator.kube.lists import MERGE_KEYS
from webviewer_operator.manifests import quantity
from webviewer_operator.manifests.desired import APPLIED

_QUANTITIES = frozenset({"requests", "limits"})
_EMPTY: tuple[object, ...] = (None, "", [], {})


def needs_apply(desired: Manifest, live: Manifest | None) -> bool:
    """Return whether ``live`` lacks something of ``desired``, or still has what was dropped from it since."""
    if live is None:
        return True
    before = (live["metadata"].get("annotations") or {}).get(APPLIED)
    return before != desired["metadata"]["annotations"][APPLIED] or not covers(live, desired)


def covers(live: Any, desired: Any, name: str = "", *, quantities: bool = False) -> bool:  # noqa: ANN401 - JSON
    """Return whether every field of ``desired`` is so in ``live``; what others added does not matter."""
    if desired in _EMPTY and live in _EMPTY:
        return True  # the API server drops what is empty
    if isinstance(desired, dict):
        return isinstance(live, dict) and all(
            covers(live.get(key), value, key, quantities=key in _QUANTITIES or quantities)
            for key, value in desired.items()
        )
    if isinstance(desired, list):
        return isinstance(live, list) and _covers_list(live, desired, name)
    return bool(live == desired) or (quantities and quantity.same(live, desired))


def _covers_list(live: list[Any], desired: list[Any], name: str) -> bool:
    if name in MERGE_KEYS:
        return all(any(_same_item(each, item, name) and covers(each, item) for each in live) for item in desired)
    return len(live) == len(desired) and all(covers(a, b) for a, b in zip(live, desired, strict=True))


def _same_item(live: Manifest, desired: Manifest, name: str) -> bool:
    return all(live.get(key) == desired[key] for key in MERGE_KEYS[name] if key in desired)
