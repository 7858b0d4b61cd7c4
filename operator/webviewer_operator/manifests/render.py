"""Render pools: a Deployment each, and the Services in front of all of them."""

from __future__ import annotations

import hashlib
import json

from webviewer_operator.api.spec import Pool
from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.manifests import control, naming, pod, quantity, secret_names, tls
from webviewer_operator.manifests.plan import Plan, render_key

COMPONENT = "render"
NODES_SERVICE = "render-nodes"
"""Its DNS answer lists every pod, also draining ones: control asks them for their sessions."""
MIB = 1024 * 1024
_BESIDE_BUDGET = 1024 * MIB
_MILLICORES_PER_THREAD = 100
"""A share only: nobody draws all the time, and whoever draws may use what is free."""
_GRACE_SECONDS = 90
"""Sessions are moved first; what has not moved by then is cut off and drawn again elsewhere."""
_CLAIM = "gpu"
_GPU_CAPABILITIES = "compute,utility,graphics,video"


def manifests(cluster: Cluster, plan: Plan) -> list[Manifest]:
    """Return everything of the render pools."""
    found = [_service(cluster, COMPONENT), _service(cluster, NODES_SERVICE)]
    for name, pool in sorted(cluster.spec.render.pools.items()):
        found.append(_deployment(cluster, name, pool, plan))
        if pool.gpu.mode == "DRA":
            found.append(_claim_template(cluster, name, pool))
    return found


def deployment_name(cluster: Cluster, pool: str) -> str:
    """Return the name of a pool's Deployment."""
    return naming.object_name(cluster, COMPONENT, pool)


def _deployment(cluster: Cluster, name: str, pool: Pool, plan: Plan) -> Manifest:
    container: Manifest = {
        "name": COMPONENT,
        "image": plan.images[render_key(name)],
        "command": ["webviewer"],
        "args": ["render", "--host", "0.0.0.0", "--data", pod.DATA],  # noqa: S104 - a pod serves its Service
        "env": _environment(cluster, pool),
        "ports": [
            {"name": "http", "containerPort": naming.HTTP_PORTS[COMPONENT]},
            {"name": "metrics", "containerPort": naming.METRICS_PORT},
        ],
        # Kernels are loaded and a picture is drawn before it is ready.
        **pod.probes("http", start_seconds=300, scheme=naming.scheme(cluster)),
        "volumeMounts": [{"name": "data", "mountPath": pod.DATA}, *tls.mounts(cluster)],
    }
    extra: Manifest = {"terminationGracePeriodSeconds": _GRACE_SECONDS}
    if pool.gpu.mode == "DRA":
        extra["resourceClaims"] = [
            {"name": _CLAIM, "resourceClaimTemplateName": _claim_template(cluster, name, pool)["metadata"]["name"]}
        ]
    parts = pod.PodParts(
        component=COMPONENT,
        container=container,
        overrides=pool.pod,
        resources=_resources(pool),
        volumes=[{"name": "data", "emptyDir": {}}, *tls.volumes(cluster, COMPONENT)],
        pool=name,
        secrets_sum=plan.sums.get(render_key(name), ""),
        extra=extra,
    )
    spec: Manifest = {
        "revisionHistoryLimit": 3,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": _rolling(pool)},
        "selector": {"matchLabels": naming.selector(cluster, COMPONENT, name)},
        "template": pod.template(cluster, parts),
    }
    replicas = 0 if cluster.spec.suspend else plan.replicas.get(name, pool.replicas)
    if replicas is not None:
        spec["replicas"] = replicas
    metadata = {"name": deployment_name(cluster, name), "labels": naming.labels(cluster, COMPONENT, name)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def _rolling(pool: Pool) -> Manifest:
    """A pool on GPUs may have no spare one for a pod more."""
    return {"maxSurge": 1, "maxUnavailable": 0} if pool.gpu.mode == "None" else {"maxSurge": 0, "maxUnavailable": 1}


def _environment(cluster: Cluster, pool: Pool) -> list[Manifest]:
    nodes = naming.object_name(cluster, secret_names.NODES)
    found = [
        pod.secret_variable("WEBVIEWER_NODE_SECRET", nodes, secret_names.NODE_SECRET),
        pod.variable("WEBVIEWER_CONTROL_URL", naming.http_url(cluster, control.NODES_SERVICE, "control")),
        pod.variable("WEBVIEWER_STORAGE_URL", naming.http_url(cluster, "storage", "storage")),
        pod.variable("WEBVIEWER_RENDER_SLOTS", pool.slots),
        pod.variable("WEBVIEWER_SLOT_IDLE", cluster.spec.sessions.slot_idle_seconds),
        pod.variable("WEBVIEWER_RENDER_WORKERS", pool.workers),
        pod.variable("WEBVIEWER_MAX_THREAD_POOL_THREADS", pool.threads),
        pod.variable("WEBVIEWER_RENDER_BANDWIDTH", pool.bandwidth),
        pod.variable("WEBVIEWER_VOLUME_BUDGET_BYTES", int(quantity.parse(pool.volume_budget))),
        pod.variable("WEBVIEWER_LOG_LEVEL", cluster.spec.log_level),
        *tls.variables(cluster),
    ]
    if pool.gpu.mode != "None":
        found.append(pod.variable("NVIDIA_DRIVER_CAPABILITIES", _GPU_CAPABILITIES))
    return found


def _resources(pool: Pool) -> Manifest:
    budget = int(quantity.parse(pool.volume_budget)) + _BESIDE_BUDGET
    requests = {"cpu": f"{pool.threads * _MILLICORES_PER_THREAD}m", "memory": f"{-(-budget // MIB)}Mi"}
    limits = {"memory": f"{-(-(budget + _BESIDE_BUDGET) // MIB)}Mi"}
    if pool.gpu.mode == "DevicePlugin":
        limits[pool.gpu.resource_name] = str(pool.gpu.count)
        requests[pool.gpu.resource_name] = str(pool.gpu.count)
    resources: Manifest = {"requests": requests, "limits": limits}
    return resources | ({"claims": [{"name": _CLAIM}]} if pool.gpu.mode == "DRA" else {})


def _claim_template(cluster: Cluster, name: str, pool: Pool) -> Manifest:
    """Return the template of the pool's claims. It cannot be changed: another content has another name, and new pods."""
    exactly = {"deviceClassName": pool.gpu.device_class_name, "allocationMode": "ExactCount", "count": pool.gpu.count}
    digest = hashlib.sha256(json.dumps(exactly, sort_keys=True).encode()).hexdigest()[:8]
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaimTemplate",
        "metadata": {
            "name": naming.object_name(cluster, COMPONENT, name, digest),
            "labels": naming.labels(cluster, COMPONENT, name),
        },
        "spec": {"spec": {"devices": {"requests": [{"name": _CLAIM, "exactly": exactly}]}}},
    }


def _service(cluster: Cluster, name: str) -> Manifest:
    port = naming.HTTP_PORTS[COMPONENT]
    spec: Manifest = {
        "selector": naming.selector(cluster, COMPONENT),
        "ports": [{"name": "http", "port": port, "targetPort": "http", "appProtocol": naming.scheme(cluster)}],
    }
    if name == NODES_SERVICE:
        spec |= {"clusterIP": "None", "publishNotReadyAddresses": True}
    metadata = {"name": naming.object_name(cluster, name), "labels": naming.labels(cluster, COMPONENT)}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
