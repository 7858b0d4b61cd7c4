"""Whether VTK can draw is found out by a child, which may die of it."""

import sys

import pytest

from webviewer_render.backends import vtk
from webviewer_render.backends.base import BackendUnavailableError


def test_what_draws_is_named(vtk):
    assert vtk.capabilities.name == "vtk"
    assert "RenderWindow" in vtk.capabilities.device


def test_a_child_that_dies_is_an_answer_that_says_what_to_install(monkeypatch, tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nkill -SEGV $$\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(BackendUnavailableError, match="libosmesa6"):
        vtk.probe()
