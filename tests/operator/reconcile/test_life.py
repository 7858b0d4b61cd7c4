"""The life of a cluster: made, changed, paused, suspended, deleted."""

import base64
import json

import pytest

from webviewer.wire.keyring import KeyRing
from webviewer_operator.kube import port

WORKLOADS = {
    ("StatefulSet", "database"),
    ("StatefulSet", "storage"),
    ("Deployment", "render-default"),
    ("Deployment", "control"),
}


async def test_a_new_cluster_becomes_ready_and_then_nothing_is_written(world):
    world.apply()
    await world.settle()
    assert world.status["phase"] == "Ready"
    assert world.status["ready"] == "4/4"
    assert world.status["version"] == "1.0.0"
    assert world.status["replicas"] == 1
    assert "webviewer.dev/pool=default" in world.status["selector"]
    assert world.condition("Ready")["observedGeneration"] == 1
    world.kube.writes.clear()
    for _ in range(3):
        await world.round()
    assert world.kube.writes == []


async def test_pods_that_need_the_schema_are_made_after_it(world):
    world.apply()
    await world.round()
    assert ("StatefulSet", "imaging", "viewer-database") in world.kube.objects
    assert world.names("Deployment") == set()
    assert world.names("Job") == set()
    assert world.condition("SchemaMigrated")["status"] == "False"
    world.controllers.step()
    await world.round()
    assert len(world.names("Job")) == 1
    assert world.names("Deployment") == set()
    world.controllers.step()
    await world.round()
    assert world.names("Deployment") == {"viewer-control", "viewer-render-default"}
    assert world.names("StatefulSet") == {"viewer-database", "viewer-storage"}


async def test_more_storage_nodes_start_when_their_schemas_are_there(world):
    world.apply()
    await world.settle()
    world.apply({"storage": {"replicas": 3}})

    def replicas() -> int:
        return world.find("StatefulSet", "viewer-storage")["spec"]["replicas"]

    await world.round()
    assert replicas() == 1
    job = max(world.names("Job"), key=lambda name: int(world.find("Job", name)["metadata"]["resourceVersion"]))
    assert not world.find("Job", job).get("status")
    world.controllers.step()  # it ends
    await world.round()
    assert replicas() == 3
    await world.settle()
    assert world.status["phase"] == "Ready"


async def test_everything_but_the_secrets_belongs_to_the_cluster(world):
    world.apply()
    await world.settle()
    uid = world.find("WebViewerCluster", "viewer")["metadata"]["uid"]
    for key, each in world.kube.objects.items():
        owners = [o["uid"] for o in each["metadata"].get("ownerReferences", [])]
        if key[0] in {"Secret", "PersistentVolumeClaim", "WebViewerCluster", "Event"}:
            assert uid not in owners
        elif key[0] != "Pod":
            assert owners == [uid], key


async def test_secrets_are_made_once_and_are_what_the_roles_read(world):
    world.apply()
    await world.settle()
    tls = {"viewer-ca", "viewer-control-tls", "viewer-storage-tls", "viewer-render-tls"}
    assert world.names("Secret") == {"viewer-keys", "viewer-nodes", "viewer-admin", "viewer-database"} | tls
    before = {name: world.find("Secret", name)["data"] for name in world.names("Secret")}
    ring = KeyRing.parse(base64.b64decode(before["viewer-keys"]["instance.key"]).decode())
    assert len(ring.secret) == 32
    uri = base64.b64decode(before["viewer-database"]["uri"]).decode()
    assert uri.startswith("postgresql://webviewer:")
    assert uri.endswith("@viewer-database.imaging.svc:5432/webviewer")
    world.apply({"control": {"replicas": 2}})
    world.restart()
    await world.settle()
    assert before == {name: world.find("Secret", name)["data"] for name in world.names("Secret")}


