"""Pods as the restricted Pod Security Standard wants them, and what a person adds to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from webviewer_operator.api.definition import GROUP
from webviewer_operator.api.spec import EnvironmentVariable, PodOverrides, ResourceAmounts
from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.manifests import naming

USER = 10001
"""Number of the user in our images."""
SECRETS_SUM = f"{GROUP}/secrets"
"""Annotation of pod templates: another digest of the secrets makes new pods."""
DATA = "/data"
_SECRET_MODE = 0o440
EMPTY: Manifest = {}


@dataclass(frozen=True, slots=True)
class PodParts:
    """What differs between components. ``container`` is the main one, without what all have in common."""

    component: str
    container: Manifest
    overrides: PodOverrides
    resources: Manifest
    volumes: Sequence[Manifest] = ()
    init_containers: Sequence[Manifest] = ()
    pool: str | None = None
    user: int = USER
    secrets_sum: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """More fields of the pod's spec."""


def template(cluster: Cluster, parts: PodParts) -> Manifest:
    """Return a pod template."""
    overrides = parts.overrides
    annotations = dict(overrides.annotations)
    if parts.secrets_sum:
        annotations[SECRETS_SUM] = parts.secrets_sum
    container = dict(parts.container)
    container["env"] = _environment(container.get("env", []), overrides)
    container["resources"] = parts.resources if overrides.resources is None else amounts(overrides.resources)
    if "claims" in parts.resources:
        container["resources"] = container["resources"] | {"claims": parts.resources["claims"]}
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": parts.user,
            "runAsGroup": parts.user,
            "fsGroup": parts.user,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_restricted(cluster, container)],
        "volumes": [*parts.volumes, {"name": "tmp", "emptyDir": {}}],
        **parts.extra,
    }
    if parts.init_containers:
        spec["initContainers"] = [_restricted(cluster, dict(each)) for each in parts.init_containers]
    if cluster.spec.images.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in cluster.spec.images.pull_secrets]
    spec |= _placement(overrides)
    own = naming.labels(cluster, parts.component, parts.pool)
    metadata: Manifest = {"labels": dict(overrides.labels) | own}
    return {"metadata": metadata | ({"annotations": annotations} if annotations else {}), "spec": spec}


def amounts(resources: ResourceAmounts) -> Manifest:
    """Return requests and limits as in a pod, without empty ones."""
    return {
        key: dict(value) for key, value in (("requests", resources.requests), ("limits", resources.limits)) if value
    }


def probes(port: str, start_seconds: int = 120, scheme: str = "http", ready: str = "/readyz") -> Manifest:
    """Return the probes of a role; it has ``start_seconds`` to answer for the first time."""

    def ask(path: str, period: int, failures: int) -> Manifest:
        get = {"path": path, "port": port} | ({"scheme": "HTTPS"} if scheme == "https" else {})
        return {"httpGet": get, "periodSeconds": period, "timeoutSeconds": 5, "failureThreshold": failures}

    return {
        "startupProbe": ask("/healthz", 2, start_seconds // 2),
        "livenessProbe": ask("/healthz", 10, 6),
        "readinessProbe": ask(ready, 5, 3),
    }


def variable(name: str, value: object) -> Manifest:
    """Return a variable; booleans are written as the settings read them."""
    return {"name": name, "value": str(value).lower() if isinstance(value, bool) else str(value)}


def field_variable(name: str, path: str) -> Manifest:
    """Return a variable with what Kubernetes knows of the pod itself."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def secret_variable(name: str, secret: str, key: str) -> Manifest:
    """Return a variable whose value is in a Secret."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def secret_volume(name: str, secret: str) -> Manifest:
    """Return a volume of a Secret's keys, readable by the pod's group only."""
    return {"name": name, "secret": {"secretName": secret, "defaultMode": _SECRET_MODE}}


def _environment(own: Sequence[Manifest], overrides: PodOverrides) -> list[Manifest]:
    added = {each.name: _added(each) for each in overrides.extra_env}
    return [each for each in own if each["name"] not in added] + list(added.values())


def _added(wanted: EnvironmentVariable) -> Manifest:
    if wanted.value_from is None:
        return variable(wanted.name, wanted.value)
    return {"name": wanted.name, "valueFrom": wanted.value_from.model_dump(by_alias=True, exclude_none=True)}


def _placement(overrides: PodOverrides) -> Manifest:
    result: Manifest = {}
    if overrides.node_selector:
        result["nodeSelector"] = dict(overrides.node_selector)
    if overrides.tolerations:
        result["tolerations"] = [dict(each) for each in overrides.tolerations]
    if overrides.affinity:
        result["affinity"] = dict(overrides.affinity)
    if overrides.priority_class_name:
        result["priorityClassName"] = overrides.priority_class_name
    if overrides.service_account_name:
        result["serviceAccountName"] = overrides.service_account_name
    return result


def _restricted(cluster: Cluster, container: Manifest) -> Manifest:
    mounts = [*container.pop("volumeMounts", []), {"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - inside a pod
    return container | {
        "imagePullPolicy": cluster.spec.images.pull_policy,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }
