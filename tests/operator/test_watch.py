"""Wake-ups by kopf, over HTTP: which clusters a change concerns, and how little is asked for that."""

import asyncio

import httpx2
import kmock
import pytest
import yaml

from webviewer_operator import watch as module
from webviewer_operator.api.definition import API_VERSION, KIND
from webviewer_operator.kube import client, port
from webviewer_operator.manifests.naming import INSTANCE, MANAGED_BY, MANAGER

OURS = {MANAGED_BY: MANAGER, INSTANCE: "viewer"}
CLUSTERS = f"/apis/{API_VERSION}/namespaces/imaging/webviewerclusters"
SECRETS = "/api/v1/namespaces/imaging/secrets"


@pytest.fixture
async def server(tmp_path, monkeypatch):
    """An API server that lists, watches and keeps objects, without any other behaviour."""
    emulator = kmock.KubernetesEmulator()
    verbs = {"get", "list", "watch", "create", "delete", "patch"}
    for kind in (port.CLUSTER, *module._CHILDREN):
        group, _, version = kind.api_version.rpartition("/")
        name = f"{kind.plural}.{version}.{group}" if group else f"{kind.plural}.{version}"
        emulator.resources[name] = kmock.ResourceInfo(kind=kind.name, namespaced=True, verbs=verbs)
    for name, kind in (("namespaces.v1", "Namespace"), ("customresourcedefinitions.v1.apiextensions.k8s.io", "CRD")):
        emulator.resources[name] = kmock.ResourceInfo(kind=kind, namespaced=False, verbs={"get", "list", "watch"})
    async with kmock.Server(emulator) as running:
        url = str(running.url).rstrip("/")
        file = tmp_path / "kubeconfig"
        content = {
            "clusters": [{"name": "a", "cluster": {"server": url}}],
            "users": [{"name": "a", "user": {"token": "t"}}],
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        }
        file.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "a"} | content))
        monkeypatch.setenv("KUBECONFIG", str(file))
        yield url, emulator


async def create(url: str, path: str, kind: str, name: str, labels: dict | None = None) -> None:
    metadata = {"name": name, "namespace": "imaging", "uid": name, "resourceVersion": "1", "labels": labels or {}}
    async with httpx2.AsyncClient(base_url=url) as http:
        answer = await http.post(path, json={"kind": kind, "metadata": metadata, "spec": {}})
        assert answer.is_success, answer.text


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_change_wakes_the_cluster_that_it_concerns(server):
    url, emulator = server
    woken: list[tuple[str, str]] = []
    stop = asyncio.Event()
    watching = asyncio.create_task(module.watch(lambda *key: woken.append(key), ["imaging"], stop))
    await create(url, CLUSTERS, KIND, "first")
    await until(lambda: ("imaging", "first") in woken)
    await create(url, SECRETS, "Secret", "viewer-keys", OURS)
    await until(lambda: ("imaging", "viewer") in woken)
    await create(url, SECRETS, "Secret", "foreign", {INSTANCE: "foreign"})
    await create(url, CLUSTERS, KIND, "last")
    await until(lambda: ("imaging", "last") in woken)
    stop.set()
    await asyncio.wait_for(watching, 30)
    assert ("imaging", "foreign") not in woken
    asked = [request for request in emulator if request.method == "GET" and "/namespaces/" in str(request.url.path)]
    assert {str(request.url.path).split("/namespaces/")[1].split("/")[0] for request in asked} == {"imaging"}
    written = [request for request in emulator if request.method not in {"GET", "POST"}]
    assert written == []


async def test_the_client_reads_lists_of_one_namespace_and_of_all(server):
    url, _ = server
    await create(url, SECRETS, "Secret", "viewer-keys", OURS)
    async with client.connect() as kube:
        for namespace in ("imaging", None):
            (found,) = await kube.list(port.SECRET, namespace, f"{INSTANCE}=viewer")
            assert (found["kind"], found["apiVersion"], found["metadata"]["name"]) == ("Secret", "v1", "viewer-keys")
