"""Images as pods run them."""

from __future__ import annotations

import hashlib
import io
import time

import httpx2
import pytest
from PIL import Image

from webviewer import __version__
from webviewer.sample.series import PhantomSeries

NAMES = ["control", "storage", "render", "render-nvidia", "operator"]
TOOLS = "gcc g++ cc c++ make pip pip3 uv node npm git curl wget"
TIMEOUT = 60


@pytest.mark.parametrize("name", NAMES)
def test_an_image_says_what_it_is_and_runs_as_a_number(engine, name):
    image = engine.image(name)["Config"]
    assert image["User"] == "10001:10001"
    assert image["Entrypoint"] == ["webviewer"]
    labels = image["Labels"]
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.title"].startswith("WebViewer ")


@pytest.mark.parametrize("name", NAMES)
def test_an_image_answers_with_its_version_and_holds_no_build_tools(engine, name):
    engine.image(name)
    assert engine.run(name, "--version").startswith(f"WebViewer {__version__} (")
    found = engine.run(name, "-c", f"command -v {TOOLS} || true", options=("--entrypoint=sh",))
    assert not found.strip()


@pytest.mark.parametrize("name", NAMES)
def test_any_number_may_run_it_and_nothing_but_declared_places_can_be_written(engine, name):
    engine.image(name)
    program = "import getpass, pathlib, sys; print(getpass.getuser(), pathlib.Path.home())"
    said = engine.run(name, "-c", program, options=("--entrypoint=python3", "--user=4711:4711"))
    assert said.split() == ["webviewer", "/tmp"]
    places = "/ /opt/webviewer /etc /usr /var /var/tmp /run /home"
    tried = f"for f in {places}; do touch $f/x 2>/dev/null && echo $f; done; true"
    writable = engine.run(name, "-c", tried, options=("--entrypoint=sh",))
    assert not writable.strip()


def test_the_operator_without_a_cluster_says_what_it_lacks(engine):
    engine.image("operator")
    said = engine.run("operator", options=("--user=4711:4711",), check=False)
    assert "webviewer: " in said
    assert "Traceback" not in said


def test_both_back_ends_of_the_render_image_draw_rightly_on_a_read_only_root(engine):
    engine.image("render")
    said = engine.run(
        "render", "-m", "webviewer_render.self_test", "--must", "cpu", "vtk", options=("--entrypoint=python3",)
    )
    assert said.startswith("cpu: ")
    assert "\nvtk: " in said


def test_the_rays_of_the_nvidia_image_compile_for_gpus_that_are_not_here(engine):
    engine.image("render-nvidia")
    said = engine.run("render-nvidia", "-m", "webviewer_render.backends.cuda", "80", options=("--entrypoint=python3",))
    assert said.count("compute capability 80") == 2


def test_every_role_of_the_images_is_ready(cluster):
    for url in cluster.urls.values():
        assert httpx2.get(f"{url}/readyz", timeout=TIMEOUT).json() == {"status": "ok"}


def test_a_study_that_is_uploaded_has_a_picture(cluster):
    url = cluster.urls["control"]
    with httpx2.Client(base_url=url, headers={"Origin": url}, timeout=TIMEOUT) as http:
        answer = http.post("/v2/login", json={"user": "demo", "password": "demo"})
        assert answer.status_code == 200, answer.text
        http.headers["X-CSRF-Token"] = answer.json()["csrf"]
        for content in PhantomSeries(rows=64, columns=64, slices=3, spacing=5.0, step=60.0, name="images").instances():
            _upload(http, content)
        (study,) = http.get("/v2/studies").json()["studies"]
        (series,) = http.get(f"/v2/studies/{study['id']}").json()["series"]
        answer = http.get(f"/v2/studies/{study['id']}/series/{series['id']}/thumbnail", params={"size": 64})
        assert answer.status_code == 200, answer.text
        low, high = Image.open(io.BytesIO(answer.content)).convert("L").getextrema()
        assert low < 64
        assert high > 192


def test_the_pages_are_in_the_image(cluster):
    page = httpx2.get(f"{cluster.urls['control']}/", timeout=TIMEOUT)
    assert page.status_code == 200
    assert "<script" in page.text


def test_no_kernel_was_compiled_to_start(engine, cluster):
    def files(*options: str, folder: str) -> set[str]:
        return set(engine(*options, "sh", "-c", f"cd {folder} && find . -type f").split())

    here = files("exec", cluster.containers["render"], folder="/tmp/webviewer-kernels-*")
    before = files("exec", cluster.containers["render"], folder="/opt/webviewer/kernels")
    assert len(before) > 20
    assert here == before


def _upload(http: httpx2.Client, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    answer = http.put(
        f"/v2/uploads/{digest}", params={"offset": 0, "size": len(content), "name": "a.dcm"}, content=content
    )
    assert answer.status_code == 200, answer.text
    deadline = time.monotonic() + TIMEOUT
    while answer.json()["state"] not in {"done", "failed"} and time.monotonic() < deadline:
        time.sleep(0.05)
        answer = http.get(f"/v2/uploads/{digest}")
    assert answer.json()["state"] == "done", answer.text
