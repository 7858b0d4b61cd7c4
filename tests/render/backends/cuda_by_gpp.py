"""Stands in for CuPy: NumPy's arrays, and kernels compiled as C++ and run thread by thread on the CPU.

What CUDA adds to C++ in our kernels is little: the words of the shim below. It shows that they compile and draw the right
thing; not that a GPU runs them, nor how fast.
"""

import ctypes
import subprocess
from types import SimpleNamespace

import numpy as np

SHIM = """
#include <cmath>
#include <algorithm>
using std::min; using std::max;
#define __global__
#define __device__
struct Three { int x, y, z; };
static Three blockIdx, threadIdx, blockDim;
extern "C" void place(int bx, int by, int tx, int ty, int wide, int high) {
    blockIdx = {bx, by, 0}; threadIdx = {tx, ty, 0}; blockDim = {wide, high, 1};
}
"""
TYPES = {"int32": ctypes.c_int, "float32": ctypes.c_float}


class Module:
    """As cupy.RawModule."""

    def __init__(self, code, options, program, folder):
        source, library = folder / "rays.cpp", folder / f"rays{abs(hash(options))}.so"
        source.write_text(SHIM + code, encoding="utf-8")
        command = [
            program,
            "-O2",
            "-Wall",
            "-Werror",
            "-fsanitize=undefined",
            "-fno-sanitize-recover",
            "-shared",
            "-fPIC",
        ]
        subprocess.run([*command, *options, "-o", library, source], check=True)
        self._library = ctypes.CDLL(str(library))

    def get_function(self, name):
        function, place = getattr(self._library, name), self._library.place

        def launch(grid, block, arguments):
            plain = [
                ctypes.c_void_p(a.ctypes.data) if isinstance(a, np.ndarray) else TYPES[a.dtype.name](a)
                for a in arguments
            ]
            for by, bx, ty, tx in np.ndindex(grid[1], grid[0], block[1], block[0]):
                place(bx, by, tx, ty, *block)
                function(*plain)

        return launch


def stand_in(program, folder):
    """Return what behaves like CuPy as far as we use it; ``program`` is g++."""
    runtime = SimpleNamespace(getDevice=lambda: 0, getDeviceProperties=lambda device: {"name": b"g++"})
    return SimpleNamespace(
        RawModule=lambda code, options: Module(code, options, program, folder),
        asarray=np.array, asnumpy=np.asarray, zeros=np.zeros, empty=np.empty, full=np.full,
        cuda=SimpleNamespace(runtime=runtime),
    )  # fmt: skip
