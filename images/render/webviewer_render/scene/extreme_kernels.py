"""Compiled loops that find the highest sample of every ray, many rays at a time.

A single ray is a chain of waiting: where it is, what lies there, where it goes on. So the rays of a square of pixels go
side by side, each in a *lane*, and all take a stride before any takes the next: over empty blocks, or through one that may
have something. A stride is a row of small loops over buffers that stay in the cache, most of them vectorised; what the rays
read is the same, and so is what they find. Some rays of a square go first: where they found something is a good guess for
their neighbours, after which most blocks need no look.

Buffers are flat, of columns with a place for each lane (or sample) behind each other, so that loops over several of them
are known not to overlap. Indices are unsigned, or numba would look for negative ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from webviewer_render.scene.plane_kernels import _first, _second
from webviewer_render.scene.ray_kernels import DRAWN, MIXED, _inverse, _is_shown, _linear, _ray
from webviewer_render.volume.compiled import kernel

SQUARE = 16
"""Pixels along each side of what is drawn at once."""
_APART = 4
"""Distance of the rays that go first, along rows and columns."""
_LANES = SQUARE * SQUARE
_STRIDE = 8
"""Samples that a ray takes at most before the others go on."""
_SAMPLES = _LANES * _STRIDE + _STRIDE
_f4, _i4, _u8 = np.float32, np.int32, np.uint64

# Columns of a lane's floats: the first sample, the steps, their inverses, the highest value yet; of a stride: where the ray
# is, and the highest values of the three blocks around it.
_X0, _Y0, _Z0, _DX, _DY, _DZ, _RX, _RY, _RZ, _BEST, _X, _Y, _Z, _FINE, _MIDDLE, _COARSE = (
    np.uint64(_LANES * n) for n in range(16)
)
_KEPT_FLOATS = 10
# Of its integers: the next step, the last, that of the highest value, the pixel; of a stride: the places of the blocks,
# how many samples are taken, and from which step on.
_NEXT, _LAST, _FOUND, _PIXEL, _AT_FINE, _AT_MIDDLE, _AT_COARSE, _TAKEN, _FROM = (
    np.uint64(_LANES * n) for n in range(9)
)
_KEPT_INTEGERS = 4
# Of a sample: its lane and step; fractions beyond a voxel, and the value; the four pairs of voxels around it.
_LANE, _STEP = (np.uint64(_SAMPLES * n) for n in range(2))
_PART_X, _PART_Y, _PART_Z, _VALUE = (np.uint64(_SAMPLES * n) for n in range(4))
_UPPER_NEAR, _LOWER_NEAR, _UPPER_FAR, _LOWER_FAR = (np.uint64(_SAMPLES * n) for n in range(4))


@kernel
def _locate(lanes: Any, floats: Any, integers: Any, sides: Any) -> None:
    """Write where each ray is, and in which blocks."""
    rows, columns, middle_rows, middle_columns, coarse_rows, coarse_columns = sides
    for n in range(_u8(lanes)):
        f = _f4(min(integers[n + _NEXT], integers[n + _LAST]))
        x = floats[n + _X0] + f * floats[n + _DX]
        y = floats[n + _Y0] + f * floats[n + _DY]
        z = floats[n + _Z0] + f * floats[n + _DZ]
        floats[n + _X], floats[n + _Y], floats[n + _Z] = x, y, z
        i, j, k = _i4(x), _i4(y), _i4(z)
        integers[n + _AT_FINE] = _place(i >> _i4(2), j >> _i4(2), k >> _i4(2), rows, columns)
        integers[n + _AT_MIDDLE] = _place(i >> _i4(4), j >> _i4(4), k >> _i4(4), middle_rows, middle_columns)
        integers[n + _AT_COARSE] = _place(i >> _i4(6), j >> _i4(6), k >> _i4(6), coarse_rows, coarse_columns)


@kernel
def _place(i: Any, j: Any, k: Any, rows: Any, columns: Any) -> Any:
    return _i4(_i4(_i4(_i4(_i4(k) * rows) + _i4(j)) * columns) + _i4(i))


@kernel
def _look(lanes: Any, floats: Any, integers: Any, tops: Any) -> None:
    """Fetch the highest values of the blocks."""
    fine, middle, coarse = tops
    for n in range(_u8(lanes)):
        floats[n + _FINE] = fine[_u8(integers[n + _AT_FINE])]
        floats[n + _MIDDLE] = middle[_u8(integers[n + _AT_MIDDLE])]
        floats[n + _COARSE] = coarse[_u8(integers[n + _AT_COARSE])]


@kernel
def _decide(lanes: Any, floats: Any, integers: Any) -> None:
    """Skip the largest block that has nothing higher, or take the samples of the smallest, and go beyond them."""
    for n in range(_u8(lanes)):
        best = floats[n + _BEST]
        step, last = integers[n + _NEXT], integers[n + _LAST]
        seen = floats[n + _FINE] > best
        bits = _i4(4) if floats[n + _MIDDLE] <= best else _i4(2)
        bits = _i4(6) if floats[n + _COARSE] <= best else bits
        bits = _i4(2) if seen else bits
        left = _steps(floats[n + _X], floats[n + _DX], floats[n + _RX], bits)
        other = _steps(floats[n + _Y], floats[n + _DY], floats[n + _RY], bits)
        left = min(left, other)
        other = _steps(floats[n + _Z], floats[n + _DZ], floats[n + _RZ], bits)
        left = min(left, other)
        left = min(left, _f4(1000000.0))
        beyond = _i4(_i4(left) + _i4(1))
        taken = _i4(min(_i4(step + min(beyond, _i4(_STRIDE))), _i4(last + _i4(1))) - step)
        taken = max(taken, _i4(0)) if seen else _i4(0)
        integers[n + _TAKEN] = taken
        integers[n + _FROM] = step
        integers[n + _NEXT] = _i4(step + (taken if seen else beyond))


@kernel
def _steps(x: Any, dx: Any, inverse: Any, bits: Any) -> Any:
    """Return after how many (fractional) steps a coordinate leaves the block of 2**bits cells that it is in."""
    up = _i4(1) if dx >= _f4(0) else _i4(0)
    return (_f4(_i4(_i4(_i4(_i4(x) >> bits) + up) << bits)) - x) * inverse


@kernel
def _gather(lanes: Any, integers: Any, busy: Any, samples: Any) -> Any:
    """List the samples that are taken; returns how many. Too many are written, and overwritten: no branch is guessed."""
    count: Any = _u8(0)
    for n in range(_u8(lanes)):
        busy[count] = _i4(n)
        count += _u8(integers[n + _TAKEN] > _i4(0))
    total: Any = _u8(0)
    for m in range(count):
        lane = _u8(busy[m])
        step = integers[lane + _FROM]
        for s in range(_u8(_STRIDE)):
            samples[total + s + _LANE] = _i4(lane)
            samples[total + s + _STEP] = _i4(step + _i4(s))
        total += _u8(integers[lane + _TAKEN])
    return total


@kernel
def _fetch(
    total: Any, floats: Any, samples: Any, parts: Any, loaded: Any, pairs: Any, offsets: Any, columns: Any
) -> None:
    """Fetch the voxels around each sample."""
    for s in range(_u8(total)):
        n, f = _u8(samples[s + _LANE]), _f4(samples[s + _STEP])
        x = floats[n + _X0] + f * floats[n + _DX]
        y = floats[n + _Y0] + f * floats[n + _DY]
        z = floats[n + _Z0] + f * floats[n + _DZ]
        i, j, k = _i4(x), _i4(y), _i4(z)
        parts[s + _PART_X], parts[s + _PART_Y], parts[s + _PART_Z] = x - _f4(i), y - _f4(j), z - _f4(k)
        row = _u8(j) * columns + _u8(i)
        near, far = offsets[_u8(k)] + row, offsets[_u8(k) + _u8(1)] + row
        loaded[s + _UPPER_NEAR], loaded[s + _LOWER_NEAR] = pairs[near], pairs[near + columns]
        loaded[s + _UPPER_FAR], loaded[s + _LOWER_FAR] = pairs[far], pairs[far + columns]


@kernel
def _mix(total: Any, parts: Any, loaded: Any, sign: Any) -> None:
    """Interpolate, as ``ray_kernels`` does for one sample."""
    for s in range(_u8(total)):
        a, b = parts[s + _PART_X], parts[s + _PART_Y]
        value = _first(loaded[s + _UPPER_NEAR])
        one = value + a * (_second(loaded[s + _UPPER_NEAR]) - value)
        value = _first(loaded[s + _LOWER_NEAR])
        one += b * (value + a * (_second(loaded[s + _LOWER_NEAR]) - value) - one)
        value = _first(loaded[s + _UPPER_FAR])
        two = value + a * (_second(loaded[s + _UPPER_FAR]) - value)
        value = _first(loaded[s + _LOWER_FAR])
        two += b * (value + a * (_second(loaded[s + _LOWER_FAR]) - value) - two)
        parts[s + _VALUE] = sign * (one + parts[s + _PART_Z] * (two - one))


@kernel
def _raise(total: Any, floats: Any, integers: Any, samples: Any, parts: Any, ceiling: Any, hidden: Any) -> None:
    """Keep what is higher than before, unless it is hidden; a ray that has reached ``ceiling`` is done."""
    codes, mask, place = hidden
    for s in range(_u8(total)):
        n = _u8(samples[s + _LANE])
        value = parts[s + _VALUE]
        if value > floats[n + _BEST]:
            f = _f4(samples[s + _STEP])
            x = floats[n + _X0] + f * floats[n + _DX]
            y = floats[n + _Y0] + f * floats[n + _DY]
            z = floats[n + _Z0] + f * floats[n + _DZ]
            code = codes[_u8(_i4(z) >> 2), _u8(_i4(y) >> 2), _u8(_i4(x) >> 2)]
            if code == DRAWN or (code == MIXED and _is_shown(mask, place, x, y, z)):
                floats[n + _BEST], integers[n + _FOUND] = value, samples[s + _STEP]
                if value >= ceiling:
                    integers[n + _NEXT] = _i4(integers[n + _LAST] + _i4(1))


@kernel
def _sieve(lanes: Any, floats: Any, integers: Any, highest: Any, found: Any) -> Any:
    """Write down what rays that are done have found, and close the gaps between the others; returns how many those are."""
    kept: Any = _u8(0)
    for n in range(_u8(lanes)):
        if integers[n + _NEXT] > integers[n + _LAST]:
            pixel = _u8(integers[n + _PIXEL])
            highest[pixel], found[pixel] = floats[n + _BEST], integers[n + _FOUND]
            continue
        if kept != n:
            for column in range(_u8(_KEPT_FLOATS)):
                floats[kept + column * _u8(_LANES)] = floats[n + column * _u8(_LANES)]
            for column in range(_u8(_KEPT_INTEGERS)):
                integers[kept + column * _u8(_LANES)] = integers[n + column * _u8(_LANES)]
        kept += _u8(1)
    return kept


@kernel
def _run(
    lanes: Any, floats: Any, integers: Any, lists: Any, results: Any, volume: Any, hidden: Any, tops: Any, sides: Any,
    sign: Any, ceiling: Any,
) -> None:  # fmt: skip
    """Follow all rays to their ends."""
    busy, samples, parts, loaded = lists
    pairs, offsets, columns = volume
    while lanes > 0:
        for _ in range(2):
            _locate(lanes, floats, integers, sides)
            _look(lanes, floats, integers, tops)
            _decide(lanes, floats, integers)
            total = _gather(lanes, integers, busy, samples)
            _fetch(total, floats, samples, parts, loaded, pairs, offsets, columns)
            _mix(total, parts, loaded, sign)
            _raise(total, floats, integers, samples, parts, ceiling, hidden)
        lanes = _sieve(lanes, floats, integers, results[0], results[1])


@kernel
def _guess(
    values: Any, offsets: Any, columns: Any, codes: Any, sign: Any, floor: Any, ray: Any, found: Any
) -> Any:  # fmt: skip
    """Return the value, and the step, of a ray ``found`` steps from the plane where steps are counted from."""
    x0, y0, z0, dx, dy, dz, start, count = ray
    step = _i4(found - start)
    if 0 <= step <= count:
        f = _f4(step)
        x, y, z = x0 + f * dx, y0 + f * dy, z0 + f * dz
        if codes[_u8(_i4(z) >> 2), _u8(_i4(y) >> 2), _u8(_i4(x) >> 2)] == DRAWN:
            value = sign * _linear(values, offsets, columns, x, y, z)
            if value > floor:
                return value, step
    return floor, _i4(-1)


@kernel
def _enter(lane: Any, ray: Any, best: Any, found: Any, pixel: Any, ceiling: Any, floats: Any, integers: Any) -> None:
    """Put a ray into a lane."""
    x0, y0, z0, dx, dy, dz, _, count = ray
    floats[lane + _X0], floats[lane + _Y0], floats[lane + _Z0] = x0, y0, z0
    floats[lane + _DX], floats[lane + _DY], floats[lane + _DZ] = dx, dy, dz
    floats[lane + _RX], floats[lane + _RY], floats[lane + _RZ] = _inverse(dx), _inverse(dy), _inverse(dz)
    floats[lane + _BEST] = best
    integers[lane + _FOUND], integers[lane + _PIXEL], integers[lane + _LAST] = found, pixel, count
    integers[lane + _NEXT] = _i4(0) if best < ceiling else _i4(count + _i4(1))


@kernel
def cast_extreme(
    values: Any, pairs: Any, offsets: Any, shape: Any, codes: Any, mask: Any, place: Any, tops: Any, sign: Any,
    floor: Any, ceiling: Any, rays: Any, box: Any, size: Any, first: Any, last: Any, out: Any, depth: Any,
) -> None:  # fmt: skip
    """Find the highest (``sign`` -1: lowest) sample of every ray of rows ``first``..``last``.

    Arguments are those of :mod:`webviewer_render.scene.ray_kernels`; ``pairs`` is the memory of ``values`` as
    :func:`webviewer_render.scene.plane.pairs_of` sees it. ``tops`` are the highest values, times ``sign``, of blocks of 4,
    16 and 64 cells, -inf where all is hidden. Nothing below ``floor`` or above ``ceiling`` (times ``sign``) need be told
    apart: rays stop there. ``out`` (height, width) gets NaN for rays that meet nothing; ``depth`` the millimetres along
    the ray.
    """
    fine, middle, coarse = tops
    sides = (
        _i4(fine.shape[1]), _i4(fine.shape[2]), _i4(middle.shape[1]), _i4(middle.shape[2]), _i4(coarse.shape[1]),
        _i4(coarse.shape[2]),
    )  # fmt: skip
    flat = (fine.reshape(fine.size), middle.reshape(middle.size), coarse.reshape(coarse.size))
    floats, integers = np.empty(16 * _LANES, np.float32), np.empty(9 * _LANES, np.int32)
    busy, samples = np.empty(_LANES + 1, np.int32), np.empty(2 * _SAMPLES, np.int32)
    lists = (busy, samples, np.empty(4 * _SAMPLES, np.float32), np.empty(4 * _SAMPLES, pairs.dtype))
    highest, found = np.empty(_LANES, np.float32), np.empty(_LANES, np.int32)
    starts, counts = np.empty(_LANES, np.float64), np.empty(_LANES, np.int32)
    columns = _u8(shape[2])
    volume, hidden = (pairs, offsets, columns), (codes, mask, place)
    for top in range(first, last, SQUARE):
        for left in range(0, size[0], SQUARE):
            height, width = min(SQUARE, last - top), min(SQUARE, size[0] - left)
            for turn in range(2):
                lanes: Any = _u8(0)
                for j in range(height):
                    for i in range(width):
                        leads = j % _APART == 1 and i % _APART == 1
                        if leads != (turn == 0):
                            continue
                        pixel = j * SQUARE + i
                        ray = _ray(left + i, top + j, rays, box, shape)
                        starts[pixel], counts[pixel] = ray[6], ray[7]
                        if ray[7] < 0:
                            continue
                        best, at = floor, _i4(-1)
                        row, column = j - j % _APART + 1, i - i % _APART + 1
                        leader = row * SQUARE + column
                        known = turn == 1 and row < height and column < width
                        if known and counts[leader] >= 0 and found[leader] >= 0:
                            origin = starts[leader] + found[leader]
                            best, at = _guess(values, offsets, columns, codes, sign, floor, ray, origin)
                        _enter(lanes, ray, best, at, pixel, ceiling, floats, integers)
                        lanes += _u8(1)
                _run(lanes, floats, integers, lists, (highest, found), volume, hidden, flat, sides, sign, ceiling)
            for j in range(height):
                for i in range(width):
                    pixel = j * SQUARE + i
                    if counts[pixel] < 0:
                        continue
                    if highest[pixel] > -np.inf:
                        out[top + j, left + i] = sign * highest[pixel]
                    if found[pixel] >= 0:
                        depth[top + j, left + i] = (starts[pixel] + found[pixel]) * rays[15]
