"""A real control plane, the chart installed on it, operators as processes, and people with clusters."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from webviewer_operator.api import definition
from webviewer_operator.kube import client, port

from . import control_plane as plane
from . import programs
from .control_plane import Server, wait_for
from .helm import Helm
from .namespaces import CRD, remove_namespace
from .nodes import Nodes
from .operators import Operator, Operators, operators
from .person import Object, Person, path_of
from .proxy import Proxy
from .sessions import Sessions

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
NODE_SELECTOR = {"webviewer.dev/test": "nobody"}
"""No node has it: what pods reach is said by the tests, also on a cluster with nodes."""
_NOWHERE = f"nodeSelector={json.dumps(NODE_SELECTOR)}"


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory) -> Iterator[Server]:
    """An API server with its controllers, the definition of our resource and those that examples need."""
    folder = tmp_path_factory.mktemp("kubernetes")
    given = os.environ.get("WEBVIEWER_TEST_KUBECONFIG")
    with contextlib.ExitStack() as stack:
        if given:
            server = plane.open_server(Path(given))
            stack.callback(server.http.close)
            gateway = programs.find()
        else:
            gateway = programs.find()
            if isinstance(gateway, str):
                (pytest.fail if IN_CI else pytest.skip)(gateway)
            server = stack.enter_context(plane.running(gateway, folder))
        if isinstance(gateway, dict):
            _install(server, stack, yaml.safe_load(gateway[programs.DEFINITIONS].read_text()))
        yield server


def _install(server: Server, stack: contextlib.ExitStack, found: Object) -> None:
    """Add a definition that is not there, until the end."""
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{found['metadata']['name']}"
    if server.ask("GET", path).status_code == 404:
        server.done("POST", path.rpartition("/")[0], found)
        stack.callback(server.ask, "DELETE", path)
    wait_until_served(server, path)


def wait_until_served(server: Server, path: str) -> None:
    def served() -> bool:
        status = server.ask("GET", path).json().get("status") or {}
        conditions = {each["type"]: each for each in status.get("conditions") or ()}
        assert conditions.get("NonStructuralSchema", {}).get("status") != "True", conditions
        return conditions.get("Established", {}).get("status") == "True"

    wait_for(served)


@pytest.fixture(scope="session")
def helm(control_plane, require_program, tmp_path_factory) -> Helm:
    return Helm(require_program("helm"), tmp_path_factory.mktemp("helm"), control_plane.kubeconfig)


@pytest.fixture(scope="session")
def new_namespace(control_plane) -> Iterator[Callable[[], str]]:
    """Return a function that makes a namespace that admits restricted pods only; all go at the end."""
    made: list[str] = []

    def make() -> str:
        name = f"webviewer-test-{secrets.token_hex(4)}"
        labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        control_plane.done("POST", "/api/v1/namespaces", body)
        made.append(name)
        wait_for(lambda: control_plane.ask("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default").is_success)
        return name

    yield make
    for name in made:
        remove_namespace(control_plane, name)


@pytest.fixture(scope="session")
def defined(control_plane, helm, new_namespace) -> Iterator[None]:
    """The definition, as the chart brings it."""
    there = control_plane.ask("GET", CRD).is_success
    namespace = new_namespace()
    helm.install(namespace, _NOWHERE, f"crds.create={json.dumps(not there)}")
    wait_until_served(control_plane, CRD)
    wait_for(lambda: control_plane.ask("GET", f"/apis/{definition.API_VERSION}/{definition.PLURAL}").is_success)
    yield
    helm.done("uninstall", "webviewer", "--namespace", namespace, "--no-hooks")
    if not there:
        # It stays, as the chart says: with it would go every cluster.
        assert control_plane.ask("DELETE", CRD).is_success


@pytest.fixture
def namespace(control_plane, defined, new_namespace) -> Iterator[str]:
    """An empty namespace that admits restricted pods only."""
    name = new_namespace()
    yield name
    remove_namespace(control_plane, name)


@pytest.fixture
def person(control_plane, namespace) -> Person:
    return Person(control_plane, namespace)


@pytest.fixture
def nodes(control_plane, namespace) -> Iterator[Nodes]:
    with Nodes(control_plane, namespace).working() as found:
        yield found


@pytest.fixture
def sessions(nodes, tmp_path) -> Sessions:
    """Nobody is there at first; operators that are told of its folder know."""
    folder = tmp_path / "capacity"
    folder.mkdir()
    found = Sessions(folder, nodes)
    nodes.each_look.append(found.look)
    return found


@pytest.fixture
async def kube(control_plane, monkeypatch):
    """The operator's own client, as the administrator."""
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    async with client.connect() as connected:
        yield connected


