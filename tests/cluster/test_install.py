"""`helm install`, a cluster applied, everything there and let in; and then no write request any more."""

import time

import pytest
import yaml

from webviewer import __version__
from webviewer_operator.cluster import Cluster
from webviewer_operator.kube import port
from webviewer_operator.kube.port import key_of
from webviewer_operator.manifests import database, desired
from webviewer_operator.manifests.plan import Plan, wanted_images

from .control_plane import wait_for
from .nodes import Nodes
from .person import KEPT, Person, example, path_of

EXAMPLES = ("small", "multi-node", "gpu-pool")
SMALL = {
    ("Deployment", "viewer-control"),
    ("Deployment", "viewer-render-default"),
    ("StatefulSet", "viewer-storage"),
    ("StatefulSet", "viewer-database"),
    ("Service", "viewer-control"),
    ("Service", "viewer-control-nodes"),
    ("Service", "viewer-storage"),
    ("Service", "viewer-dicom"),
    ("Service", "viewer-render"),
    ("Service", "viewer-render-nodes"),
    ("Service", "viewer-database"),
    ("Ingress", "viewer-control"),
    ("PodDisruptionBudget", "viewer-control"),
    ("PodDisruptionBudget", "viewer-storage"),
    ("PodDisruptionBudget", "viewer-database"),
    ("PodDisruptionBudget", "viewer-render-default"),
    ("NetworkPolicy", "viewer-control"),
    ("NetworkPolicy", "viewer-storage"),
    ("NetworkPolicy", "viewer-database"),
    ("NetworkPolicy", "viewer-render"),
    ("Secret", "viewer-keys"),
    ("Secret", "viewer-nodes"),
    ("Secret", "viewer-admin"),
    ("Secret", "viewer-database"),
    ("Secret", "viewer-ca"),
    ("Secret", "viewer-control-tls"),
    ("Secret", "viewer-storage-tls"),
    ("Secret", "viewer-render-tls"),
    ("PersistentVolumeClaim", "data-viewer-storage-0"),
    ("PersistentVolumeClaim", "data-viewer-database-0"),
}


def expected(resource: dict) -> set[tuple[str, str]]:
    """Return kind and name of all that is owned, by the pure functions."""
    cluster = Cluster.of(resource)
    images = wanted_images(cluster, __version__)
    job = database.migration(cluster, (images["control"], images["storage"]))
    made = [*desired.surroundings(cluster), *desired.workloads(cluster, Plan(images)), job]
    return {key_of(each) for each in made}


def provide(give, namespace: str) -> None:
    """Make what the examples say has to be there."""
    for name in ("viewer-postgres", "imaging-db-app"):
        data = {"uri": "cG9zdGdyZXNxbDovL3dlYnZpZXdlcjphQGRiLmV4YW1wbGUub3JnL3dlYnZpZXdlcg=="}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
        give(path_of(port.SECRET, namespace), secret)
    body = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "clinical"}, "value": 9}
    give("/apis/scheduling.k8s.io/v1/priorityclasses", body)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_becomes_ready_and_then_nothing_is_written(installed, person, nodes, give, name):
    skip_without_gateway(person)
    provide(give, person.namespace)
    operator = installed.start()
    person.apply(example(name)["spec"])
    person.wait_until_ready()
    resource, made = person.cluster(), person.objects()
    if name == "small":
        assert SMALL | {("Job", each) for kind, each in made if kind == "Job"} == made.keys()
    assert {key for key in made if key[0] not in KEPT} == expected(resource)
    for key, each in made.items():
        owners = each["metadata"].get("ownerReferences", [])
        found = [(owner["kind"], owner["uid"], owner["controller"], owner["blockOwnerDeletion"]) for owner in owners]
        wanted = [] if key[0] in KEPT else [("WebViewerCluster", resource["metadata"]["uid"], True, True)]
        assert found == wanted, key
    assert installed.proxy.forbidden == []
    # A person's annotation wakes the operator up: a whole round with nothing to do.
    quiet(installed, operator, person)


def skip_without_gateway(person) -> None:
    """An existing cluster may lack the Gateway API, and Go to fetch it with."""
    if not person.server.ask("GET", "/apis/gateway.networking.k8s.io/v1").is_success:
        pytest.skip("the API server does not know the Gateway API")


def quiet(installed, operator, person) -> None:
    """Let two rounds pass and count what they write, here and at the API server."""
    wait_for(lambda: settled(installed), say=operator.text)
    before, asked = len(installed.proxy.writes), writes_of(installed)
    for number in range(2):
        rounds = operator.rounds()
        person.annotate(note=f"{number}")
        wait_for(lambda seen=rounds: operator.rounds() > seen)
    assert installed.proxy.writes[before:] == []
    if installed.server.audit:
        assert asked, "the API server's log knows of no write of the service account"
        assert writes_of(installed) == asked


def settled(installed) -> bool:
    """Return whether nothing was written while the controllers had nothing more to say."""
    before = len(installed.proxy.writes)
    time.sleep(1.0)
    return len(installed.proxy.writes) == before


def writes_of(installed) -> list[str]:
    """Return the write requests of the service account in the audit log."""
    if installed.server.audit is None:
        return []
    verbs = {"create", "update", "patch", "delete", "deletecollection"}
    return [each["auditID"] for each in installed.asked() if each["verb"] in verbs]


def test_every_pod_is_let_in_where_only_restricted_ones_are(installed, person, nodes, give):
    provide(give, person.namespace)
    installed.start()
    spec = example("multi-node")["spec"]
    spec["database"] = example("small")["spec"]["database"]
    spec["render"]["pools"]["shared"] = {"gpu": {"mode": "DRA", "deviceClassName": "gpu.nvidia.com"}}
    person.apply(spec)
    person.wait_until_ready()
    running = {
        each["metadata"]["labels"]["app.kubernetes.io/component"]
        for each in nodes.pods()
        if each["metadata"]["labels"].get("app.kubernetes.io/instance") == "viewer"
    }
    assert running == {"control", "storage", "render", "database", "migration"}
    refused = [each["message"] for each in person.events() if each["reason"] in {"FailedCreate", "FailedUpdate"}]
    assert refused == []
    # The operator's own pod was let in too.
    assert person.get(port.DEPLOYMENT, "webviewer-operator")["status"]["readyReplicas"] == 1


def test_the_pods_of_the_charts_hooks_are_let_in(installed, control_plane, namespace, helm):
    text = helm.done("get", "hooks", "webviewer", "--namespace", namespace)
    hooks = [each for each in yaml.safe_load_all(text) if each]
    assert {each["kind"] for each in hooks} == {"Job", "Pod"}
    for each in hooks:
        pod = each if each["kind"] == "Pod" else each["spec"]["template"] | {"apiVersion": "v1", "kind": "Pod"}
        pod["metadata"] = {"name": "hook", "labels": pod["metadata"].get("labels", {})}
        answer = control_plane.ask("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod)
        assert answer.status_code == 201, answer.text
        assert "warning" not in {name.lower() for name in answer.headers}


def test_one_operator_for_all_namespaces_has_the_rights_that_it_needs(install, control_plane, new_namespace):
    installed, elsewhere = install("watch.clusterWide=true"), Person(control_plane, new_namespace())
    installed.start()
    with Nodes(control_plane, elsewhere.namespace).working():
        elsewhere.apply({})
        elsewhere.wait_until_ready()
    assert installed.proxy.forbidden == []
