"""The operator's rights: all that it uses, and nothing else. It runs a life in memory and what it asks is written down."""

from dataclasses import dataclass, field

import kopf
import pytest

from webviewer_operator import uninstall, watch
from webviewer_operator.kube import port
from webviewer_operator.reconcile.reconciler import Reconciler
from webviewer_operator.testing.controllers import Controllers
from webviewer_operator.testing.memory import MemoryKube

NAMESPACE, NAME = "imaging", "viewer"
# Owners that wait for their children: OwnerReferencesPermissionEnforcement asks for it.
BLOCKING = ("update", "webviewer.dev", "webviewerclusters/finalizers")
CLUSTER_WIDE = {(verb, "apiextensions.k8s.io", "customresourcedefinitions") for verb in ("list", "watch")}
LIVES = [
    {},
    {
        "control": {"ingress": {"host": "a.example.org"}},
        "storage": {"volume": {"size": "100Gi"}},
        "render": {
            "pools": {
                "default": {"slots": 4, "autoscaling": {"maxReplicas": 3, "stabilizationSeconds": 0}},
                "shared": {"gpu": {"mode": "DRA", "deviceClassName": "gpu.nvidia.com"}},
            }
        },
    },
    {
        "control": {"httpRoute": {"parentRefs": [{"name": "public"}]}},
        "storage": {"volume": {"size": "200Gi"}, "dicom": {"enabled": False}},
        "networkPolicy": {"enabled": False},
    },
    {"suspend": True, "dataPolicy": "Delete"},
]


@dataclass
class Watched(MemoryKube):
    """Notes (verb, group, resource) of every request, as the API server asks RBAC."""

    used: set[tuple[str, str, str]] = field(default_factory=set)

    def note(self, kind, *verbs, part=""):
        group = kind.api_version.rpartition("/")[0]
        self.used |= {(verb, group, kind.plural + part) for verb in verbs}

    async def get(self, kind, namespace, name):
        self.note(kind, "get")
        return await super().get(kind, namespace, name)

    async def list(self, kind, namespace, selector=""):
        self.note(kind, "list")
        return await super().list(kind, namespace, selector)

    async def apply(self, manifest):
        kind, metadata = port.kind_of(manifest), manifest["metadata"]
        there = (kind.name, metadata["namespace"], metadata["name"]) in self.objects
        self.note(kind, "patch", *([] if there or "uid" in metadata else ["create"]))
        if metadata.get("ownerReferences"):
            assert all(owner["blockOwnerDeletion"] for owner in metadata["ownerReferences"])
            self.used.add(BLOCKING)
        return await super().apply(manifest)

    async def apply_status(self, manifest):
        self.note(port.kind_of(manifest), "patch", part="/status")
        return await super().apply_status(manifest)

    async def delete(self, kind, namespace, name, uid, propagation="Background"):
        self.note(kind, "delete")
        await super().delete(kind, namespace, name, uid, propagation)


async def live() -> set[tuple[str, str, str]]:
    """Return what the operator asks in the life of a cluster with all that there is."""
    kube = Watched()
    controllers = Controllers(kube)
    time = 1_800_000_000.0
    operator = Reconciler(kube, controllers, lambda: time, "1.0.0")
    for number, spec in enumerate(LIVES):
        metadata = {"name": NAME, "namespace": NAMESPACE}
        resource = {"apiVersion": port.CLUSTER.api_version, "kind": port.CLUSTER.name, "metadata": metadata}
        kube.apply_as("person", resource | {"spec": spec})
        for turn in range(16):
            # Sessions come and go, so that pods are added and drained.
            controllers.queued = 8 if number == 1 and turn < 8 else 0
            await operator.reconcile(NAMESPACE, NAME)
            controllers.step()
            time += 400
    await uninstall.uninstall(kube, [NAMESPACE], "Release")
    kube.apply_as("person", resource | {"spec": LIVES[-1]})
    kube.change(port.CLUSTER, NAMESPACE, NAME, lambda each: each["metadata"].pop("annotations", None))
    await operator.reconcile(NAMESPACE, NAME)
    kube.remove((port.CLUSTER.name, NAMESPACE, NAME))
    await operator.reconcile(NAMESPACE, NAME)
    assert kube.objects.keys() == {key for key in kube.objects if key[0] == "Event"}
    return kube.used | watched()


def watched() -> set[tuple[str, str, str]]:
    """Return what kopf asks for its handlers: a list, then changes."""
    registry = watch._registry(lambda *_: None)
    selectors = [handler.selector for handler in registry._watching.get_all_handlers()]
    names = [(each.group, each.plural or each.any_name) for each in selectors]
    return {(verb, group, plural) for group, plural in names for verb in ("list", "watch")}


def granted(role) -> set[tuple[str, str, str]]:
    found = [
        (verb, group, resource)
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    ]
    assert len(found) == len(set(found))
    assert not [each for each in found if "*" in each]
    return set(found)


async def test_the_role_grants_what_a_life_uses_and_nothing_else(rendered, only):
    used, role = await live(), granted(only(rendered(), "Role"))
    assert sorted(used - role) == []
    assert sorted(role - used) == []


def test_the_cluster_role_grants_the_same_and_lets_kopf_see_new_kinds(rendered, only):
    manifests = rendered("watch.clusterWide=true", "rbac.aggregate=false")
    role = only(manifests, "ClusterRole")
    assert granted(role) == granted(only(rendered(), "Role")) | CLUSTER_WIDE
    binding = only(manifests, "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert not [each for each in manifests if each["kind"] in {"Role", "RoleBinding"}]
    settings = watch._settings(namespaced=True)
    assert isinstance(settings, kopf.OperatorSettings)
    assert settings.scanning.disabled  # so nothing of the cluster is asked for with a Role


@pytest.mark.parametrize("namespaces", [["imaging"], ["imaging", "research"]])
def test_each_namespace_has_a_role_bound_to_the_account_of_the_pod(rendered, only, namespaces):
    manifests = rendered("watch.namespaces=" + str(namespaces).replace("'", '"'))
    account = only(manifests, "ServiceAccount")["metadata"]
    pod = only(manifests, "Deployment")["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == account["name"]
    for kind in ("Role", "RoleBinding"):
        assert [each["metadata"]["namespace"] for each in manifests if each["kind"] == kind] == namespaces
    for binding in (each for each in manifests if each["kind"] == "RoleBinding"):
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
        ]


def test_rights_of_somebody_else_are_left_to_him(rendered):
    kinds = {each["kind"] for each in rendered("rbac.create=false")}
    assert not kinds & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
