"""The rays of our kernels on NVIDIA GPUs, also on those without graphics, by CuPy.

The one place that knows CuPy, an optional part of the installation. ``python -m webviewer_render.backends.cuda 75 90``
compiles the rays for these kinds of GPU, which needs the toolkit but no GPU. Sampling is by plain loads, not textures: their
interpolation has 8 bits of fraction, and pictures would differ from the kernels' by more than rounding.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from webviewer.domain.view import Position, Quality, VolumeView
from webviewer_render.backends.base import BackendUnavailableError, Capabilities
from webviewer_render.scene import projection
from webviewer_render.scene.bands import ALONE, Crew
from webviewer_render.scene.picture import CancelledError, Picture
from webviewer_render.scene.projection import Cast, Values
from webviewer_render.volume.levels import Level, Levels

_TILE = 16
_TYPES = {"int16": "short", "float32": "float"}


def cupy() -> Any:  # noqa: ANN401 - CuPy has no types where it is not installed
    """Return CuPy with a device that works; raises BackendUnavailableError with the reason where there is none."""
    try:
        module = importlib.import_module("cupy")
    except ImportError as error:
        text = "CuPy is not installed: pip install webviewer[gpu]"
        raise BackendUnavailableError(text) from error
    try:
        module.zeros(1).sum().item()
    except Exception as error:  # the driver's errors are of many kinds
        text = "no NVIDIA GPU answers: check nvidia-smi and that the driver suits CUDA 13"
        raise BackendUnavailableError(text) from error
    return module


class CudaBackend:
    """See :class:`webviewer_render.backends.base.Backend`. ``arrays`` is CuPy, or what behaves like it."""

    def __init__(self, arrays: Any = None) -> None:  # noqa: ANN401 - as cupy()
        self._arrays = arrays if arrays is not None else cupy()
        self.capabilities = Capabilities("cuda", _device(self._arrays))
        self._modules = functools.cache(self._compiled)

    def render(  # noqa: PLR0913 - as the frame function
        self,
        levels: Levels,
        view: VolumeView,
        size: tuple[int, int],
        quality: Quality,
        windows: projection.Windows = (),
        cancelled: Callable[[], bool] | None = None,
        crew: Crew = ALONE,  # noqa: ARG002 - the device has threads of its own
    ) -> Picture:
        """Draw; ``cancelled()`` is looked at before, as a picture takes milliseconds."""
        cast = projection.prepared(levels, view, size, quality, cancelled)
        module = self._modules(_TYPES[cast.level.values.dtype.name])
        return projection.picture_of(_CudaCast(cast, self._arrays, module), windows, cancelled)

    def pick(self, levels: Levels, view: VolumeView, size: tuple[int, int], at: tuple[float, float]) -> Position | None:
        """Follow one ray by the kernels."""
        return projection.pick(levels, view, size, *at)

    def close(self) -> None:
        """Hold nothing: what is on the device goes with the volume it belongs to."""

    def _compiled(self, value: str) -> Any:  # noqa: ANN401 - as cupy()
        return self._arrays.RawModule(code=_source(), options=_options(value))


def _source() -> str:
    return files("webviewer_render.backends").joinpath("rays.cu").read_text(encoding="utf-8")


def _options(value: str) -> tuple[str, ...]:
    return ("--std=c++17", f"-DVALUE={value}")


def compile_for(kinds: list[str]) -> int:
    """Compile the rays for kinds of GPU, by compute capability, with CuPy's headers; returns the exit status."""
    compiler = importlib.import_module("cupy_backends.cuda.libs.nvrtc")
    core = importlib.import_module("cupy._core.core")
    source = "#include <cupy/complex.cuh>\n#include <cupy/carray.cuh>\n" + _source()
    for kind in kinds:
        for value in _TYPES.values():
            program = compiler.createProgram(source, "rays.cu", (), ())
            options = core.assemble_cupy_compiler_options((*_options(value), f"-arch=sm_{kind}"))
            try:
                compiler.compileProgram(program, options)
            except compiler.NVRTCError:
                print(compiler.getProgramLog(program), file=sys.stderr)  # noqa: T201 - the reason
                return 1
            print(f"compute capability {kind}, {value}: {len(compiler.getCUBIN(program))} bytes")  # noqa: T201 - the answer
    return 0


def values_on_device(arrays: Any, level: Level) -> Any:  # noqa: ANN401 - as cupy()
    """Copy a level's voxels to the device, slice by slice without gaps, whatever lies between them here."""
    each = level.shape[1] * level.shape[2]
    out = arrays.empty(level.shape[0] * each, level.values.dtype)
    for k, offset in enumerate(level.offsets.tolist()):
        out[k * each : (k + 1) * each] = arrays.asarray(level.values[offset : offset + each])
    return out


