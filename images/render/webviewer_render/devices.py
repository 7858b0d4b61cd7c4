"""The devices that can draw, as ``--device`` numbers them, and the fastest of them."""

from __future__ import annotations

import importlib.util
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import structlog

from webviewer.errors import InvalidRequestError
from webviewer_render.backends import BackendName
from webviewer_render.self_test import Trial, try_out

_log = structlog.get_logger(__name__)
_NVIDIA = ("nvidia[0-9]*", "dxg")
_GRAPHICS = (*_NVIDIA, "dri/renderD*")


@dataclass(frozen=True, slots=True)
class Device:
    """``backend`` draws projections on it. ``threads`` is what the machine has, not what we use.

    ``milliseconds`` is what a test picture took; None where that was not measured. A device with a ``problem`` cannot be
    chosen.
    """

    index: int
    kind: Literal["cpu", "gpu"]
    name: str
    threads: int
    backend: BackendName = "cpu"
    milliseconds: float | None = None
    problem: str = ""


def find(nodes: Path = Path("/dev")) -> list[Device]:
    """List the devices: NVIDIA GPUs, the processor, OpenGL by VTK where that is installed; ``nodes`` is where GPUs appear."""
    threads = len(os.sched_getaffinity(0))
    found: list[tuple[Literal["cpu", "gpu"], str, BackendName]] = []
    if importlib.util.find_spec("cupy") is not None and _has(nodes, _NVIDIA):
        found.append(("gpu", "NVIDIA GPU", "cuda"))
    found.append(("cpu", _cpu_name(), "cpu"))
    if importlib.util.find_spec("vtkmodules") is not None:
        name = "OpenGL by VTK" if _has(nodes, _GRAPHICS) else "OpenGL by VTK, on the processor"
        found.append(("gpu" if _has(nodes, _GRAPHICS) else "cpu", name, "vtk"))
    return [Device(index, kind, name, threads, backend) for index, (kind, name, backend) in enumerate(found)]


def choose(
    index: int | None, found: Sequence[Device] | None = None, attempt: Callable[[BackendName], Trial] = try_out
) -> Device:
    """Write the list to the log and return the chosen device, or the fastest of those that draw rightly.

    Where there is no GPU nothing is measured, so that the start takes no longer: OpenGL runs on the processor then, and is
    slower than our kernels there. Raises InvalidRequestError for a device that is not there or cannot draw.
    """
    devices = list(find() if found is None else found)
    if index is None and any(device.kind == "gpu" for device in devices):
        devices = [_tried(device, attempt) for device in devices]
    elif index is not None and index < len(devices) and devices[index].backend != "cpu":
        devices[index] = _tried(devices[index], attempt)
    for device in devices:
        _write(device)
    if index is None:
        return min(devices, key=_rank)
    if index >= len(devices):
        text = f"device: there is no device {index}; the last one is {devices[-1].index} ({devices[-1].name})"
        raise InvalidRequestError(text)
    if devices[index].problem:
        text = f"device {index}: {devices[index].problem}"
        raise InvalidRequestError(text)
    return devices[index]


def _tried(device: Device, attempt: Callable[[BackendName], Trial]) -> Device:
    trial = attempt(device.backend)
    if trial.problem:
        return replace(device, problem=trial.problem)
    name = device.name if device.backend == "cpu" else trial.device
    return replace(device, name=name, milliseconds=round(trial.milliseconds, 1))


def _rank(device: Device) -> tuple[bool, float, bool]:
    """The processor comes first where nothing was measured, and last among those that failed: it draws in any case."""
    measured = float("inf") if device.milliseconds is None else device.milliseconds
    return bool(device.problem) and device.backend != "cpu", measured, device.backend != "cpu"


def _write(device: Device) -> None:
    facts = {"index": device.index, "kind": device.kind, "name": device.name, "backend": device.backend}
    if device.problem:
        _log.warning("device not offered", **facts, reason=device.problem)
    else:
        _log.info("device", **facts, milliseconds=device.milliseconds)


def _has(nodes: Path, patterns: Sequence[str]) -> bool:
    return any(True for pattern in patterns for _ in nodes.glob(pattern))


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
