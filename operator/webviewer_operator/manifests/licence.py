"""The licence: what control is told of it, and the Secret that it is in."""

from __future__ import annotations

import json

from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.manifests import pod

_FOLDER = "/licence"
_FILE = "licence"
_VOLUME = "licence"


def variables(cluster: Cluster) -> list[Manifest]:
    """Return the settings of control."""
    licence = cluster.spec.licence
    if licence is None:
        return []
    found = [
        pod.variable("WEBVIEWER_LICENSING", "enforced"),
        pod.variable("WEBVIEWER_LICENCE_KEYS", json.dumps(licence.public_keys)),
    ]
    if licence.secret_name:
        found.append(pod.variable("WEBVIEWER_LICENCE_FILE", f"{_FOLDER}/{_FILE}"))
    return found


def mounts(cluster: Cluster) -> list[Manifest]:
    """Return where control sees the licence: a whole folder, because only these follow their Secret without a restart."""
    licence = cluster.spec.licence
    return [{"name": _VOLUME, "mountPath": _FOLDER, "readOnly": True}] if licence and licence.secret_name else []


def volumes(cluster: Cluster) -> list[Manifest]:
    """Return the volume of the Secret, which may come later."""
    licence = cluster.spec.licence
    if licence is None or not licence.secret_name:
        return []
    volume = pod.secret_volume(_VOLUME, licence.secret_name)
    volume["secret"] |= {"items": [{"key": licence.key, "path": _FILE}], "optional": True}
    return [volume]
