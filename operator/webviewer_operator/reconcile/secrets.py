"""Secrets that are made once, and again only when a person asks for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping

from webviewer.wire.keyring import KeyRing
from webviewer_operator.api.definition import GROUP
from webviewer_operator.cluster import Cluster, Manifest
from webviewer_operator.manifests import database, naming, secret_names
from webviewer_operator.manifests.desired import finished

ROTATION = f"{GROUP}/rotation"
"""Annotation of a Secret: the tokens that it was made for."""
SIGNING_KEY = "signing-key"
INSTANCE_KEY = "instance-key"
NODE_SECRET = "node-secret"  # noqa: S105 - a name
METRICS_TOKEN = "metrics-token"  # noqa: S105 - a name
DATABASE_PASSWORD = "database-password"  # noqa: S105 - a name
_OWN = (secret_names.KEYS, secret_names.NODES, secret_names.ADMIN)
_BYTES = 24
_ADMIN_BYTES = 12

Makers = dict[str, Callable[[], str]]


def names(cluster: Cluster) -> dict[str, str]:
    """Return the names of the cluster's own Secrets by purpose."""
    purposes = [*_OWN, *([secret_names.DATABASE] if cluster.spec.database.embedded else [])]
    found = {purpose: naming.object_name(cluster, purpose) for purpose in purposes}
    return found | (names_of_tls(cluster) if cluster.spec.tls.enabled else {})


def names_of_tls(cluster: Cluster) -> dict[str, str]:
    """Return the names of Secrets that TLS needs, or needed before it was switched off."""
    purposes = (secret_names.AUTHORITY, *secret_names.TLS.values())
    return {purpose: naming.object_name(cluster, purpose) for purpose in purposes}


def wanted(cluster: Cluster, existing: Mapping[str, Manifest | None]) -> list[Manifest]:
    """Return the Secrets to apply; ``existing`` are those there, by purpose. None is owned: they outlive the cluster."""
    made = (_made(cluster, purpose, existing.get(purpose)) for purpose in names(cluster) if purpose in _MAKERS)
    return [finished(cluster, each, owned=False) for each in made if each is not None]


def digest(node_secret: str, *contents: Mapping[str, str | None]) -> str:
    """Return a digest of Secrets' data that tells nothing of a weak password to who has not the node secret."""
    text = json.dumps([dict(sorted(content.items())) for content in contents])
    return hmac.digest(node_secret.encode(), text.encode(), hashlib.sha256).hex()[:32]


def value(secret: Manifest | None, key: str) -> str:
    """Return a value of a Secret; empty where it lacks the key."""
    return base64.b64decode(((secret or {}).get("data") or {}).get(key, "")).decode()


def changed_password(cluster: Cluster, live: Manifest) -> Manifest:
    """Return the database's Secret after PostgreSQL has taken the next password."""
    data = dict(live["data"])
    data[secret_names.DATABASE_PASSWORD] = data.pop(secret_names.NEXT_PASSWORD)
    address = database.uri(cluster, base64.b64decode(data[secret_names.DATABASE_PASSWORD]).decode())
    data[secret_names.DATABASE_URI] = base64.b64encode(address.encode()).decode()
    annotations = {ROTATION: live["metadata"]["annotations"][ROTATION]}
    metadata: Manifest = {"name": live["metadata"]["name"], "labels": naming.labels(cluster, "database")}
    secret: Manifest = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data}
    return finished(cluster, secret | {"metadata": metadata | {"annotations": annotations}}, owned=False)


def _token() -> str:
    return secrets.token_urlsafe(_BYTES)


def _made(cluster: Cluster, purpose: str, live: Manifest | None) -> Manifest | None:
    """Return the Secret as it has to be, null if it is so."""
    data = dict((live or {}).get("data") or {})
    annotations = (live or {}).get("metadata", {}).get("annotations") or {}
    before: dict[str, str] = json.loads(annotations.get(ROTATION, "{}"))
    tokens = {name: cluster.rotation(name) for name in _ROTATES[purpose] if cluster.rotation(name)}
    turned = {name for name, token in tokens.items() if live is not None and before.get(name) != token}
    makers = _MAKERS[purpose](cluster, data, turned)
    fresh = {key: make for key, make in makers.items() if turned or key not in data}
    if not fresh:
        return None
    data |= {key: base64.b64encode(make().encode()).decode() for key, make in fresh.items()}
    metadata: Manifest = {
        "name": naming.object_name(cluster, purpose),
        "labels": naming.labels(cluster, "database" if purpose == secret_names.DATABASE else "control"),
    }
    if before | tokens:
        metadata["annotations"] = {ROTATION: json.dumps(before | tokens, sort_keys=True)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}


def _keys(_: Cluster, data: Mapping[str, str], turned: set[str]) -> Makers:
    def ring() -> str:
        made = KeyRing.generate()
        present = data.get(secret_names.INSTANCE_KEY)
        if present and turned == {SIGNING_KEY}:
            # Links and stored passwords live on: only the key that signs grants is new.
            made = KeyRing(made.signer, KeyRing.parse(base64.b64decode(present).decode()).secret)
        return made.text()

    return {secret_names.INSTANCE_KEY: ring}


def _nodes(_: Cluster, data: Mapping[str, str], turned: set[str]) -> Makers:
    """Each is renewed by itself: scrapers keep their token when the secret of the nodes is new."""
    keys = {NODE_SECRET: secret_names.NODE_SECRET, METRICS_TOKEN: secret_names.METRICS_TOKEN}
    return {key: _token for name, key in keys.items() if name in turned or key not in data}


def _admin(_: Cluster, __: Mapping[str, str], ___: set[str]) -> Makers:
    return {secret_names.ADMIN_PASSWORD: lambda: secrets.token_urlsafe(_ADMIN_BYTES)}


def _database(cluster: Cluster, data: Mapping[str, str], turned: set[str]) -> Makers:
    """A new password is written beside the old one: it counts once PostgreSQL has it."""
    present = base64.b64decode(data.get(secret_names.DATABASE_PASSWORD, "")).decode()
    if present and secret_names.NEXT_PASSWORD in data:
        return {}  # one after the other: nobody would know which of two PostgreSQL has
    if present and turned:
        return {secret_names.NEXT_PASSWORD: _token}
    password = present or _token()
    return {
        secret_names.DATABASE_PASSWORD: lambda: password,
        secret_names.DATABASE_URI: lambda: database.uri(cluster, password),
    }


_MAKERS: dict[str, Callable[[Cluster, Mapping[str, str], set[str]], Makers]] = {
    secret_names.KEYS: _keys,
    secret_names.NODES: _nodes,
    secret_names.ADMIN: _admin,
    secret_names.DATABASE: _database,
}
_ROTATES: dict[str, tuple[str, ...]] = {
    secret_names.KEYS: (SIGNING_KEY, INSTANCE_KEY),
    secret_names.NODES: (NODE_SECRET, METRICS_TOKEN),
    secret_names.ADMIN: (),
    secret_names.DATABASE: (DATABASE_PASSWORD,),
}
