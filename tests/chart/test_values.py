"""The schema of the values: nothing wrong gets in, nothing is forgotten."""

import json
from pathlib import Path

import pytest
import yaml

CHART = Path(__file__).parents[2] / "charts" / "webviewer"
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
VALUES = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("setting", "where"),
    [
        ("replicas=2", "replicas"),
        ("watch.clusterwide=true", "clusterwide"),
        ('watch={"clusterWide":true,"namespaces":["a"]}', "namespaces"),
        ('watch.namespaces=["Upper"]', "namespaces"),
        ('watch.namespaces="a"', "namespaces"),
        ('image.pullPolicy="Sometimes"', "pullPolicy"),
        ('image.tag="a b"', "tag"),
        ("image.tag=1.2", "tag"),
        ('image.digest="sha256:1"', "digest"),
        ('image.repository=""', "repository"),
        ('logLevel="loud"', "logLevel"),
        ('fullnameOverride="Under_Score"', "fullnameOverride"),
        ('rbac.create="yes"', "create"),
        ('crds.create="true"', "create"),
        ('uninstall.policy="Delete"', "policy"),
        ('resources.limits.memory="much"', "memory"),
        ("resources.replicas=1", "replicas"),
        ('extraEnv=[{"value":"a"}]', "extraEnv"),
        ('tolerations=[{"effect":"Never"}]', "effect"),
        ("podLabels.a=1", "podLabels"),
        ("user=0", "user"),
        ('user="root"', "user"),
        ('monitoring.monitors.interval="often"', "interval"),
        ('monitoring.rules.disabled=["Other"]', "disabled"),
        ('monitoring.rules.runbookUrl="http://a"', "runbookUrl"),
        ("monitoring.dashboards.enable=true", "enable"),
        ('networkPolicy.metricsNamespaces=["-"]', "metricsNamespaces"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(helm, setting, where):
    done = helm.run("template", "viewer", f"{CHART}", "--set-json", setting)
    assert done.returncode != 0
    assert "schema" in done.stderr
    assert where in done.stderr


def leaves(values: dict, schema: dict, path: str = ""):
    """Yield paths where values and schema do not have the same keys."""
    known = schema.get("properties")
    if known is None:
        return
    for name in known.keys() ^ values.keys():
        yield f"{path}.{name}"
    for name in known.keys() & values.keys():
        if isinstance(values[name], dict) and values[name]:
            yield from leaves(values[name], known[name], f"{path}.{name}")


def test_schema_and_default_values_know_the_same_keys():
    assert set(leaves(VALUES, SCHEMA)) == {".global"}  # Helm's own


def test_no_object_of_the_schema_lets_unknown_keys_in():
    def check(node: dict, path: str) -> None:
        if node.get("type") == "object" and path not in {".global", ".valueFrom"} and "Affinity" not in path:
            assert node.get("additionalProperties") in (False, {"type": "string"}) or "resources" in path, path
        for name, each in node.get("properties", {}).items():
            check(each, f"{path if 'resources' in path else ''}.{name}")

    check(SCHEMA, "")
