"""From `helm install` to a picture on a real node, through harm to pods, to data that outlives the resource."""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import numpy as np
import pytest
from tests.cluster.control_plane import wait_for
from tests.cluster.person import Object, path_of
from tests.integration import tab
from tests.integration.tab import PHANTOM, Viewport, expected_grey

from webviewer.domain.licence import Licence
from webviewer.wire.licences import Vendor
from webviewer_operator.kube import port

from .site import ORIGIN, Site

pytestmark = pytest.mark.timeout(900)
SIZE = (128, 96)
ZOOM = 1.7
PODS = {"control": 1, "storage": 1, "render": 2, "database": 1}
TRUE = {
    "Ready", "ControlReady", "StorageReady", "RenderReady", "DatabaseReady", "SchemaMigrated", "CapacityKnown",
}  # fmt: skip


def test_everything_becomes_ready_and_nothing_had_to_be_started_twice(site):
    found = {each["type"]: each["status"] for each in site.person.status()["conditions"]}
    assert found == dict.fromkeys(TRUE, "True") | {"Degraded": "False", "Progressing": "False"}
    for component, count in PODS.items():
        pods = site.pods(component)
        assert len(pods) == count, component
        for (container,) in (pod["status"]["containerStatuses"] for pod in pods):
            assert (container["ready"], container["restartCount"]) == (True, 0), component


def test_the_charts_own_test_passes(site):
    said = site.helm.done("test", "webviewer", "--namespace", site.namespace, "--logs")
    assert "webviewer_operator_clusters 1" in said


def test_a_series_sent_to_the_dicom_service_is_seen_as_the_standard_says(page, series):
    with page.socket() as socket:
        viewport = Viewport(socket, *series, SIZE)
        slices = viewport.opened["slices"]
        assert [s["position"] for s in slices] == pytest.approx([PHANTOM.origin(k)[2] for k in range(PHANTOM.slices)])
        for index in (0, 11, 23):
            viewport.view(position=slices[index]["position"])
            header, pixels = viewport.final()
            assert (header.slice_index, header.width, header.height) == (index, *SIZE)
            assert np.abs(pixels.astype(float) - expected_grey(index)).max() <= 1


def test_the_picture_is_drawn_again_elsewhere_when_its_pod_is_deleted_by_force(site, admin, page, series, figures):
    wait_for_two(site, admin)
    with looking(page, series) as viewport:
        name = drawing(site, admin)["metadata"]["name"]
        harm = ("delete", "pod", name, "--namespace", site.namespace, "--force", "--grace-period=0")
        drawn_again(viewport, lambda: site.place.kubectl(*harm), figures, "its pod was deleted by force")


def test_the_picture_is_drawn_again_elsewhere_when_its_process_is_killed(site, admin, page, series, figures):
    if not site.place.node:
        pytest.skip("processes of another machine's nodes cannot be killed from here")
    node = site.place.node
    wait_for_two(site, admin)
    with looking(page, series) as viewport:
        before = drawing(site, admin)
        uid = before["metadata"]["uid"]
        drawn_again(viewport, lambda: node.kill(uid), figures, "its process was killed")
    # The kubelet starts it again in the same pod.
    wait_for(lambda: [each["status"]["containerStatuses"][0]["restartCount"] for each in pods_of(site, uid)] == [1])


def test_a_rolling_restart_of_all_render_pods_takes_no_picture_away(site, admin, page, series, figures):
    wait_for_two(site, admin)
    before = {each["metadata"]["uid"] for each in site.pods("render")}
    deployment = ("deployment/viewer-render-default", "--namespace", site.namespace)
    with looking(page, series) as viewport:
        first, longest = viewport.encoded, 0.0
        site.place.kubectl("rollout", "restart", *deployment)
        while before & {each["metadata"]["uid"] for each in site.pods("render")}:
            for zoom in (2.0, ZOOM):
                began = time.monotonic()
                viewport.view(zoom=zoom)
                viewport.final()
                longest = max(longest, time.monotonic() - began)
            assert viewport.encoded == first
    figures.append(f"longest wait for a picture {longest:.2f} s while all render pods were restarted one by one")


