"""The product in one process with its built pages, and Chromium in front of it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import httpx2
import pydicom
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from webviewer.sample.series import PhantomSeries
from webviewer.web.pages import find_pages

START_SECONDS = 120
STOP_SECONDS = 20
STUDY_SECONDS = 60
SAGITTAL_SLICES = 12
ACTION_MS = 15_000
# The default of 5 s is short for a page, a server and a database on two busy cores.
expect.set_options(timeout=ACTION_MS)
# Who runs the installation, as its pages say.
OPERATOR = {
    "WEBVIEWER_WEB_SITE": "https://viewer.example.org/",
    "WEBVIEWER_SALES_EMAIL": "sales@example.org",
    "WEBVIEWER_SUPPORT_EMAIL": "help@example.org",
}
PHANTOM = PhantomSeries(rows=128, columns=128, slices=40, spacing=3.4, step=8.0, name="browser")
PAIR = PhantomSeries(rows=64, columns=64, slices=2, spacing=6.8, step=8.0, name="pair")


@dataclass
class Site:
    """A running product. ``study`` holds 40 axial slices of the phantom and 12 sagittal ones."""

    url: str
    study: str
    dicom_port: int
    process: subprocess.Popen[str]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def sagittal_instances(axial: PhantomSeries) -> Iterator[bytes]:
    """Yield a second series of the same study and frame of reference, with sagittal planes."""
    for index in range(SAGITTAL_SLICES):
        dataset = pydicom.dcmread(io.BytesIO(axial.instance(index)))
        first = axial.origin(0)
        top = axial.origin(axial.slices - 1)[2]
        dataset.SeriesInstanceUID = axial.uid("sagittal")
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = axial.uid(f"sagittal {index}")
        dataset.SeriesNumber = 2
        dataset.SeriesDescription = "Sagittal"
        dataset.InstanceNumber = index + 1
        dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        dataset.ImagePositionPatient = [-110 + 20 * index, first[1], top]
        buffer = io.BytesIO()
        dataset.save_as(buffer)
        yield buffer.getvalue()


def zip_of(files: list[bytes]) -> bytes:
    """Pack files into a ZIP."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index, content in enumerate(files):
            archive.writestr(f"I{index:04}.dcm", content)
    return buffer.getvalue()


def client(url: str, login: str = "demo") -> httpx2.Client:
    """Log in as a demo user, without a browser."""
    http = httpx2.Client(base_url=url, headers={"Origin": url}, timeout=STUDY_SECONDS)
    answer = http.post("/v2/login", json={"user": login, "password": login})
    assert answer.status_code == httpx2.codes.OK, answer.text
    http.headers["X-CSRF-Token"] = answer.json()["csrf"]
    return http


def upload(http: httpx2.Client, content: bytes, name: str) -> None:
    """Send a file and wait until it is in the storage."""
    digest = hashlib.sha256(content).hexdigest()
    answer = http.put(
        f"/v2/uploads/{digest}", params={"offset": 0, "size": len(content), "name": name}, content=content
    )
    deadline = time.monotonic() + STUDY_SECONDS
    while answer.json()["state"] not in {"done", "failed"} and time.monotonic() < deadline:
        time.sleep(0.05)
        answer = http.get(f"/v2/uploads/{digest}")
    assert answer.json()["state"] == "done", answer.text


def study_of(http: httpx2.Client, images: int, **query: object) -> str:
    """Wait for a study with so many images and return its id."""
    deadline = time.monotonic() + STUDY_SECONDS
    while time.monotonic() < deadline:
        for study in http.get("/v2/studies", params=query).json()["studies"]:
            if study["ninst"] == images:
                return str(study["id"])
        time.sleep(0.05)
    pytest.fail(f"no study of {images} images")


