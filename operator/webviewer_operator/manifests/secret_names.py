"""The Secrets of a cluster and their keys."""

from __future__ import annotations

from webviewer_operator.api.spec import PodOverrides
from webviewer_operator.cluster import Cluster
from webviewer_operator.manifests import naming

KEYS = "keys"
"""Instance key: signs grants, derives secrets of links. Losing it ends sessions and links."""
INSTANCE_KEY = "instance.key"
NODES = "nodes"
NODE_SECRET = "node-secret"  # noqa: S105 - a key
METRICS_TOKEN = "metrics-token"  # noqa: S105 - a key
ADMIN = "admin"
ADMIN_PASSWORD = "initial-admin-password"  # noqa: S105 - a key
AUTHORITY = "ca"
"""Signs the certificates of the parts. No pod gets its key."""
TLS = {"control": "control-tls", "storage": "storage-tls", "render": "render-tls"}
"""Certificates by component. A render pod, which decodes what strangers sent, has no other's."""
TLS_CERTIFICATE = "tls.crt"
TLS_KEY = "tls.key"
AUTHORITIES = "ca.crt"
DATABASE = "database"
DATABASE_PASSWORD = "password"  # noqa: S105 - a key
NEXT_PASSWORD = "next-password"  # noqa: S105 - a key
"""While the password is being changed: what it will be."""
DATABASE_URI = "uri"


def referred(overrides: PodOverrides) -> list[tuple[str, str]]:
    """Return (Secret, key) of the variables that a person takes from Secrets."""
    sources = (each.value_from.secret_key_ref for each in overrides.extra_env if each.value_from)
    return [(source.name, source.key) for source in sources if source]


def database_reference(cluster: Cluster) -> tuple[str, str]:
    """Return (Secret, key) that hold the address of PostgreSQL."""
    database = cluster.spec.database
    if database.external:
        return database.external.secret_name, database.external.key
    if database.cloud_native_pg:
        return f"{database.cloud_native_pg.cluster_name}-app", DATABASE_URI
    return naming.object_name(cluster, DATABASE), DATABASE_URI
