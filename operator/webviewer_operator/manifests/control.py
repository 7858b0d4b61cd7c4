"""Control: Deployment, Services, Ingress or HTTPRoute."""

from __future__ import annotations

import json

from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.manifests import licence, naming, pod, secret_names, tls
from webviewer_operator.manifests.plan import Plan

COMPONENT = "control"
NODES_SERVICE = "control-nodes"
"""Reaches control before it is ready: nodes need its keys to start, and it is ready only when they are."""
_GRACE_SECONDS = 30
_STILL_SECONDS = 5
"""So long a pod that is to go serves on; counts for the grace period, too."""
_PLACEMENTS = {"FewestSessions": "fewest-sessions", "VolumeAffinity": "volume-affinity"}


def manifests(cluster: Cluster, plan: Plan) -> list[Manifest]:
    """Return everything of control."""
    spec = cluster.spec.control
    found = [_deployment(cluster, plan), _service(cluster), _nodes_service(cluster)]
    if spec.ingress:
        found.append(_ingress(cluster))
    if spec.http_route:
        found.append(_http_route(cluster))
    return found


def public_url(cluster: Cluster) -> str:
    """Return the address that browsers use; empty where only the browser knows it.

    Calls of pages are judged by it, so a route whose gateway has no TLS needs ``serverUrl``.
    """
    spec = cluster.spec.control
    if spec.server_url:
        return spec.server_url
    if spec.ingress:
        scheme = "https" if spec.ingress.tls_secret_name else "http"
        return f"{scheme}://{spec.ingress.host}{spec.ingress.path.rstrip('/')}/"
    if spec.http_route and spec.http_route.hostnames:
        return f"https://{spec.http_route.hostnames[0]}{spec.http_route.path.rstrip('/')}/"
    return ""


def _deployment(cluster: Cluster, plan: Plan) -> Manifest:
    spec = cluster.spec.control
    keys = naming.object_name(cluster, secret_names.KEYS)
    admin = naming.object_name(cluster, secret_names.ADMIN)
    container: Manifest = {
        "name": COMPONENT,
        "image": plan.images[COMPONENT],
        "command": ["webviewer"],
        "args": ["control", "--host", "0.0.0.0", "--data", pod.DATA, *_nodes_arguments(cluster)],  # noqa: S104 - for its Service
        "env": environment(cluster),
        "ports": [
            {"name": "http", "containerPort": naming.HTTP_PORTS[COMPONENT]},
            *([{"name": "nodes", "containerPort": naming.NODES_PORT}] if cluster.spec.tls.enabled else []),
            {"name": "metrics", "containerPort": naming.METRICS_PORT},
        ],
        # Without storage or render the pages say so, the panel works, and the operator hears of the load.
        **pod.probes("http", ready="/readyz?own=true"),
        # Proxies still send here for a moment after it was told to go.
        "lifecycle": {"preStop": {"sleep": {"seconds": _STILL_SECONDS}}},
        "volumeMounts": [
            {"name": "data", "mountPath": pod.DATA},
            _mounted("keys", secret_names.INSTANCE_KEY),
            _mounted("admin", secret_names.ADMIN_PASSWORD),
            *tls.mounts(cluster),
            *licence.mounts(cluster),
        ],
    }
    parts = pod.PodParts(
        component=COMPONENT,
        container=container,
        overrides=spec.pod,
        resources={"requests": {"cpu": "150m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
        volumes=[
            {"name": "data", "emptyDir": {}},
            pod.secret_volume("keys", keys),
            pod.secret_volume("admin", admin),
            *tls.volumes(cluster, COMPONENT),
            *licence.volumes(cluster),
        ],
        secrets_sum=plan.sums.get(COMPONENT, ""),
        extra={"terminationGracePeriodSeconds": _GRACE_SECONDS},
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": naming.metadata(cluster, COMPONENT),
        "spec": {
            "replicas": 0 if cluster.spec.suspend else spec.replicas,
            "revisionHistoryLimit": 3,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": naming.selector(cluster, COMPONENT)},
            "template": pod.template(cluster, parts),
        },
    }


def environment(cluster: Cluster) -> list[Manifest]:
    """Return the settings of control."""
    spec, sessions = cluster.spec.control, cluster.spec.sessions
    nodes = naming.object_name(cluster, secret_names.NODES)
    found = [
        pod.secret_variable("WEBVIEWER_DATABASE_URL", *secret_names.database_reference(cluster)),
        pod.secret_variable("WEBVIEWER_NODE_SECRET", nodes, secret_names.NODE_SECRET),
        pod.secret_variable("WEBVIEWER_METRICS_TOKEN", nodes, secret_names.METRICS_TOKEN),
        pod.variable("WEBVIEWER_STORAGE_URL", naming.http_url(cluster, "storage", "storage")),
        pod.variable("WEBVIEWER_RENDER_URL", naming.http_url(cluster, "render", "render")),
        pod.variable("WEBVIEWER_RENDER_NODES_URL", naming.http_url(cluster, "render-nodes", "render")),
        pod.variable("WEBVIEWER_SESSION_IDLE", sessions.idle_seconds),
        pod.variable("WEBVIEWER_SESSION_LIFETIME", sessions.lifetime_seconds),
        pod.variable("WEBVIEWER_SLOT_IDLE", sessions.slot_idle_seconds),
        pod.variable("WEBVIEWER_PLACEMENT", _PLACEMENTS[sessions.placement]),
        pod.variable("WEBVIEWER_AE_TITLE", cluster.spec.storage.dicom.ae_title),
        pod.variable("WEBVIEWER_FRAME_ANCESTORS", spec.frame_ancestors),
        pod.variable("WEBVIEWER_LOG_LEVEL", cluster.spec.log_level),
        *tls.variables(cluster),
        *licence.variables(cluster),
    ]
    if public_url(cluster):
        found.append(pod.variable("WEBVIEWER_SERVER_URL", public_url(cluster)))
    if spec.base_path:
        found.append(pod.variable("WEBVIEWER_BASE_PATH", spec.base_path))
    if spec.allowed_origins:
        found.append(pod.variable("WEBVIEWER_ALLOWED_ORIGINS", json.dumps(spec.allowed_origins)))
    if spec.trusted_proxies:
        found.append(pod.variable("WEBVIEWER_TRUSTED_PROXIES", json.dumps(spec.trusted_proxies)))
    return found


def _mounted(volume: str, key: str) -> Manifest:
    """Return the mount of one key as a file of the data folder."""
    return {"name": volume, "mountPath": f"{pod.DATA}/{key}", "subPath": key, "readOnly": True}


def _service(cluster: Cluster) -> Manifest:
    spec = cluster.spec.control
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": naming.metadata(cluster, COMPONENT, annotations=spec.service_annotations),
        "spec": {
            "type": spec.service_type,
            "selector": naming.selector(cluster, COMPONENT),
            "ports": [_http_port()],
        },
    }


def _nodes_service(cluster: Cluster) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": naming.metadata(cluster, COMPONENT, NODES_SERVICE),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": naming.selector(cluster, COMPONENT),
            "ports": [_nodes_port() if cluster.spec.tls.enabled else _http_port()],
        },
    }


