"""Storage nodes: StatefulSet with volumes that stay, and their Services."""

from __future__ import annotations

from webviewer_operator.api.spec import Volume
from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.manifests import control, naming, pod, secret_names, tls
from webviewer_operator.manifests.plan import Plan

COMPONENT = "storage"
VOLUME = "data"
_GRACE_SECONDS = 120
"""Associations in progress end well, and what has come is written."""


def manifests(cluster: Cluster, plan: Plan) -> list[Manifest]:
    """Return everything of storage."""
    found = [_stateful_set(cluster, plan), _service(cluster)]
    if cluster.spec.storage.dicom.enabled:
        found += [_dicom_service(cluster, index) for index in range(cluster.spec.storage.replicas)]
    return found


def claim_template(cluster: Cluster, volume: Volume, component: str) -> Manifest:
    """Return a volume claim template. Its labels find the claims when a cluster is deleted with its data."""
    spec: Manifest = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": volume.size}}}
    if volume.storage_class_name:
        spec["storageClassName"] = volume.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": VOLUME, "labels": naming.labels(cluster, component)},
        "spec": spec,
    }


def _stateful_set(cluster: Cluster, plan: Plan) -> Manifest:
    spec = cluster.spec.storage
    ports = [
        {"name": "http", "containerPort": naming.HTTP_PORTS[COMPONENT]},
        {"name": "metrics", "containerPort": naming.METRICS_PORT},
    ]
    arguments = ["storage", "--host", "0.0.0.0", "--data", pod.DATA]  # noqa: S104 - a pod serves its Service
    if spec.dicom.enabled:
        ports.append({"name": "dicom", "containerPort": naming.DICOM_PORT})
        arguments += ["--dicom-port", str(naming.DICOM_PORT)]
    else:
        arguments.append("--no-dicom")
    container: Manifest = {
        "name": COMPONENT,
        "image": plan.images[COMPONENT],
        "command": ["webviewer"],
        "args": arguments,
        "env": _environment(cluster),
        "ports": ports,
        # The first start may index again what a crash left.
        **pod.probes("http", start_seconds=600, scheme=naming.scheme(cluster)),
        "volumeMounts": [{"name": VOLUME, "mountPath": pod.DATA}, *tls.mounts(cluster)],
    }
    parts = pod.PodParts(
        component=COMPONENT,
        container=container,
        overrides=spec.pod,
        resources={"requests": {"cpu": "200m", "memory": "1Gi"}, "limits": {"memory": "4Gi"}},
        volumes=tls.volumes(cluster, COMPONENT),
        secrets_sum=plan.sums.get(COMPONENT, ""),
        extra={"terminationGracePeriodSeconds": _GRACE_SECONDS},
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": naming.metadata(cluster, COMPONENT),
        "spec": {
            "replicas": 0 if cluster.spec.suspend else plan.storage or spec.replicas,
            "serviceName": naming.object_name(cluster, COMPONENT),
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "RollingUpdate"},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "selector": {"matchLabels": naming.selector(cluster, COMPONENT)},
            "template": pod.template(cluster, parts),
            "volumeClaimTemplates": [claim_template(cluster, spec.volume, COMPONENT)],
        },
    }


def _environment(cluster: Cluster) -> list[Manifest]:
    dicom = cluster.spec.storage.dicom
    nodes = naming.object_name(cluster, secret_names.NODES)
    return [
        pod.secret_variable("WEBVIEWER_DATABASE_URL", *secret_names.database_reference(cluster)),
        pod.secret_variable("WEBVIEWER_NODE_SECRET", nodes, secret_names.NODE_SECRET),
        pod.field_variable("POD_NAME", "metadata.name"),
        pod.field_variable("WEBVIEWER_STORAGE_INDEX", "metadata.labels['apps.kubernetes.io/pod-index']"),
        # By name, not by number: control and render nodes compare it with the certificate.
        pod.variable("WEBVIEWER_NODE_URL", naming.pod_url(cluster, COMPONENT, "$(POD_NAME)")),
        pod.variable("WEBVIEWER_CONTROL_URL", naming.http_url(cluster, control.NODES_SERVICE, "control")),
        pod.variable("WEBVIEWER_AE_TITLE", dicom.ae_title),
        pod.variable("WEBVIEWER_DICOM_PROCESSES", dicom.processes),
        pod.variable("WEBVIEWER_LOG_LEVEL", cluster.spec.log_level),
        *tls.variables(cluster),
    ]


def _service(cluster: Cluster) -> Manifest:
    port = naming.HTTP_PORTS[COMPONENT]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": naming.metadata(cluster, COMPONENT),
        "spec": {
            "clusterIP": "None",
            "selector": naming.selector(cluster, COMPONENT),
            "ports": [{"name": "http", "port": port, "targetPort": "http", "appProtocol": naming.scheme(cluster)}],
        },
    }


def _dicom_service(cluster: Cluster, index: int) -> Manifest:
    """Return the Service of one node: who sends to a node must not be sent to another one."""
    dicom = cluster.spec.storage.dicom
    name = "dicom" if index == 0 else f"dicom-{index}"
    port: Manifest = {"name": "dicom", "port": dicom.port, "targetPort": "dicom", "protocol": "TCP"}
    if dicom.node_port and index == 0:
        port["nodePort"] = dicom.node_port
    spec: Manifest = {
        "type": dicom.service_type,
        "selector": naming.selector(cluster, COMPONENT)
        | {"statefulset.kubernetes.io/pod-name": f"{naming.object_name(cluster, COMPONENT)}-{index}"},
        "ports": [port],
    }
    if dicom.service_type != "ClusterIP":
        spec["externalTrafficPolicy"] = "Local"  # the sender's address is what access is decided by
    if dicom.service_type == "LoadBalancer" and dicom.allowed_networks:
        spec["loadBalancerSourceRanges"] = list(dicom.allowed_networks)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": naming.metadata(cluster, COMPONENT, name, dicom.service_annotations),
        "spec": spec,
    }
