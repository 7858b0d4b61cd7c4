"""The API server itself judges resources: what it lets in, and what it refuses by the name of the field."""

import copy

import pytest

from webviewer_operator.api import definition

PATH = f"/apis/{definition.API_VERSION}/namespaces/{{}}/{definition.PLURAL}"


def resource(spec: dict, name: str = "viewer") -> dict:
    return {"apiVersion": definition.API_VERSION, "kind": definition.KIND, "metadata": {"name": name}, "spec": spec}


KEY = {"name": "clinic", "key": "client-secret"}


def extra_env(component: str, *variables: dict) -> dict:
    return {component: {"pod": {"extraEnv": [{"name": f"A{n}"} | each for n, each in enumerate(variables)]}}}


@pytest.fixture
def create(control_plane, namespace):
    """Return a function that creates a cluster and returns the answer."""

    def post(spec: dict, name: str = "viewer"):
        return control_plane.ask("POST", PATH.format(namespace) + "?fieldValidation=Strict", resource(spec, name))

    return post


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"database": {"external": {"secretName": "db"}}},
        {"database": {"cloudNativePG": {"clusterName": "db"}}},
        {"control": {"ingress": {"host": "a.example.org"}}, "suspend": True},
        extra_env(
            "storage", {"value": "a"}, {"valueFrom": {"secretKeyRef": KEY}}, {"valueFrom": {"configMapKeyRef": KEY}}
        ),
        {"control": {"pod": {"affinity": {"podAntiAffinity": {}}, "tolerations": [{"operator": "Exists"}]}}},
        {"render": {"pools": {"default": {"autoscaling": {}}, "gpu": {"gpu": {"mode": "DevicePlugin"}}}}},
        {"render": {"pools": {"default": {"gpu": {"mode": "DRA", "deviceClassName": "gpu.nvidia.com"}}}}},
    ],
)
def test_good_clusters_are_let_in(create, spec):
    assert create(spec).status_code == 201


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"version": "with blanks"}, "spec.version"),
        ({"suspend": "yes"}, "spec.suspend"),
        ({"dataPolicy": "Forget"}, "spec.dataPolicy"),
        ({"unknown": 1}, "spec.unknown"),
        ({"images": {"pullPolicy": "Sometimes"}}, "spec.images.pullPolicy"),
        ({"control": {"replicas": 0}}, "spec.control.replicas"),
        ({"control": {"replicas": 17}}, "spec.control.replicas"),
        ({"control": {"serverUrl": "viewer.example.org"}}, "spec.control: Invalid value: serverUrl must begin with"),
        (
            {"control": {"ingress": {"host": "a"}, "httpRoute": {"parentRefs": [{"name": "g"}]}}},
            "spec.control: Invalid value: give ingress or httpRoute, not both",
        ),
        ({"control": {"ingress": {}}}, "spec.control.ingress.host"),
        ({"control": {"httpRoute": {"parentRefs": []}}}, "spec.control.httpRoute.parentRefs"),
        ({"control": {"pod": {"resources": {"limits": {"cpu": "much"}}}}}, "spec.control.pod.resources.limits.cpu"),
        (
            extra_env("control", {"value": "a", "valueFrom": {"secretKeyRef": KEY}}),
            "spec.control.pod.extraEnv[0]: Invalid value: give value or valueFrom, not both",
        ),
        (
            extra_env("storage", {}, {"valueFrom": {"secretKeyRef": KEY, "configMapKeyRef": KEY}}),
            "spec.storage.pod.extraEnv[1].valueFrom: Invalid value: give secretKeyRef or configMapKeyRef, one of them",
        ),
        (
            extra_env("control", {"valueFrom": {}}),
            "spec.control.pod.extraEnv[0].valueFrom: Invalid value: give secretKeyRef or configMapKeyRef, one of them",
        ),
        (
            extra_env("control", {"valueFrom": {"secretKeyRef": {"name": "a"}}}),
            "spec.control.pod.extraEnv[0].valueFrom.secretKeyRef.key: Required value",
        ),
        ({"storage": {"replicas": 17}}, "spec.storage.replicas"),
        ({"storage": {"volume": {"size": "big"}}}, "spec.storage.volume.size"),
        ({"storage": {"dicom": {"port": 70000}}}, "spec.storage.dicom.port"),
        (
            {"storage": {"dicom": {"nodePort": 31112}}},
            "spec.storage.dicom: Invalid value: nodePort is for serviceType NodePort or LoadBalancer",
        ),
        ({"storage": {"dicom": {"aeTitle": "LONGER THAN 16 LETTERS"}}}, "spec.storage.dicom.aeTitle"),
        ({"database": {}}, "spec.database: Invalid value: give exactly one of external, cloudNativePG and embedded"),
        (
            {"database": {"embedded": {}, "external": {"secretName": "db"}}},
            "spec.database: Invalid value: give exactly one of external, cloudNativePG and embedded",
        ),
        ({"render": {"pools": {"other": {}}}}, "spec.render: Invalid value: the pool default is needed"),
        ({"render": {"pools": {"default": {}, "a" * 21: {}}}}, "spec.render: Invalid value: a pool's name has at most"),
        ({"render": {"pools": {"default": {}, "Night": {}}}}, "spec.render: Invalid value: a pool's name has at most"),
        ({"render": {"pools": {"default": {"slots": 0}}}}, "spec.render.pools.default.slots"),
        (
            {"render": {"pools": {"default": {"autoscaling": {}, "externalScaling": True}}}},
            "spec.render.pools[default]: Invalid value: give autoscaling or externalScaling, not both",
        ),
        (
            {"render": {"pools": {"default": {"autoscaling": {"minReplicas": 3, "maxReplicas": 2}}}}},
            "spec.render.pools[default].autoscaling: Invalid value: minReplicas must not be greater than maxReplicas",
        ),
        (
            {"render": {"pools": {"default": {"gpu": {"mode": "DRA"}}}}},
            "spec.render.pools[default].gpu: Invalid value: deviceClassName is needed",
        ),
        (
            {"render": {"pools": {"default": {"gpu": {"deviceClassName": "a"}}}}},
            "spec.render.pools[default].gpu: Invalid value: deviceClassName is for mode DRA only",
        ),
        ({"sessions": {"idleSeconds": 1}}, "spec.sessions.idleSeconds"),
    ],
)
def test_wrong_clusters_are_refused_with_the_field(create, spec, words):
    answer = create(spec)
    assert answer.status_code in {400, 422}, answer.text
    assert words in answer.json()["message"]


