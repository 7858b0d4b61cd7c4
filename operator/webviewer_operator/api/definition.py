"""Makes the CustomResourceDefinition of the models: ``python -m webviewer_operator.api.definition > crds/…``."""

from __future__ import annotations

import sys
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from webviewer_operator.api.schema_types import Resource
from webviewer_operator.api.spec import DEFAULT_POOL, ClusterSpec
from webviewer_operator.api.status import ClusterStatus

GROUP = "webviewer.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "WebViewerCluster"
PLURAL = "webviewerclusters"
SHORT_NAME = "wvc"
_DROPPED = ("title", "additionalProperties", "$defs")
_MAX_NAME = 32
"""Names of objects are made of the cluster's and must stay below 63 characters."""

_COLUMNS = (
    ("Phase", ".status.phase", "string", 0),
    ("Ready", ".status.ready", "string", 0),
    ("Version", ".status.version", "string", 0),
    ("Sessions", ".status.sessions.used", "integer", 0),
    ("Slots", ".status.sessions.slots", "integer", 1),
    ("URL", ".status.url", "string", 1),
    ("Message", '.status.conditions[?(@.type=="Ready")].message', "string", 1),
    ("Age", ".metadata.creationTimestamp", "date", 0),
)


class _Schema(GenerateJsonSchema):
    """Adds the rules of the models, and the defaults of models with all their fields.

    The API server judges a default by the rules before it fills the fields that are missing in it.
    """

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        """Return the schema of a model with its rules."""
        result = super().model_schema(schema)
        model = schema["cls"]
        rules = model.rules if issubclass(model, Resource) else ()
        if rules:
            result["x-kubernetes-validations"] = [{"rule": rule, "message": message} for rule, message in rules]
        return result

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - the signature is pydantic's
        """Return a default as it is written in the resource; null is absent there."""
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", by_alias=True, exclude_none=True)
        if isinstance(dft, dict):
            return {key: self.encode_default(value) for key, value in dft.items()}
        return super().encode_default(dft)


class _Plain(yaml.SafeDumper):
    """Writes equal values each time anew, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - the signature is PyYAML's
        """Return that nothing is referred to."""
        return True


def structural_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the model's schema as the API server wants it: no references, no unions with null."""
    document = model.model_json_schema(by_alias=True, schema_generator=_Schema)
    return _structural(document, document.get("$defs", {}))


def _structural(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    node = dict(node)
    reference = node.pop("$ref", None)
    if reference:
        node = {**definitions[reference.removeprefix("#/$defs/")], **node}
    if "anyOf" in node:
        (given,) = [option for option in node.pop("anyOf") if option.get("type") != "null"]
        node = {**_structural(given, definitions), **node}
        node.pop("default", None)  # absent means null
    values = node.get("additionalProperties")
    result = {key: value for key, value in node.items() if key not in _DROPPED}
    if isinstance(values, dict) and "x-kubernetes-preserve-unknown-fields" not in node:
        result["additionalProperties"] = _structural(values, definitions)
    if "properties" in node:
        properties = node["properties"].items()
        result["properties"] = {name: _structural(value, definitions) for name, value in properties}
    if "items" in node:
        result["items"] = _structural(node["items"], definitions)
    description = result.get("description")
    if description:
        result["description"] = " ".join(description.replace("``", "`").split())
    return result


def definition() -> dict[str, Any]:
    """Return the CustomResourceDefinition."""
    spec, status = structural_schema(ClusterSpec), structural_schema(ClusterStatus)
    name_rule = {
        "rule": f"size(self.metadata.name) <= {_MAX_NAME} && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        "message": f"metadata.name has at most {_MAX_NAME} small letters, digits and hyphens, and begins with a letter",
    }
    schema = {
        "type": "object",
        "description": "An installation of WebViewer: control, storage nodes and pools of render pods.",
        "required": ["spec"],
        "x-kubernetes-validations": [name_rule],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": [SHORT_NAME],
                "categories": ["all"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": f".spec.render.pools.{DEFAULT_POOL}.replicas",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                    "additionalPrinterColumns": [
                        {"name": name, "jsonPath": path, "type": kind, "priority": priority}
                        for name, path, kind, priority in _COLUMNS
                    ],
                }
            ],
        },
    }


def text() -> str:
    """Return the definition as it is kept in the repository."""
    return yaml.dump(definition(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    sys.stdout.write(text())
