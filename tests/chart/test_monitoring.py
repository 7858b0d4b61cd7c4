"""Alerts and dashboards: they ask for what is exported, Prometheus accepts them, and every alert fires when it has to."""

import copy
import json
import re
import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from webviewer_operator.cluster import Cluster
from webviewer_operator.manifests import desired, naming
from webviewer_operator.manifests.plan import Plan, wanted_images

from .exported import exported, parse, problems

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "webviewer"
RUNBOOKS = ROOT / "docs" / "runbooks"
RULES = [
    rule
    for path in sorted((CHART / "files" / "rules").iterdir())
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARDS = {path.name: json.loads(path.read_text()) for path in sorted((CHART / "files" / "dashboards").iterdir())}
KNOWN = exported()
ON = "monitoring.rules.enabled=true"
ALWAYS = "x200"  # minutes, more than are looked at
OPERATOR, CLUSTER = '{namespace="a",pod="o"}', 'namespace="a",cluster="c",pod="p"'


def counted(metric: str, per_minute: float, labels: str = "") -> dict[str, str]:
    return {f"{metric}{{{CLUSTER}{',' if labels else ''}{labels}}}": f"0+{per_minute}{ALWAYS}"}


def measured(metric: str, value: float, labels: str = "") -> dict[str, str]:
    return {f"{metric}{{{CLUSTER}{',' if labels else ''}{labels}}}": f"{value}+0{ALWAYS}"}


def timed(metric: str, fast: str, slow: str, labels: str, *, is_slow: bool) -> dict[str, str]:
    """Ten a minute, all of them in the fast bucket or all in the slow one."""
    before = counted(f"{metric}_bucket", 0 if is_slow else 10, f'{labels},le="{fast}"'.strip(","))
    for bound in (slow, "+Inf"):
        before |= counted(f"{metric}_bucket", 10, f'{labels},le="{bound}"'.strip(","))
    return before


RECONCILES = "webviewer_operator_reconciles_total"
REQUESTS = "webviewer_control_request_seconds_count"
LISTED = 'operation="list_studies",status="2xx"'
LATENCY = "webviewer_render_latency_seconds"
FREE, TOTAL = "webviewer_storage_free_bytes", "webviewer_storage_total_bytes"
INGESTED = "webviewer_storage_ingest_objects_total"
COMMITS = "webviewer_storage_commit_seconds"
# What makes it fire, and what must not.
CASES = {
    "WebViewerOperatorDown": ({}, {f"webviewer_operator_clusters{OPERATOR}": f"0+0{ALWAYS}"}),
    "WebViewerOperatorStalls": (
        {f"webviewer_operator_longest_round_seconds{OPERATOR}": f"100+0{ALWAYS}"},
        {f"webviewer_operator_longest_round_seconds{OPERATOR}": f"60+0{ALWAYS}"},
    ),
    "WebViewerReconcileFails": (
        counted(RECONCILES, 10, 'outcome="failed"') | counted(RECONCILES, 1, 'outcome="done"'),
        counted(RECONCILES, 1, 'outcome="failed"') | counted(RECONCILES, 10, 'outcome="done"'),
    ),
    "WebViewerClusterNotReady": (
        measured("webviewer_operator_cluster_ready", 0),
        measured("webviewer_operator_cluster_ready", 1),
    ),
    "WebViewerCapacityUnknown": (
        counted("webviewer_operator_capacity_failures_total", 1),
        counted("webviewer_operator_capacity_failures_total", 0.1),
    ),
    "WebViewerRequestsFail": (
        counted(REQUESTS, 10, LISTED) | counted(REQUESTS, 1, 'operation="list_studies",status="5xx"'),
        # A control that is not ready says so by 503, and a stranger gets 401.
        counted(REQUESTS, 10, LISTED)
        | counted(REQUESTS, 10, 'operation="readyz",status="5xx"')
        | counted(REQUESTS, 10, 'operation="get_session",status="4xx"'),
    ),
    "WebViewerRequestsSlow": (
        timed("webviewer_control_request_seconds", "2", "10", LISTED, is_slow=True),
        timed("webviewer_control_request_seconds", "2", "10", LISTED, is_slow=False)
        | timed("webviewer_control_request_seconds", "2", "10", 'operation="put_upload_part"', is_slow=True),
    ),
    "WebViewerLoginsRefused": (
        counted("webviewer_control_logins_total", 10, 'kind="user",outcome="refused"'),
        counted("webviewer_control_logins_total", 10, 'kind="user",outcome="opened"'),
    ),
    "WebViewerRenderLinksBreak": (
        counted("webviewer_control_render_losses_total", 3),
        counted("webviewer_control_render_losses_total", 0.5),
    ),
    "WebViewerFramesSlow": (
        timed(LATENCY, "0.6", "2", 'quality="preview",window="image"', is_slow=True),
        timed(LATENCY, "0.6", "2", 'quality="lossless",window="image"', is_slow=True)
        | timed(LATENCY, "0.6", "2", 'quality="preview",window="image"', is_slow=False),
    ),
    "WebViewerRenderBacklog": (
        measured("webviewer_render_pending_jobs", 20),
        {f"webviewer_render_pending_jobs{{{CLUSTER}}}": "40 0 " * 100},
    ),
    "WebViewerRenderWorkersDie": (
        counted("webviewer_render_worker_restarts_total", 0.2),
        counted("webviewer_render_worker_restarts_total", 0.05),
    ),
    "WebViewerPicturesUndecodable": (
        counted("webviewer_render_failed_frames_total", 1) | counted("webviewer_render_loaded_frames_total", 10),
        counted("webviewer_render_failed_frames_total", 1) | counted("webviewer_render_loaded_frames_total", 100),
    ),
    "WebViewerStorageLow": (measured(FREE, 14) | measured(TOTAL, 100), measured(FREE, 16) | measured(TOTAL, 100)),
    "WebViewerStorageFull": (measured(FREE, 4) | measured(TOTAL, 100), measured(FREE, 6) | measured(TOTAL, 100)),
    "WebViewerStorageFullSoon": (
        {f"{FREE}{{{CLUSTER}}}": "39-0.02x200"} | measured(TOTAL, 100),
        # As fast, but there is a lot of room yet.
        {f"{FREE}{{{CLUSTER}}}": "60-0.02x200"} | measured(TOTAL, 100),
    ),
    "WebViewerObjectsPutAside": (
        counted(INGESTED, 10, 'outcome="stored"') | counted(INGESTED, 2, 'outcome="quarantined"'),
        counted(INGESTED, 10, 'outcome="stored"') | counted(INGESTED, 20, 'outcome="duplicate"'),
    ),
    "WebViewerAssociationsRefused": (
        counted("webviewer_storage_associations_refused_total", 3, 'reason="limit"'),
        counted("webviewer_storage_associations_refused_total", 1, 'reason="limit"'),
    ),
    "WebViewerReceiversDie": (
        counted("webviewer_storage_receivers_lost_total", 0.2),
        counted("webviewer_storage_receivers_lost_total", 0.02),
    ),
    "WebViewerCommitsSlow": (
        timed(COMMITS, "2.5", "10", "", is_slow=True),
        timed(COMMITS, "2.5", "10", "", is_slow=False),
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def promtool(require_program):
    program = require_program("promtool")

    def run(*arguments: str | Path) -> None:
        done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


@pytest.fixture
def rules_file(rendered, only, tmp_path):
    """The groups as the chart renders them."""
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(only(rendered(ON), "PrometheusRule")["spec"]), encoding="utf-8")
    return path


def test_prometheus_accepts_the_rules(promtool, rules_file):
    promtool("check", "rules", rules_file)


def test_every_alert_fires_when_it_has_to_and_not_otherwise(promtool, rules_file, tmp_path):
    assert CASES.keys() == {rule["alert"] for rule in RULES}

    def case(alert: str, series: dict[str, str], firing: int) -> dict:
        expression = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)'
        return {
            "name": f"{alert} {'fires' if firing else 'is quiet'}",
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [{"expr": expression, "eval_time": "2h", "exp_samples": [{"labels": "{}", "value": firing}]}],
        }  # fmt: skip

    tests = [case(alert, series, n) for alert, both in CASES.items() for series, n in zip(both, (1, 0), strict=True)]
    path = tmp_path / "tests.yaml"
    document = {"rule_files": [f"{rules_file}"], "evaluation_interval": "1m", "tests": tests}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    promtool("test", "rules", path)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_is_exported(rule):
    assert problems(rule["expr"], KNOWN) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_and_has_a_runbook(rule):
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description"}
    text = (RUNBOOKS / f"{rule['alert']}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {rule['alert']}\n")
    for heading in ("**Users notice:**", "## Look", "## Mend"):
        assert heading in text


def test_no_runbook_is_left_over():
    assert {path.stem for path in RUNBOOKS.iterdir()} == {rule["alert"] for rule in RULES}


def test_runbooks_name_metrics_and_alerts_that_exist():
    for path in RUNBOOKS.iterdir():
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"webviewer_[a-z_]+", text)) <= KNOWN.keys(), path.name
        assert set(re.findall(r"WebViewer[A-Z][A-Za-z]+", text)) <= CASES.keys() | {"WebViewerCluster"}, path.name


