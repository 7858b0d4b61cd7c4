"""A study arrives, belongs to somebody, is found, is opened and is looked at; the same in every composition."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import time
import zipfile
from pathlib import Path

import httpx2
import numpy as np
import pydicom
import pytest
from PIL import Image
from websockets.sync.client import connect

from webviewer.domain.view import Quality
from webviewer.sample.series import PhantomSeries
from webviewer.wire.frame import HEADER_LENGTH, FrameFlag, FrameHeader

TIMEOUT = 60.0
PHANTOM = PhantomSeries(rows=96, columns=128, slices=24, spacing=3.4, step=20.0, name="integration")


class Page:
    """What a browser tab does, without the browser."""

    def __init__(self, url: str, login: str = "demo", password: str = "demo") -> None:
        self.url = url
        self.http = httpx2.Client(base_url=url, headers={"Origin": url}, timeout=TIMEOUT)
        answer = self.http.post("/v2/login", json={"user": login, "password": password})
        assert answer.status_code == 200, answer.text
        self.http.headers["X-CSRF-Token"] = answer.json()["csrf"]

    def close(self) -> None:
        self.http.close()

    def studies(self, **query: object) -> list[dict]:
        answer = self.http.get("/v2/studies", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["studies"]

    def wait_for_study(self, images: int, **query: object) -> dict:
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            for study in self.studies(**query):
                if study["ninst"] == images:
                    return study
            time.sleep(0.05)
        pytest.fail(f"no study of {images} images: {self.studies(**query)}")

    def upload(self, content: bytes, name: str) -> dict:
        digest = hashlib.sha256(content).hexdigest()
        query = {"offset": 0, "size": len(content), "name": name}
        answer = self.http.put(f"/v2/uploads/{digest}", params=query, content=content)
        assert answer.status_code == 200, answer.text
        deadline = time.monotonic() + TIMEOUT
        while (state := answer.json())["state"] not in {"done", "failed"} and time.monotonic() < deadline:
            time.sleep(0.05)
            answer = self.http.get(f"/v2/uploads/{digest}")
        return state

    def socket(self):
        cookie = "; ".join(f"{key}={value}" for key, value in self.http.cookies.items())
        address = self.url.replace("http", "ws", 1) + "/eventQueue"
        return connect(address, origin=self.url, additional_headers={"Cookie": cookie}, compression=None, max_size=None)


class Viewport:
    """One viewport of an opened socket."""

    def __init__(self, socket, study: str, series: str, size: tuple[int, int]) -> None:
        self.socket = socket
        self.sequence = 0
        socket.send(json.dumps({"type": "hello", "version": 1}))
        assert self.message("hello")
        message = {"type": "open", "viewport": 0, "study": study, "series": series, "size": size}
        socket.send(json.dumps(message))
        self.opened = self.message("opened")

    def message(self, kind: str) -> dict:
        while True:
            received = self.socket.recv(timeout=TIMEOUT)
            if isinstance(received, str):
                message = json.loads(received)
                assert message["type"] != "error", message
                if message["type"] == kind:
                    return message

    def view(self, *, active: bool = False, **patch: object) -> None:
        self.sequence += 1
        message = {"type": "view", "viewport": 0, "sequence": self.sequence, "patch": patch, "active": active}
        self.socket.send(json.dumps(message))

    def final(self) -> tuple[FrameHeader, np.ndarray]:
        """Acknowledge frames until the lossless one of the newest state is there."""
        while True:
            received = self.socket.recv(timeout=TIMEOUT)
            if isinstance(received, str):
                assert json.loads(received)["type"] != "error", received
                continue
            header = FrameHeader.unpack(received)
            self.socket.send(json.dumps({"type": "ack", "viewport": 0, "serial": header.serial}))
            fresh = header.sequence == self.sequence and not header.flags & FrameFlag.NEIGHBOUR
            if fresh and header.quality == Quality.LOSSLESS:
                return header, np.asarray(Image.open(io.BytesIO(received[HEADER_LENGTH:])))


@pytest.fixture
def page(deployment):
    page = Page(deployment.url)
    yield page
    page.close()


def store(require_program, deployment, folder: Path, called: str = "WEBVIEWER") -> None:
    subprocess.run(
        [require_program("storescu"), "-aec", called, "+sd", "127.0.0.1", str(deployment.dicom_port), str(folder)],
        check=True,
        timeout=TIMEOUT,
        capture_output=True,
        env=os.environ | {"TCP_NODELAY": "1"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def phantom_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    for index, content in enumerate(PHANTOM.instances()):
        (folder / f"{index}.dcm").write_bytes(content)
    return folder


def expected_grey(index: int, center: float = 40.0, width: float = 400.0) -> np.ndarray:
    """PS3.3 C.11.2.1.2.1 written out for the phantom's slice."""
    values = PHANTOM.stored_values(index).astype(np.float64) - 1024
    grey = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255
    return np.clip(grey, 0, 255)


@pytest.mark.contract("R02", "R04", "R14", "A07")
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