async def test_a_secret_that_a_person_made_before_is_left_as_it_is(world):
    own = {"password": "bWluZQ==", "uri": "cG9zdGdyZXNxbDovL2E="}
    metadata = {"name": "viewer-database", "namespace": "imaging"}
    world.kube.apply_as("person", {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": own})
    world.apply()
    await world.settle()
    assert world.find("Secret", "viewer-database")["data"] == own


@pytest.mark.parametrize(
    "kind", ["Service", "Deployment", "StatefulSet", "PodDisruptionBudget", "NetworkPolicy", "Secret"]
)
async def test_a_child_that_somebody_deletes_comes_back(world, kind):
    world.apply()
    await world.settle()
    before = world.names(kind)
    for key in [key for key in world.kube.objects if key[0] == kind]:
        world.kube.remove(key)
    await world.settle()
    assert world.names(kind) == before
    assert world.status["phase"] == "Ready"


async def test_what_somebody_changes_in_our_fields_is_mended_and_what_he_adds_stays(world):
    world.apply()
    await world.settle()

    def change(each):
        each["spec"]["replicas"] = 7
        each["metadata"]["annotations"]["example.org/note"] = "mine"
        each["spec"]["template"]["spec"]["containers"].append({"name": "sidecar", "image": "proxy"})

    world.kube.change(port.DEPLOYMENT, "imaging", "viewer-control", change)
    await world.settle()
    after = world.find("Deployment", "viewer-control")
    assert after["spec"]["replicas"] == 1
    assert after["metadata"]["annotations"]["example.org/note"] == "mine"
    assert [c["name"] for c in after["spec"]["template"]["spec"]["containers"]] == ["control", "sidecar"]


async def test_a_field_that_the_spec_drops_goes_away(world):
    world.apply({"control": {"pod": {"extraEnv": [{"name": "TZ", "value": "UTC"}], "nodeSelector": {"a": "b"}}}})
    await world.settle()
    world.apply({})
    await world.settle()
    pod = world.find("Deployment", "viewer-control")["spec"]["template"]["spec"]
    assert "TZ" not in [each["name"] for each in pod["containers"][0]["env"]]
    assert "nodeSelector" not in pod


async def test_what_is_not_wanted_any_more_is_deleted(world):
    pools = {"default": {}, "second": {"gpu": {"mode": "DRA", "deviceClassName": "gpu"}}}
    world.apply({"render": {"pools": pools}, "control": {"ingress": {"host": "a.example.org"}}})
    await world.settle()
    assert world.names("Ingress") == {"viewer-control"}
    (template,) = world.names("ResourceClaimTemplate")
    assert template.startswith("viewer-render-second-")
    world.apply({"networkPolicy": {"enabled": False}, "storage": {"dicom": {"enabled": False}}})
    await world.settle()
    assert world.names("Ingress") == world.names("ResourceClaimTemplate") == world.names("NetworkPolicy") == set()
    assert "viewer-render-second" not in world.names("Deployment")
    assert "viewer-dicom" not in world.names("Service")


async def test_objects_of_others_are_never_deleted(world):
    world.apply()
    metadata = {"name": "mine", "namespace": "imaging", "labels": {"app.kubernetes.io/instance": "viewer"}}
    world.kube.apply_as("person", {"apiVersion": "v1", "kind": "Service", "metadata": metadata})
    other = {"name": "other", "namespace": "imaging", "ownerReferences": [{"uid": "x"}]}
    other["labels"] = metadata["labels"] | {"app.kubernetes.io/managed-by": "webviewer-operator"}
    world.kube.apply_as("person", {"apiVersion": "v1", "kind": "Service", "metadata": other})
    await world.settle()
    assert {"mine", "other"} <= world.names("Service")


async def test_a_paused_cluster_is_not_touched(world):
    world.apply()
    await world.settle()
    world.apply({"control": {"replicas": 3}}, {"webviewer.dev/paused": "true"})
    world.kube.remove(("Service", "imaging", "viewer-control"))
    await world.settle()
    assert world.status["phase"] == "Paused"
    assert world.find("Deployment", "viewer-control")["spec"]["replicas"] == 1
    assert "viewer-control" not in world.names("Service")
    world.apply({"control": {"replicas": 3}})
    await world.settle()
    assert world.status["phase"] == "Ready"
    assert world.find("Deployment", "viewer-control")["spec"]["replicas"] == 3
    assert "Paused" not in [each["type"] for each in world.status["conditions"]]


async def test_a_suspended_cluster_keeps_everything_but_its_pods(world):
    world.apply()
    await world.settle()
    claims = world.names("PersistentVolumeClaim")
    world.apply({"suspend": True})
    await world.settle()
    assert world.names("Pod") == set()
    assert world.names("PersistentVolumeClaim") == claims
    assert world.status["phase"] == "Suspended"
    world.apply({})
    await world.settle()
    assert world.status["phase"] == "Ready"


async def test_a_deleted_cluster_leaves_its_data_to_the_next_one_of_its_name(world):
    world.apply()
    await world.settle()
    secrets = {name: world.find("Secret", name)["data"] for name in world.names("Secret")}
    world.delete()
    assert world.find("WebViewerCluster", "viewer")["metadata"]["deletionTimestamp"]
    assert await world.round() is None
    assert world.find("WebViewerCluster", "viewer") is None
    assert {key[0] for key in world.kube.objects} == {"Secret", "PersistentVolumeClaim", "Event"}
    assert "DataRetained" in world.events()
    world.apply()
    await world.settle()
    assert secrets == {name: world.find("Secret", name)["data"] for name in world.names("Secret")}
    assert world.status["phase"] == "Ready"


async def test_a_deleted_cluster_takes_its_data_along_if_that_was_asked_for(world):
    world.apply({"dataPolicy": "Delete"})
    await world.settle()
    world.delete()
    await world.round()
    assert {key[0] for key in world.kube.objects} == {"Event"}
    assert "DataDeleted" in world.events()


async def test_a_spec_that_cannot_be_read_changes_nothing_and_is_named(world):
    world.apply()
    await world.settle()
    before = world.content()
    world.apply({"render": {"pools": {"default": {}, "Bad_Name": {}}}})
    await world.round()
    after = world.content()
    assert {k: v for k, v in after.items() if k[0] != "WebViewerCluster"} == {
        k: v for k, v in before.items() if k[0] != "WebViewerCluster"
    }
    assert world.status["phase"] == "Degraded"
    assert "spec.render.pools" in world.condition("SpecInvalid")["message"]
    assert "SpecInvalid" in world.events()
    world.apply()
    await world.settle()
    assert world.status["phase"] == "Ready"


async def test_a_kind_that_the_server_does_not_know_stops_nothing_else(world):
    world.kube.unserved.add("HTTPRoute")
    world.apply({"control": {"httpRoute": {"parentRefs": [{"name": "public"}]}}})
    await world.settle()
    assert world.status["phase"] == "Degraded"
    assert "HTTPRoute" in world.condition("Degraded")["message"]
    assert world.status["ready"] == "4/4"
    world.apply()
    await world.settle()
    assert world.status["phase"] == "Ready"


async def test_a_bigger_volume_is_asked_for_without_losing_a_pod(world):
    world.apply({"storage": {"volume": {"size": "10Gi"}}})
    await world.settle()
    pods = {name for name in world.names("Pod") if "storage" in name}
    uids = {world.find("Pod", name)["metadata"]["uid"] for name in pods}
    world.apply({"storage": {"volume": {"size": "20480Mi"}}})
    await world.settle()
    claim = world.find("PersistentVolumeClaim", "data-viewer-storage-0")
    assert claim["spec"]["resources"]["requests"]["storage"] == "20480Mi"
    template = world.find("StatefulSet", "viewer-storage")["spec"]["volumeClaimTemplates"][0]
    assert template["spec"]["resources"]["requests"]["storage"] == "20480Mi"
    assert uids == {world.find("Pod", name)["metadata"]["uid"] for name in pods}
    assert world.events().count("VolumeExpanded") == 1


async def test_an_external_database_is_waited_for_by_its_secret(world):
    world.apply({"database": {"external": {"secretName": "db", "key": "url"}}})
    await world.settle()
    assert world.names("Job") == world.names("Deployment") == set()
    assert world.condition("DatabaseReady")["status"] == "False"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "imaging"}}
    world.kube.apply_as("person", secret | {"data": {"url": "cG9zdGdyZXNxbDovL2E="}})
    await world.settle()
    assert world.status["phase"] == "Ready"
    assert "viewer-database" not in world.names("StatefulSet")
    old = world.find("Deployment", "viewer-control")["spec"]["template"]["metadata"]["annotations"]
    world.kube.apply_as("person", secret | {"data": {"url": "cG9zdGdyZXNxbDovL2I="}})
    await world.settle()
    new = world.find("Deployment", "viewer-control")["spec"]["template"]["metadata"]["annotations"]
    assert old != new


