"""The devices that can draw, as ``--device`` numbers them."""

from __future__ import annotations

import importlib.util
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

from webviewer.errors import InvalidRequestError
from webviewer_render.backends import BackendName
from webviewer_render.backends.base import BackendUnavailableError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Device:
    """``backend`` draws projections on it. ``threads`` is what the machine has, not what we use."""

    index: int
    kind: Literal["cpu", "gpu"]
    name: str
    threads: int
    backend: BackendName = "cpu"


def find() -> list[Device]:
    """List the devices, the fastest first: NVIDIA GPUs, the processor, OpenGL by VTK where that is installed.

    Without a GPU that draws, VTK's OpenGL runs on the processor and is slower than our kernels there, so it is never taken
    unasked; whether it can draw at all is tried when it is chosen.
    """
    threads = len(os.sched_getaffinity(0))
    found: list[tuple[Literal["cpu", "gpu"], str, BackendName]] = []
    if gpu := _cuda_name():
        found.append(("gpu", gpu, "cuda"))
    found.append(("cpu", _cpu_name(), "cpu"))
    if importlib.util.find_spec("vtkmodules") is not None:
        found.append(("gpu", "OpenGL by VTK", "vtk"))
    return [Device(index, kind, name, threads, backend) for index, (kind, name, backend) in enumerate(found)]


def choose(index: int | None) -> Device:
    """Write the list to the log and return the chosen device.

    Raises InvalidRequestError for one that is not there or cannot draw.
    """
    found = find()
    for device in found:
        _log.info("device", index=device.index, kind=device.kind, name=device.name, backend=device.backend)
    if index is None:
        return found[0]
    if index >= len(found):
        text = f"device: there is no device {index}; the last one is {found[-1].index} ({found[-1].name})"
        raise InvalidRequestError(text)
    if found[index].backend == "vtk":
        _try_vtk(index)
    return found[index]


def _try_vtk(index: int) -> None:
    from webviewer_render.backends import vtk  # noqa: PLC0415 - an optional part

    try:
        capabilities = vtk.probe()
    except BackendUnavailableError as error:
        text = f"device {index}: {error}"
        raise InvalidRequestError(text) from error
    _log.info("VTK draws", device=capabilities.device)


def _cuda_name() -> str:
    """Return the name of the NVIDIA GPU that CuPy can use, empty if there is none."""
    if importlib.util.find_spec("cupy") is None:
        return ""
    from webviewer_render.backends import cuda  # noqa: PLC0415 - an optional part

    try:
        return cuda.CudaBackend().capabilities.device
    except BackendUnavailableError as error:
        _log.warning("GPU not used", reason=str(error))
        return ""


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
