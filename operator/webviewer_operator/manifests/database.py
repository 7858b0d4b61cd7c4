"""The embedded PostgreSQL of small sites, and the Job that brings the schemas to a release."""

from __future__ import annotations

import hashlib

from webviewer_operator.api.spec import EmbeddedDatabase
from webviewer_operator.cluster import RETRY, Cluster, Manifest
from webviewer_operator.manifests import naming, pod, secret_names
from webviewer_operator.manifests.plan import Plan
from webviewer_operator.manifests.storage import VOLUME, claim_template

COMPONENT = "database"
MIGRATION = "migration"
NAME = "webviewer"
"""Of the database and of its user."""
_POSTGRES_USER = 999
_FOLDER = "/var/lib/postgresql"
PASSWORD_SCRIPT = r"""
# An attempt before may have changed it already.
if PGPASSWORD="$NEXT_PASSWORD" psql -qc 'SELECT 1' > /dev/null 2>&1; then exit; fi
export PGPASSWORD="$OLD_PASSWORD"
psql -q -v ON_ERROR_STOP=1 <<'SQL'
\getenv next NEXT_PASSWORD
ALTER ROLE CURRENT_USER PASSWORD :'next';
SQL
"""  # noqa: S105 - a script
"""No password gets into arguments, which others on the node could read."""
_JOB_SECONDS = 3600
_JOB_ATTEMPTS = 4


def manifests(cluster: Cluster, plan: Plan) -> list[Manifest]:
    """Return the embedded database, if the spec asks for one."""
    embedded = cluster.spec.database.embedded
    return [_stateful_set(cluster, embedded, plan), _service(cluster)] if embedded else []


def uri(cluster: Cluster, password: str) -> str:
    """Return the address of the embedded database."""
    host = f"{naming.object_name(cluster, COMPONENT)}.{cluster.namespace}.svc"
    return f"postgresql://{NAME}:{password}@{host}:{naming.DATABASE_PORT}/{NAME}"


def migration_name(cluster: Cluster, images: tuple[str, str]) -> str:
    """Return the name of the Job for (control, storage) images; a retry, more storage or another database gives another."""
    where = () if cluster.spec.database.embedded else secret_names.database_reference(cluster)
    nodes = cluster.spec.storage.replicas
    more = (f"{nodes} storage nodes",) if nodes > 1 else ()
    text = "\n".join((*images, cluster.annotations.get(RETRY, ""), *where, *more))
    return naming.object_name(cluster, "migrate", hashlib.sha256(text.encode()).hexdigest()[:10])


def migration(cluster: Cluster, images: tuple[str, str]) -> Manifest:
    """Return the Job that upgrades the schemas of control and of every storage node: each image knows its own."""
    control_image, storage_image = images
    nodes = range(cluster.spec.storage.replicas)
    parts = pod.PodParts(
        component=MIGRATION,
        container=_upgrade(cluster, "control", control_image),
        overrides=cluster.spec.control.pod.model_copy(update={"extra_env": (), "resources": None}),
        resources={"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        volumes=[{"name": VOLUME, "emptyDir": {}}],
        init_containers=[_upgrade(cluster, "storage", storage_image, index) for index in nodes],
        extra={"restartPolicy": "Never"},
    )
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": migration_name(cluster, images),
            "labels": naming.labels(cluster, MIGRATION),
        },
        "spec": {
            "backoffLimit": _JOB_ATTEMPTS,
            "activeDeadlineSeconds": _JOB_SECONDS,
            "template": pod.template(cluster, parts),
        },
    }


def password_job_name(cluster: Cluster, password: str) -> str:
    """Return the name of the Job that gives PostgreSQL this password."""
    return naming.object_name(cluster, "password", hashlib.sha256(password.encode()).hexdigest()[:10])


