"""Helm, at an API server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

CHART = Path(__file__).parents[2] / "charts" / "webviewer"


class Helm:
    """The program, at the API server of a kubeconfig."""

    def __init__(self, program: str, home: Path, kubeconfig: Path) -> None:
        self._program = program
        self._environment = {"PATH": os.environ["PATH"], "HOME": f"{home}", "KUBECONFIG": f"{kubeconfig}"}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._program, *arguments], capture_output=True, text=True, env=self._environment, timeout=120, check=False
        )

    def done(self, *arguments: str) -> str:
        found = self(*arguments)
        assert found.returncode == 0, found.stderr
        return found.stdout

    def install(self, namespace: str, *values: str) -> None:
        """Install our chart, with values by their paths (JSON)."""
        settings = [part for each in values for part in ("--set-json", each)]
        self.done("install", "webviewer", f"{CHART}", "--namespace", namespace, *settings)