def test_the_annotation_of_the_runbook_is_an_address_once_there_is_one(rendered, only):
    def annotations(*settings):
        groups = only(rendered(ON, *settings), "PrometheusRule")["spec"]["groups"]
        return [rule["annotations"] for group in groups for rule in group["rules"]]

    for each in annotations():
        assert (ROOT / each["runbook"]).is_file()
    for each in annotations('monitoring.rules.runbookUrl="https://a.example.org/"'):
        assert re.fullmatch(r"https://a\.example\.org/WebViewer[A-Za-z]+\.md", each["runbook_url"])


def test_alerts_can_be_left_out_and_labelled(rendered, only):
    settings = ('monitoring.rules.disabled=["WebViewerStorageLow"]', 'monitoring.rules.alertLabels={"team":"pacs"}')
    groups = only(rendered(ON, *settings), "PrometheusRule")["spec"]["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    assert rules.keys() == CASES.keys() - {"WebViewerStorageLow"}
    assert {rule["labels"]["team"] for rule in rules.values()} == {"pacs"}
    assert rules["WebViewerStorageFull"]["labels"]["severity"] == "critical"


def expressions(dashboard: dict) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_a_dashboard_asks_for_what_is_exported(dashboard):
    for expression in expressions(dashboard):
        assert problems(expression, KNOWN) == [], expression
    for variable in dashboard["templating"]["list"][1:]:
        metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"]).groups()
        assert problems(metric, KNOWN) == []
        assert label in KNOWN[next(iter(parse(metric).metrics))]


def test_the_check_of_expressions_sees_what_is_wrong():
    assert problems("rate(webviewer_render_frames[5m])", KNOWN) == ["no metric webviewer_render_frames"]
    assert problems('webviewer_render_sessions{colour="red"}', KNOWN) == [
        "webviewer_render_sessions has no label colour"
    ]
    assert problems("sum by (colour) (up)", KNOWN) == ["no metric up", "nothing has the label colour"]


def test_prometheus_reads_every_expression_of_the_dashboards(promtool, tmp_path):
    found = [expression for each in DASHBOARDS.values() for expression in expressions(each)]
    assert len(found) > 60
    rules = [{"record": f"panel:{number}", "expr": _filled(each)} for number, each in enumerate(found)]
    path = tmp_path / "panels.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", path)


