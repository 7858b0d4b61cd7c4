"""The chart and a cluster of ours on a real node: containers, probes, volumes, Services."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.cluster import control_plane as plane
from tests.cluster.helm import Helm
from tests.cluster.namespaces import CRD, remove_namespace
from tests.cluster.person import Person
from tests.images import engine as images
from tests.integration import tab

from . import machine, node, programs
from .place import Place, given
from .site import ORIGIN, Site

USED = ("operator", "control", "storage", "render")
POSTGRES, PAUSE = "webviewer-test-postgres:1", "webviewer-test-pause:1"
_figures = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_figures] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what took how long: it is read, not asserted."""
    for line in config.stash[_figures]:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def figures(request) -> list[str]:
    """Lines for the end of the output."""
    return request.config.stash[_figures]


@pytest.fixture(scope="session")
def place(tmp_path_factory, figures) -> Iterator[Place]:
    """A node on this machine with our images, or the cluster of WEBVIEWER_TEST_KUBECONFIG, which can pull them."""
    if not os.environ.get("WEBVIEWER_TEST_NODE"):
        pytest.skip("starts a whole Kubernetes node as root, with networks and mounts: make test-node")
    if config := given():
        yield from _elsewhere(config)
        return
    if os.geteuid() != 0:
        pytest.skip("a node needs root")
    found = programs.find()
    if isinstance(found, str):
        pytest.skip(found)
    engine = images.Engine(images.find())
    references = _references(engine)
    folder = tmp_path_factory.mktemp("images")
    pause = references.pop("pause")
    archive = _save(engine, folder, [pause])
    began = time.monotonic()
    try:
        with node.running(found, archive, pause) as running:
            figures.append(f"node ready after {time.monotonic() - began:.1f} s")
            began = time.monotonic()
            running.load(_save(engine, folder, list(references.values())))
            figures.append(f"images on the node after {time.monotonic() - began:.1f} s more")
            yield Place(running.server, found["kubectl"], references, running)
    except machine.TakenError as error:
        pytest.skip(f"{error}")


def _elsewhere(config: Path) -> Iterator[Place]:
    kubectl = programs.find_kubectl()
    if not kubectl:
        pytest.skip("kubectl is not there")
    server = plane.open_server(config)
    found = {name: images.TAGS[name] for name in USED}
    with contextlib.closing(server.http):
        yield Place(
            server, kubectl, found | {"postgres": os.environ.get("WEBVIEWER_TEST_POSTGRES", "postgres:18")}, None
        )


def _references(engine: images.Engine) -> dict[str, str]:
    """Return the images by the names that they are saved under; a visible skip where one is missing or older."""
    found = {name: engine.image(name) for name in USED}
    for name, tag in (("postgres", POSTGRES), ("pause", PAUSE)):
        done = subprocess.run(
            [engine.program, "image", "inspect", tag], capture_output=True, text=True, check=False, timeout=60
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"the image {tag} is not built: make test-node")
        found[name] = json.loads(done.stdout)[0]
    return {name: image["RepoTags"][0] for name, image in found.items()}


def _save(engine: images.Engine, folder: Path, references: list[str]) -> Path:
    """Write images into an archive in a folder that goes with the tests."""
    file = folder / "images.tar"
    file.unlink(missing_ok=True)
    podman = "podman" in Path(engine.program).name
    options = ["--quiet", "--multi-image-archive", "--format=docker-archive"] if podman else []
    engine("save", *options, "--output", f"{file}", *references, timeout=600)
    return file


@pytest.fixture(scope="session")
def helm(place, require_program, tmp_path_factory) -> Helm:
    return Helm(require_program("helm"), tmp_path_factory.mktemp("helm"), place.server.kubeconfig)


@pytest.fixture(scope="module")
def site(place, helm, figures) -> Iterator[Site]:
    """The chart installed in a namespace that admits restricted pods only, and a cluster that is ready."""
    server, name = place.server, f"webviewer-test-{secrets.token_hex(4)}"
    there = server.ask("GET", CRD).is_success
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    with contextlib.ExitStack() as stack:
        server.done("POST", "/api/v1/namespaces", body)
        stack.callback(_remove, server, helm, name, definition=not there)
        found = Site(place, helm, Person(server, name), definition=not there)
        began = time.monotonic()
        found.install()
        figures.append(f"operator ready {time.monotonic() - began:.1f} s after helm install")
        found.apply()
        figures.append(f"cluster Ready {time.monotonic() - began:.1f} s after helm install")
        address, number = stack.enter_context(place.reach(name, "viewer-control", 8090))
        found.url = f"http://{address}:{number}"
        found.dicom = stack.enter_context(place.reach(name, "viewer-dicom", 11112))
        yield found


def _remove(server: plane.Server, helm: Helm, namespace: str, *, definition: bool) -> None:
    """Leave somebody's cluster as it was."""
    remove_namespace(server, namespace)
    helm("uninstall", "webviewer", "--namespace", namespace, "--no-hooks")
    if definition:
        server.ask("DELETE", CRD)


@pytest.fixture(scope="module")
def admin(site) -> Iterator[httpx2.Client]:
    """The administrator, let in by the password that the operator generated."""
    password = site.secret("viewer-admin", "initial-admin-password")
    with httpx2.Client(base_url=site.url, headers={"Origin": ORIGIN}, timeout=tab.TIMEOUT, trust_env=False) as http:
        answer = http.post("/v2/admin/login", json={"user": "admin", "password": password})
        assert answer.status_code == 200, answer.text
        http.headers["X-CSRF-Token"] = answer.json()["csrf"]
        yield http


@pytest.fixture(scope="module")
def login(admin) -> str:
    """A user, whose password is his name."""
    answer = admin.post("/v2/admin/users", json={"login": "anna", "password": "anna"})
    assert answer.is_success, answer.text
    return "anna"


@pytest.fixture(scope="module")
def page(site, login) -> Iterator[tab.Page]:
    """The user's tab, at the Service."""
    found = tab.Page(site.url, login, login, ORIGIN)
    yield found
    found.close()


@pytest.fixture(scope="module")
def phantom(tmp_path_factory) -> Path:
    """A folder with a study."""
    return tab.write_phantom(tmp_path_factory.mktemp("phantom"))


@pytest.fixture(scope="module")
def series(site, page, require_program, phantom) -> tuple[str, str]:
    """Study and series of the phantom that was sent to the DICOM Service."""
    tab.store(require_program("storescu"), site.dicom, phantom)
    study = page.wait_for_study(tab.PHANTOM.slices)
    (found,) = page.http.get(f"/v2/studies/{study['id']}").json()["series"]
    return study["id"], found["id"]
