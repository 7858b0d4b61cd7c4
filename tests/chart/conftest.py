"""Helm, and what the chart makes of values."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "webviewer"
Manifests = list[dict]


class Helm:
    """The program, with nothing of the person who runs the tests."""

    def __init__(self, program: str, home: Path) -> None:
        self._program = program
        self._environment = {"PATH": os.environ["PATH"], "HOME": f"{home}", "KUBECONFIG": f"{home / 'none'}"}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._program, *arguments], capture_output=True, text=True, env=self._environment, timeout=60, check=False
        )

    def template(self, *arguments: str, namespace: str = "imaging", release: str = "viewer") -> str:
        done = self.run("template", release, f"{CHART}", "--namespace", namespace, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def helm(require_program, tmp_path_factory):
    return Helm(require_program("helm"), tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def rendered(helm) -> Callable[..., Manifests]:
    """Return a function that renders the chart: values by their paths, as for `--set-json`."""
    made: dict[tuple[str, ...], str] = {}

    def render(*settings: str) -> Manifests:
        if settings not in made:
            made[settings] = helm.template(*(part for each in settings for part in ("--set-json", each)))
        return [each for each in yaml.safe_load_all(made[settings]) if each]

    return render


@pytest.fixture(scope="session")
def only():
    """Return a function that returns the one manifest of a kind."""

    def find(manifests: Manifests, kind: str) -> dict:
        (found,) = [each for each in manifests if each["kind"] == kind]
        return found

    return find