def _filled(expression: str) -> str:
    """Put something in for the variables of Grafana."""
    return re.sub(r"\$\w+", lambda found: "5m" if "rate" in found[0] else ".*", expression)


def test_dashboards_are_what_make_generate_writes():
    texts = runpy.run_path(f"{ROOT / 'charts' / 'dashboards.py'}")["texts"]()
    assert texts.keys() == DASHBOARDS.keys()
    for name, text in texts.items():
        assert (CHART / "files" / "dashboards" / name).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_grafana_s_types_know_every_field_of_a_dashboard_and_its_value(dashboard):
    assert list(unknown(dashboard)) == []


def test_the_check_by_grafana_s_types_sees_a_field_that_nobody_knows():
    wrong = copy.deepcopy(DASHBOARDS["render.json"])
    panel = next(each for each in wrong["panels"] if each["type"] == "timeseries")
    panel["options"]["legend"]["place"] = "bottom"
    panel["targets"][0]["query"] = "up"
    assert [path.rpartition(".")[2] for path in unknown(wrong)] == ["place", "query"]


def unknown(dashboard: dict) -> Iterator[str]:
    """Yield the paths of what is lost or changed when Grafana's types read a dashboard and write it again."""
    register_default_plugins()
    read = Dashboard.from_json(copy.deepcopy(dashboard))
    yield from _lost(dashboard, json.loads(json.dumps(read, cls=JSONEncoder)), "")


