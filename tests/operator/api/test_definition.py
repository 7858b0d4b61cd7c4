"""The CustomResourceDefinition: in step with the models, structural, and strict."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from webviewer_operator.api import definition
from webviewer_operator.api.spec import MAX_POOLS, ClusterSpec

FILE = Path(__file__).parents[3] / "crds" / "webviewer.dev_webviewerclusters.yaml"
VERSION = definition.definition()["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
STRUCTURAL = {
    "type", "description", "properties", "items", "additionalProperties", "required", "default", "enum", "format", "nullable",
    "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "pattern",
    "x-kubernetes-validations", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
}  # fmt: skip


def nodes(schema: dict, path: str = ""):
    yield path, schema
    for name, value in schema.get("properties", {}).items():
        yield from nodes(value, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}[]")


def test_the_file_is_what_make_generate_writes():
    assert FILE.read_text(encoding="utf-8") == definition.text()


def test_every_node_of_the_schema_is_structural():
    for path, node in nodes(SCHEMA):
        assert set(node) <= STRUCTURAL, path
        assert "type" in node, path
        assert not ("properties" in node and "additionalProperties" in node), path


def test_everything_in_the_spec_has_a_size_limit_so_that_rules_stay_affordable():
    for path, node in nodes(SCHEMA["properties"]["spec"]):
        if node["type"] == "array":
            assert "maxItems" in node, path
        if node["type"] == "string":
            assert "maxLength" in node or "enum" in node, path
        if "additionalProperties" in node:
            assert "maxProperties" in node, path


def test_the_scale_subresource_points_at_fields_that_exist():
    scale = VERSION["subresources"]["scale"]
    spec, status = SCHEMA["properties"]["spec"], SCHEMA["properties"]["status"]
    pool = spec["properties"]["render"]["properties"]["pools"]["additionalProperties"]
    assert scale["specReplicasPath"] == ".spec.render.pools.default.replicas"
    assert pool["properties"]["replicas"]["type"] == "integer"
    assert status["properties"][scale["statusReplicasPath"].removeprefix(".status.")]["type"] == "integer"
    assert status["properties"][scale["labelSelectorPath"].removeprefix(".status.")]["type"] == "string"


def test_printer_columns_show_fields_that_exist():
    for column in VERSION["additionalPrinterColumns"]:
        parts = column["jsonPath"].split("[")[0].strip(".").split(".")
        node = SCHEMA["properties"][parts[0]]
        if parts[0] == "metadata":
            continue
        for part in parts[1:]:
            node = node["properties"][part]


def test_the_defaults_of_the_api_server_are_those_of_the_models():
    assert ClusterSpec.model_validate(filled({}, SCHEMA["properties"]["spec"])) == ClusterSpec()
    pools = filled({"render": {"pools": {"default": {"autoscaling": {}}}}}, SCHEMA["properties"]["spec"])
    assert pools["render"]["pools"]["default"]["autoscaling"]["maxReplicas"] == 4


def filled(value, schema: dict):
    """Fill defaults in as the API server does."""
    if isinstance(value, dict):
        for name, node in schema.get("properties", {}).items():
            if name not in value and "default" in node:
                value[name] = yaml.safe_load(yaml.safe_dump(node["default"]))
            if name in value:
                filled(value[name], node)
        for each in value.values() if "additionalProperties" in schema else ():
            filled(each, schema["additionalProperties"])
    return value


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        ({"version": "with blanks"}, "version"),
        ({"suspend": "yes"}, "suspend"),
        ({"dataPolicy": "Forget"}, "dataPolicy"),
        ({"images": {"repository": "Upper"}}, "repository"),
        ({"images": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
        ({"images": {"pullSecrets": ["a"] * 9}}, "pullSecrets"),
        ({"control": {"replicas": 0}}, "replicas"),
        ({"control": {"basePath": "no-slash"}}, "basePath"),
        ({"control": {"ingress": {}}}, "ingress"),
        ({"control": {"ingress": {"host": "Bad_Host"}}}, "host"),
        ({"control": {"httpRoute": {"parentRefs": []}}}, "parentRefs"),
        ({"control": {"serviceType": "ExternalName"}}, "serviceType"),
        ({"control": {"pod": {"resources": {"requests": {"cpu": "much"}}}}}, "cpu"),
        ({"control": {"pod": {"extraEnv": [{"name": "1"}]}}}, "name"),
        (
            {"control": {"pod": {"extraEnv": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a"}}}]}}},
            "secretKeyRef",
        ),
        (
            {
                "control": {
                    "pod": {"extraEnv": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "A_", "key": "b"}}}]}
                }
            },
            "configMapKeyRef",
        ),
        ({"storage": {"replicas": 17}}, "replicas"),
        ({"storage": {"volume": {"size": "big"}}}, "size"),
        ({"storage": {"dicom": {"port": 0}}}, "port"),
        ({"storage": {"dicom": {"aeTitle": "LONGER THAN 16 LETTERS"}}}, "aeTitle"),
        ({"storage": {"dicom": {"allowedNetworks": ["everywhere"]}}}, "allowedNetworks"),
        ({"render": {"pools": {}}}, "pools"),
        ({"render": {"pools": {f"p{n}": {} for n in range(MAX_POOLS + 1)}}}, "pools"),
        ({"render": {"pools": {"default": {"slots": 0}}}}, "slots"),
        ({"render": {"pools": {"default": {"gpu": {"mode": "Some"}}}}}, "mode"),
        ({"render": {"pools": {"default": {"autoscaling": {"maxReplicas": 1000}}}}}, "maxReplicas"),
        ({"sessions": {"idleSeconds": 1}}, "idleSeconds"),
        ({"sessions": {"placement": "Random"}}, "placement"),
        ({"database": {"external": {}}}, "external"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(spec, where):
    errors = list(jsonschema.Draft202012Validator(SCHEMA).iter_errors({"spec": spec}))
    assert errors
    assert any(where in [str(part) for part in error.absolute_path] for error in errors)


@pytest.mark.parametrize("name", ["Default", "a" * 21, "-a", "a_b"])
def test_a_pool_is_named_so_that_objects_can_be(name):
    with pytest.raises(ValueError, match="a pool's name"):
        ClusterSpec.model_validate({"render": {"pools": {"default": {}, name: {}}}})