class _CudaCast:
    """A prepared picture drawn on the device. What does not change from picture to picture stays there."""

    def __init__(self, cast: Cast, arrays: Any, module: Any) -> None:  # noqa: ANN401 - as cupy()
        self._cast = cast
        self._arrays = arrays
        self._module = module
        self.levels = cast.levels
        self.view = cast.view

    def composite(self, cancelled: Callable[[], bool] | None) -> npt.NDArray[np.uint8]:
        """Return RGB."""
        cast = self._cast
        table, scale, transfer = cast.tables()
        light, shine = cast.light()
        out = self._arrays.zeros((cast.size[1], cast.size[0], 3), np.uint8)
        numbers = (
            self._put(table), np.int32(len(table)), self._put(scale), self._put(transfer.slopes),
            np.int32(transfer.slopes.size), self._put(light), self._put(shine), np.int32(shine.size), *self._rays(),
            np.float32(cast.effort.enough), *self._size(), out,
        )  # fmt: skip
        self._launch("cast_composite", (*self._volume(cast.codes()), *numbers), cancelled)
        pixels: npt.NDArray[np.uint8] = self._arrays.asnumpy(out)
        return pixels

    def extreme(self, apart: tuple[float, float], cancelled: Callable[[], bool] | None) -> Values:
        """Return stored values."""
        cast = self._cast
        sign, (fine, middle, coarse) = cast.tops()
        floor, ceiling = sorted((float(sign) * apart[0], float(sign) * apart[1]))
        out = self._nothing()
        numbers = (
            self._keep(fine), self._keep(middle), *(np.int32(n) for n in middle.shape[1:]), self._keep(coarse),
            *(np.int32(n) for n in coarse.shape[1:]), sign, np.float32(floor), np.float32(ceiling), *self._rays(),
            *self._size(), out,
        )  # fmt: skip
        self._launch("cast_extreme", (*self._volume(cast.visibility.states), *numbers), cancelled)
        values: Values = self._arrays.asnumpy(out)
        return values

    def mean(self, cancelled: Callable[[], bool] | None) -> Values:
        """Return stored values."""
        low, high, codes = self._cast.averaged()
        out = self._nothing()
        numbers = (np.float32(low), np.float32(high), *self._rays(), *self._size(), out)
        self._launch("cast_mean", (*self._volume(codes), *numbers), cancelled)
        values: Values = self._arrays.asnumpy(out)
        return values

    def _launch(self, name: str, numbers: tuple[Any, ...], cancelled: Callable[[], bool] | None) -> None:
        if cancelled is not None and cancelled():
            raise CancelledError
        width, height = self._cast.size
        grid = (-(-width // _TILE), -(-height // _TILE))
        self._module.get_function(name)(grid, (_TILE, _TILE), numbers)

    def _volume(self, codes: npt.NDArray[np.uint8]) -> tuple[Any, ...]:
        """Return what all kernels begin with: voxels, codes of blocks, and the mask."""
        cast, level, hidden = self._cast, self._cast.level, self._cast.visibility
        values = cast.levels.recent.get(("cuda", cast.index), lambda: values_on_device(self._arrays, level))
        return (
            values, *(np.int32(n) for n in level.shape), self._keep(codes), *(np.int32(n) for n in codes.shape[1:]),
            self._keep(hidden.mask), self._put(hidden.place), *(np.int32(n) for n in hidden.mask.shape),
        )  # fmt: skip

    def _keep(self, array: npt.NDArray[Any]) -> Any:  # noqa: ANN401 - an array of the device
        """Copy to the device, or return the copy of before."""
        key = ("cuda", id(array))
        kept = self._cast.levels.recent.get(key, lambda: (array, self._put(array)))
        return kept[1]  # with the array itself, so that its id stays its own

    def _put(self, array: npt.NDArray[Any]) -> Any:  # noqa: ANN401 - an array of the device
        return self._arrays.asarray(np.ascontiguousarray(array))

    def _rays(self) -> tuple[Any, Any]:
        return self._put(self._cast.rays), self._put(self._cast.box)

    def _size(self) -> tuple[np.int32, np.int32]:
        return np.int32(self._cast.size[0]), np.int32(self._cast.size[1])

    def _nothing(self) -> Any:  # noqa: ANN401 - an array of the device
        return self._arrays.full((self._cast.size[1], self._cast.size[0]), np.nan, np.float32)


def _device(arrays: Any) -> str:  # noqa: ANN401 - as cupy()
    properties = arrays.cuda.runtime.getDeviceProperties(arrays.cuda.runtime.getDevice())
    name: bytes = properties["name"]
    return name.decode()


if __name__ == "__main__":
    sys.exit(compile_for(sys.argv[1:]))
