"""Writes the OpenAPI document: ``python -m webviewer_control.openapi > images/control/openapi.json``."""

from __future__ import annotations

import json
import sys

from webviewer_control.routes.table import document


def text() -> str:
    """Return the document as it is kept in the repository."""
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
