"""Fields of objects as server-side apply sees them: paths, owned one by one, with lists merged by key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from webviewer_operator.kube.lists import MERGE_KEYS

Path = tuple[str, ...]
_SETS = frozenset({"finalizers"})


def leaves(value: Any, name: str = "") -> Iterator[Path]:  # noqa: ANN401 - JSON
    """Yield the path of every leaf: ``f:<field>``, ``k:<key>`` of a list's item, ``v:<value>`` of a set's."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            for path in leaves(each, key):
                yield (f"f:{key}", *path)
    elif isinstance(value, list) and name in MERGE_KEYS:
        for each in value:
            for path in leaves(each):
                yield (_item(each, name), *path)
    elif isinstance(value, list) and name in _SETS:
        for each in value:
            yield (f"v:{json.dumps(each)}",)
    else:
        yield ()


def merge(target: Any, source: Any, name: str = "") -> Any:  # noqa: ANN401 - JSON
    """Return ``target`` with the fields of ``source``."""
    if isinstance(target, dict) and isinstance(source, dict):
        return target | {key: merge(target.get(key), value, key) for key, value in source.items()}
    if isinstance(target, list) and isinstance(source, list) and name in MERGE_KEYS:
        result = list(target)
        places = {_item(each, name): index for index, each in enumerate(result)}
        for each in source:
            place = places.get(_item(each, name))
            if place is None:
                result.append(each)
            else:
                result[place] = merge(result[place], each)
        return result
    if isinstance(target, list) and isinstance(source, list) and name in _SETS:
        return target + [each for each in source if each not in target]
    return source


def remove(target: Any, path: Path, name: str = "") -> None:  # noqa: ANN401 - JSON
    """Remove the leaf at ``path``, and what is left empty by that."""
    head, rest = path[0], path[1:]
    if isinstance(target, dict):
        key = head.removeprefix("f:")
        if key not in target:
            return
        if rest:
            remove(target[key], rest, key)
        if not rest or target[key] in ({}, []):
            del target[key]
        return
    for index, each in enumerate(list(target)):
        found = f"v:{json.dumps(each)}" if name in _SETS else _item(each, name)
        if found == head:
            if rest:
                remove(each, rest)
            if not rest or _only_key(each, name):
                del target[index]
            return


def dropped(gone: Iterable[Path], left: Iterable[Path]) -> set[Path]:
    """Return what to remove for the paths ``gone``: an item of a list as a whole, if nothing of it is ``left``."""
    kept = {path[: index + 1] for path in left for index in range(len(path))}
    result = set()
    for path in gone:
        items = [path[: index + 1] for index, part in enumerate(path) if part.startswith("k:")]
        result.add(next((item for item in items if item not in kept), path))
    return result


def tree(paths: Iterable[Path]) -> dict[str, Any]:
    """Return ``fieldsV1`` of paths."""
    result: dict[str, Any] = {}
    for path in paths:
        node = result
        for part in path:
            node = node.setdefault(part, {})
    return result


def _item(value: dict[str, Any], name: str) -> str:
    return "k:" + json.dumps({key: value[key] for key in MERGE_KEYS[name] if key in value}, separators=(",", ":"))


def _only_key(value: Any, name: str) -> bool:  # noqa: ANN401 - JSON
    return not value or (isinstance(value, dict) and set(value) <= set(MERGE_KEYS.get(name, ())))