@contextlib.contextmanager
def looking(page: tab.Page, series: tuple[str, str]) -> Iterator[Viewport]:
    """Give a viewport with a picture."""
    with page.socket() as socket:
        viewport = Viewport(socket, *series, SIZE)
        viewport.view(position=viewport.opened["slices"][7]["position"], zoom=ZOOM, rotation=30)
        viewport.final()
        yield viewport


def wait_for_two(site: Site, admin: httpx2.Client) -> None:
    """Wait until both render pods are ready and control knows them."""

    def there() -> bool:
        pods = site.pods("render")
        ready = [each for each in pods if any(found["ready"] for found in each["status"].get("containerStatuses", ()))]
        return len(pods) == len(ready) == len(known(site, admin, lambda node: node["state"] == "available")) == 2

    wait_for(there, say=lambda: f"{admin.get('/v2/admin/nodes').json()}")


def drawing(site: Site, admin: httpx2.Client) -> Object:
    """Return the render pod that has the only session, by what the administrator sees."""
    (pod,) = wait_for(lambda: known(site, admin, lambda node: node["used"]))
    return pod


def known(site: Site, admin: httpx2.Client, which: Callable[[Object], Any]) -> list[Object]:
    """Return the render pods of those nodes of the administrator's list."""
    nodes = admin.get("/v2/admin/nodes").json()["nodes"]
    addresses = [each["address"] for each in nodes if each["role"] == "render" and which(each)]
    return [
        pod for pod in site.pods("render") if any(f"//{pod['status'].get('podIP', '-')}:" in each for each in addresses)
    ]


def pods_of(site: Site, uid: str) -> list[Object]:
    return [each for each in site.pods("render") if each["metadata"]["uid"] == uid]


def drawn_again(viewport: Viewport, harm: Callable[[], Any], figures: list[str], what: str) -> None:
    """Do harm, and wait on the same socket until the same bytes have come again."""
    before = viewport.encoded
    began = time.monotonic()
    harm()
    viewport.final()
    figures.append(f"picture again {time.monotonic() - began:.1f} s after {what}")
    assert viewport.encoded == before


def test_a_second_storage_node_keeps_and_shows_the_studies_of_its_users(  # noqa: PLR0913 - a sender, a user and an administrator
    site, admin, series, phantom, require_program, figures
):
    began = time.monotonic()
    site.spec["storage"]["replicas"] = 2
    site.apply()
    figures.append(f"cluster Ready {time.monotonic() - began:.1f} s after it was given a second storage node")
    _, second = wait_for(
        lambda: len(found := storage_nodes(admin)) == 2 and found, say=lambda: f"{admin.get('/v2/admin/nodes').json()}"
    )
    assert [pod["status"]["containerStatuses"][0]["restartCount"] for pod in site.pods("storage")] == [0, 0]
    user = {"login": "boris", "password": "boris", "ae_title": "BORIS", "storage_node": second["id"]}
    assert admin.post("/v2/admin/users", json=user).status_code == 201
    storescu = require_program("storescu")
    with pytest.raises(subprocess.CalledProcessError):
        tab.store(storescu, site.dicom, phantom, called="BORIS")  # of the first node, where he is nobody
    with site.place.reach(site.namespace, "viewer-dicom-1", 11112) as address:
        tab.store(storescu, address, phantom, called="BORIS")
    page = tab.Page(site.url, "boris", "boris", ORIGIN)
    with contextlib.closing(page):
        study = page.wait_for_study(PHANTOM.slices)
        (found,) = page.http.get(f"/v2/studies/{study['id']}").json()["series"]
        assert study["id"] != series[0]
        with looking(page, (study["id"], found["id"])) as viewport:
            viewport.view(position=viewport.opened["slices"][11]["position"], zoom=1, rotation=0)
            _, pixels = viewport.final()
            assert np.abs(pixels.astype(float) - expected_grey(11)).max() <= 1


