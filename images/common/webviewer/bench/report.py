"""Where the result of a measurement goes: to the terminal, and into a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def deliver(name: str, figures: dict[str, Any], text: str, out: Path | None) -> None:
    """Print ``text``; write it and the figures to ``out`` as NAME.md and NAME.json."""
    machine = figures.get("machine")
    text = f"{machine}\n\n{text}" if machine else text
    print(text)  # noqa: T201 - the result of the command
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{name}.md").write_text(text.rstrip() + "\n", encoding="utf-8")
        (out / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
