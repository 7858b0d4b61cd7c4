"""The examples: clusters that the API server lets in and of which the operator makes objects."""

from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
import yaml

from webviewer_operator.cluster import Cluster
from webviewer_operator.manifests import database, desired, quantity
from webviewer_operator.manifests.plan import Plan, wanted_images

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "webviewer"
DEFINITION = yaml.safe_load((CHART / "files" / "crds" / "webviewer.dev_webviewerclusters.yaml").read_text())
SCHEMA = DEFINITION["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
EXAMPLES = {path.name: yaml.safe_load(path.read_text()) for path in sorted((CHART / "examples").glob("*.yaml"))}


def closed(schema: dict) -> dict:
    """Refuse unknown fields, as the API server does when it is asked to be strict."""
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {name: closed(each) for name, each in schema["properties"].items()}
        result["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            result[key] = closed(schema[key])
    return result


STRICT = closed(SCHEMA["properties"]["spec"])


def test_there_is_an_example_for_each_size():
    assert EXAMPLES.keys() == {"small.yaml", "gpu-pool.yaml", "multi-node.yaml"}


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_fits_the_definition(example):
    version = DEFINITION["spec"]["versions"][0]["name"]
    assert example["apiVersion"] == f"{DEFINITION['spec']['group']}/{version}"
    assert example["kind"] == DEFINITION["spec"]["names"]["kind"]
    jsonschema.Draft202012Validator(STRICT).validate(example["spec"])


def test_the_check_is_strict():
    with pytest.raises(jsonschema.ValidationError, match="replica"):
        jsonschema.Draft202012Validator(STRICT).validate({"control": {"replica": 1}})


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_the_operator_makes_objects_of_an_example(example):
    identity = example["metadata"] | {"namespace": "imaging", "uid": "6c1f1d6e-0000-4000-8000-00000000000a"}
    cluster = Cluster.of(example | {"metadata": identity})
    made = desired.workloads(cluster, Plan(wanted_images(cluster, "1.0.0")))
    found = {(each["kind"], each["metadata"]["name"]) for each in made}
    assert {("Deployment", "viewer-control"), ("StatefulSet", "viewer-storage"), ("Service", "viewer-dicom")} <= found
    database = cluster.spec.database
    assert (("StatefulSet", "viewer-database") in found) == bool(database.embedded)
    assert {name for kind, name in found if kind == "Deployment"} == {
        "viewer-control",
        *(f"viewer-render-{pool}" for pool in cluster.spec.render.pools),
    }


def test_the_examples_show_ingress_gateway_gpus_and_every_database():
    specs = [
        Cluster.of(each | {"metadata": {"name": "a", "namespace": "b", "uid": "c"}}).spec for each in EXAMPLES.values()
    ]
    assert any(spec.control.ingress for spec in specs)
    assert any(spec.control.http_route for spec in specs)
    assert {pool.gpu.mode for spec in specs for pool in spec.render.pools.values()} == {"None", "DevicePlugin"}
    for name in ("embedded", "cloud_native_pg", "external"):
        assert any(getattr(spec.database, name) for spec in specs)


@pytest.mark.parametrize("spec", [{}, EXAMPLES["small.yaml"]["spec"]], ids=["empty", "small"])
def test_a_small_site_asks_for_one_core_and_an_upgrade_of_it_fits_a_node_of_two(spec):
    cluster = Cluster.of({"spec": spec, "metadata": {"name": "a", "namespace": "b", "uid": "c"}})
    images = wanted_images(cluster, "1.0.0")
    workloads = [each["spec"] for each in desired.workloads(cluster, Plan(images)) if "template" in each["spec"]]
    asked = {each["template"]["metadata"]["labels"]["app.kubernetes.io/component"]: cores(each) for each in workloads}
    operator = yaml.safe_load((CHART / "values.yaml").read_text())["resources"]["requests"]["cpu"]
    at_rest = sum(asked.values()) + quantity.parse(operator)
    assert at_rest <= 1
    job = database.migration(cluster, (images["control"], images["storage"]))["spec"]
    # A new pod of the biggest part starts beside the old one; a quarter of the node is for DNS, the network, the kubelet.
    assert at_rest + max(asked["render"], asked["control"], cores(job | {"replicas": 1})) <= 2 * 0.75


def cores(workload: dict) -> Decimal:
    """Return how many cores the pods of a workload ask for."""
    pod = workload["template"]["spec"]
    one = sum(quantity.parse(each["resources"]["requests"]["cpu"]) for each in pod["containers"])
    return workload["replicas"] * one
