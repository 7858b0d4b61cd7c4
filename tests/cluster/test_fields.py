"""Every field of the resource reaches the objects on a real API server; what others own stays theirs."""

import importlib.util
import time
from pathlib import Path

import pytest

from webviewer_operator.cluster import Cluster
from webviewer_operator.kube import port
from webviewer_operator.kube.port import key_of
from webviewer_operator.manifests import database, desired
from webviewer_operator.manifests.desired import APPLIED
from webviewer_operator.manifests.plan import Plan, wanted_images
from webviewer_operator.reconcile.difference import covers
from webviewer_operator.reconcile.reconciler import Reconciler

from .forks import FolderCapacity
from .person import KEPT, MERGE, Person, path_of
from .test_install import skip_without_gateway

TABLE = Path(__file__).parents[1] / "operator" / "manifests" / "test_every_field.py"
VERSION = "1.0.0"
ONLY_GROWS = ("volume.size", "volume.storageClassName", "storage.replicas")


def load_table():
    """Return the module with the table of all fields and values to set, which the pure functions are tested with."""
    spec = importlib.util.spec_from_file_location("every_field", TABLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


every_field = load_table()


def bases() -> dict[str, list[str]]:
    """Return the fields that are set on the same base, by the base's text."""
    found: dict[str, list[str]] = {}
    for path, entry in every_field.CHANGES.items():
        if not path.endswith(ONLY_GROWS):  # see below
            found.setdefault(repr(entry[0] if isinstance(entry, tuple) else {}), []).append(path)
    return found


@pytest.fixture
def reconciler(kube, sessions):
    return Reconciler(kube, FolderCapacity(sessions.folder), time.time, VERSION)


def expected(resource: dict) -> dict[tuple[str, str], dict]:
    """Return what the operator wants in the end, by the pure functions."""
    cluster = Cluster.of(resource)
    images = wanted_images(cluster, VERSION)
    job = desired.finished(cluster, database.migration(cluster, (images["control"], images["storage"])))
    made = [*desired.surroundings(cluster), *desired.workloads(cluster, Plan(images)), job]
    for each in made:
        del each["metadata"]["annotations"][APPLIED]  # it tells digests of secrets, too
    return {key_of(each): each for each in made}


def differences(person) -> list[tuple[str, str]]:
    """Return which objects are not as they should be, and those that should not be there any more."""
    wanted, live = expected(person.cluster()), person.objects()
    left = {key for key in live.keys() - wanted.keys() if key[0] not in KEPT | {"Job"}}
    # A Job cannot be changed: one that has succeeded for these images stays as it was.
    same = {key for key, each in wanted.items() if key in live and (key[0] == "Job" or covers(live[key], each))}
    return sorted(left | (wanted.keys() - same))


async def reach(reconciler, person, seconds: float = 30) -> None:
    """Let rounds pass until all is as it should be."""
    deadline = time.monotonic() + seconds
    while True:
        await reconciler.reconcile(person.namespace, person.name)
        left = differences(person)
        if not left:
            return
        assert time.monotonic() < deadline, f"{left}: {person.status()}"


@pytest.fixture
def provided(give, namespace):
    """What fields may name."""
    for name in ("a", "b", "a-app", "b-app"):
        data = dict.fromkeys(("uri", "b"), "cG9zdGdyZXNxbDovL2E=")
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
        give(path_of(port.SECRET, namespace), body)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "viewer"}}
    give(f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
    level = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 9}
    give("/apis/scheduling.k8s.io/v1/priorityclasses", level)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("base", bases())
async def test_a_change_of_any_field_reaches_the_objects(person, nodes, provided, reconciler, base):
    paths = bases()[base]
    first = every_field.CHANGES[paths[0]]
    start = first[0] if isinstance(first, tuple) else {}
    if "httpRoute" in start.get("control", {}):
        skip_without_gateway(person)
    if start == {}:
        start = {"database": {"embedded": {}}}
    person.apply(start)
    await reach(reconciler, person)
    for path in paths:
        entry = every_field.CHANGES[path]
        value = entry[1] if isinstance(entry, tuple) else entry
        person.apply(every_field.changed(start, path, value))
        await reach(reconciler, person)


async def test_storage_nodes_are_added_and_not_taken_away(person, nodes, reconciler):
    person.apply({"database": {"embedded": {}}})
    await reach(reconciler, person)
    more = {"database": {"embedded": {}}, "storage": {"replicas": 3}}
    person.apply(more)
    await reach(reconciler, person)
    with pytest.raises(AssertionError, match="replicas must not fall"):
        person.apply(more | {"storage": {"replicas": 2}})


