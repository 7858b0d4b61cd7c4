"""What draws projections: back ends of one interface that know nothing of each other."""

from __future__ import annotations

from typing import Literal

from webviewer_render.backends.base import Backend
from webviewer_render.backends.cpu import CpuBackend

BackendName = Literal["cpu", "cuda", "vtk"]


def make_backend(name: str) -> Backend:
    """Return the back end of that name. Raises BackendUnavailableError where this machine cannot run it."""
    if name == "cuda":
        from webviewer_render.backends.cuda import CudaBackend  # noqa: PLC0415 - an optional part

        return CudaBackend()
    if name == "vtk":
        from webviewer_render.backends.vtk import VtkBackend  # noqa: PLC0415 - an optional part

        return VtkBackend()
    return CpuBackend()