def password_job(cluster: Cluster, password: str, image: str) -> Manifest:
    """Return the Job that gives the embedded PostgreSQL the next password of the Secret, which is this one."""
    secret = naming.object_name(cluster, secret_names.DATABASE)
    container: Manifest = {
        "name": "password",
        "image": image,
        "command": ["sh", "-ec", PASSWORD_SCRIPT],
        "env": [
            pod.variable("PGHOST", naming.host(cluster, COMPONENT)),
            pod.variable("PGUSER", NAME),
            pod.variable("PGDATABASE", NAME),
            pod.secret_variable("OLD_PASSWORD", secret, secret_names.DATABASE_PASSWORD),
            pod.secret_variable("NEXT_PASSWORD", secret, secret_names.NEXT_PASSWORD),
        ],
    }
    parts = pod.PodParts(
        component=MIGRATION,  # whom the database lets in
        container=container,
        overrides=cluster.spec.control.pod.model_copy(update={"extra_env": (), "resources": None}),
        resources={"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        user=_POSTGRES_USER,
        extra={"restartPolicy": "Never"},
    )
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": password_job_name(cluster, password), "labels": naming.labels(cluster, MIGRATION)},
        "spec": {
            "backoffLimit": _JOB_ATTEMPTS,
            "activeDeadlineSeconds": _JOB_SECONDS,
            "template": pod.template(cluster, parts),
        },
    }


def _upgrade(cluster: Cluster, role: str, image: str, index: int = 0) -> Manifest:
    suffix, which = (f"-{index}", [pod.variable("WEBVIEWER_STORAGE_INDEX", index)]) if index else ("", [])
    return {
        "name": f"{role}-schema{suffix}",
        "image": image,
        "command": ["webviewer"],
        "args": ["db", "upgrade", "--data", pod.DATA, "--role", role],
        "env": [pod.secret_variable("WEBVIEWER_DATABASE_URL", *secret_names.database_reference(cluster)), *which],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "volumeMounts": [{"name": VOLUME, "mountPath": pod.DATA}],
    }


def _stateful_set(cluster: Cluster, embedded: EmbeddedDatabase, plan: Plan) -> Manifest:
    secret = naming.object_name(cluster, secret_names.DATABASE)
    ask = {"exec": {"command": ["pg_isready", "-h", "127.0.0.1", "-U", NAME, "-d", NAME]}, "timeoutSeconds": 5}
    container: Manifest = {
        "name": COMPONENT,
        "image": plan.images[COMPONENT],
        "env": [
            pod.variable("POSTGRES_USER", NAME),
            pod.variable("POSTGRES_DB", NAME),
            pod.secret_variable("POSTGRES_PASSWORD", secret, secret_names.DATABASE_PASSWORD),
            pod.variable("PGDATA", f"{_FOLDER}/data/pgdata"),
        ],
        "ports": [{"name": "postgres", "containerPort": naming.DATABASE_PORT}],
        # Recovery after a crash reads the log of the database first.
        "startupProbe": ask | {"periodSeconds": 2, "failureThreshold": 300},
        "livenessProbe": ask | {"periodSeconds": 10, "failureThreshold": 6},
        "readinessProbe": ask | {"periodSeconds": 5, "failureThreshold": 3},
        "volumeMounts": [
            {"name": VOLUME, "mountPath": f"{_FOLDER}/data"},
            {"name": "run", "mountPath": "/var/run/postgresql"},
        ],
    }
    parts = pod.PodParts(
        component=COMPONENT,
        container=container,
        overrides=embedded.pod,
        resources={"requests": {"cpu": "150m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
        volumes=[{"name": "run", "emptyDir": {}}],
        user=_POSTGRES_USER,
        extra={"terminationGracePeriodSeconds": 60},
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": naming.object_name(cluster, COMPONENT), "labels": naming.labels(cluster, COMPONENT)},
        "spec": {
            "replicas": 0 if cluster.spec.suspend else 1,
            "serviceName": naming.object_name(cluster, COMPONENT),
            "updateStrategy": {"type": "RollingUpdate"},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "selector": {"matchLabels": naming.selector(cluster, COMPONENT)},
            "template": pod.template(cluster, parts),
            "volumeClaimTemplates": [claim_template(cluster, embedded.volume, COMPONENT)],
        },
    }


def _service(cluster: Cluster) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": naming.object_name(cluster, COMPONENT), "labels": naming.labels(cluster, COMPONENT)},
        "spec": {
            "clusterIP": "None",
            "selector": naming.selector(cluster, COMPONENT),
            "ports": [{"name": "postgres", "port": naming.DATABASE_PORT, "targetPort": "postgres"}],
        },
    }
