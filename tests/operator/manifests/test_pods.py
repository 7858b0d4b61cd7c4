"""Pods: admitted under the restricted standard, and started as our command line understands."""

import base64
import json
import re

import pytest
import yaml

from webviewer import cli, settings
from webviewer_operator.manifests import database, desired, naming, quantity, tls
from webviewer_operator.manifests.plan import Plan, wanted_images
from webviewer_operator.manifests.render import MIB


def objects(cluster):
    images = wanted_images(cluster, "0.0.0")
    job = database.migration(cluster, (images["control"], images["storage"]))
    return [job, *desired.workloads(cluster, Plan(images))]


def templates(cluster):
    return [(each, each["spec"]["template"]) for each in objects(cluster) if "template" in each["spec"]]


def find(cluster, kind: str, name: str) -> dict:
    (found,) = [e for e in objects(cluster) if e["kind"] == kind and e["metadata"]["name"] == name]
    return found


KNOWN_OF_THE_POD = {"metadata.name": "viewer-storage-1", "metadata.labels['apps.kubernetes.io/pod-index']": "1"}


def environment(container: dict) -> dict[str, str]:
    """Return the variables as the container sees them."""
    found: dict[str, str] = {}
    for each in container.get("env", []):
        path = each.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
        value = KNOWN_OF_THE_POD[path] if path else each.get("value", "secret")
        found[each["name"]] = re.sub(r"\$\((\w+)\)", lambda name: found[name[1]], value)
    return found


@pytest.mark.parametrize("name", ["small", "large"])
def test_every_pod_meets_the_restricted_standard(cluster_named, name):
    for _, template in templates(cluster_named(name)):
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert all({"emptyDir", "secret"} & set(volume) for volume in pod["volumes"])
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"]
            assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", ["small", "large"])
def test_every_container_is_started_with_settings_that_exist(cluster_named, name, monkeypatch, tmp_path):
    seen = set()
    for _, template in templates(cluster_named(name)):
        pod = template["spec"]
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            if container.get("command") != ["webviewer"]:
                continue
            flags = vars(cli._parser().parse_args(container["args"]))
            seen.add(flags.get("command", "db"))
            with monkeypatch.context() as patch:
                for key, value in environment(container).items():
                    patch.setenv(key, value)
                    known = key.removeprefix("WEBVIEWER_").lower() in settings.Settings.model_fields
                    assert known or not key.startswith("WEBVIEWER_"), key
                values = {k: v for k, v in flags.items() if k in settings.Settings.model_fields}
                loaded = settings.load(values)
            assert loaded.host == ("127.0.0.1" if "db" in container["args"] else "0.0.0.0")
            ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
            if ports:
                assert ports["metrics"] == loaded.metrics_port
            if "dicom" in ports:
                assert ports["dicom"] == loaded.dicom_port
    assert seen == {"control", "storage", "render", "db"}


def test_ports_are_those_that_the_roles_listen_on():
    from webviewer.roles import find_role

    assert {name: find_role(name).default_port for name in ("control", "storage", "render")} == naming.HTTP_PORTS


def test_every_selector_finds_the_pods_it_is_meant_for(cluster_named):
    cluster = cluster_named("large")
    pods = [(workload, template["metadata"]["labels"]) for workload, template in templates(cluster)]
    for each in [*objects(cluster), *desired.surroundings(cluster)]:
        if each["kind"] == "Service":
            wanted = dict(each["spec"]["selector"])
            wanted.pop("statefulset.kubernetes.io/pod-name", None)
        elif each["kind"] == "PodDisruptionBudget":
            wanted = each["spec"]["selector"]["matchLabels"]
        elif each["kind"] == "NetworkPolicy":
            wanted = each["spec"]["podSelector"]["matchLabels"]
        else:
            continue
        assert any(wanted.items() <= labels.items() for _, labels in pods), each["metadata"]["name"]


def test_a_person_s_labels_never_take_a_pod_away_from_its_selector(cluster_of):
    cluster = cluster_of({"control": {"pod": {"labels": {naming.COMPONENT: "mine", "team": "a"}}}})
    labels = find(cluster, "Deployment", "viewer-control")["spec"]["template"]["metadata"]["labels"]
    assert labels[naming.COMPONENT] == "control"
    assert labels["team"] == "a"


def test_overrides_reach_the_pods_of_their_component_only(cluster_of):
    pod = {
        "annotations": {"a": "b"},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "priorityClassName": "high",
        "serviceAccountName": "viewer",
        "extraEnv": [
            {"name": "WEBVIEWER_LOG_LEVEL", "value": "debug"},
            {"name": "TZ", "value": "UTC"},
            {"name": "PASSWORD", "value": "", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}},
            {"name": "PLACE", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "d"}}},
        ],
        "resources": {"limits": {"memory": "3Gi"}},
    }
    cluster = cluster_of({"storage": {"pod": pod}})
    for workload, template in templates(cluster):
        mine = workload["metadata"]["name"] == "viewer-storage"
        spec, container = template["spec"], template["spec"]["containers"][0]
        assert ("annotations" in template["metadata"]) is mine
        for key in ("nodeSelector", "tolerations", "affinity", "priorityClassName", "serviceAccountName"):
            assert (spec.get(key) == pod[key]) is mine
        assert (environment(container).get("TZ") == "UTC") is mine
        assert (container["resources"] == {"limits": {"memory": "3Gi"}}) is mine
        if mine:
            assert environment(container)["WEBVIEWER_LOG_LEVEL"] == "debug"
            assert [each for each in container["env"] if each["name"] in {"PASSWORD", "PLACE"}] == [
                {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}},
                {"name": "PLACE", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "d"}}},
            ]
            names = [each["name"] for each in container["env"]]
            assert len(names) == len(set(names))


