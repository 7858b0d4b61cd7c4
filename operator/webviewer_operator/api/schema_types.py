"""Types of fields that carry what the API server must know of them: patterns, limits, rules."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema
from pydantic.alias_generators import to_camel

MAX_TEXT = 1024
MAX_ITEMS = 64
_QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?$"
_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_NETWORK = r"^[0-9A-Fa-f:.]+/[0-9]{1,3}$"


class Resource(BaseModel):
    """Base of all models of the resource: camelCase outside, no unknown fields, rules in CEL.

    ``rules`` become ``x-kubernetes-validations``: pairs of an expression and what to say if it is false.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )
    rules: ClassVar[tuple[tuple[str, str], ...]] = ()


def _open_object(description: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "object", "description": description, "x-kubernetes-preserve-unknown-fields": True})


Text = Annotated[str, Field(max_length=MAX_TEXT)]
Name = Annotated[str, Field(min_length=1, max_length=63, pattern=_NAME)]
"""A DNS label."""
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=_SUBDOMAIN)]
"""Name of an object of Kubernetes."""
Key = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
"""A key inside a Secret."""
Quantity = Annotated[str, Field(min_length=1, max_length=24, pattern=_QUANTITY)]
Network = Annotated[str, Field(max_length=64, pattern=_NETWORK)]
"""An address range such as 10.0.0.0/8."""
ImageReference = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[^\s]+$")]
Tag = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
Labels = Annotated[
    dict[str, Annotated[str, Field(max_length=MAX_TEXT)]],
    Field(max_length=MAX_ITEMS),
]
Port = Annotated[int, Field(ge=1, le=65535)]
Affinity = Annotated[dict[str, JsonValue], _open_object("As in a pod.")]
Toleration = Annotated[dict[str, Any], _open_object("As in a pod.")]
Items = Field(max_length=MAX_ITEMS)
