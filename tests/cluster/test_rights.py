"""The rights that the chart gives: with any one rule less the operator does not do its work."""

import pytest
import yaml

from webviewer_operator.kube.port import Kind

from .control_plane import wait_for
from .helm import CHART
from .person import path_of

ROLE = Kind("rbac.authorization.k8s.io/v1", "Role", "roles")
SPEC = {"control": {"ingress": {"host": "viewer.example.org"}}}
FINALIZERS = "webviewerclusters/finalizers"


def rules() -> list[str]:
    """Return the resources of each rule of the Role, as names of tests."""
    text = (CHART / "templates" / "_rules.tpl").read_text()
    found = yaml.safe_load("\n".join(line for line in text.splitlines() if "{{" not in line))
    return [",".join(rule["resources"]) for rule in found]


def lacked(proxy, resources: str) -> bool:
    """Return whether the operator was refused something of these resources."""
    if resources == FINALIZERS:
        return any("blockOwnerDeletion" in request.refusal for request in proxy.forbidden)
    parts = {part for request in proxy.forbidden for part in request.path.split("/")}
    return bool(parts & {each.partition("/")[0] for each in resources.split(",")})


@pytest.mark.parametrize("missing", rules())
def test_without_any_one_rule_a_cluster_does_not_become_ready(installed, control_plane, person, nodes, missing):
    if missing == FINALIZERS and control_plane.audit is None:
        pytest.skip("an existing cluster may let everybody name owners that wait")
    path = path_of(ROLE, installed.namespace, installed.account)
    role = control_plane.done("GET", path)
    (dropped,) = [rule for rule in role["rules"] if ",".join(rule["resources"]) == missing]
    role["rules"].remove(dropped)
    control_plane.done("PUT", path, role)
    operator = installed.start()
    person.apply(SPEC)
    proxy = installed.proxy
    wait_for(lambda: lacked(proxy, missing) or person.status().get("phase") == "Ready", say=operator.text)
    assert lacked(proxy, missing)
    assert person.status().get("phase") != "Ready"