async def test_volumes_grow_where_their_class_lets_them(control_plane, namespace, nodes, give, reconciler):
    person = Person(control_plane, namespace)
    name = f"grows-{namespace}"
    storage = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
    storage |= {"provisioner": "example.org/none", "allowVolumeExpansion": True}
    give("/apis/storage.k8s.io/v1/storageclasses", storage)
    for number in range(2):
        body = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"{name}-{number}"}}
        spec = {"capacity": {"storage": "50Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": name}
        spec |= {"hostPath": {"path": "/nowhere"}, "persistentVolumeReclaimPolicy": "Retain"}
        give("/api/v1/persistentvolumes", body | {"spec": spec})

    def wish(size: str) -> dict:
        volume = {"size": size, "storageClassName": name}
        return {"storage": {"volume": volume}, "database": {"embedded": {"volume": volume}}}

    person.apply(wish("10Gi"))
    await reach(reconciler, person)
    person.wait(lambda: len(claims := person.list(port.CLAIM)) == 2 and all(bound(each) for each in claims))
    before = {each["metadata"]["uid"] for each in person.list(port.CLAIM)}
    pods = {each["metadata"]["uid"] for each in nodes.pods("storage")}
    person.apply(wish("20Gi"))
    await reach(reconciler, person)
    claims = person.list(port.CLAIM)
    assert [each["spec"]["resources"]["requests"]["storage"] for each in claims] == ["20Gi", "20Gi"]
    assert {each["metadata"]["uid"] for each in claims} == before
    # The StatefulSet was made anew, and has taken its pods over.
    person.wait(lambda: owned_by(person, nodes))
    assert {each["metadata"]["uid"] for each in nodes.pods("storage")} == pods


def bound(claim: dict) -> bool:
    return claim["status"].get("phase") == "Bound"


def owned_by(person, nodes) -> bool:
    uid = person.get(port.STATEFUL_SET, "viewer-storage")["metadata"]["uid"]
    owners = [each["metadata"].get("ownerReferences", [{}])[0].get("uid") for each in nodes.pods("storage")]
    return owners == [uid]


async def test_a_volume_whose_class_does_not_let_it_grow_is_told(control_plane, namespace, nodes, reconciler):
    person = Person(control_plane, namespace)
    person.apply({"storage": {"volume": {"size": "10Gi"}}})
    await reach(reconciler, person)
    person.wait(lambda: len(person.list(port.CLAIM)) == 2)
    person.apply({"storage": {"volume": {"size": "20Gi"}}})
    await reconciler.reconcile(namespace, person.name)
    found = person.condition("Degraded")
    assert (found["status"], found["reason"]) == ("True", "Refused")
    assert "viewer-storage" in found["message"]
    assert person.get(port.STATEFUL_SET, "viewer-storage")


def test_what_is_deleted_comes_back_and_what_others_own_stays(installed, person, nodes, sessions):
    installed.start(sessions.folder)
    pools = {"default": {}, "night": {"externalScaling": True}}
    person.apply({"control": {"ingress": {"host": "viewer.example.org"}}, "render": {"pools": pools}})
    person.wait_until_ready()
    # An autoscaler or a person sets the replicas of the pool that is theirs.
    scale = path_of(port.DEPLOYMENT, person.namespace, "viewer-render-night") + "/scale"
    person.server.done("PATCH", scale, {"spec": {"replicas": 3}}, MERGE)
    note = {"metadata": {"annotations": {"example.org/note": "mine"}, "labels": {"example.org/team": "a"}}}
    for kind, name in ((port.DEPLOYMENT, "viewer-control"), (port.SERVICE, "viewer-control")):
        person.change(kind, name, note)
    # What is the operator's is changed back.
    person.change(port.DEPLOYMENT, "viewer-control", {"spec": {"replicas": 4}})
    person.wait(lambda: person.get(port.DEPLOYMENT, "viewer-control")["spec"]["replicas"] == 1)
    before = {key: each["metadata"]["uid"] for key, each in person.objects().items()}
    kinds = (port.SERVICE, port.DEPLOYMENT, port.STATEFUL_SET, port.INGRESS, port.BUDGET, port.NETWORK_POLICY)
    deleted = [("Service", "viewer-render"), ("Deployment", "viewer-render-default"), ("StatefulSet", "viewer-storage")]
    deleted += [("Ingress", "viewer-control"), ("PodDisruptionBudget", "viewer-control")]
    deleted += [("NetworkPolicy", "viewer-render"), ("Secret", "viewer-admin")]
    for kind in (*kinds, port.SECRET):
        for name in (name for of, name in deleted if of == kind.name):
            person.server.done("DELETE", path_of(kind, person.namespace, name))

    def back() -> bool:
        now = {key: each["metadata"]["uid"] for key, each in person.objects().items()}
        return now.keys() == before.keys() and all(now[key] != before[key] for key in deleted)

    person.wait(back)
    person.wait_until_ready()
    assert person.get(port.DEPLOYMENT, "viewer-render-night")["spec"]["replicas"] == 3
    for kind in (port.DEPLOYMENT, port.SERVICE):
        metadata = person.get(kind, "viewer-control")["metadata"]
        assert metadata["annotations"]["example.org/note"] == "mine"
        assert metadata["labels"]["example.org/team"] == "a"
    claims = {key: uid for key, uid in before.items() if key[0] == "PersistentVolumeClaim"}
    assert claims.items() <= {key: each["metadata"]["uid"] for key, each in person.objects().items()}.items()