class People:
    """Makes users of the running product, each with a password like his name, and fills their storage."""

    def __init__(self, url: str) -> None:
        self.url = url

    @contextlib.contextmanager
    def administrator(self) -> Iterator[httpx2.Client]:
        """Log in as the administrator for a moment: his sessions end when his password changes."""
        with httpx2.Client(base_url=self.url, headers={"Origin": self.url}) as http:
            answer = http.post("/v2/admin/login", json={"user": "admin", "password": "admin"})
            assert answer.status_code == httpx2.codes.OK, answer.text
            http.headers["X-CSRF-Token"] = answer.json()["csrf"]
            yield http

    def add(self, login: str = "", *, active: bool = True, ae_title: str | None = None, **settings: object) -> str:
        """Make a user with settings of his and return his login."""
        login = login or f"u{uuid.uuid4().hex[:10]}"
        with self.administrator() as http:
            user = {"login": login, "password": login, "active": active, "ae_title": ae_title}
            answer = http.post("/v2/admin/users", json=user)
            assert answer.status_code == httpx2.codes.CREATED, answer.text
        if settings:
            with contextlib.closing(client(self.url, login)) as own:
                for key, value in settings.items():
                    own.put(f"/v2/settings/{key.replace('__', '.')}", json={"value": value})
        return login

    def forget_panel(self) -> None:
        """Forget the settings of the administrator's pages: language, theme, tables."""
        with self.administrator() as http:
            for key in http.get("/v2/admin/settings").json()["values"]:
                http.delete(f"/v2/admin/settings/{key}").raise_for_status()

    def end_sessions(self, login: str) -> None:
        """Close the sessions of a user, as the administrator does."""
        with self.administrator() as http:
            found = http.get("/v2/admin/users", params={"search": login}).json()["users"]
            http.delete(f"/v2/admin/users/{found[0]['id']}/sessions").raise_for_status()

    def store(self, login: str, files: list[bytes]) -> None:
        """Put files into the storage of a user."""
        with contextlib.closing(client(self.url, login)) as http:
            upload(http, zip_of(files), "studies.zip")


def study_files(name: str, images: int = 1, **attributes: object) -> list[bytes]:
    """Make a small study of the phantom; ``attributes`` are DICOM keywords that differ from its own."""
    series = PhantomSeries(
        rows=32, columns=32, slices=images, spacing=13.6, step=20, noise=0, name=uuid.uuid4().hex, patient_name=name
    )
    files = []
    for content in series.instances():
        dataset = pydicom.dcmread(io.BytesIO(content))
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        buffer = io.BytesIO()
        dataset.save_as(buffer)
        files.append(buffer.getvalue())
    return files


@contextlib.contextmanager
def serving(folder: Path, *arguments: str, demo: bool = True) -> Iterator[tuple[str, int, subprocess.Popen[str]]]:
    """Run the product; yields its address, its DICOM port and its process. Without ``demo`` it may be behind a proxy."""
    log = folder / "unified.log"
    port = _free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "webviewer", "serve", *(["--demo"] if demo else []), "--no-sample",
            "--data", str(folder / "data"), "--port", "0", "--dicom-port", str(port),
            "--log", str(log), "--no-log-to-console", *arguments,
        ],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | OPERATOR,
    )  # fmt: skip
    try:
        lines = iter(process.stdout or ())
        url = next((found[1] for line in lines if (found := re.match(r"listening on (http://\S+)", line))), None)
        if url is None:
            pytest.fail(f"ended before it listened:\n{log.read_text()[-3000:]}")
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx2.TransportError):
                if httpx2.get(f"{url}/readyz", timeout=5).status_code == httpx2.codes.OK:
                    break
            time.sleep(0.1)
        yield url, port, process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.fixture(scope="session")
def pages() -> Path:
    """Folder of the built pages: of the checkout, or ``WEBVIEWER_HTML``."""
    configured = os.environ.get("WEBVIEWER_HTML")
    folder = find_pages(Path(configured) if configured else None)
    if folder is None:
        reason = f"the pages are not built in {resources.files('webviewer')} or html/dist: make html"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def serve_product() -> Callable[..., contextlib.AbstractContextManager[tuple[str, int, subprocess.Popen[str]]]]:
    """Return a function that runs the product with options of its own."""
    return serving


