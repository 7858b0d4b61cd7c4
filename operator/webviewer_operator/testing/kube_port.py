"""Conformance of :class:`webviewer_operator.kube.port.KubePort`.

Subclass :class:`KubePortConformance` as ``Test…`` and give the fixtures ``kube``, a port, and ``namespace``, an empty one.
"""

from __future__ import annotations

import pytest

from webviewer_operator.cluster import Manifest
from webviewer_operator.kube import port
from webviewer_operator.kube.port import ConflictError, KubePort


def secret(namespace: str, name: str = "one", **fields: object) -> Manifest:
    """Return a small object."""
    metadata = {"name": name, "namespace": namespace, "labels": {"app": "conformance", "name": name}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"a": "MQ=="}} | fields


class KubePortConformance:
    """What the operator relies on."""

    async def test_what_is_not_there_is_null(self, kube: KubePort, namespace: str) -> None:
        assert await kube.get(port.SECRET, namespace, "one") is None
        assert await kube.list(port.SECRET, namespace, "app=conformance") == []

    async def test_an_applied_object_is_found_by_name_and_by_labels(self, kube: KubePort, namespace: str) -> None:
        await kube.apply(secret(namespace))
        await kube.apply(secret(namespace, "two"))
        found = await kube.get(port.SECRET, namespace, "one")
        assert found is not None
        assert (found["kind"], found["data"]) == ("Secret", {"a": "MQ=="})
        listed = await kube.list(port.SECRET, namespace, "app=conformance,name=two")
        assert [(each["kind"], each["metadata"]["name"]) for each in listed] == [("Secret", "two")]
        everywhere = await kube.list(port.SECRET, None, "app=conformance")
        assert {each["metadata"]["namespace"] for each in everywhere} == {namespace}

    async def test_applying_the_same_again_changes_nothing(self, kube: KubePort, namespace: str) -> None:
        first = await kube.apply(secret(namespace))
        second = await kube.apply(secret(namespace))
        assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]

    async def test_a_field_that_is_not_applied_any_more_goes_away(self, kube: KubePort, namespace: str) -> None:
        await kube.apply(secret(namespace, data={"a": "MQ==", "b": "Mg=="}))
        after = await kube.apply(secret(namespace))
        assert after["data"] == {"a": "MQ=="}

    async def test_an_item_of_a_list_goes_away_alone(self, kube: KubePort, namespace: str) -> None:
        def service(*names: str) -> Manifest:
            ports = [{"name": name, "port": 80 + index, "protocol": "TCP"} for index, name in enumerate(names)]
            metadata = {"name": "service", "namespace": namespace}
            return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}

        await kube.apply(service("a", "b"))
        after = await kube.apply(service("a"))
        assert [each["name"] for each in after["spec"]["ports"]] == ["a"]

    async def test_an_object_that_is_gone_is_not_made_again_by_its_uid(self, kube: KubePort, namespace: str) -> None:
        made = await kube.apply(secret(namespace))
        await kube.delete(port.SECRET, namespace, "one", made["metadata"]["uid"])
        again = secret(namespace)
        again["metadata"]["uid"] = made["metadata"]["uid"]
        with pytest.raises(ConflictError):
            await kube.apply(again)
        assert await kube.get(port.SECRET, namespace, "one") is None

    async def test_only_the_very_object_is_deleted(self, kube: KubePort, namespace: str) -> None:
        made = await kube.apply(secret(namespace))
        await kube.delete(port.SECRET, namespace, "one", "00000000-0000-4000-8000-000000000000")
        assert await kube.get(port.SECRET, namespace, "one") is not None
        await kube.delete(port.SECRET, namespace, "one", made["metadata"]["uid"])
        await kube.delete(port.SECRET, namespace, "one", made["metadata"]["uid"])
        assert await kube.get(port.SECRET, namespace, "one") is None

    async def test_status_is_a_matter_of_its_own(self, kube: KubePort, namespace: str) -> None:
        identity = {"apiVersion": port.CLUSTER.api_version, "kind": port.CLUSTER.name}
        metadata = {"name": "viewer", "namespace": namespace}
        made = await kube.apply(identity | {"metadata": metadata, "spec": {"suspend": True}})
        await kube.apply_status(identity | {"metadata": metadata, "status": {"url": "https://a/"}})
        after = await kube.apply(identity | {"metadata": metadata, "spec": {"suspend": False}})
        assert after["status"]["url"] == "https://a/"
        assert after["spec"]["suspend"] is False
        assert after["metadata"]["generation"] == made["metadata"]["generation"] + 1

    async def test_the_status_of_nothing_is_a_conflict(self, kube: KubePort, namespace: str) -> None:
        identity = {"apiVersion": port.CLUSTER.api_version, "kind": port.CLUSTER.name}
        with pytest.raises(ConflictError):
            await kube.apply_status(identity | {"metadata": {"name": "no", "namespace": namespace}, "status": {}})

    async def test_a_finalizer_holds_an_object_until_it_is_taken_away(self, kube: KubePort, namespace: str) -> None:
        held = secret(namespace)
        held["metadata"]["finalizers"] = ["webviewer.dev/conformance"]
        made = await kube.apply(held)
        uid = made["metadata"]["uid"]
        await kube.delete(port.SECRET, namespace, "one", uid)
        found = await kube.get(port.SECRET, namespace, "one")
        assert found is not None
        assert found["metadata"]["deletionTimestamp"]
        free = secret(namespace)
        free["metadata"]["uid"] = uid
        await kube.apply(free)
        assert await kube.get(port.SECRET, namespace, "one") is None

    async def test_fields_know_their_manager(self, kube: KubePort, namespace: str) -> None:
        made = await kube.apply(secret(namespace))
        (entry,) = made["metadata"]["managedFields"]
        assert (entry["manager"], entry["operation"]) == ("webviewer-operator", "Apply")
        assert "f:a" in entry["fieldsV1"]["f:data"]
