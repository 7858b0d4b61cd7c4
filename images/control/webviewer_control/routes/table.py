"""All endpoints of control."""

from __future__ import annotations

from typing import Any

from webviewer import __version__
from webviewer.web.endpoint import Endpoint, openapi_document
from webviewer_control.routes import (
    api_keys,
    api_link,
    archives,
    audit,
    capacity,
    journal,
    licences,
    link_openings,
    links,
    login,
    nodes,
    overview,
    preferences,
    quarantine,
    sessions,
    sign_on,
    studies,
    system,
    uploads,
    users,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *login.ENDPOINTS,
    *preferences.ENDPOINTS,
    *studies.ENDPOINTS,
    *archives.ENDPOINTS,
    *uploads.ENDPOINTS,
    *quarantine.ENDPOINTS,
    *users.ENDPOINTS,
    *sessions.ENDPOINTS,
    *licences.ENDPOINTS,
    *links.ENDPOINTS,
    *link_openings.ENDPOINTS,
    *api_keys.ENDPOINTS,
    *api_link.ENDPOINTS,
    *sign_on.ENDPOINTS,
    *overview.ENDPOINTS,
    *nodes.ENDPOINTS,
    *journal.ENDPOINTS,
    *audit.ENDPOINTS,
    *capacity.ENDPOINTS,
    *system.ENDPOINTS,
)


def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return openapi_document("WebViewer", __version__, ENDPOINTS)
