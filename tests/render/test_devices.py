"""Which device draws: the fastest of those whose pictures are right."""

import sys

import pytest

from webviewer.errors import InvalidRequestError
from webviewer_render import devices, self_test
from webviewer_render.backends.cpu import CpuBackend
from webviewer_render.devices import Device
from webviewer_render.scene.picture import Picture
from webviewer_render.self_test import Trial, WrongPictureError, measured, try_out

CPU = Device(1, "cpu", "Processor", 8)
FOUND = (Device(0, "gpu", "NVIDIA GPU", 8, "cuda"), CPU, Device(2, "gpu", "OpenGL by VTK", 8, "vtk"))


class StandIn(CpuBackend):
    """Draws as the kernels do, and spoils the pictures."""

    def __init__(self, spoil):
        self._spoil = spoil

    def render(self, *arguments):
        picture = super().render(*arguments)
        return Picture(self._spoil(picture.pixels), picture.window)


def attempts(**trials):
    return lambda backend: trials[backend]


def trial(milliseconds):
    return Trial("some device", milliseconds)


BROKEN = Trial(problem="it crashed")


@pytest.mark.contract("D08")
@pytest.mark.parametrize(
    ("cuda", "cpu", "vtk", "chosen"),
    [
        (trial(2), trial(80), trial(30), "cuda"),
        (trial(90), trial(80), trial(30), "vtk"),
        (trial(90), trial(80), trial(900), "cpu"),
        (BROKEN, trial(80), trial(30), "vtk"),
        (BROKEN, trial(80), BROKEN, "cpu"),
        (BROKEN, BROKEN, BROKEN, "cpu"),
        (trial(90), BROKEN, BROKEN, "cuda"),
    ],
)
def test_the_fastest_device_that_draws_rightly_is_the_default(cuda, cpu, vtk, chosen):
    assert devices.choose(None, FOUND, attempts(cuda=cuda, cpu=cpu, vtk=vtk)).backend == chosen


@pytest.mark.contract("D08")
def test_the_list_shows_what_was_measured_and_why_a_device_is_not_offered(capsys):
    devices.choose(None, FOUND, attempts(cuda=Trial("Card 9000", 2.04), cpu=trial(80), vtk=BROKEN))
    lines = capsys.readouterr().out.splitlines()
    assert "milliseconds=2.0" in lines[0]
    assert "Card 9000" in lines[0]
    assert "milliseconds=80" in lines[1]
    assert "not offered" in lines[2]
    assert "it crashed" in lines[2]


@pytest.mark.contract("D08")
def test_a_device_that_was_asked_for_is_taken_even_if_it_is_slow_but_not_if_it_is_broken():
    assert devices.choose(2, FOUND, attempts(vtk=trial(900))).backend == "vtk"
    assert devices.choose(1, FOUND, attempts()).backend == "cpu"
    with pytest.raises(InvalidRequestError, match="it crashed"):
        devices.choose(0, FOUND, attempts(cuda=BROKEN))


def test_without_a_gpu_nothing_is_measured(tmp_path):
    found = devices.find(tmp_path)
    assert {device.kind for device in found} == {"cpu"}
    assert devices.choose(None, found, attempts()).backend == "cpu"


def test_graphics_are_found_by_their_device_nodes(tmp_path):
    (tmp_path / "dri").mkdir()
    (tmp_path / "dri" / "renderD128").touch()
    assert {device.backend: device.kind for device in devices.find(tmp_path)}["vtk"] == "gpu"


def test_right_pictures_are_timed():
    assert 0 < measured(CpuBackend()) < 60_000


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pixels: pixels[:, ::-1],
        lambda pixels: pixels[::-1],
        lambda pixels: pixels * 0,
        lambda pixels: 255 - pixels,
        lambda pixels: pixels[:-1],
        lambda pixels: pixels if pixels.ndim == 2 else pixels * 0,
    ],
    ids=["mirrored", "upside down", "black", "inverted", "too small", "no surfaces"],
)
def test_wrong_pictures_are_noticed(spoil):
    with pytest.raises(WrongPictureError, match="wrong"):
        measured(StandIn(spoil))


@pytest.mark.parametrize("name", ["cpu", "vtk"])
def test_a_child_tries_a_back_end_out(name):
    result = try_out(name)
    assert result.problem == ""
    assert result.device
    assert result.milliseconds < 60_000


def test_a_back_end_that_is_not_installed_says_so():
    assert "pip install" in try_out("cuda").problem


@pytest.mark.parametrize(
    ("program", "problem"), [("kill -SEGV $$", "crashed"), ("exit 1", "crashed"), ("sleep 60", "did not draw")]
)
def test_a_child_that_crashes_or_hangs_is_an_answer(monkeypatch, tmp_path, program, problem):
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\nexec 2>/dev/null\n{program}\n", encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))
    monkeypatch.setattr(self_test, "_PATIENCE_SECONDS", 0.5)
    assert problem in try_out("vtk").problem
