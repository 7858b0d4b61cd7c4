"""Modality, VOI and palette tables of a data set (PS3.3 C.11.1, C.11.2, C.7.6.3.1.5, C.7.9.2)."""

from __future__ import annotations

import base64
import struct

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from webviewer.codecs import attributes
from webviewer.domain.image import LookupTable, Palette
from webviewer.errors import UnsupportedImageError
from webviewer.reasons import Why

_ENTRIES = 65536
_SHORT = {"Red": Why.PALETTE_RED_SHORT, "Green": Why.PALETTE_GREEN_SHORT, "Blue": Why.PALETTE_BLUE_SHORT}
_COLOURS = tuple(_SHORT)


def read_table(dataset: Dataset, *, signed: bool, little: bool) -> LookupTable | None:
    """Read the table of an item of Modality or VOI LUT Sequence; None where it is not usable.

    ``signed`` says whether the values it maps may be negative: the descriptor's VR does not tell reliably.
    """
    descriptor = attributes.numbers(dataset, "LUTDescriptor")
    if len(descriptor) != 3:  # noqa: PLR2004 - entries, first value, bits
        return None
    entries = int(descriptor[0]) & 0xFFFF or _ENTRIES
    values = _words(attributes.raw(dataset, "LUTData"), entries, little=little)
    if values is None:
        return None
    explanation = attributes.text(dataset, "LUTExplanation") or attributes.text(dataset, "ModalityLUTType")
    return _table(_first(descriptor[1], signed=signed), int(descriptor[2]), values, explanation)


def read_palette(dataset: Dataset, *, little: bool) -> Palette | None:
    """Read the palette of an object, plain or segmented. Raises UnsupportedImageError where it is inconsistent."""
    tables = [_colour(dataset, colour, little=little) for colour in _COLOURS]
    if any(table is None for table in tables):
        return None
    red, green, blue = (table for table in tables if table is not None)
    return Palette(red=red, green=green, blue=blue)


def _colour(dataset: Dataset, colour: str, *, little: bool) -> LookupTable | None:
    descriptor = attributes.numbers(dataset, f"{colour}PaletteColorLookupTableDescriptor")
    if len(descriptor) != 3:  # noqa: PLR2004
        return None
    entries = int(descriptor[0]) & 0xFFFF or _ENTRIES
    bits = int(descriptor[2])
    plain = attributes.raw(dataset, f"{colour}PaletteColorLookupTableData")
    segmented = attributes.raw(dataset, f"Segmented{colour}PaletteColorLookupTableData")
    if plain is not None:
        values = _words(plain, entries, little=little)
    elif isinstance(segmented, (bytes, list, tuple)):
        values = _expand(segmented, bits, entries, little=little)
    else:
        return None
    if values is None:
        raise UnsupportedImageError(_SHORT[colour]())
    return _table(int(descriptor[1]), bits, values, "")


def _first(value: float, *, signed: bool) -> int:
    first = int(value)
    return first - _ENTRIES if signed and first > 0x7FFF else first  # noqa: PLR2004


def _table(first: int, bits: int, values: NDArray[np.uint16], explanation: str) -> LookupTable:
    """Make the value; ``bits`` is corrected where the entries do not fit, as some writers state it too small."""
    needed = max(1, int(values.max(initial=0)).bit_length())
    bits = bits if needed <= bits <= 16 else max(needed, 8)  # noqa: PLR2004
    data = base64.b64encode(values.astype("<u2").tobytes()).decode("ascii")
    return LookupTable(first=first, bits=bits, data=data, explanation=explanation)


def _words(data: object, entries: int, *, little: bool) -> NDArray[np.uint16] | None:
    """Return ``entries`` words of OW bytes or US/SS numbers; OW may hold one byte per entry (C.7.6.3.1.6)."""
    if isinstance(data, (bytes, bytearray)):
        if len(data) >= 2 * entries:
            return np.frombuffer(data, "<u2" if little else ">u2", entries).astype(np.uint16)
        if len(data) < entries:
            return None
        octets = np.frombuffer(data, np.uint8)
        if not little and len(octets) % 2 == 0:
            octets = octets.reshape(-1, 2)[:, ::-1].ravel()
        return octets[:entries].astype(np.uint16)
    if isinstance(data, int):
        data = [data]
    try:
        values = np.array(data, np.int64) & 0xFFFF
    except (TypeError, ValueError, OverflowError):
        return None
    return values[:entries].astype(np.uint16) if values.ndim == 1 and len(values) >= entries else None


def _expand(
    data: bytes | list[int] | tuple[int, ...], bits: int, entries: int, *, little: bool
) -> NDArray[np.uint16] | None:
    """Expand a segmented table (C.7.9.2): discrete runs, linear ramps and references to former segments."""
    if isinstance(data, bytes):
        width = 1 if bits <= 8 else 2  # noqa: PLR2004
        code = "B" if width == 1 else "H"
        count = len(data) // width
        words = struct.unpack(f"{'<' if little else '>'}{count}{code}", data[: count * width])
    else:
        words = tuple(int(value) & 0xFFFF for value in data)
    # One step may add many entries but none is added beyond the announced number, so the work is bounded.
    expansion = _Expansion(words, entries, 1 if bits <= 8 else 2)  # noqa: PLR2004
    try:
        expansion.run(0, len(words), None)
    except IndexError:
        return None
    if len(expansion.values) < entries:
        return None
    return np.array(expansion.values[:entries], np.uint16)


class _Expansion:
    def __init__(self, words: tuple[int, ...], entries: int, width: int) -> None:
        self.words = words
        self.entries = entries
        self.width = width
        self.values: list[int] = []

    def run(self, position: int, end: int, segments: int | None) -> None:
        """Expand from ``position``; a reference gives the number of ``segments`` and may hold no other one."""
        nested = segments is not None
        while position < end and len(self.values) < self.entries and segments != 0:
            kind, length = self.words[position], self.words[position + 1]
            if kind == 0:
                self._discrete(self.words[position + 2 : position + 2 + length])
                position += 2 + length
            elif kind == 1 and self.values:
                self._ramp(self.words[position + 2], length)
                position += 3
            elif kind == 2 and not nested:  # noqa: PLR2004
                low, high = self.words[position + 2], self.words[position + 3]
                self.run(self._index(low, high), end, length)
                position += 4
            else:
                raise IndexError
            if segments is not None:
                segments -= 1

    def _index(self, low: int, high: int) -> int:
        """Byte offset, least significant part first, as a position in ``words``."""
        return (low | high << (8 * self.width)) // self.width

    def _discrete(self, values: tuple[int, ...]) -> None:
        self.values.extend(values)

    def _ramp(self, target: int, length: int) -> None:
        start = self.values[-1]
        self.values.extend(round(start + (target - start) * step / length) for step in range(1, length + 1))
