"""Compiled loops over masks: uint8 of shape (slices, rows, columns), 255 where a voxel is shown."""

from __future__ import annotations

from typing import Any

import numpy as np

from webviewer_render.volume.compiled import kernel

_BLOCK = 4
_HALF = 128


@kernel
def cut(mask: Any, origin: Any, axes: Any, distance: Any, picture: Any, place: Any, first: int, last: int, *, inside: Any) -> None:  # fmt: skip  # noqa: E501
    """Hide what projects into a lasso (not ``inside``: what does not) in slices ``first``..``last``.

    ``origin`` and the columns of ``axes`` are the first voxel and the steps to its neighbours in the camera's axes (right,
    down, ahead; mm from its centre), ``distance`` that of the eye, 0 for parallel rays. ``picture`` (rows, columns) is how
    much of the lasso covers a point, 0..255, its first pixel at ``place[0:2]``, ``place[2]`` mm wide.
    """
    rows, columns = picture.shape
    for k in range(first, last):
        for j in range(mask.shape[1]):
            for i in range(mask.shape[2]):
                if mask[k, j, i] == 0:
                    continue
                u = origin[0] + axes[0, 0] * i + axes[0, 1] * j + axes[0, 2] * k
                v = origin[1] + axes[1, 0] * i + axes[1, 1] * j + axes[1, 2] * k
                ahead = distance
                if distance > 0:
                    w = distance + origin[2] + axes[2, 0] * i + axes[2, 1] * j + axes[2, 2] * k
                    ahead = w
                    u, v = u * distance / max(w, 1e-6), v * distance / max(w, 1e-6)
                x, y = (u - place[0]) / place[2], (v - place[1]) / place[2]
                covered = 0.0
                if 0 <= x < columns - 1 and 0 <= y < rows - 1 and (distance == 0 or ahead > 0):
                    a, b = int(x), int(y)
                    f = x - a
                    one = picture[b, a] + f * (float(picture[b, a + 1]) - picture[b, a])
                    two = picture[b + 1, a] + f * (float(picture[b + 1, a + 1]) - picture[b + 1, a])
                    covered = one + (y - b) * (two - one)
                left = np.uint8(255.0 - covered if inside else covered)
                mask[k, j, i] = min(mask[k, j, i], left)


@kernel
def lessen(mask: Any, other: Any, scale: Any, shift: Any, first: int, last: int) -> None:
    """Lower slices ``first``..``last`` of ``mask`` to ``other``, interpolated at index * ``scale`` + ``shift``."""
    for k in range(first, last):
        z = min(max(k * scale[2] + shift[2], 0.0), other.shape[0] - 1.0)
        c, c1 = int(z), min(int(z) + 1, other.shape[0] - 1)
        for j in range(mask.shape[1]):
            y = min(max(j * scale[1] + shift[1], 0.0), other.shape[1] - 1.0)
            b, b1 = int(y), min(int(y) + 1, other.shape[1] - 1)
            for i in range(mask.shape[2]):
                x = min(max(i * scale[0] + shift[0], 0.0), other.shape[2] - 1.0)
                a, a1 = int(x), min(int(x) + 1, other.shape[2] - 1)
                f = x - a
                total = 0.0
                for n in range(2):
                    layer = other[c1 if n else c]
                    one = layer[b, a] + f * (float(layer[b, a1]) - layer[b, a])
                    two = layer[b1, a] + f * (float(layer[b1, a1]) - layer[b1, a])
                    total += (one + (y - b) * (two - one)) * ((z - c) if n else 1.0 - (z - c))
                mask[k, j, i] = min(mask[k, j, i], np.uint8(total + 0.5))


@kernel
def block_states(mask: Any, scale: Any, shift: Any, states: Any, codes: Any) -> None:
    """Fill ``states`` of blocks of 4 x 4 x 4 cells with ``codes`` = (shown, hidden, mixed)."""
    for k in range(states.shape[0]):
        c, c1 = _range(k, scale[2], shift[2], mask.shape[0])
        for j in range(states.shape[1]):
            b, b1 = _range(j, scale[1], shift[1], mask.shape[1])
            for i in range(states.shape[2]):
                a, a1 = _range(i, scale[0], shift[0], mask.shape[2])
                shown = hidden = False
                for z in range(c, c1):
                    for y in range(b, b1):
                        for x in range(a, a1):
                            if mask[z, y, x] >= _HALF:
                                shown = True
                            else:
                                hidden = True
                states[k, j, i] = codes[2] if shown and hidden else codes[0] if shown else codes[1]