def _lost(given, written, path: str) -> Iterator[str]:
    if isinstance(given, dict) and isinstance(written, dict):
        for key, value in given.items():
            if key in written:
                yield from _lost(value, written[key], f"{path}.{key}")
            elif key != "definition":  # of variables: Grafana writes it itself, and its types leave it out
                yield f"{path}.{key}"
    elif isinstance(given, list) and isinstance(written, list) and len(given) == len(written):
        for number, pair in enumerate(zip(given, written, strict=True)):
            yield from _lost(*pair, f"{path}.{number}")
    elif given != written:
        yield path


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_panels_lie_beside_each_other_and_have_a_title(dashboard):
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x + place["x"], y + place["y"]) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells, panel["title"]
        taken |= cells
        assert panel["title"]
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(numbers) == len(set(numbers))


def test_dashboards_become_config_maps_for_the_sidecar_of_grafana(rendered):
    manifests = rendered('monitoring.dashboards={"enabled":true,"namespace":"monitoring"}')
    maps = [each for each in manifests if each["kind"] == "ConfigMap"]
    assert len({each["metadata"]["name"] for each in maps}) == len(DASHBOARDS) == 5
    for each in maps:
        ((name, text),) = each["data"].items()
        assert json.loads(text) == DASHBOARDS[name.removeprefix("webviewer-")]
        assert each["metadata"]["namespace"] == "monitoring"
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"


def pods_of_a_cluster() -> list[dict]:
    identity = {"name": "viewer", "namespace": "imaging", "uid": "6c1f1d6e-0000-4000-8000-00000000000a"}
    cluster = Cluster.of({"metadata": identity, "spec": {}})
    plan = Plan(wanted_images(cluster, "1.0.0"))
    workloads = desired.workloads(cluster, plan)
    return [each["spec"]["template"] for each in workloads if each["kind"] in {"Deployment", "StatefulSet"}]


def test_the_pod_monitor_finds_the_pods_that_the_operator_makes(rendered, only):
    spec = only(rendered("monitoring.monitors.enabled=true"), "PodMonitor")["spec"]
    (component,) = spec["selector"]["matchExpressions"]
    found = []
    for pod in pods_of_a_cluster():
        labels = pod["metadata"]["labels"]
        if (
            spec["selector"]["matchLabels"].items() <= labels.items()
            and labels[component["key"]] in component["values"]
        ):
            found.append(labels[component["key"]])
            ports = [port["name"] for port in pod["spec"]["containers"][0]["ports"]]
            assert spec["podMetricsEndpoints"][0]["port"] in ports
    assert sorted(found) == ["control", "render", "storage"]
    assert spec["namespaceSelector"] == {"matchNames": ["imaging"]}


def test_the_pod_monitor_takes_its_labels_from_those_of_the_pods(rendered, only):
    spec = only(rendered("monitoring.monitors.enabled=true"), "PodMonitor")["spec"]
    (endpoint,) = spec["podMetricsEndpoints"]
    sources = {each["targetLabel"]: each["sourceLabels"] for each in endpoint["relabelings"]}
    wanted = {"cluster": naming.INSTANCE, "component": naming.COMPONENT, "pool": naming.POOL}
    meta = "__meta_kubernetes_pod_label_"
    assert sources == {name: [meta + re.sub(r"\W", "_", label)] for name, label in wanted.items()}


def test_the_service_monitor_finds_the_service_of_the_operator(rendered, only):
    manifests = rendered("monitoring.monitors.enabled=true", "watch.clusterWide=true")
    spec, service = only(manifests, "ServiceMonitor")["spec"], only(manifests, "Service")
    assert spec["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert spec["endpoints"][0]["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert spec["endpoints"][0]["honorLabels"] is True
    pod = only(manifests, "Deployment")["spec"]["template"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert only(manifests, "PodMonitor")["spec"]["namespaceSelector"] == {"any": True}