def storage_nodes(admin: httpx2.Client) -> list[Object]:
    """Return the storage nodes that answer control, in the order of their pods."""
    nodes = admin.get("/v2/admin/nodes").json()["nodes"]
    found = [each for each in nodes if each["role"] == "storage" and each["state"] == "available"]
    return sorted(found, key=lambda each: each["address"])


def test_a_licence_in_a_secret_counts_without_a_restart_of_control(site, admin, login, figures):
    vendor = Vendor.generate()
    site.spec["licence"] = {"publicKeys": [vendor.public_key], "secretName": "clinic-licence"}
    site.apply()
    before = wait_for(lambda: (found := licensing(admin))["state"] == "none" and found)
    wait_for(lambda: log_in(site, login).get("code") == "licence_missing", say=lambda: f"{log_in(site, login)}")
    pods = {each["metadata"]["uid"] for each in site.pods("control")}
    licence = Licence(
        id=secrets.token_hex(16), product=before["product_code"], type="concurrent", concurrents=5,
        issued=dt.datetime.now(dt.UTC),
    )  # fmt: skip
    began = time.monotonic()
    secret = ("create", "secret", "generic", "clinic-licence", f"--from-literal=licence={vendor.sign(licence)}")
    site.place.kubectl(*secret, "--namespace", site.namespace)
    after = wait_for(lambda: (found := licensing(admin))["state"] == "valid" and found, 240)
    figures.append(f"licence counts {time.monotonic() - began:.1f} s after its Secret was made")
    assert (after["type"], after["concurrents"]["total"]) == ("concurrent", 5)
    assert "csrf" in log_in(site, login)
    assert {each["metadata"]["uid"] for each in site.pods("control")} == pods
    figures.append(f"at rest: {site.usage()}")


def log_in(site: Site, login: str) -> Object:
    """Return what control answers to a user who logs in, by his password, which is his name."""
    body, headers = {"user": login, "password": login}, {"Origin": ORIGIN}
    answer = httpx2.post(f"{site.url}/v2/login", json=body, headers=headers, timeout=tab.TIMEOUT, trust_env=False)
    found: Object = answer.json()
    return found


def licensing(admin: httpx2.Client) -> Object:
    """Return how licensing stands, by the administrator's page."""
    found: Object = admin.get("/v2/admin/licence").raise_for_status().json()
    return found


def test_data_and_secrets_outlive_the_resource_and_the_operator(site, page, series, login):
    site.person.wait_until_ready()
    password = site.secret("viewer-admin", "initial-admin-password")
    refused = site.helm("uninstall", "webviewer", "--namespace", site.namespace)
    assert refused.returncode != 0, "it goes only when there are no clusters"
    site.place.kubectl("delete", "wvc", "viewer", "--namespace", site.namespace, "--timeout=120s")
    site.helm.done("uninstall", "webviewer", "--namespace", site.namespace)
    wait_for(lambda: not any(site.pods(each) for each in PODS), 180)
    claims = site.place.server.done("GET", path_of(port.CLAIM, site.namespace))["items"]
    assert {each["metadata"]["name"] for each in claims} == {
        "data-viewer-storage-0", "data-viewer-storage-1", "data-viewer-database-0",
    }  # fmt: skip
    assert {each["status"]["phase"] for each in claims} == {"Bound"}
    site.install()
    site.apply()
    assert site.secret("viewer-admin", "initial-admin-password") == password
    with site.place.reach(site.namespace, "viewer-control", 8090) as (address, number):
        again = tab.Page(f"http://{address}:{number}", login, login, page.origin)
        assert again.wait_for_study(PHANTOM.slices)["id"] == series[0]
        again.close()
