"""From `helm install` to a picture on a real node, through harm to pods, to data that outlives the resource."""

from __future__ import annotations

import time

import numpy as np
import pytest
from tests.cluster.control_plane import wait_for
from tests.cluster.person import path_of
from tests.integration import tab
from tests.integration.tab import PHANTOM, Viewport, expected_grey

from webviewer_operator.kube import port

pytestmark = pytest.mark.timeout(900)
SIZE = (128, 96)
TRUE = {
    "Ready", "ControlReady", "StorageReady", "RenderReady", "DatabaseReady", "SchemaMigrated", "CapacityKnown",
}  # fmt: skip


def test_everything_becomes_ready_and_nothing_had_to_be_started_twice(site):
    found = {each["type"]: each["status"] for each in site.person.status()["conditions"]}
    assert found == dict.fromkeys(TRUE, "True") | {"Degraded": "False", "Progressing": "False"}
    for component in ("control", "storage", "render", "database"):
        (pod,) = site.pods(component)
        (container,) = pod["status"]["containerStatuses"]
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


def test_the_picture_is_drawn_again_when_its_pod_is_deleted_by_force(site, page, series, figures):
    (pod,) = site.pods("render")
    name = pod["metadata"]["name"]

    def harm() -> None:
        site.place.kubectl("delete", "pod", name, "--namespace", site.namespace, "--force", "--grace-period=0")

    _drawn_again(page, series, harm, figures, "pod deleted by force")
    (after,) = site.pods("render")
    assert after["metadata"]["uid"] != pod["metadata"]["uid"]


def test_the_picture_is_drawn_again_when_its_process_is_killed(site, page, series, figures):
    if not site.place.node:
        pytest.skip("processes of another machine's nodes cannot be killed from here")
    site.person.wait_until_ready()
    (pod,) = site.pods("render")
    node = site.place.node
    _drawn_again(page, series, lambda: node.kill(pod["metadata"]["uid"]), figures, "kill -9")
    (after,) = site.pods("render")
    assert after["metadata"]["uid"] == pod["metadata"]["uid"]
    (container,) = after["status"]["containerStatuses"]
    assert container["restartCount"] == 1


def _drawn_again(page: tab.Page, series: tuple[str, str], harm, figures: list[str], what: str) -> None:
    """Look at a picture, do harm, and wait on the same socket until the same bytes have come again."""
    with page.socket() as socket:
        viewport = Viewport(socket, *series, SIZE)
        viewport.view(position=viewport.opened["slices"][7]["position"], zoom=1.7, rotation=30)
        viewport.final()
        before = viewport.encoded
        began = time.monotonic()
        harm()
        viewport.final()
        figures.append(f"picture again {time.monotonic() - began:.1f} s after {what}")
        assert viewport.encoded == before


def test_data_and_secrets_outlive_the_resource_and_the_operator(site, page, series, login):
    site.person.wait_until_ready()
    password = site.secret("viewer-admin", "initial-admin-password")
    refused = site.helm("uninstall", "webviewer", "--namespace", site.namespace)
    assert refused.returncode != 0, "it goes only when there are no clusters"
    site.place.kubectl("delete", "wvc", "viewer", "--namespace", site.namespace, "--timeout=120s")
    site.helm.done("uninstall", "webviewer", "--namespace", site.namespace)
    wait_for(lambda: not any(site.pods(each) for each in ("control", "storage", "render", "database")), 180)
    claims = site.place.server.done("GET", path_of(port.CLAIM, site.namespace))["items"]
    assert {each["metadata"]["name"] for each in claims} == {"data-viewer-storage-0", "data-viewer-database-0"}
    assert {each["status"]["phase"] for each in claims} == {"Bound"}
    site.install()
    site.apply()
    assert site.secret("viewer-admin", "initial-admin-password") == password
    with site.place.reach(site.namespace, "viewer-control", 8090) as (address, number):
        again = tab.Page(f"http://{address}:{number}", login, login, page.origin)
        assert again.wait_for_study(PHANTOM.slices)["id"] == series[0]
        again.close()