@kernel
def _range(block: int, scale: Any, shift: Any, limit: int) -> Any:
    """Return which voxels of a mask a block's samples read."""
    low = int(np.floor(block * _BLOCK * scale + shift))
    high = int(np.ceil((block + 1) * _BLOCK * scale + shift))
    low = min(max(low, 0), limit - 1)
    return low, min(max(high, low), limit - 1) + 1


@kernel
def largest_part(mask: Any, labels: Any, queue: Any) -> None:
    """Leave only the largest part of ``mask`` whose voxels touch by their faces.

    ``labels`` (int32, zeros) has its shape, ``queue`` (int32) its size.
    """
    slices, rows, columns = mask.shape
    flat, marks = mask.reshape(-1), labels.reshape(-1)
    best = best_size = label = 0
    for seed in range(flat.size):
        if flat[seed] == 0 or marks[seed] != 0:
            continue
        label += 1
        marks[seed] = label
        queue[0] = seed
        read, size = 0, 1
        while read < size:
            place = queue[read]
            read += 1
            i, j, k = place % columns, (place // columns) % rows, place // (columns * rows)
            for n in range(6):
                ok, other = _neighbour(n, place, (i, j, k), (slices, rows, columns))
                if ok and flat[other] != 0 and marks[other] == 0:
                    marks[other] = label
                    queue[size] = other
                    size += 1
        if size > best_size:
            best, best_size = label, size
    for n in range(flat.size):
        if marks[n] != best:
            flat[n] = 0


@kernel
def _neighbour(n: int, place: Any, where: Any, shape: Any) -> Any:
    i, j, k = where
    slices, rows, columns = shape
    if n == 0:
        return i > 0, place - 1
    if n == 1:
        return i < columns - 1, place + 1
    if n == 2:
        return j > 0, place - columns
    if n == 3:
        return j < rows - 1, place + columns
    if n == 4:
        return k > 0, place - rows * columns
    return k < slices - 1, place + rows * columns


@kernel
def fill_holes(mask: Any, queue: Any) -> None:
    """Fill what is enclosed within a slice: lungs stay closed where the volume ends in the middle of them."""
    rows, columns = mask.shape[1], mask.shape[2]
    reached = np.empty(rows * columns, np.uint8)
    for k in range(mask.shape[0]):
        flat = mask[k].reshape(-1)
        reached[:] = 0
        size = 0
        for place in range(rows * columns):
            i, j = place % columns, place // columns
            if flat[place] == 0 and (i == 0 or j == 0 or i == columns - 1 or j == rows - 1):
                reached[place] = 1
                queue[size] = place
                size += 1
        read = 0
        while read < size:
            place = queue[read]
            read += 1
            i, j = place % columns, place // columns
            for n in range(4):
                ok, other = _neighbour(n, place, (i, j, 0), (1, rows, columns))
                if ok and flat[other] == 0 and reached[other] == 0:
                    reached[other] = 1
                    queue[size] = other
                    size += 1
        for place in range(rows * columns):
            flat[place] = 0 if reached[place] else 255


@kernel
def grow(mask: Any, reach: Any, out: Any) -> None:
    """Fill ``out`` with what lies within an ellipsoid of ``reach`` (slices, rows, columns) voxels of ``mask``."""
    slices, rows, columns = mask.shape
    deep, high, wide = int(reach[0]), int(reach[1]), int(reach[2])
    out[:] = mask
    for k in range(slices):
        for j in range(rows):
            for i in range(columns):
                if mask[k, j, i] == 0 or not _is_edge(mask, k, j, i):
                    continue
                for c in range(max(k - deep, 0), min(k + deep + 1, slices)):
                    for b in range(max(j - high, 0), min(j + high + 1, rows)):
                        for a in range(max(i - wide, 0), min(i + wide + 1, columns)):
                            z, y, x = (c - k) / reach[0], (b - j) / reach[1], (a - i) / reach[2]
                            if z * z + y * y + x * x <= 1.0:
                                out[c, b, a] = 255


@kernel
def _is_edge(mask: Any, k: int, j: int, i: int) -> Any:
    slices, rows, columns = mask.shape
    return (
        (k > 0 and mask[k - 1, j, i] == 0)
        or (k < slices - 1 and mask[k + 1, j, i] == 0)
        or (j > 0 and mask[k, j - 1, i] == 0)
        or (j < rows - 1 and mask[k, j + 1, i] == 0)
        or (i > 0 and mask[k, j, i - 1] == 0)
        or (i < columns - 1 and mask[k, j, i + 1] == 0)
    )