@pytest.mark.parametrize("name", ["1viewer", "a.b", "a" * 33])
def test_a_name_of_which_no_objects_can_be_made_is_refused(create, name):
    answer = create({}, name)
    assert answer.status_code == 422
    assert "metadata.name" in answer.json()["message"]


@pytest.mark.parametrize(
    ("before", "after", "field", "words"),
    [
        (
            {"storage": {"volume": {"size": "20Gi"}}},
            {"storage": {"volume": {"size": "10Gi"}}},
            "spec.storage.volume",
            "volumes grow only",
        ),
        (
            {"storage": {"volume": {"storageClassName": "a"}}},
            {"storage": {"volume": {"storageClassName": "b"}}},
            "spec.storage.volume",
            "storageClassName cannot be changed",
        ),
        ({}, {"database": {"external": {"secretName": "db"}}}, "spec.database", "cannot be replaced"),
    ],
)
def test_changes_that_would_lose_data_are_refused(control_plane, namespace, create, before, after, field, words):  # noqa: PLR0913 - a row of a table
    made = create(before).json()
    changed = copy.deepcopy(made) | {"spec": after}
    answer = control_plane.ask("PUT", PATH.format(namespace) + "/viewer", changed)
    assert answer.status_code == 422, answer.text
    assert f"{field}: Invalid value: " in answer.json()["message"]
    assert words in answer.json()["message"]


def test_a_volume_may_grow_however_its_size_is_written(control_plane, namespace, create):
    made = create({"storage": {"volume": {"size": "20Gi"}}}).json()
    changed = copy.deepcopy(made) | {"spec": {"storage": {"volume": {"size": "30000Mi"}}}}
    assert control_plane.ask("PUT", PATH.format(namespace) + "/viewer", changed).status_code == 200


def test_the_scale_subresource_reads_and_sets_the_default_pool(control_plane, namespace, create):
    create({"render": {"pools": {"default": {"replicas": 3}}}})
    path = PATH.format(namespace) + "/viewer"
    assert control_plane.ask("GET", path + "/scale").json()["spec"]["replicas"] == 3
    patch = {"spec": {"replicas": 5}}
    assert control_plane.ask("PATCH", path + "/scale", patch, "application/merge-patch+json").status_code == 200
    spec = control_plane.ask("GET", path).json()["spec"]
    assert spec["render"]["pools"]["default"]["replicas"] == 5


def test_defaults_are_filled_in_to_the_last_leaf(create):
    spec = create({}).json()["spec"]
    assert spec["storage"]["volume"] == {"size": "100Gi"}
    assert spec["database"]["embedded"]["volume"] == {"size": "20Gi"}
    assert spec["render"]["pools"]["default"]["gpu"]["mode"] == "None"
