"""Namespaces of tests, and how they go again."""

from __future__ import annotations

from webviewer_operator.api import definition
from webviewer_operator.kube import port

from .control_plane import Server
from .person import MERGE, path_of

CRD = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition.PLURAL}.{definition.GROUP}"


def remove_namespace(server: Server, name: str) -> None:
    """Delete a namespace; clusters in it have no operator any more to let them go."""
    listed = server.ask("GET", path_of(port.CLUSTER, name))
    for each in listed.json()["items"] if listed.is_success else ():
        path = path_of(port.CLUSTER, name, each["metadata"]["name"])
        server.ask("DELETE", path)
        server.ask("PATCH", path, {"metadata": {"finalizers": None}}, MERGE)
    server.ask("DELETE", f"/api/v1/namespaces/{name}")
