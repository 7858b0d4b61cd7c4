"""Decoded pixels of one series in memory that all processes share.

The memory starts with a table of 16-byte entries, one per slice in display order::

    u8 state, u8 pixel type, u8 samples, u8 unused, u32 rows, u32 columns, u32 unused

then come the pixels of each slice in a place of its own, on whole pages so that each can be given back to the system
alone. The front makes the memory (``memfd_create``), so a worker that dies loses nothing, and the kernel frees it
after the last process, however that one ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from webviewer.domain.image import ImageDescription
from webviewer.errors import DamagedObjectError

_ENTRY = struct.Struct("<BBBxIII")
_TABLE_TYPE = np.dtype(
    [("state", "u1"), ("kind", "u1"), ("samples", "u1"), ("unused", "u1"), ("rows", "<u4"), ("columns", "<u4"), ("free", "<u4")]
)  # fmt: skip
_TYPES = tuple(np.dtype(name) for name in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"))
_SAMPLE_BYTES = (1, 2, 4, 8)


class SlotState(IntEnum):
    """What is known of a slice's pixels."""

    ABSENT = 0
    DECODING = 1
    READY = 2
    FAILED = 3


@dataclass(frozen=True, slots=True)
class ArenaLayout:
    """Where the pixels of each slice lie, in bytes; ``size`` is that of the whole memory."""

    offsets: tuple[int, ...]
    capacities: tuple[int, ...]
    size: int

    @classmethod
    def of(cls, images: Sequence[ImageDescription | None], reduction: int = 1) -> ArenaLayout:
        """Plan the memory for slices in display order; None has no picture and needs no place.

        ``reduction``: only averages of so many by so many pixels are stored.
        """
        capacities = tuple(_page_up(pixel_bytes(image, reduction)) if image else 0 for image in images)
        table = _page_up(max(1, len(images)) * _ENTRY.size)
        ends = list(accumulate(capacities, initial=table))
        return cls(tuple(ends[:-1]), capacities, ends[-1])


def pixel_bytes(image: ImageDescription, reduction: int = 1) -> int:
    """Return the size of a decoded frame in bytes: 1, 2, 4 or 8 per sample."""
    needed = -(-max(image.bits_allocated, image.bits_stored) // 8)
    each = next((size for size in _SAMPLE_BYTES if needed <= size), _SAMPLE_BYTES[-1])
    return -(-image.rows // reduction) * -(-image.columns // reduction) * image.samples * each


class Arena:
    """A mapping of the memory in one process.

    The mapping goes when the last reference to the arena, and to pixels it lent out, does. ``descriptor`` is what other
    processes map it by; :meth:`close_descriptor` closes it.
    """

    def __init__(self, descriptor: int, layout: ArenaLayout) -> None:
        self.descriptor = descriptor
        self.layout = layout
        self._memory = mmap.mmap(descriptor, layout.size)
        # Planes and rays touch a page per voxel row: with small pages they wait for address translation.
        with contextlib.suppress(OSError):
            self._memory.madvise(mmap.MADV_HUGEPAGE)

    @classmethod
    def create(cls, layout: ArenaLayout) -> Arena:
        """Make the memory. Nothing of it is used before it is written."""
        descriptor = os.memfd_create("webviewer-series", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(descriptor, layout.size)
            # A worker must not be able to shrink it: reading beyond its end would kill this process.
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
            return cls(descriptor, layout)
        except BaseException:
            os.close(descriptor)
            raise

    def close_descriptor(self) -> None:
        """Close the descriptor; the mapping lives on."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def state(self, slot: int) -> SlotState:
        """Return the state of a slice; unknown values of a damaged table count as absent."""
        value = self._memory[slot * _ENTRY.size]
        return SlotState(value) if value <= SlotState.FAILED else SlotState.ABSENT

    def set_state(self, slot: int, state: SlotState) -> None:
        """Change the state of a slice."""
        self._memory[slot * _ENTRY.size] = state

    def store(self, slot: int, pixels: npt.NDArray[Any]) -> None:
        """Copy decoded pixels, (rows, columns) or (rows, columns, samples), and mark the slice as ready.

        Raises DamagedObjectError where they are larger than the header promised.
        """
        if pixels.nbytes > self.layout.capacities[slot] or pixels.dtype not in _TYPES:
            text = "the decoded picture is larger than its header says"
            raise DamagedObjectError(text)
        target: npt.NDArray[Any] = np.ndarray(pixels.shape, pixels.dtype, self._memory, self.layout.offsets[slot])
        np.copyto(target, pixels)
        rows, columns, samples = (*pixels.shape, 1)[:3]
        kind = _TYPES.index(pixels.dtype)
        # The state is written last: who sees READY sees the pixels.
        _ENTRY.pack_into(self._memory, slot * _ENTRY.size, SlotState.DECODING, kind, samples, rows, columns, 0)
        self.set_state(slot, SlotState.READY)

    def pixels(self, slot: int) -> npt.NDArray[Any]:
        """Return the pixels of a slice that is ready, without a copy."""
        _, kind, samples, rows, columns, _ = _ENTRY.unpack_from(self._memory, slot * _ENTRY.size)
        shape = (rows, columns) if samples == 1 else (rows, columns, samples)
        array: npt.NDArray[Any] = np.ndarray(shape, _TYPES[kind], self._memory, self.layout.offsets[slot])
        array.flags.writeable = False
        return array

    def values(self, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return the whole memory as one flat, read-only array of a pixel type, without a copy.

        The pixels of a slice begin at its ``layout.offsets`` divided by the size of an element.
        """
        kind = np.dtype(dtype)
        array: npt.NDArray[Any] = np.frombuffer(self._memory, kind, self.layout.size // kind.itemsize)
        array.flags.writeable = False
        return array

    def holding(self, dtype: npt.DTypeLike, rows: int, columns: int) -> npt.NDArray[np.bool_]:
        """Tell of every slice whether it is ready and has pixels of this type and size, one sample each."""
        table = np.frombuffer(self._memory, _TABLE_TYPE, len(self.layout.offsets))
        known: npt.NDArray[np.bool_] = (
            (table["state"] == SlotState.READY)
            & (table["kind"] == _TYPES.index(np.dtype(dtype)))
            & (table["samples"] == 1)
            & (table["rows"] == rows)
            & (table["columns"] == columns)
        )
        return known

    def evict(self, slot: int) -> None:
        """Give the memory of a slice back to the system."""
        self.set_state(slot, SlotState.ABSENT)
        if self.layout.capacities[slot]:
            self._memory.madvise(mmap.MADV_REMOVE, self.layout.offsets[slot], self.layout.capacities[slot])


def _page_up(size: int) -> int:
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