def _http_port() -> Manifest:
    return {"name": "http", "port": naming.HTTP_PORTS[COMPONENT], "targetPort": "http", "appProtocol": "http"}


def _nodes_port() -> Manifest:
    return {"name": "https", "port": naming.NODES_PORT, "targetPort": "nodes", "appProtocol": "https"}


def _nodes_arguments(cluster: Cluster) -> list[str]:
    return ["--nodes-port", str(naming.NODES_PORT)] if cluster.spec.tls.enabled else []


def _ingress(cluster: Cluster) -> Manifest:
    ingress = cluster.spec.control.ingress
    assert ingress is not None  # noqa: S101 - the caller has looked
    backend = {"service": {"name": naming.object_name(cluster, COMPONENT), "port": {"name": "http"}}}
    rule = {"path": ingress.path, "pathType": "Prefix", "backend": backend}
    spec: Manifest = {"rules": [{"host": ingress.host, "http": {"paths": [rule]}}]}
    if ingress.class_name:
        spec["ingressClassName"] = ingress.class_name
    if ingress.tls_secret_name:
        spec["tls"] = [{"hosts": [ingress.host], "secretName": ingress.tls_secret_name}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": naming.metadata(cluster, COMPONENT, annotations=ingress.annotations),
        "spec": spec,
    }


def _http_route(cluster: Cluster) -> Manifest:
    route = cluster.spec.control.http_route
    assert route is not None  # noqa: S101 - the caller has looked
    spec: Manifest = {
        "parentRefs": [each.model_dump(by_alias=True, exclude_none=True) for each in route.parent_refs],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": route.path}}],
                "backendRefs": [
                    {"name": naming.object_name(cluster, COMPONENT), "port": naming.HTTP_PORTS[COMPONENT]},
                ],
            }
        ],
    }
    if route.hostnames:
        spec["hostnames"] = list(route.hostnames)
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": naming.metadata(cluster, COMPONENT, annotations=route.annotations),
        "spec": spec,
    }
