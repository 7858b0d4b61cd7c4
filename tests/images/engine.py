"""podman or docker, and containers as strict as pods: a read-only root, no rights, no name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from webviewer import __version__

REPOSITORY = os.environ.get("WEBVIEWER_TEST_REPOSITORY", "webviewer")
TAGS = {
    "control": f"{REPOSITORY}-control:{__version__}",
    "storage": f"{REPOSITORY}-storage:{__version__}",
    "render": f"{REPOSITORY}-render:{__version__}",
    "render-nvidia": f"{REPOSITORY}-render:{__version__}-nvidia",
    "operator": f"{REPOSITORY}-operator:{__version__}",
}


@dataclass
class Engine:
    """podman or docker, and the containers that a test started."""

    program: str
    containers: list[str] = field(default_factory=list)

    def __call__(self, *arguments: str, check: bool = True, timeout: float = 120) -> str:
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True, check=False, timeout=timeout)
        if check and done.returncode:
            pytest.fail(f"{self.program} {' '.join(arguments)}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout + done.stderr

    def image(self, name: str) -> dict[str, Any]:
        """Return what the engine knows of an image; the test is skipped where it is not that of this commit."""
        done = subprocess.run(
            [self.program, "image", "inspect", TAGS[name]], capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode:
            pytest.skip(f"the image {TAGS[name]} is not built: make test-images")
        found: dict[str, Any] = json.loads(done.stdout)[0]
        revision = found["Config"].get("Labels", {}).get("org.opencontainers.image.revision")
        if revision != _head() and not os.environ.get("WEBVIEWER_TEST_ANY_COMMIT"):
            pytest.skip(f"the image {TAGS[name]} is of another commit: make test-images")
        return found

    def run(self, name: str, *arguments: str, options: tuple[str, ...] = (), check: bool = True) -> str:
        """Run a command in a container to its end and return what it says."""
        return self("run", "--rm", *self._strict(), *options, TAGS[name], *arguments, check=check)

    def start(self, name: str, *arguments: str, options: tuple[str, ...] = ()) -> str:
        """Start a container that serves on the network of this machine, and return its id."""
        container = self("run", "--detach", "--network=host", *self._strict(), *options, TAGS[name], *arguments).strip()
        self.containers.append(container)
        return container

    def close(self) -> None:
        for container in reversed(self.containers):
            self("rm", "--force", "--volumes", container, check=False)
        self.containers.clear()

    def _strict(self) -> list[str]:
        limits = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp:mode=1777"]
        # podman would make more folders than the declared ones writable.
        return limits + (["--read-only-tmpfs=false"] if "podman" in Path(self.program).name else [])


def _head() -> str:
    root = Path(__file__).parents[2]
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()  # fmt: skip


def find() -> str:
    """Return the engine. Images are no part of what every machine must be able to test: without one this is a visible skip."""
    program = os.environ.get("ENGINE") or shutil.which("podman") or shutil.which("docker")
    if not program or subprocess.run([program, "info"], capture_output=True, check=False, timeout=60).returncode:
        pytest.skip("neither podman nor docker works here: images are not tested")
    return program
