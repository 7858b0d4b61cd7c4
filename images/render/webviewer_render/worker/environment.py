"""The environment of worker processes: what makes their pictures the same on every machine."""

from __future__ import annotations

import os
import platform

_CPU = "x86-64-v3"
# Naming the CPU alone is not enough: numba would still add the features it finds on this machine.
_FEATURES = ",".join(
    f"+{name}"
    for name in [
        "64bit",
        "avx",
        "avx2",
        "bmi",
        "bmi2",
        "cmov",
        "crc32",
        "cx16",
        "cx8",
        "f16c",
        "fma",
        "fxsr",
        "lzcnt",
        "mmx",
        "movbe",
        "popcnt",
        "sahf",
        "sse",
        "sse2",
        "sse3",
        "sse4.1",
        "sse4.2",
        "ssse3",
        "xsave",
    ]
)
_SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def worker_environment() -> dict[str, str]:
    """Return the environment variables of a worker process.

    Compiled kernels are cached under the name and features of the CPU, so whoever fills that cache
    (:mod:`webviewer_render.warm`) has to use the same environment.
    """
    environment = dict(os.environ)
    if platform.machine() in {"x86_64", "AMD64"}:
        environment |= {"NUMBA_CPU_NAME": _CPU, "NUMBA_CPU_FEATURES": _FEATURES}
    # Threads are ours alone: --max-thread-pool-threads must mean what it says.
    return environment | dict.fromkeys(_SINGLE_THREADED, "1")
