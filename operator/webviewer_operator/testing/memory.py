"""The API server in memory. It keeps the promises of the port, as the conformance suite checks."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from webviewer_operator.cluster import Manifest
from webviewer_operator.kube.port import ConflictError, Kind, NotServedError, Propagation, kind_of
from webviewer_operator.manifests.naming import MANAGER
from webviewer_operator.testing import fields

Key = tuple[str, str, str]
T = TypeVar("T")
_NOW = "2026-01-02T03:04:05Z"
_KEPT = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "deletionTimestamp")


@dataclass
class MemoryKube:
    """Implements :class:`webviewer_operator.kube.port.KubePort`.

    ``writes`` lists (verb, kind, name) of every write request. ``after_write`` may raise, as if the operator had been
    killed just then. ``unserved`` are kinds that the server does not know.
    """

    objects: dict[Key, Manifest] = field(default_factory=dict)
    writes: list[tuple[str, str, str]] = field(default_factory=list)
    after_write: Callable[[], None] = lambda: None
    unserved: set[str] = field(default_factory=set)
    _applied: dict[tuple[Key, str, bool], set[fields.Path]] = field(default_factory=dict)
    _version: int = 0
    _made: int = 0

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return the object."""
        return copied(self.objects.get((kind.name, namespace, name)))

    async def list(self, kind: Kind, namespace: str | None, selector: str = "") -> list[Manifest]:
        """Return the objects whose labels match."""
        self._check_served(kind)
        wanted = dict(pair.split("=") for pair in selector.split(",")) if selector else {}
        return [
            copied(each)
            for (name, where, _), each in sorted(self.objects.items())
            if name == kind.name
            and namespace in {None, where}
            and wanted.items() <= (each["metadata"].get("labels") or {}).items()
        ]

    async def apply(self, manifest: Manifest) -> Manifest:
        """Apply fields."""
        return self.apply_as(MANAGER, manifest)

    async def apply_status(self, manifest: Manifest) -> Manifest:
        """Apply the status."""
        return self.apply_as(MANAGER, manifest, status=True)

    async def delete(
        self, kind: Kind, namespace: str, name: str, uid: str, propagation: Propagation = "Background"
    ) -> None:
        """Delete this very object."""
        key = (kind.name, namespace, name)
        found = self.objects.get(key)
        self.writes.append(("delete", kind.name, name))
        if found is not None and found["metadata"]["uid"] == uid:
            self.remove(key, orphan=propagation == "Orphan")
        self.after_write()

    def apply_as(self, manager: str, manifest: Manifest, *, status: bool = False) -> Manifest:
        """Apply in the name of anybody."""
        kind = kind_of(manifest)
        self._check_served(kind)
        metadata = manifest["metadata"]
        key = (kind.name, metadata["namespace"], metadata["name"])
        before = self.objects.get(key)
        self.writes.append(("apply_status" if status else "apply", *key[::2]))
        gone = before is None and (status or "uid" in metadata)
        if gone or (before is not None and metadata.get("uid", before["metadata"]["uid"]) != before["metadata"]["uid"]):
            text = f"{kind.name} {metadata['name']} is gone or another one"
            raise ConflictError(text)
        source = copied({k: v for k, v in manifest.items() if (k == "status") == status or k in _IDENTITY})
        self._store(key, before, self._merged(key, before, manager, source, status=status))
        self.after_write()
        return copied(self.objects.get(key, manifest))

    def change(self, kind: Kind, namespace: str, name: str, change: Callable[[Manifest], None]) -> None:
        """Change an object as some other client does."""
        key = (kind.name, namespace, name)
        after = copied(self.objects[key])
        change(after)
        self._store(key, self.objects[key], after)

    def remove(self, key: Key, *, orphan: bool = False) -> None:
        """Delete an object and, as the garbage collector does, what it owns."""
        found = self.objects[key]
        metadata = found["metadata"]
        if metadata.get("finalizers"):
            metadata["deletionTimestamp"] = _NOW
            return
        del self.objects[key]
        self._applied = {owner: paths for owner, paths in self._applied.items() if owner[0] != key}
        for other, each in list(self.objects.items()):
            references = each["metadata"].get("ownerReferences", [])
            if other in self.objects and any(reference["uid"] == metadata["uid"] for reference in references):
                if orphan:
                    each["metadata"]["ownerReferences"] = [r for r in references if r["uid"] != metadata["uid"]]
                else:
                    self.remove(other)

    def _merged(self, key: Key, before: Manifest | None, manager: str, source: Manifest, *, status: bool) -> Manifest:
        owner = (key, manager, status)
        mine = {path for path in fields.leaves(source) if path[0] not in _IDENTITY_FIELDS and path not in _NAMES}
        others = {
            path for other, paths in self._applied.items() if other[0] == key and other != owner for path in paths
        }
        after = copied(before) if before else {}
        for path in fields.dropped(self._applied.get(owner, set()) - mine - others, mine | others):
            fields.remove(after, path)
        self._applied[owner] = mine
        return fields.merge(after, source)  # type: ignore[no-any-return]  # a dict merged into a dict

    def _store(self, key: Key, before: Manifest | None, after: Manifest) -> None:
        metadata = after.setdefault("metadata", {})
        old: Manifest = (
            before["metadata"] if before else {"uid": self._uid(), "generation": 0, "creationTimestamp": _NOW}
        )
        for name in _KEPT:
            if name in old:
                metadata[name] = old[name]
        if before is None or before.get("spec") != after.get("spec"):
            metadata["generation"] = old["generation"] + 1
        managers = sorted((manager, status, paths) for (k, manager, status), paths in self._applied.items() if k == key)
        metadata["managedFields"] = [
            {"manager": manager, "operation": "Apply", "fieldsV1": fields.tree(sorted(paths))}
            | ({"subresource": "status"} if status else {})
            for manager, status, paths in managers
        ]
        if before is None or _content(before) != _content(after):
            self._version += 1
            metadata["resourceVersion"] = str(self._version)
        self.objects[key] = after
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            self.remove(key)

    def _uid(self) -> str:
        """Return an identity that is the same when the same is done again."""
        self._made += 1
        return str(uuid.UUID(int=self._made))

    def _check_served(self, kind: Kind) -> None:
        if kind.name in self.unserved:
            text = f"the API server does not know {kind.plural} of {kind.api_version}"
            raise NotServedError(text)


_IDENTITY = ("apiVersion", "kind", "metadata")
_IDENTITY_FIELDS = ("f:apiVersion", "f:kind")
_NAMES = {("f:metadata", f"f:{name}") for name in ("name", "namespace", "uid")}


def copied(value: T) -> T:
    """Return a copy of a JSON value; much faster than the general way."""
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}  # type: ignore[return-value]  # a dict of its own
    if isinstance(value, list):
        return [copied(each) for each in value]  # type: ignore[return-value]  # a list of its own
    return value


def _content(manifest: Manifest) -> Manifest:
    metadata = {k: v for k, v in manifest["metadata"].items() if k not in {"resourceVersion", "managedFields"}}
    return manifest | {"metadata": metadata}
