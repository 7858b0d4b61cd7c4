"""A study arrives, belongs to somebody, is found, is opened and is looked at; the same in every composition."""

from __future__ import annotations

import io
import json
import math
import subprocess
import time
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from . import tab
from .prometheus import scraping
from .tab import PHANTOM, Page, Viewport, expected_grey


@pytest.fixture
def page(deployment):
    page = Page(deployment.url)
    yield page
    page.close()


def store(require_program, deployment, folder: Path) -> None:
    tab.store(require_program("storescu"), ("127.0.0.1", deployment.dicom_port), folder)


@pytest.fixture(scope="module")
def phantom_folder(tmp_path_factory) -> Path:
    return tab.write_phantom(tmp_path_factory.mktemp("phantom"))


@pytest.mark.contract("R02", "R04", "R14", "A05", "A06", "A07", "B05")
def test_a_series_sent_by_dicom_is_seen_as_the_standard_says(deployment, page, require_program, phantom_folder):
    store(require_program, deployment, phantom_folder)
    study = page.wait_for_study(PHANTOM.slices)
    assert study["store"] == "shared"
    detail = page.http.get(f"/v2/studies/{study['id']}").json()
    (series,) = detail["series"]
    with page.socket() as socket:
        viewport = Viewport(socket, study["id"], series["id"], (128, 96))
        slices = viewport.opened["slices"]
        assert [s["position"] for s in slices] == pytest.approx([PHANTOM.origin(k)[2] for k in range(PHANTOM.slices)])
        for index in (0, 11, 23):
            viewport.view(position=slices[index]["position"])
            header, pixels = viewport.final()
            assert (header.slice_index, header.width, header.height) == (index, 128, 96)
            assert np.abs(pixels.astype(float) - expected_grey(index)).max() <= 1


def test_every_final_frame_is_the_same_bytes_when_it_is_asked_for_again(
    deployment, page, require_program, phantom_folder
):
    store(require_program, deployment, phantom_folder)
    study = page.wait_for_study(PHANTOM.slices)
    (series,) = page.http.get(f"/v2/studies/{study['id']}").json()["series"]
    pictures = []
    for _ in range(2):
        with page.socket() as socket:
            viewport = Viewport(socket, study["id"], series["id"], (200, 180))
            viewport.view(window={"center": 50, "width": 350}, zoom=1.7, rotation=30)
            pictures.append(viewport.final()[1].tobytes())
    assert pictures[0] == pictures[1]


@pytest.mark.contract("R02")
def test_the_same_study_arrives_as_files_and_as_a_zip(deployment, page, phantom_folder):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for file in sorted(phantom_folder.iterdir()):
            target.write(file, f"folder/{file.name}")
        target.writestr("folder/readme.txt", "not DICOM")
    one = min(phantom_folder.iterdir()).read_bytes()
    first = page.upload(one, "0.dcm")
    assert [outcome["status"] for outcome in first["outcomes"]] == ["stored"]
    state = page.upload(archive.getvalue(), "study.zip")
    statuses = [outcome["status"] for outcome in state["outcomes"]]
    assert statuses.count("stored") == PHANTOM.slices - 1
    assert statuses.count("duplicate") == 1
    assert statuses.count("not-dicom") == 1
    study = next(study for study in page.studies() if study["store"] == "user")
    assert study["ninst"] == PHANTOM.slices
    (series,) = page.http.get(f"/v2/studies/{study['id']}").json()["series"]
    thumbnail = page.http.get(f"/v2/studies/{study['id']}/series/{series['id']}/thumbnail", params={"size": 96})
    assert thumbnail.status_code == 200
    assert max(Image.open(io.BytesIO(thumbnail.content)).size) == 96


DASHBOARDS = Path(__file__).parents[2] / "charts" / "webviewer" / "files" / "dashboards"
EMPTY = {
    "operator: Writes to the API server": "its client counts them, and the API server of this operator is in memory"
}
"""Panels that have nothing to show here, and why."""


def panels() -> list[tuple[str, str]]:
    """Return (title, expression) of every query of the dashboards."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))}
    return [
        (f"{name}: {panel['title']}", target["expr"])
        for name, dashboard in found.items()
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    ]


def test_every_panel_of_the_dashboards_shows_what_prometheus_scraped(  # noqa: PLR0913 - all parts of the product and who uses it
    deployment, page, require_program, phantom_folder, operator_metrics, tmp_path
):
    queries = panels()
    with scraping(require_program("prometheus"), tmp_path / "p", deployment.metrics, operator_metrics) as prometheus:
        wait_for(lambda: prometheus.scrapes(1))
        study = use(deployment, page, require_program, phantom_folder)
        seen = prometheus.rounds()
        wait_for(lambda: prometheus.scrapes(seen + 2))
        look(page, study, 1)  # rates of what was counted for the first time are 0

        def without() -> set[str]:
            found = {(title, query): prometheus.values(query) for title, query in queries}
            return {title for (title, _), values in found.items() if not any(map(math.isfinite, values))}

        wait_for(lambda: without() <= EMPTY.keys(), lambda: f"nothing to show: {sorted(without() - EMPTY.keys())}")


def use(deployment, page, require_program, folder: Path) -> dict:
    """Do what the panels are about: store, put aside, refuse, log in, open, look."""
    store(require_program, deployment, folder)
    with pytest.raises(subprocess.CalledProcessError):
        tab.store(require_program("storescu"), ("127.0.0.1", deployment.dicom_port), folder, called="NOBODY")
    assert page.http.post("/v2/login", json={"user": "demo", "password": "wrong"}).status_code == 401
    study = page.wait_for_study(PHANTOM.slices)
    look(page, study, 0)
    return study


def look(page: Page, study: dict, number: int) -> None:
    [cut] = page.upload(PHANTOM.instance(number)[:300], "cut.dcm")["outcomes"]
    assert cut["status"] == "quarantined"
    (series,) = page.http.get(f"/v2/studies/{study['id']}").json()["series"]
    for _ in range(2):
        with page.socket() as socket:
            viewport = Viewport(socket, study["id"], series["id"], (200, 180))
            for zoom in (1.1, 1.2, 1.3):
                viewport.view(zoom=zoom, active=True)
            viewport.view(zoom=1.7)
            viewport.final()


def wait_for(condition, say=lambda: "") -> None:
    deadline = time.monotonic() + tab.TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"did not come true: {say()}")
        time.sleep(0.5)


def test_it_ends_cleanly_when_it_is_told_to(lone_deployment):
    process = lone_deployment.processes["unified"]
    process.terminate()
    assert process.wait(20) == 0


def test_no_log_holds_a_patient_or_a_secret_even_when_debugging(talkative_deployment):
    page = Page(talkative_deployment.url)
    instance = PHANTOM.instance(0)
    name, patient = (
        str(pydicom.dcmread(io.BytesIO(instance))[keyword].value) for keyword in ("PatientName", "PatientID")
    )
    assert page.upload(instance, f"{name}.dcm")["state"] == "done"
    assert page.upload(instance[:300], f"{patient}.dcm")["outcomes"][0]["status"] == "quarantined"
    [study] = page.studies(name=name.replace("^", " "), pid=patient)
    [series] = page.http.get(f"/v2/studies/{study['id']}").json()["series"]
    with page.socket() as socket:
        Viewport(socket, study["id"], series["id"], (64, 64))
    log = talkative_deployment.log("unified")
    assert "debug" in log
    secrets = [*page.http.cookies.values(), page.http.headers["X-CSRF-Token"], "eyJ"]
    for text in (*secrets, *name.replace("^", " ").split(), patient, study["uid"]):
        assert text not in log
    page.close()
