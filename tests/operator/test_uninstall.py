"""What becomes of clusters when the operator goes for good."""

import pytest

from webviewer_operator.kube import port
from webviewer_operator.reconcile.reconciler import Reconciler
from webviewer_operator.testing.controllers import Controllers
from webviewer_operator.testing.memory import MemoryKube
from webviewer_operator.uninstall import uninstall


@pytest.fixture
def kube():
    return MemoryKube()


@pytest.fixture
def operator(kube):
    return Reconciler(kube, Controllers(kube), lambda: 1_800_000_000.0, "1.0.0")


async def make(kube, operator, name="viewer", namespace="imaging", **metadata):
    identity = {"name": name, "namespace": namespace} | metadata
    resource = {"apiVersion": port.CLUSTER.api_version, "kind": port.CLUSTER.name, "metadata": identity, "spec": {}}
    kube.apply_as("person", resource)
    await operator.reconcile(namespace, name)
    kube.writes.clear()


async def test_without_clusters_the_operator_may_go(kube):
    for policy in ("Refuse", "Release"):
        assert await uninstall(kube, [], policy) == (0, ["there are no clusters"])


async def test_without_the_definition_there_are_no_clusters(kube):
    kube.unserved.add("WebViewerCluster")
    assert (await uninstall(kube, ["imaging"], "Refuse"))[0] == 0


async def test_refusing_names_the_clusters_and_changes_nothing(kube, operator):
    await make(kube, operator)
    await make(kube, operator, "other", "research")
    status, lines = await uninstall(kube, [], "Refuse")
    assert status == 1
    assert lines[:2] == ["imaging/viewer", "research/other"]
    assert "kubectl delete wvc" in lines[2]
    assert kube.writes == []


async def test_clusters_of_other_namespaces_do_not_matter(kube, operator):
    await make(kube, operator, "other", "research")
    assert (await uninstall(kube, ["imaging"], "Refuse"))[0] == 0


async def test_a_released_cluster_can_be_deleted_without_an_operator(kube, operator):
    await make(kube, operator, finalizers=["example.org/mine"])
    status, lines = await uninstall(kube, ["imaging"], "Release")
    assert status == 0
    assert lines[0].startswith("imaging/viewer: paused and released")
    metadata = (await kube.get(port.CLUSTER, "imaging", "viewer"))["metadata"]
    assert metadata["finalizers"] == ["example.org/mine"]  # what others hold, they hold
    assert metadata["annotations"] == {"webviewer.dev/paused": "true"}


async def test_the_operator_that_still_runs_does_not_hold_a_released_cluster_again(kube, operator):
    await make(kube, operator)
    await uninstall(kube, ["imaging"], "Release")
    await operator.reconcile("imaging", "viewer")
    assert not (await kube.get(port.CLUSTER, "imaging", "viewer"))["metadata"].get("finalizers")
    kube.remove((port.CLUSTER.name, "imaging", "viewer"))
    assert await kube.get(port.CLUSTER, "imaging", "viewer") is None


async def test_the_next_operator_goes_on_once_the_annotation_is_removed(kube, operator):
    await make(kube, operator)
    await uninstall(kube, ["imaging"], "Release")
    kube.change(port.CLUSTER, "imaging", "viewer", lambda each: each["metadata"].pop("annotations"))
    await operator.reconcile("imaging", "viewer")
    assert (await kube.get(port.CLUSTER, "imaging", "viewer"))["metadata"]["finalizers"] == ["webviewer.dev/cleanup"]


async def test_a_cluster_that_has_gone_meanwhile_is_no_error(kube, operator):
    await make(kube, operator)
    before = kube.list

    async def listed(*arguments):
        found = await before(*arguments)
        for each in found:
            each["metadata"]["uid"] = "another one"
        return found

    kube.list = listed
    assert (await uninstall(kube, ["imaging"], "Release"))[0] == 0
