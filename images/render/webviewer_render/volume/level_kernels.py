"""Compiled loops that make smaller volumes and their extremes, a range of slices at a time.

Voxels are those of :class:`webviewer_render.volume.levels.Level`: flat ``values`` (int16 or float32, read-only) and the
place of each slice in ``offsets`` (uint64). Indices are unsigned so that the loops are vectorised.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from webviewer_render.volume.compiled import kernel

BLOCK = 4
"""Cells along each side of a block."""


@kernel
def halve(values: Any, offsets: Any, shape: Any, factors: Any, out: Any, first: int, last: int, *, whole: bool) -> None:
    """Average ``factors`` (1 or 2 along slices, rows, columns) voxels into slices ``first``..``last`` of ``out``.

    ``shape`` is that of the source. At an odd end the mean is of those that are there. ``whole`` rounds to integers.
    """
    slices, rows, columns = shape
    through, down, across = factors
    line = np.empty(columns, np.float32)
    half = np.float32(0.5)
    for k in range(first, last):
        k_end = min((k + 1) * through, slices)
        for j in range(out.shape[1]):
            j_end = min((j + 1) * down, rows)
            line[:] = 0
            for z in range(k * through, k_end):
                for y in range(j * down, j_end):
                    start = np.uint64(offsets[z]) + np.uint64(y) * np.uint64(columns)
                    row = values[start : start + np.uint64(columns)]
                    for i in range(np.uint64(columns)):
                        line[i] += np.float32(row[i])
            count = (k_end - k * through) * (j_end - j * down)
            share = np.float32(1.0) / np.float32(count * across)
            target = out[k, j]
            pairs = columns // across
            for i in range(np.uint64(pairs)):
                place = i * np.uint64(across)
                total = line[place] if across == 1 else line[place] + line[place + np.uint64(1)]
                mean = total * share
                target[i] = np.floor(mean + half) if whole else mean
            if pairs < out.shape[2]:
                mean = line[columns - 1] / np.float32(count)
                target[pairs] = np.floor(mean + half) if whole else mean


@kernel
def extremes(values: Any, offsets: Any, shape: Any, first: int, last: int, lowest: Any, highest: Any) -> None:
    """Fill layers ``first``..``last`` of the extremes of blocks, with the next voxel that interpolation reads."""
    slices, rows, columns = shape
    low = np.empty(columns, values.dtype)
    high = np.empty(columns, values.dtype)
    for bk in range(first, last):
        for bj in range(lowest.shape[1]):
            begin = True
            for k in range(bk * BLOCK, min(bk * BLOCK + BLOCK + 1, slices)):
                for j in range(bj * BLOCK, min(bj * BLOCK + BLOCK + 1, rows)):
                    start = np.uint64(offsets[k]) + np.uint64(j) * np.uint64(columns)
                    row = values[start : start + np.uint64(columns)]
                    if begin:
                        low[:] = row
                        high[:] = row
                        begin = False
                    else:
                        for i in range(np.uint64(columns)):
                            value = row[i]
                            low[i] = min(value, low[i])
                            high[i] = max(value, high[i])
            for bi in range(lowest.shape[2]):
                least, most = low[bi * BLOCK], high[bi * BLOCK]
                for i in range(bi * BLOCK + 1, min(bi * BLOCK + BLOCK + 1, columns)):
                    least = min(least, low[i])
                    most = max(most, high[i])
                lowest[bk, bj, bi] = least
                highest[bk, bj, bi] = most


@kernel
def between(values: Any, offsets: Any, each: int, lower: Any, parts: Any, out: Any, *, whole: bool) -> None:
    """Fill the slices of ``out`` (slices, voxels): ``parts`` of the way from slice ``lower`` to the one after it."""
    half = np.float32(0.5)
    for k in range(out.shape[0]):
        start = np.uint64(offsets[lower[k]])
        upper = np.uint64(offsets[lower[k] + 1])
        below = values[start : start + np.uint64(each)]
        above = values[upper : upper + np.uint64(each)]
        part, target = np.float32(parts[k]), out[k]
        for i in range(np.uint64(each)):
            value = np.float32(below[i])
            value += (np.float32(above[i]) - value) * part
            target[i] = np.floor(value + half) if whole else value


@kernel
def coarsen(fine: Any, coarse: Any) -> None:
    """Fill ``coarse`` with the highest of 4 x 4 x 4 entries of ``fine``."""
    for k in range(coarse.shape[0]):
        for j in range(coarse.shape[1]):
            for i in range(coarse.shape[2]):
                most = fine[4 * k, 4 * j, 4 * i]
                for z in range(4 * k, min(4 * k + 4, fine.shape[0])):
                    for y in range(4 * j, min(4 * j + 4, fine.shape[1])):
                        for x in range(4 * i, min(4 * i + 4, fine.shape[2])):
                            most = max(most, fine[z, y, x])
                coarse[k, j, i] = most