async def test_a_mig_slice_is_named_as_what_it_cannot_do(world):
    gpu = {"mode": "DevicePlugin", "resourceName": "nvidia.com/mig-1g.10gb"}
    world.apply({"render": {"pools": {"default": {"gpu": gpu}}}})
    await world.settle()
    assert world.condition("GPUModeUnsuitable")["status"] == "True"
    assert "NoOpenGL" in world.events()
    assert world.status["phase"] == "Ready"


async def test_replicas_that_somebody_else_sets_are_left_to_him(world):
    world.apply({"render": {"pools": {"default": {"replicas": 2}}}})
    await world.settle()
    world.apply({"render": {"pools": {"default": {"externalScaling": True}}}})
    await world.settle()
    assert world.find("Deployment", "viewer-render-default")["spec"]["replicas"] == 2

    def scale(each):
        each["spec"]["replicas"] = 5

    world.kube.change(port.DEPLOYMENT, "imaging", "viewer-render-default", scale)
    await world.settle()
    assert world.find("Deployment", "viewer-render-default")["spec"]["replicas"] == 5


async def test_the_keys_that_sign_are_renewed_without_ending_links(world):
    world.apply()
    await world.settle()
    before = KeyRing.parse(base64.b64decode(world.find("Secret", "viewer-keys")["data"]["instance.key"]).decode())
    world.apply({}, {"rotate.webviewer.dev/signing-key": "2027-01"})
    await world.settle()
    secret = world.find("Secret", "viewer-keys")
    after = KeyRing.parse(base64.b64decode(secret["data"]["instance.key"]).decode())
    assert after.signer.public_jwks != before.signer.public_jwks
    assert after.secret == before.secret
    assert json.loads(secret["metadata"]["annotations"]["webviewer.dev/rotation"]) == {"signing-key": "2027-01"}
    assert world.events().count("SecretRotated") == 1
    assert world.status["phase"] == "Ready"


