"""Build hook: puts the commit, and the built pages if there are any, into the package."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface[Any]):
    """Called by hatchling for wheels and editable installs alike."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write ``commit.txt`` beside the package and include ``html/dist`` as ``webviewer/html``."""
        root = Path(self.root)
        commit = root / "images/common/webviewer/commit.txt"
        try:
            command = ["git", "rev-parse", "--short=12", "HEAD"]
            found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)  # noqa: S603
            commit.write_text(found.stdout, encoding="ascii")
        except (OSError, subprocess.CalledProcessError):
            pass  # an archive without history: whoever packs it may leave commit.txt in place
        build_data["artifacts"].append("images/common/webviewer/commit.txt")
        pages = root / "html/dist"
        if version == "standard" and (pages / "index.html").is_file():
            build_data["force_include"][str(pages)] = "webviewer/html"
