"""What the client sends over HTTP, and what it makes of the answers."""

import json

import kmock
import pytest
import yaml

from webviewer_operator.kube import client, port
from webviewer_operator.kube.port import ConflictError, NotServedError, RefusedError, UnavailableError

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b", "namespace": "a"}, "data": {"x": "eA=="}}
CLUSTER = {
    "apiVersion": port.CLUSTER.api_version,
    "kind": port.CLUSTER.name,
    "metadata": {"name": "b", "namespace": "a"},
}
PATH = "/api/v1/namespaces/a/secrets/b"
CLUSTER_PATH = "/apis/webviewer.dev/v1alpha1/namespaces/a/webviewerclusters/b"


@pytest.fixture
async def connected(tmp_path, monkeypatch):
    """The client, and the other end of its connection."""
    handler = kmock.RawHandler()
    async with kmock.Server(handler) as server:
        file = tmp_path / "kubeconfig"
        content = {
            "clusters": [{"name": "a", "cluster": {"server": str(server.url).rstrip("/")}}],
            "users": [{"name": "a", "user": {"token": "t"}}],
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        }
        file.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "a"} | content))
        monkeypatch.setenv("KUBECONFIG", str(file))
        async with client.connect() as kube:
            yield kube, handler


async def test_an_apply_is_a_forced_server_side_one_of_our_manager(connected):
    kube, handler = connected
    handler[f"patch {PATH}"] << SECRET
    assert await kube.apply(SECRET) == SECRET
    (request,) = handler
    assert dict(request.url.query) == {"fieldManager": "webviewer-operator", "force": "true"}
    assert request.headers["Content-Type"] == "application/apply-patch+yaml"
    assert request.headers["Authorization"] == "Bearer t"
    assert json.loads(request.body) == SECRET


async def test_a_status_goes_to_the_subresource(connected):
    kube, handler = connected
    handler[f"patch {CLUSTER_PATH}/status"] << CLUSTER
    await kube.apply_status(CLUSTER | {"status": {"phase": "Ready"}})
    (request,) = handler
    assert json.loads(request.body)["status"] == {"phase": "Ready"}


async def test_a_deletion_names_the_very_object(connected):
    kube, handler = connected
    handler[f"delete {PATH}"] << {"kind": "Status"}
    await kube.delete(port.SECRET, "a", "b", "uid-1", "Orphan")
    (request,) = handler
    body = json.loads(request.body)
    assert (body["preconditions"], body["propagationPolicy"]) == ({"uid": "uid-1"}, "Orphan")


async def test_a_long_list_is_read_page_by_page(connected):
    kube, handler = connected

    def page(request):
        first = "continue" not in request.url.query
        item = {"metadata": {"name": "one" if first else "two"}}
        return {"metadata": {"continue": "token"} if first else {}, "items": [item]}

    handler["get /api/v1/namespaces/a/secrets"] << page
    found = await kube.list(port.SECRET, "a", "x=y")
    assert [(each["kind"], each["metadata"]["name"]) for each in found] == [("Secret", "one"), ("Secret", "two")]
    assert [request.url.query["labelSelector"] for request in handler] == ["x=y", "x=y"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RefusedError),
        (403, RefusedError),
        (422, RefusedError),
        (404, NotServedError),
        (409, ConflictError),
        (429, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
async def test_a_refusal_is_told_from_a_failure(connected, status, error):
    kube, handler = connected
    handler[f"patch {PATH}"] << status << {"kind": "Status", "message": "spec.x is wrong"}
    with pytest.raises(error) as raised:
        await kube.apply(SECRET)
    if status != 404:
        assert raised.value.message == "spec.x is wrong"


async def test_what_is_gone_is_null_or_no_error(connected):
    kube, handler = connected
    handler[PATH] << 404 << {"kind": "Status", "message": "not found"}
    handler[f"patch {CLUSTER_PATH}/status"] << 404 << {"kind": "Status", "message": "not found"}
    handler["get /apis/gateway.networking.k8s.io/v1/namespaces/a/httproutes"] << 404 << b"404 page not found"
    assert await kube.get(port.SECRET, "a", "b") is None
    await kube.delete(port.SECRET, "a", "b", "uid-1")
    with pytest.raises(ConflictError):
        await kube.apply_status(CLUSTER | {"status": {}})
    with pytest.raises(NotServedError):
        await kube.list(port.HTTP_ROUTE, "a")


async def test_a_server_that_does_not_answer_is_tried_again_later(tmp_path, monkeypatch):
    content = {"clusters": [{"name": "a", "cluster": {"server": "http://127.0.0.1:1"}}]}
    content |= {"users": [{"name": "a", "user": {"token": "t"}}]}
    content |= {"contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}], "current-context": "a"}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    async with client.connect() as kube:
        with pytest.raises(UnavailableError):
            await kube.get(port.SECRET, "a", "b")
