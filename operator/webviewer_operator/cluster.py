"""One cluster as the operator sees it: identity, annotations and the checked spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webviewer_operator.api.definition import API_VERSION, GROUP, KIND
from webviewer_operator.api.spec import ClusterSpec

Manifest = dict[str, Any]
PAUSED = f"{GROUP}/paused"
"""Annotation: ``true`` = the operator changes nothing."""
RETRY = f"{GROUP}/retry-migration"
"""Annotation: another value makes a failed migration run again."""
ROTATE = f"rotate.{GROUP}/"
"""Start of annotations: another value makes the secret of the rest of the name new."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Identity and wish of one ``WebViewerCluster``."""

    name: str
    namespace: str
    uid: str
    generation: int
    annotations: Mapping[str, str]
    spec: ClusterSpec
    deleting: bool = False

    @classmethod
    def of(cls, resource: Manifest) -> Cluster:
        """Read the resource. Raises pydantic's ValidationError for a spec that the API server should not have let in."""
        metadata = resource["metadata"]
        return cls(
            name=metadata["name"],
            namespace=metadata["namespace"],
            uid=metadata["uid"],
            generation=metadata.get("generation", 0),
            annotations=metadata.get("annotations") or {},
            spec=ClusterSpec.model_validate(resource.get("spec") or {}),
            deleting="deletionTimestamp" in metadata,
        )

    @property
    def paused(self) -> bool:
        """Whether a person has told the operator to keep its hands off."""
        return self.annotations.get(PAUSED) == "true"

    @property
    def owner(self) -> Manifest:
        """The owner reference of what goes with the cluster."""
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }

    def rotation(self, secret: str) -> str:
        """Return the token that the secret must have been made for; empty = any."""
        return self.annotations.get(ROTATE + secret, "")