@pytest.fixture(scope="session")
def site(pages, tmp_path_factory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("browser"), "--html", str(pages)) as (url, port, process):
        with contextlib.closing(client(url)) as http:
            upload(http, zip_of([*PHANTOM.instances(), *sagittal_instances(PHANTOM)]), "phantom.zip")
            study = study_of(http, PHANTOM.slices + SAGITTAL_SLICES)
        yield Site(url, study, port, process)


@pytest.fixture(scope="session")
def serve() -> Callable[..., contextlib.AbstractContextManager[tuple[str, int, subprocess.Popen[str]]]]:
    """Return what runs the product, for a test that wants it otherwise."""
    return serving


@pytest.fixture(scope="session")
def other_study(site) -> str:
    """A study of three slices of another patient."""
    with contextlib.closing(client(site.url)) as http:
        upload(http, zip_of(study_files("Other^Patient", 3, PatientID="OTHER-1")), "other.zip")
        return study_of(http, 3, name="Other*")


@pytest.fixture(scope="session")
def people(site) -> People:
    return People(site.url)


@pytest.fixture(scope="session")
def log_in(site) -> Iterator[Callable[[str], httpx2.Client]]:
    """Return a function that logs somebody in without a browser."""
    with contextlib.ExitStack() as stack:
        yield lambda login: stack.enter_context(contextlib.closing(client(site.url, login)))


@pytest.fixture(scope="session")
def make_study() -> Callable[..., list[bytes]]:
    """Return a function that makes the files of a small study of a patient."""
    return study_files


@pytest.fixture(scope="session")
def pair(site) -> str:
    """Return a study of two images, too few for a volume."""
    with contextlib.closing(client(site.url)) as http:
        upload(http, zip_of([*PAIR.instances()]), "pair.zip")
        return study_of(http, PAIR.slices)


@pytest.fixture(scope="session")
def phantom() -> PhantomSeries:
    """Return what the axial series of ``site`` was made of."""
    return PHANTOM


@pytest.fixture(scope="session")
def magnetic(site) -> str:
    """Return a study of four slices that call themselves MR."""
    files = study_files("Magnetic^Resonance", 4, Modality="MR", RescaleType="US", PatientID="MR-1")
    with contextlib.closing(client(site.url)) as http:
        upload(http, zip_of(files), "magnetic.zip")
        return study_of(http, 4, name="Magnetic*")


@pytest.fixture(scope="module")
def chromium(require_program) -> Iterator[Browser]:
    """Start Chromium for one module: Playwright's loop in this thread would be in the way of asynchronous tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require_program("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def new_context(chromium, site) -> Iterator[Callable[..., BrowserContext]]:
    """Return a function that makes a logged-in context; further options are Playwright's."""
    made: list[BrowserContext] = []

    def make(login: str = "demo", locale: str = "en-US", **options: object) -> BrowserContext:
        settings = {"viewport": {"width": 1280, "height": 720}, "locale": locale, "base_url": site.url}
        context = chromium.new_context(**(settings | options))
        context.set_default_timeout(ACTION_MS)
        made.append(context)
        if login:
            answer = context.request.post("/v2/login", data={"user": login, "password": login})
            token = {"X-CSRF-Token": answer.json()["csrf"]}
            context.request.put("/v2/settings/notice.diagnosis", data={"value": True}, headers=token)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def new_page(new_context) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page as somebody; a script error on any of them fails the test."""
    errors: list[str] = []

    def make(login: str = "demo", path: str | None = None, **options: object) -> Page:
        page = new_context(login, **options).new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        if path is not None:
            page.goto(path)
        return page

    yield make
    assert errors == []


@pytest.fixture
def page(new_page) -> Page:
    """A logged-in page of 1280x720."""
    return new_page()
