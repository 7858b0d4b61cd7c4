"""Every field of the spec does something: changing it changes the objects, or what the operator decides."""

import json

import pytest

from webviewer_operator.api.definition import structural_schema
from webviewer_operator.api.schema_types import Resource
from webviewer_operator.api.spec import ClusterSpec
from webviewer_operator.manifests import database, desired
from webviewer_operator.manifests.plan import Plan, wanted_images

INGRESS = {"host": "a.example.org"}
ROUTE = {"parentRefs": [{"name": "public"}]}
PUBLIC_KEY = "0Mi_EeJlbmdba7ARxPRZw6bqodsGQbyG0oeEeu4ZHjA"
OVERRIDES = {
    "labels": {"team": "a"},
    "annotations": {"note": "a"},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "priorityClassName": "high",
    "serviceAccountName": "viewer",
    "resources.requests": {"cpu": "3"},
    "resources.limits": {"cpu": "3"},
    "extraEnv": [{"name": "TZ", "value": "UTC"}],
}
COMPONENTS = ("control.pod", "storage.pod", "render.pools.default.pod", "database.embedded.pod")
# path -> the value to set; a pair is (what must be there for it to matter, the value)
CHANGES = {
    "version": "9.9.9",
    "suspend": True,
    "images.repository": "other",
    "images.control": "a",
    "images.storage": "a",
    "images.render": "a",
    "images.renderNvidia": ({"render": {"pools": {"default": {"gpu": {"mode": "DevicePlugin"}}}}}, "a"),
    "images.postgres": "a",
    "images.pullPolicy": "Always",
    "images.pullSecrets": ["a"],
    "control.replicas": 2,
    "storage.replicas": 2,
    "control.serverUrl": "https://b.example.org/",
    "control.basePath": "/b",
    "control.allowedOrigins": ["https://c"],
    "control.trustedProxies": ["10.0.0.1"],
    "control.frameAncestors": "'none'",
    "control.serviceType": "NodePort",
    "control.serviceAnnotations": {"a": "b"},
    "control.ingress.host": "b.example.org",
    "control.ingress.path": ({"control": {"ingress": INGRESS}}, "/b"),
    "control.ingress.className": ({"control": {"ingress": INGRESS}}, "b"),
    "control.ingress.tlsSecretName": ({"control": {"ingress": INGRESS}}, "b"),
    "control.ingress.annotations": ({"control": {"ingress": INGRESS}}, {"a": "b"}),
    "control.httpRoute.hostnames": ({"control": {"httpRoute": ROUTE}}, ["b.example.org"]),
    "control.httpRoute.path": ({"control": {"httpRoute": ROUTE}}, "/b"),
    "control.httpRoute.annotations": ({"control": {"httpRoute": ROUTE}}, {"a": "b"}),
    "control.httpRoute.parentRefs": ({"control": {"httpRoute": ROUTE}}, [{"name": "b", "namespace": "c", "sectionName": "d"}]),
    "storage.volume.size": "1Ti",
    "storage.volume.storageClassName": "b",
    "storage.dicom.enabled": False,
    "storage.dicom.port": 104,
    "storage.dicom.serviceType": "NodePort",
    "storage.dicom.serviceAnnotations": {"a": "b"},
    "storage.dicom.nodePort": ({"storage": {"dicom": {"serviceType": "NodePort"}}}, 30104),
    "storage.dicom.allowedNetworks": ["10.0.0.0/8"],
    "storage.dicom.aeTitle": "B",
    "storage.dicom.processes": 2,
    "render.pools.default.replicas": 2,
    "render.pools.default.slots": 2,
    "render.pools.default.volumeBudget": "1Gi",
    "render.pools.default.workers": 2,
    "render.pools.default.threads": 2,
    "render.pools.default.bandwidth": 2,
    "render.pools.default.image": "a",
    "render.pools.default.gpu.mode": "DevicePlugin",
    "render.pools.default.gpu.resourceName": ({"render": {"pools": {"default": {"gpu": {"mode": "DevicePlugin"}}}}}, "a.b/c"),
    "render.pools.default.gpu.count": ({"render": {"pools": {"default": {"gpu": {"mode": "DevicePlugin"}}}}}, 2),
    "render.pools.default.gpu.deviceClassName": (
        {"render": {"pools": {"default": {"gpu": {"mode": "DRA", "deviceClassName": "a"}}}}},
        "b",
    ),
    "database.external.secretName": ({"database": {"external": {"secretName": "a"}}}, "b"),
    "database.external.key": ({"database": {"external": {"secretName": "a"}}}, "b"),
    "database.cloudNativePG.clusterName": ({"database": {"cloudNativePG": {"clusterName": "a"}}}, "b"),
    "database.embedded.volume.size": "1Ti",
    "database.embedded.volume.storageClassName": "b",
    "sessions.idleSeconds": 61,
    "sessions.lifetimeSeconds": 61,
    "sessions.slotIdleSeconds": 61,
    "sessions.placement": "VolumeAffinity",
    "licence.publicKeys": [PUBLIC_KEY],
    "licence.secretName": ({"licence": {"publicKeys": [PUBLIC_KEY]}}, "b"),
    "licence.key": ({"licence": {"publicKeys": [PUBLIC_KEY], "secretName": "b"}}, "c"),
    "tls.enabled": False,
    "networkPolicy.enabled": False,
    "networkPolicy.metricsNamespaces": ["a"],
    "logLevel": "debug",
} | {f"{component}.{path}": value for component in COMPONENTS for path, value in OVERRIDES.items()}  # fmt: skip
DECIDED_ELSEWHERE = {
    "dataPolicy",  # reconcile/test_life.py
    "render.pools.default.externalScaling",  # reconcile/test_life.py
    "render.pools.default.drainSeconds",  # scaling/test_decision.py, as the next ones
    "render.pools.default.autoscaling.minReplicas",
    "render.pools.default.autoscaling.maxReplicas",
    "render.pools.default.autoscaling.bufferSlots",
    "render.pools.default.autoscaling.stabilizationSeconds",
}


def leaves(schema: dict, path: str = ""):
    """Yield the paths of all fields that hold a value; of pools the default one."""
    if "properties" in schema:
        for name, node in schema["properties"].items():
            yield from leaves(node, f"{path}.{name}" if path else name)
    elif path == "render.pools":
        yield from leaves(schema["additionalProperties"], f"{path}.default")
    else:
        yield path


def changed(base: dict, path: str, value: object) -> dict:
    """Return the spec with one field set."""
    head, _, rest = path.partition(".")
    return base | {head: changed(base.get(head, {}), rest, value) if rest else value}


def text(cluster) -> str:
    images = wanted_images(cluster, "0.0.0")
    job = desired.finished(cluster, database.migration(cluster, (images["control"], images["storage"])))
    return json.dumps([*desired.surroundings(cluster), *desired.workloads(cluster, Plan(images)), job])


def test_no_field_is_forgotten_here():
    assert set(leaves(structural_schema(ClusterSpec))) == set(CHANGES) | DECIDED_ELSEWHERE
    assert issubclass(ClusterSpec, Resource)


@pytest.mark.parametrize("path", CHANGES)
def test_changing_a_field_changes_the_objects(cluster_of, path):
    base, value = CHANGES[path] if isinstance(CHANGES[path], tuple) else ({}, CHANGES[path])
    if path.startswith("database.embedded"):
        base = {"database": {"embedded": {}}}
    assert text(cluster_of(base)) != text(cluster_of(changed(base, path, value)))
