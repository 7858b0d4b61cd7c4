"""What the chart renders: for every kind of installation, as Kubernetes wants it."""

import importlib.util
import re
from pathlib import Path

import kubernetes.client
import pytest
import yaml

from webviewer import __version__, cli
from webviewer_operator import probes

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "webviewer"
MONITORING = 'monitoring={"monitors":{"enabled":true},"rules":{"enabled":true},"dashboards":{"enabled":true}}'
MATRIX = {
    "default": (),
    "cluster-wide": ("watch.clusterWide=true",),
    "namespaces": ('watch.namespaces=["imaging","research"]',),
    "monitoring": (MONITORING,),
    "monitoring of all": (MONITORING, "watch.clusterWide=true", 'networkPolicy.metricsNamespaces=["monitoring"]'),
    "no definitions": ("crds.create=false",),
    "definitions go": ("crds.keep=false",),
    "rights of somebody else": ("rbac.create=false", 'serviceAccount={"create":false,"name":"mine"}'),
    "no aggregation": ("rbac.aggregate=false",),
    "release": ('uninstall.policy="Release"',),
    "no hook": ('uninstall.policy="Ignore"', "networkPolicy.enabled=false"),
    "OpenShift": ("user=null",),
    "placed": (
        'nodeSelector={"a":"b"}',
        'tolerations=[{"key":"a","operator":"Exists"}]',
        'affinity={"podAntiAffinity":{}}',
        'priorityClassName="system-cluster-critical"',
        'image={"digest":"sha256:' + "0" * 64 + '","pullSecrets":["registry"]}',
        'extraEnv=[{"name":"TZ","value":"UTC"}]',
        'podLabels={"team":"1"}',
        'podAnnotations={"a":"true"}',
        'labels={"cost":"12"}',
        'serviceAccount.annotations={"a":"1"}',
    ),
    "names": ('fullnameOverride="op"',),
}
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def pods(manifests):
    """Yield (kind, spec of the pod) of everything that runs."""
    for each in manifests:
        if each["kind"] == "Pod":
            yield "Pod", each["spec"]
        elif each["kind"] in {"Deployment", "Job"}:
            yield each["kind"], each["spec"]["template"]["spec"]


def unknown_fields(value, kind: str, path: str = ""):
    """Yield the fields that the type of the API does not have."""
    inner = re.fullmatch(r"(?:list|List|dict|Dict)[\[(](?:str, *)?(.+)[\])]", kind)
    if inner:
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from unknown_fields(each, inner[1], f"{path}[{name}]")
        return
    model = getattr(kubernetes.client, kind, None)
    if model is None or not hasattr(model, "openapi_types"):
        return
    names = {outer: inner for inner, outer in model.attribute_map.items()}
    for name, each in value.items():
        if name not in names:
            yield f"{path}.{name}"
        elif each is not None:
            yield from unknown_fields(each, model.openapi_types[names[name]], f"{path}.{name}")