def sums(world) -> dict[str, str]:
    """Return the digests of the secrets by the workload whose pods they restart."""
    templates = {
        name: world.find(kind, f"viewer-{name}")["spec"]["template"]["metadata"]["annotations"]
        for kind, name in WORKLOADS - {("StatefulSet", "database")}
    }
    return {name: annotations["webviewer.dev/secrets"] for name, annotations in templates.items()}


async def test_nodes_restart_after_control_has_the_new_keys(world):
    world.apply()
    await world.settle()
    before = sums(world)
    world.apply({}, {"rotate.webviewer.dev/node-secret": "a"})
    await world.round()
    during = sums(world)
    assert during["control"] != before["control"]
    assert {k: during[k] for k in ("storage", "render-default")} == {
        k: before[k] for k in ("storage", "render-default")
    }
    await world.settle()
    after = sums(world)
    assert all(after[name] != before[name] for name in after)


async def test_pods_restart_when_a_secret_that_they_take_a_variable_from_changes(world):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "oidc", "namespace": "imaging"}}
    world.kube.apply_as("person", secret | {"data": {"password": "/w==", "other": ""}})  # 0xFF is no text
    world.apply()
    await world.settle()
    without = sums(world)
    variable = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "oidc", "key": "password"}}}
    world.apply({"control": {"pod": {"extraEnv": [variable]}}})
    await world.settle()
    before = sums(world)
    assert {name for name in before if before[name] != without[name]} == {"control"}
    world.kube.apply_as("person", secret | {"data": {"password": "/w==", "other": "YQ=="}})
    await world.settle()
    assert sums(world) == before
    world.kube.apply_as("person", secret | {"data": {"password": "YQ=="}})
    await world.settle()
    after = sums(world)
    assert {name for name in after if after[name] != before[name]} == {"control"}


