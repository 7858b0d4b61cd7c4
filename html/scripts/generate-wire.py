"""Print the JSON schemas of the socket messages, from which the TypeScript types are made."""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import TypeAdapter

from webviewer.wire.messages import ClientMessage, ServerMessage


def main() -> None:
    """Write one schema with both directions to the standard output."""
    template = "#/definitions/{model}"
    sent: dict[str, Any] = TypeAdapter(ClientMessage).json_schema(ref_template=template)
    received: dict[str, Any] = TypeAdapter(ServerMessage).json_schema(ref_template=template)
    definitions = {name: _plain(schema) for name, schema in (sent.pop("$defs") | received["$defs"]).items()}
    for name, schema in definitions.items():
        # The server writes every field; the page may leave out what has a default, but never the kind.
        always = (
            set(schema["properties"]) if name in received["$defs"] else {"type", "kind"} & set(schema["properties"])
        )
        schema["required"] = sorted(always | set(schema.get("required", [])))
    received.pop("$defs")
    definitions |= {"ClientMessage": _plain(sent), "ServerMessage": _plain(received)}
    root = {"title": "Wire", "type": "object", "definitions": definitions}
    json.dump(root, sys.stdout, indent=1, sort_keys=True)


def _plain(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """Write tuples as the older schema draft does, and drop titles, which would become types of their own."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _plain(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    if "prefixItems" in result:
        result["items"] = result.pop("prefixItems")
    for field in ("minimum", "maximum", "minLength", "maxLength", "discriminator", "default"):
        result.pop(field, None)
    return result


main()