def model_of(manifest):
    """Return the name of the API's type; None for kinds of others."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    if group.endswith("monitoring.coreos.com"):
        return None
    return f"V1{manifest['kind']}" if version == "v1" else None


@pytest.mark.parametrize("settings", MATRIX.values(), ids=MATRIX)
def test_helm_lint_finds_nothing(helm, settings):
    values = [part for each in settings for part in ("--set-json", each)]
    done = helm.run("lint", "--strict", f"{CHART}", *values)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("settings", MATRIX.values(), ids=MATRIX)
def test_every_object_is_one_that_the_api_knows(rendered, settings):
    manifests = rendered(*settings)
    keys = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in manifests]
    assert len(keys) == len(set(keys))
    for each in manifests:
        kind = model_of(each)
        for name, value in {**each["metadata"]["labels"], **each["metadata"].get("annotations", {})}.items():
            assert isinstance(value, str), (each["kind"], name)
        if kind:
            assert list(unknown_fields(each, kind, each["kind"])) == []
            # The definition's schema has defaults and rules that only the API server reads.
            if each["kind"] != "CustomResourceDefinition":
                getattr(kubernetes.client, kind).from_dict(each)


def test_the_check_of_fields_sees_a_wrong_one(rendered, only):
    deployment = yaml.safe_load(yaml.safe_dump(only(rendered(), "Deployment")))
    deployment["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    deployment["spec"]["replica"] = 1
    assert set(unknown_fields(deployment, "V1Deployment")) == {
        ".spec.replica",
        ".spec.template.spec.containers[0].readinesProbe",
    }


@pytest.mark.parametrize("settings", MATRIX.values(), ids=MATRIX)
def test_every_pod_meets_the_restricted_standard(rendered, settings):
    found = list(pods(rendered(*settings)))
    assert {"Deployment", "Pod"} <= {kind for kind, _ in found}
    for _, spec in found:
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert all(set(volume) <= {"name", "emptyDir"} for volume in spec.get("volumes", []))
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["readOnlyRootFilesystem"] is True
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]


def test_the_platform_may_give_the_user_number(rendered, only):
    def numbers(manifests):
        return only(manifests, "Deployment")["spec"]["template"]["spec"]["securityContext"].keys()

    assert "runAsUser" in numbers(rendered())
    assert "runAsUser" not in numbers(rendered(*MATRIX["OpenShift"]))


def test_one_operator_runs_and_the_old_one_goes_before_the_new_one_comes(rendered, only):
    spec = only(rendered(), "Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    environment = spec["template"]["spec"]["containers"][0]["env"]
    assert {"name": "LOGNAME", "value": "webviewer-operator"} in environment


@pytest.mark.parametrize(
    ("settings", "namespaces"),
    [
        ((), ["imaging"]),
        (MATRIX["namespaces"], ["imaging", "research"]),
        (MATRIX["cluster-wide"], []),
    ],
    ids=["own", "listed", "all"],
)
def test_the_command_line_is_one_that_the_operator_reads(rendered, only, settings, namespaces):
    container = only(rendered(*settings), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    options = cli._parser().parse_args(container["args"])
    assert container["command"] == ["webviewer"]
    assert options.run is cli._operate
    assert (options.host, options.port, options.namespace) == ("0.0.0.0", 9180, namespaces)


def test_probes_ask_for_paths_that_the_operator_answers(rendered, only):
    container = only(rendered(), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    paths = {route.path for route in probes.create_app(lambda: False).routes}
    asked = {container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked <= paths
    assert container["ports"] == [{"name": "metrics", "containerPort": 9180}]


def test_what_the_jobs_start_is_there(rendered, only):
    command = only(rendered(), "Job")["spec"]["template"]["spec"]["containers"][0]["command"]
    assert command[:2] == ["python3", "-m"]
    assert importlib.util.find_spec(command[2])


def test_the_definitions_are_those_of_the_repository_and_stay(rendered, only):
    source = yaml.safe_load((ROOT / "crds" / "webviewer.dev_webviewerclusters.yaml").read_text(encoding="utf-8"))
    found = only(rendered(), "CustomResourceDefinition")
    assert found["spec"] == source["spec"]
    assert found["metadata"]["name"] == source["metadata"]["name"]
    assert found["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "annotations" not in only(rendered("crds.keep=false"), "CustomResourceDefinition")["metadata"]
    assert not [each for each in rendered("crds.create=false") if each["kind"] == "CustomResourceDefinition"]


def test_the_chart_holds_the_definitions_that_make_generate_copies():
    names = {path.name for path in (ROOT / "crds").glob("*.yaml")}
    assert {path.name for path in (CHART / "files" / "crds").iterdir()} == names
    for name in names:
        assert (CHART / "files" / "crds" / name).read_bytes() == (ROOT / "crds" / name).read_bytes()


def test_chart_and_program_have_one_version(rendered, only):
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["version"] == chart["appVersion"] == __version__
    image = only(rendered(), "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == f"webviewer-operator:{__version__}"


def test_a_digest_wins_over_the_tag(rendered, only):
    image = only(rendered(*MATRIX["placed"]), "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == "webviewer-operator@sha256:" + "0" * 64


def test_names_of_digits_stay_text(helm):
    for each in yaml.safe_load_all(helm.template(namespace="2026", release="7")):
        assert isinstance(each["metadata"]["name"], str)
        assert each["metadata"].get("namespace", "2026") == "2026"
        assert all(isinstance(value, str) for value in each["metadata"]["labels"].values())


def test_the_notes_say_how_to_go_on(helm):
    done = helm.run("install", "viewer", f"{CHART}", "--namespace", "imaging", "--dry-run=client")
    assert done.returncode == 0, done.stderr
    assert "looks after WebViewerClusters in imaging." in done.stdout
    assert "kubectl apply -n imaging" in done.stdout


def test_the_hook_runs_before_anything_is_deleted_and_only_if_it_is_wanted(rendered, only):
    job = only(rendered(), "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"
    assert "--policy=Refuse" in job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert not [each for each in rendered(*MATRIX["no hook"]) if each["kind"] == "Job"]


def test_the_packaged_chart_holds_no_more_than_it_needs(helm, tmp_path):
    done = helm.run("package", f"{CHART}", "--destination", f"{tmp_path}")
    assert done.returncode == 0, done.stderr
    (archive,) = tmp_path.glob("*.tgz")
    assert archive.name == f"webviewer-{__version__}.tgz"
    assert archive.stat().st_size < 200_000  # a release's Secret holds 1 MiB
