"""Peers are measured in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from webviewer.errors import PeerUnavailableError


def figures_of(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module of the bench and return what it prints last; raises PeerUnavailableError if it fails."""
    command = [sys.executable, "-m", f"webviewer.bench.{module}", *arguments]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own program
    if answer.returncode:
        text = f"the peer {module} failed: `make bench` installs what it needs, --no-peer leaves it out"
        raise PeerUnavailableError(text)
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found