@dataclasses.dataclass
class Installed:
    """The chart in a namespace: its operators run as its service account, with the arguments of its Deployment."""

    server: Server
    namespace: str
    folder: Path
    operators: Operators
    proxy: Proxy
    account: str = "webviewer-operator"
    _kubeconfig: Path | None = None
    _arguments: Sequence[str] = ()

    def start(self, capacity: Path | None = None) -> Operator:
        """Start an operator behind the proxy; ``capacity`` is a folder with control's answers."""
        if self._kubeconfig is None:
            self._look()
        assert self._kubeconfig
        return self.operators.start(self._kubeconfig, self._arguments, capacity)

    def _look(self) -> None:
        deployment = self.server.done("GET", path_of(port.DEPLOYMENT, self.namespace, self.account))
        pod = deployment["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["serviceAccountName"] == self.account
        assert container["command"] == ["webviewer"]
        token = account_token(self.server, self.namespace, self.account)
        file = self.folder / f"{self.namespace}.kubeconfig"
        self._kubeconfig = plane.write_kubeconfig(file, self.proxy.url, token)
        self._arguments = container["args"]

    def asked(self) -> list[Object]:
        """Return what its service account has asked for, by the API server's own log."""
        assert self.server.audit
        user = f"system:serviceaccount:{self.namespace}:{self.account}"
        entries = map(json.loads, self.server.audit.read_text().splitlines())
        return [each for each in entries if each["user"]["username"] == user]


def account_token(server: Server, namespace: str, account: str) -> str:
    """Return a token as the pod would get it."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token: str = server.done("POST", path, body)["status"]["token"]
    return token


@pytest.fixture(scope="session")
def processes(tmp_path_factory) -> Iterator[Operators]:
    with operators(tmp_path_factory.mktemp("operators")) as found:
        yield found


@pytest.fixture
def install(control_plane, namespace, helm, processes, tmp_path) -> Iterator[Callable[..., Installed]]:
    """Return a function that installs the chart in the namespace, with values by their paths."""
    with contextlib.ExitStack() as stack:

        def make(*values: str) -> Installed:
            helm.install(namespace, _NOWHERE, "crds.create=false", *values)
            stack.callback(helm.done, "uninstall", "webviewer", "--namespace", namespace, "--no-hooks")
            proxy = stack.enter_context(Proxy(control_plane).serving())
            stack.callback(processes.stop)
            return Installed(control_plane, namespace, tmp_path, processes, proxy)

        yield make


@pytest.fixture
def installed(install) -> Installed:
    """The chart, installed in the namespace with its defaults."""
    return install()


@pytest.fixture
def give(control_plane, namespace):
    """Return a function that makes what examples expect to be there."""
    made = []

    def make(path: str, body: Object) -> None:
        """Make an object at this path, unless it is there."""
        if control_plane.ask("GET", f"{path}/{body['metadata']['name']}").is_success:
            return
        control_plane.done("POST", path, body)
        made.append(f"{path}/{body['metadata']['name']}")

    yield make
    for path in made:
        control_plane.ask("DELETE", path)
