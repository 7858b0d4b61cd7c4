"""The devices that can draw, as ``--device`` numbers them."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

from webviewer.errors import InvalidRequestError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Device:
    """``threads`` is what the machine has, not what we use; ``memory`` in bytes, 0 if it is the machine's."""

    index: int
    kind: Literal["cpu", "gpu"]
    name: str
    threads: int
    memory: int = 0


def find() -> list[Device]:
    """List the devices, the fastest first."""
    return [Device(0, "cpu", _cpu_name(), len(os.sched_getaffinity(0)))]


def choose(index: int | None) -> Device:
    """Write the list to the log and return the chosen device. Raises InvalidRequestError for one that is not there."""
    found = find()
    for device in found:
        _log.info("device", index=device.index, kind=device.kind, name=device.name, threads=device.threads)
    if index is None:
        return found[0]
    if index >= len(found):
        text = f"device: there is no device {index}; the last one is {found[-1].index} ({found[-1].name})"
        raise InvalidRequestError(text)
    return found[index]


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
