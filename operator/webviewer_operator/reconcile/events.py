"""Events: what a person should see in ``kubectl describe``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from webviewer_operator.api.definition import API_VERSION, KIND
from webviewer_operator.cluster import Manifest
from webviewer_operator.manifests.naming import MANAGER
from webviewer_operator.reconcile import moment

_MAX_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a cluster."""

    reason: str
    message: str
    type: Literal["Normal", "Warning"] = "Normal"


def manifest(resource: Manifest, event: Event, now: float) -> Manifest:
    """Return the object of the event. The same event of the same second is the same object, so a retry makes no second."""
    metadata = resource["metadata"]
    text = "\n".join((metadata["uid"], event.reason, event.message, moment.text(now)))
    name = f"{metadata['name']}.{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "reason": event.reason,
        "message": event.message[:_MAX_MESSAGE],
        "type": event.type,
        "source": {"component": MANAGER},
        "reportingComponent": MANAGER,
        "reportingInstance": MANAGER,
        "firstTimestamp": moment.text(now),
        "lastTimestamp": moment.text(now),
        "count": 1,
    }