async def test_pods_that_run_stay_while_the_secret_of_a_variable_is_away(world):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "imaging"}}
    world.kube.apply_as("person", secret | {"data": {"b": "YQ=="}})
    variable = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
    world.apply({"storage": {"pod": {"extraEnv": [variable]}}})
    await world.settle()
    before = sums(world)
    world.kube.remove(("Secret", "imaging", "a"))
    await world.settle()
    assert sums(world) == before


async def test_an_event_is_told_once(world):
    world.apply()
    await world.settle()
    assert world.events().count("Ready") == 1
    assert "SchemaMigrated" in world.events()


async def test_a_cluster_that_is_gone_is_nobody_s_business(world):
    assert await world.round() is None
    assert world.kube.writes == []


async def test_the_token_of_scrapers_is_renewed_by_itself(world):
    world.apply()
    await world.settle()
    before = world.find("Secret", "viewer-nodes")["data"]
    world.apply({}, {"rotate.webviewer.dev/metrics-token": "a"})
    await world.settle()
    after = world.find("Secret", "viewer-nodes")["data"]
    assert after["metrics-token"] != before["metrics-token"]
    assert after["node-secret"] == before["node-secret"]


async def test_a_new_password_counts_once_postgresql_has_it(world):
    world.apply()
    await world.settle()
    before = dict(world.find("Secret", "viewer-database")["data"])
    jobs = world.names("Job")
    world.apply({}, {"rotate.webviewer.dev/database-password": "a"})
    await world.round()
    during = world.find("Secret", "viewer-database")["data"]
    assert {key: during[key] for key in before} == before
    assert during["next-password"] != before["password"]
    (job,) = world.names("Job") - jobs
    container = world.find("Job", job)["spec"]["template"]["spec"]["containers"][0]
    assert base64.b64decode(during["next-password"]).decode() not in json.dumps(container)
    # Another wish waits until this one is fulfilled.
    world.apply({}, {"rotate.webviewer.dev/database-password": "b"})
    await world.round()
    assert world.find("Secret", "viewer-database")["data"] == during
    for _ in range(4):
        world.controllers.step()
        await world.round()
    world.controllers.step()
    await world.settle()
    after = world.find("Secret", "viewer-database")["data"]
    assert set(after) == {"password", "uri"}
    assert after["password"] not in {before["password"], during["next-password"]}
    password = base64.b64decode(after["password"]).decode()
    assert f":{password}@" in base64.b64decode(after["uri"]).decode()
    assert len(world.names("Job") - jobs) == 2
    assert world.events().count("SecretRotated") >= 1
    assert world.status["phase"] == "Ready"


async def test_a_password_that_cannot_be_changed_stays_and_is_named(world):
    world.apply()
    await world.settle()
    before = dict(world.find("Secret", "viewer-database")["data"])
    world.controllers.failing.add("postgres:18")
    world.apply({}, {"rotate.webviewer.dev/database-password": "a"})
    for _ in range(4):
        await world.round()
        world.controllers.step()
    during = world.find("Secret", "viewer-database")["data"]
    assert {key: during[key] for key in before} == before
    assert any("the password could not be changed" in each["message"] for each in world.status["conditions"])
