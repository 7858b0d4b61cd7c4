"""Results that are asked for again and again, the last few of each kind, within a budget of memory."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

T = TypeVar("T")


class Recent:
    """Keeps the last ``limit`` results, and of these as many as have no more than ``budget`` bytes of arrays; one at least.

    Several threads may ask; two that ask for the same at once may both make it.
    """

    def __init__(self, limit: int, budget: float = math.inf) -> None:
        self._limit = limit
        self._budget = budget
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, object] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what ``make()`` returned for ``key``; errors are not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast("T", self._kept[key])
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > 1 and (len(self._kept) > self._limit or self._bytes() > self._budget):
                self._kept.popitem(last=False)
        return made

    @property
    def own_bytes(self) -> int:
        """Memory of the arrays that are kept; what several results share counts once."""
        with self._lock:
            return self._bytes()

    def _bytes(self) -> int:
        return sum({id(array): array.nbytes for made in self._kept.values() for array in _arrays(made)}.values())


def _arrays(made: object) -> Iterator[npt.NDArray[Any]]:
    """Yield the arrays that a result is made of; those of devices do not take our memory."""
    if isinstance(made, np.ndarray):
        yield made
    elif isinstance(made, tuple):
        for part in made:
            yield from _arrays(part)
    elif dataclasses.is_dataclass(made):
        for part in dataclasses.fields(made):
            yield from _arrays(getattr(made, part.name))