def test_a_suspended_cluster_has_no_pods_and_keeps_its_volumes(cluster_of):
    cluster = cluster_of({"suspend": True})
    replicas = {e["metadata"]["name"]: e["spec"]["replicas"] for e in objects(cluster) if "replicas" in e["spec"]}
    assert set(replicas.values()) == {0}
    assert set(replicas) == {"viewer-database", "viewer-storage", "viewer-render-default", "viewer-control"}
    for each in objects(cluster):
        if each["kind"] == "StatefulSet":
            assert each["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"


def test_memory_for_series_is_asked_for_with_a_gibibyte_beside_it(cluster_of):
    cluster = cluster_of({"render": {"pools": {"default": {"volumeBudget": "6Gi"}}}})
    pod = find(cluster, "Deployment", "viewer-render-default")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    budget = int(environment(container)["WEBVIEWER_VOLUME_BUDGET_BYTES"])
    assert budget == 6 * 1024 * MIB
    assert quantity.parse(container["resources"]["requests"]["memory"]) == budget + 1024 * MIB


def test_a_gpu_is_asked_for_in_the_way_of_its_mode(cluster_named):
    cluster = cluster_named("large")
    plugin = find(cluster, "Deployment", "large-render-default")["spec"]["template"]["spec"]
    assert plugin["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert "resourceClaims" not in plugin
    claimed = find(cluster, "Deployment", "large-render-shared")["spec"]["template"]["spec"]
    assert claimed["containers"][0]["resources"]["claims"] == [{"name": "gpu"}]
    assert claimed["resourceClaims"][0]["resourceClaimTemplateName"].startswith("large-render-shared-")
    plain = find(cluster, "Deployment", "large-render-plain")["spec"]["template"]["spec"]
    assert "NVIDIA_DRIVER_CAPABILITIES" not in environment(plain["containers"][0])


def test_the_pages_are_told_the_address_that_the_ingress_gives_them(cluster_named):
    for name, url in (
        ("small", "https://viewer.example.org/"),
        ("large", "https://viewer.example.org/web-viewer/"),
    ):
        pod = find(cluster_named(name), "Deployment", f"{name}-control")["spec"]["template"]["spec"]
        assert environment(pod["containers"][0])["WEBVIEWER_SERVER_URL"] == url


def test_nodes_reach_control_before_it_is_ready_because_they_need_its_keys_to_start(cluster_of):
    service = find(cluster_of(), "Service", "viewer-control-nodes")
    assert service["spec"]["publishNotReadyAddresses"] is True
    pod = find(cluster_of(), "StatefulSet", "viewer-storage")["spec"]["template"]["spec"]
    assert "//viewer-control-nodes." in environment(pod["containers"][0])["WEBVIEWER_CONTROL_URL"]


def test_a_rendering_pod_reaches_nothing_but_what_it_needs(cluster_of):
    policies = {
        e["metadata"]["name"]: e["spec"] for e in desired.surroundings(cluster_of()) if e["kind"] == "NetworkPolicy"
    }
    egress = policies["viewer-render"]["egress"]
    reached = {port["port"] for rule in egress for port in rule["ports"]}
    assert reached == {53, 8443, 8091}
    assert all("to" in rule for rule in egress if rule["ports"][0]["port"] != 53)


def test_a_change_of_any_field_changes_the_digest_on_the_object(cluster_of):
    def digest(spec: dict) -> str:
        return find(cluster_of(spec), "Deployment", "viewer-control")["metadata"]["annotations"][desired.APPLIED]

    assert digest({}) != digest({"control": {"replicas": 2}})
    assert digest({}) == digest({"storage": {"volume": {"size": "1Ti"}}})


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [("1Gi", "1024Mi", True), ("0.5", "500m", True), ("1", 1, True), ("1Gi", "1G", False), ("x", "x1", False)],
)
def test_quantities_are_the_same_however_they_are_written(left, right, equal):
    assert quantity.same(left, right) is equal


def test_golden_yaml_has_no_values_of_secrets(cluster_named):
    text = yaml.safe_dump(objects(cluster_named("small")))
    assert "password:" not in text
    assert base64.b64encode(b"webviewer").decode() not in text
    assert "postgresql://" not in json.dumps(objects(cluster_named("small")))


def test_every_storage_node_has_a_name_of_the_certificate_a_schema_and_a_dicom_service(cluster_of):
    cluster = cluster_of({"storage": {"replicas": 3}})
    images = wanted_images(cluster, "0.0.0")
    found = {(each["kind"], each["metadata"]["name"]): each for each in desired.workloads(cluster, Plan(images))}
    [container] = found["StatefulSet", "viewer-storage"]["spec"]["template"]["spec"]["containers"]
    seen = environment(container)
    assert seen["WEBVIEWER_NODE_URL"] == f"https://viewer-storage-1.viewer-storage.{cluster.namespace}.svc:8091"
    assert seen["WEBVIEWER_STORAGE_INDEX"] == "1"
    assert tls.server_names(cluster, "storage")[1] == f"*.viewer-storage.{cluster.namespace}.svc"
    job = database.migration(cluster, (images["control"], images["storage"]))
    steps = job["spec"]["template"]["spec"]["initContainers"]
    assert [environment(step).get("WEBVIEWER_STORAGE_INDEX", "0") for step in steps] == ["0", "1", "2"]
    assert {name for kind, name in found if kind == "Service" and "dicom" in name} == {
        "viewer-dicom", "viewer-dicom-1", "viewer-dicom-2",
    }  # fmt: skip


def test_more_storage_asks_for_its_schemas(cluster_of):
    names = {
        database.migration_name(cluster_of({"storage": {"replicas": replicas}}), ("a", "b")) for replicas in (1, 2, 3)
    }
    assert len(names) == 3
