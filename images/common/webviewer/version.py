"""The version of this build."""

from __future__ import annotations

from importlib import resources

from webviewer import __version__


def commit() -> str:
    """Return the commit this was built from, empty if the build did not know it."""
    file = resources.files("webviewer") / "commit.txt"
    return file.read_text(encoding="ascii").strip() if file.is_file() else ""


def full_version() -> str:
    """Return version and commit as ``--version`` and the About page show them."""
    built_from = commit()
    return f"WebViewer {__version__}" + (f" ({built_from})" if built_from else "")
