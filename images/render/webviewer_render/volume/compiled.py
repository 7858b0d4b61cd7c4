"""How loops over voxels are compiled: without fast-math and data-dependent threading, releasing the GIL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile ``function`` when it is first called with arguments of new types; the result is kept on disk."""
    return cast("F", njit(nogil=True, cache=True, error_model="numpy")(function))
