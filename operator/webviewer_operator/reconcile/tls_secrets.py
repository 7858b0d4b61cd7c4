"""The authority of a cluster and the certificates of its parts: made once, and again before they end or when asked for."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping

from webviewer_operator import certificates
from webviewer_operator.api.definition import GROUP
from webviewer_operator.certificates import Issued
from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.manifests import naming, secret_names, tls
from webviewer_operator.manifests.desired import finished
from webviewer_operator.reconcile.secrets import ROTATION, value

SIGNED_BY = f"{GROUP}/signed-by"
"""Annotation of certificates that we made: a digest of the authority's. One without it is a person's, and left alone."""
TOKEN = "tls"  # noqa: S105 - a name
"""What the annotation ``rotate.webviewer.dev/tls`` asks for: a new authority, and new certificates by it."""


def wanted(cluster: Cluster, existing: Mapping[str, Manifest | None], now: float) -> list[Manifest]:
    """Return the Secrets to apply; ``existing`` are those there, by purpose. None is owned: they outlive the cluster."""
    if not cluster.spec.tls.enabled:
        return []
    live = existing.get(secret_names.AUTHORITY)
    made = _authority(cluster, live, now)
    found = [made] if made else []
    authority = made or live
    for component, purpose in secret_names.TLS.items():
        part = _part(cluster, component, existing.get(purpose), authority, now)
        if part is not None:
            found.append(part)
    return [finished(cluster, each, owned=False) for each in found]


def _authority(cluster: Cluster, live: Manifest | None, now: float) -> Manifest | None:
    """Return the Secret of the authority, null if it is as it has to be.

    Whom pods believe keeps the authority before: while they restart, some still have certificates by that.
    """
    before: dict[str, str] = json.loads(((live or {}).get("metadata", {}).get("annotations") or {}).get(ROTATION, "{}"))
    token = cluster.rotation(TOKEN)
    present = value(live, secret_names.TLS_CERTIFICATE)
    turned = bool(live is not None and token and before.get(TOKEN) != token)
    if present and value(live, secret_names.TLS_KEY) and not turned and not certificates.due(present, now):
        return None
    made = certificates.make_authority(f"{cluster.namespace}/{cluster.name}", now)
    annotations = {ROTATION: json.dumps(before | {TOKEN: token}, sort_keys=True)} if before or token else {}
    content = _content(made, made.certificate + present)
    return _secret(cluster, secret_names.AUTHORITY, "control", annotations, content)


def _part(
    cluster: Cluster, component: str, live: Manifest | None, authority: Manifest | None, now: float
) -> Manifest | None:
    """Return the Secret of a component's certificate, null if it is as it has to be."""
    signer = Issued(value(authority, secret_names.TLS_CERTIFICATE), value(authority, secret_names.TLS_KEY))
    digest = hashlib.sha256(signer.certificate.encode()).hexdigest()[:32]
    names = tls.server_names(cluster, component)
    annotations = (live or {}).get("metadata", {}).get("annotations") or {}
    present = value(live, secret_names.TLS_CERTIFICATE)
    if present and value(live, secret_names.TLS_KEY):
        settled = annotations.get(SIGNED_BY) == digest and certificates.names_of(present) == names
        if SIGNED_BY not in annotations or (settled and not certificates.due(present, now)):
            return None
    content = _content(certificates.issue(signer, names, now), value(authority, secret_names.AUTHORITIES))
    return _secret(cluster, secret_names.TLS[component], component, {SIGNED_BY: digest}, content)


def _content(made: Issued, authorities: str) -> dict[str, str]:
    return {
        secret_names.TLS_CERTIFICATE: made.certificate,
        secret_names.TLS_KEY: made.key,
        secret_names.AUTHORITIES: authorities,
    }


def _secret(
    cluster: Cluster, purpose: str, component: str, annotations: Mapping[str, str], content: Mapping[str, str]
) -> Manifest:
    metadata: Manifest = {
        "name": naming.object_name(cluster, purpose),
        "labels": naming.labels(cluster, component),
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    data = {key: base64.b64encode(text.encode()).decode() for key, text in content.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls", "data": data}
