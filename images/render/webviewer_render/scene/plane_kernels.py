"""Compiled loops of planes through a volume. The rules of :mod:`webviewer_render.scene.kernels` hold here too.

A plane is drawn run by run: what of an output row (or a piece of it) lies inside the volume is found from the straight
line that it is, so that nothing is checked per pixel. A run is done in three passes over buffers that stay in the
first-level cache - coordinates, loads, interpolation - of which the first and the last are vectorised and the middle one
is nothing but loads. Two neighbours along a row of voxels come in one load: ``pairs`` is the same memory as ``values``
seen as overlapping elements of twice the size (:func:`webviewer_render.scene.plane.pairs_of`). All three sides of the
volume are at least two voxels long.

Places along the normal are millimetres where slices are uneven, else slice numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit, types
from numba.extending import overload

from webviewer_render.scene.kernels import _shade_known, _shade_row

MAXIMUM, MINIMUM, MEAN, SUM = 0, 1, 2, 3
PIECE = 256
"""Pixels of a row that are done at once."""
SLAB_PIECE = 64
"""The same where many samples lie behind each other: their voxels stay in the second-level cache until the next row."""

F = TypeVar("F", bound=Callable[..., Any])


def _kernel(function: F) -> F:
    return cast("F", njit(nogil=True, cache=True, error_model="numpy")(function))


def _first(pair: Any) -> Any:
    """Return the first voxel of a pair as float32 (replaced by an overload per type when compiled)."""
    raise NotImplementedError


def _second(pair: Any) -> Any:
    """Return the second voxel of a pair as float32."""
    raise NotImplementedError


@overload(_first)
def _first_of_type(pair: Any) -> Any:
    def signed(pair: Any) -> Any:
        return np.float32(np.int16(pair))

    def unsigned(pair: Any) -> Any:
        return np.float32(np.uint16(pair))

    def floating(pair: Any) -> Any:
        return np.uint32(pair).view(np.float32)

    return {types.int32: signed, types.uint32: unsigned, types.uint64: floating}[pair]


@overload(_second)
def _second_of_type(pair: Any) -> Any:
    def signed(pair: Any) -> Any:
        return np.float32(pair >> np.int32(16))

    def unsigned(pair: Any) -> Any:
        return np.float32(np.uint16(pair >> np.uint32(16)))

    def floating(pair: Any) -> Any:
        return np.uint32(pair >> np.uint64(32)).view(np.float32)

    return {types.int32: signed, types.uint32: unsigned, types.uint64: floating}[pair]


@_kernel
def _clip(start: float, step: float, low: float, high: float, begin: int, end: int) -> tuple[int, int]:
    """Return the part of ``begin``..``end`` where ``low <= start + step * i < high``."""
    if step == 0.0:
        return (begin, end) if low <= start < high else (begin, begin)
    one, other = (low - start) / step, (high - start) / step
    first = int(min(max(np.floor(min(one, other)) - 1.0, float(begin)), float(end)))
    last = int(min(max(np.ceil(max(one, other)) + 2.0, float(begin)), float(end)))
    while first < last and not low <= start + step * first < high:
        first += 1
    while last > first and not low <= start + step * (last - 1) < high:
        last -= 1
    return first, last


@_kernel
def _slice_places(start: float, step: float, begin: int, length: int, places: Any, out: Any) -> None:
    """Write the fractional slice number at each pixel of a run; ``places`` is empty where slices are even."""
    if places.size == 0:
        for i in range(np.uint64(length)):
            out[i] = start + step * np.float64(np.int32(i) + np.int32(begin))
        return
    k, last = 0, places.size - 2
    for i in range(length):
        place = start + step * (begin + i)
        while k < last and place >= places[k + 1]:
            k += 1
        while k > 0 and place < places[k]:
            k -= 1
        out[i] = k + (place - places[k]) / (places[k + 1] - places[k])


@_kernel
def _coordinates(x: float, dx: float, y: float, dy: float, begin: int, length: int, size: Any, depth: Any, buffers: Any) -> None:  # fmt: skip  # noqa: E501
    """Write where each pixel of a run lies: voxel within its slice, slice, and the fractions beyond them.

    Coordinates are clamped to the outermost voxel centres.
    """
    at, slices, part_x, part_y, part_z = buffers
    columns, rows, count = size
    x_last, y_last, z_last = float(columns - 1), float(rows - 1), float(count - 1)
    x_left, y_left, z_left = np.int32(columns - 2), np.int32(rows - 2), np.int32(count - 2)
    wide = np.int32(columns)
    for i in range(np.uint64(length)):
        place = np.float64(np.int32(i) + np.int32(begin))
        u = min(max(x + dx * place, 0.0), x_last)
        v = min(max(y + dy * place, 0.0), y_last)
        w = min(max(depth[i], 0.0), z_last)
        left, above, before = min(np.int32(u), x_left), min(np.int32(v), y_left), min(np.int32(w), z_left)
        part_x[i], part_y[i], part_z[i] = np.float32(u - left), np.float32(v - above), np.float32(w - before)
        at[i] = above * wide + left
        slices[i] = before


@_kernel
def _load(pairs: Any, offsets: Any, columns: int, length: int, at: Any, slices: Any, loaded: Any) -> None:
    """Fetch the four pairs of voxels around each pixel."""
    upper_near, lower_near, upper_far, lower_far = loaded
    one, row = np.uint64(1), np.uint64(columns)
    for i in range(np.uint64(length)):
        k, voxel = np.uint64(slices[i]), np.uint64(at[i])
        near, far = np.uint64(offsets[k]) + voxel, np.uint64(offsets[k + one]) + voxel
        upper_near[i], lower_near[i] = pairs[near], pairs[near + row]
        upper_far[i], lower_far[i] = pairs[far], pairs[far + row]


@_kernel
def _load_there(pairs: Any, offsets: Any, columns: int, length: int, at: Any, slices: Any, loaded: Any, there: Any) -> None:  # fmt: skip  # noqa: E501
    """As :func:`_load`; ``there`` becomes 0 for slices that have not come, else 1."""
    upper_near, lower_near, upper_far, lower_far = loaded
    near_there, far_there = there
    one, row = np.uint64(1), np.uint64(columns)
    for i in range(np.uint64(length)):
        k, voxel = np.uint64(slices[i]), np.uint64(at[i])
        first, second = offsets[k], offsets[k + one]
        near_there[i] = np.float32(1) if first >= 0 else np.float32(0)
        far_there[i] = np.float32(1) if second >= 0 else np.float32(0)
        near, far = np.uint64(max(first, 0)) + voxel, np.uint64(max(second, 0)) + voxel
        upper_near[i], lower_near[i] = pairs[near], pairs[near + row]
        upper_far[i], lower_far[i] = pairs[far], pairs[far + row]


@_kernel
def _interpolate(length: int, base: Any, loaded: Any, buffers: Any, out: Any) -> None:
    """Write the trilinear values less ``base``."""
    upper_near, lower_near, upper_far, lower_far = loaded
    _, _, part_x, part_y, part_z = buffers
    for i in range(np.uint64(length)):
        a, b = part_x[i], part_y[i]
        value = _first(upper_near[i])
        upper = value + (_second(upper_near[i]) - value) * a
        value = _first(lower_near[i])
        near = upper + (value + (_second(lower_near[i]) - value) * a - upper) * b
        value = _first(upper_far[i])
        upper = value + (_second(upper_far[i]) - value) * a
        value = _first(lower_far[i])
        far = upper + (value + (_second(lower_far[i]) - value) * a - upper) * b
        out[i] = near + (far - near) * part_z[i] - base


@_kernel
def _add(value: Any, weight: Any, base: Any, low: Any, high: Any, total: Any, known: Any) -> Any:
    """Add a voxel to a weighted mean unless it is padding."""
    good = (value < low) | (value > high)
    weight = weight if good else np.float32(0)
    return total + ((value - base) * weight if good else np.float32(0)), known + weight


@_kernel
def _interpolate_known(length: int, base: Any, low: Any, high: Any, loaded: Any, there: Any, buffers: Any, out: Any) -> None:  # fmt: skip  # noqa: E501
    """As :func:`_interpolate` of what is there: weighted means if it is at least half, else NaN."""
    upper_near, lower_near, upper_far, lower_far = loaded
    near_there, far_there = there
    _, _, part_x, part_y, part_z = buffers
    one, half = np.float32(1), np.float32(0.5)
    for i in range(np.uint64(length)):
        a, b, c = part_x[i], part_y[i], part_z[i]
        near, far = (one - c) * near_there[i], c * far_there[i]
        total = known = np.float32(0)
        weight = (one - b) * near
        total, known = _add(_first(upper_near[i]), (one - a) * weight, base, low, high, total, known)
        total, known = _add(_second(upper_near[i]), a * weight, base, low, high, total, known)
        weight = b * near
        total, known = _add(_first(lower_near[i]), (one - a) * weight, base, low, high, total, known)
        total, known = _add(_second(lower_near[i]), a * weight, base, low, high, total, known)
        weight = (one - b) * far
        total, known = _add(_first(upper_far[i]), (one - a) * weight, base, low, high, total, known)
        total, known = _add(_second(upper_far[i]), a * weight, base, low, high, total, known)
        weight = b * far
        total, known = _add(_first(lower_far[i]), (one - a) * weight, base, low, high, total, known)
        total, known = _add(_second(lower_far[i]), a * weight, base, low, high, total, known)
        out[i] = total / known if known >= half else np.float32(np.nan)


@_kernel
def _nearest(values: Any, offsets: Any, x: float, dx: float, y: float, dy: float, begin: int, length: int, size: Any, depth: Any, base: Any, low: Any, high: Any, out: Any) -> None:  # fmt: skip  # noqa: E501
    """Write the values of the nearest voxels less ``base``, NaN where there is none."""
    columns, rows, count = size
    for i in range(length):
        u = min(max(np.int64(np.floor(x + dx * (begin + i) + 0.5)), 0), columns - 1)
        v = min(max(np.int64(np.floor(y + dy * (begin + i) + 0.5)), 0), rows - 1)
        w = min(max(np.int64(np.floor(depth[i] + 0.5)), 0), count - 1)
        offset = offsets[w]
        out[i] = np.float32(np.nan)
        if offset >= 0:
            value = np.float32(values[np.uint64(offset + v * columns + u)])
            if value < low or value > high:
                out[i] = value - base


@_kernel
def _join(blend: int, begin: int, length: int, values: Any, joined: Any, counts: Any) -> None:
    """Join a sample into those in front of it; NaN takes no part."""
    one, zero = np.float32(1), np.float32(0)
    shift = np.uint64(begin)
    for i in range(np.uint64(length)):
        value, before = values[i], joined[i + shift]
        known = value == value  # noqa: PLR0124 - NaN is not itself
        counts[i + shift] += one if known else zero
        if blend == MAXIMUM:
            joined[i + shift] = value if known and value > before else before
        elif blend == MINIMUM:
            joined[i + shift] = value if known and value < before else before
        else:
            joined[i + shift] = before + (value if known else zero)


@_kernel
def _finish(blend: int, base: Any, sums: Any, begin: int, end: int, joined: Any, counts: Any) -> None:
    """Turn joined samples into values less ``base``, NaN where there were none."""
    slope, intercept, share = sums
    for i in range(np.uint64(begin), np.uint64(end)):
        count = counts[i]
        if count == 0:
            joined[i] = np.float32(np.nan)
        elif blend == MEAN:
            joined[i] = joined[i] / count
        elif blend == SUM:
            joined[i] = (joined[i] * slope + count * intercept) * share - base


@_kernel
def _run(m: Any, j: int, t: float, size: Any, ends: Any, left: int, right: int) -> Any:
    """Return where row ``j`` of the sample at distance ``t`` begins (x, y, z), and which of its pixels are inside."""
    x = m[0, 1] * j + m[0, 2] * t + m[0, 3]
    y = m[1, 1] * j + m[1, 2] * t + m[1, 3]
    z = m[2, 1] * j + m[2, 2] * t + m[2, 3]
    begin, end = _clip(x, m[0, 0], -0.5, size[0] - 0.5, left, right)
    begin, end = _clip(y, m[1, 0], -0.5, size[1] - 0.5, begin, end)
    begin, end = _clip(z, m[2, 0], ends[0], ends[1], begin, end)
    return x, y, z, begin, end


@_kernel
def _emit(values: Any, begin: int, length: int, raw: Any, j: int, row: Any, gaps: bool, shade: Any) -> None:  # noqa: FBT001
    """Write a run as grey levels into ``row``, or as it is from column ``begin`` of ``raw``; ``gaps``: NaN is left out."""
    if raw.size > 0:
        raw[j, begin : begin + length] = values[:length]
    elif gaps:
        _shade_known(values, row, 0, length, shade)
    else:
        _shade_row(values, row, 0, length, shade)


@_kernel
def draw_plane(values: Any, pairs: Any, offsets: Any, size: Any, places: Any, ends: Any, padding: Any, m: Any, samples: Any, sums: Any, modes: Any, levels: Any, raw: Any, first: int, last: int, shade: Any) -> None:  # fmt: skip  # noqa: E501
    """Draw rows ``first``..``last`` of ``levels`` (int16); background is left as it is.

    Where ``raw`` (float32) is not empty, the values less the base of ``shade`` are written there instead of grey levels.

    ``size`` is (columns, rows, slices). The sample at distance t of pixel (i, j) lies at m[c, 0] i + m[c, 1] j +
    m[c, 2] t + m[c, 3], c = column, row, place; ``ends`` are the lowest and the first too high place, the ends of the
    others are half a voxel beyond the outermost centres. ``samples`` is (number, first distance, step) in mm,
    ``padding`` (low, high), ``sums`` (slope, intercept, share) of the blend SUM, ``modes`` (blend, nearest, careful):
    careful where voxels may be padding or not there.
    """
    blend, nearest, careful = modes
    low, high = padding
    number, distance, advance = samples
    base, plain_base = shade[0], np.float32(0) if blend == SUM else shade[0]
    single = number == 1 and blend != SUM
    piece = PIECE if number == 1 else SLAB_PIECE
    at, slices = np.empty(piece, np.int32), np.empty(piece, np.int32)
    part_x, part_y, part_z = np.empty(piece, np.float32), np.empty(piece, np.float32), np.empty(piece, np.float32)
    buffers = (at, slices, part_x, part_y, part_z)
    loaded = (np.empty(piece, pairs.dtype), np.empty(piece, pairs.dtype), np.empty(piece, pairs.dtype), np.empty(piece, pairs.dtype))  # fmt: skip  # noqa: E501
    there = (np.empty(piece, np.float32), np.empty(piece, np.float32))
    depth, line = np.empty(piece, np.float64), np.empty(piece, np.float32)
    joined, counts = np.empty(piece, np.float32), np.empty(piece, np.float32)
    start = np.float32(-np.inf) if blend == MAXIMUM else np.float32(np.inf) if blend == MINIMUM else np.float32(0)
    for left in range(0, levels.shape[1], piece):
        right = min(left + piece, levels.shape[1])
        for j in range(first, last):
            row = levels[j, left:right]
            joined[:] = start
            counts[:] = 0
            for sample in range(number):
                x, y, z, begin, end = _run(m, j, distance + sample * advance, size, ends, left, right)
                length = end - begin
                if length <= 0:
                    continue
                _slice_places(z, m[2, 0], begin, length, places, depth)
                if nearest:
                    _nearest(values, offsets, x, m[0, 0], y, m[1, 0], begin, length, size, depth, plain_base, low, high, line)  # fmt: skip  # noqa: E501
                else:
                    _coordinates(x, m[0, 0], y, m[1, 0], begin, length, size, depth, buffers)
                    if careful:
                        _load_there(pairs, offsets, size[0], length, at, slices, loaded, there)
                        _interpolate_known(length, plain_base, low, high, loaded, there, buffers, line)
                    else:
                        _load(pairs, offsets, size[0], length, at, slices, loaded)
                        _interpolate(length, plain_base, loaded, buffers, line)
                if single:
                    _emit(line, begin, length, raw, j, row[begin - left :], careful or nearest, shade)
                else:
                    _join(blend, begin - left, length, line, joined, counts)
            if not single:
                _finish(blend, base, sums, 0, right - left, joined, counts)
                _emit(joined, left, right - left, raw, j, row, True, shade)  # noqa: FBT003 - kernels take no keywords


@_kernel
def sheet(values: Any, offsets: Any, size: Any, axis: int, index: int, part: Any, padding: Any, out: Any) -> None:
    """Write the voxels of a plane along the grid into ``out`` (float32), (slices, columns) or (slices, rows).

    ``axis`` 0 cuts at a column, 1 at a row, 2 between slices (rows, columns); ``part`` is the share of ``index + 1``.
    With padding (only where ``part`` is 0) padding and what is not there become NaN.
    """
    columns = size[0]
    low, high = padding
    rest = np.float32(part)
    beyond = np.uint64(0 if part == 0 else 1 if axis == 0 else columns)
    for k in range(out.shape[0]):
        line = out[k]
        if axis == 2:
            near, step = np.uint64(offsets[index] + k * columns), np.uint64(1)
            far = near if part == 0 else np.uint64(offsets[index + 1] + k * columns)
        else:
            if offsets[k] < 0:
                line[:] = np.float32(np.nan)
                continue
            near = np.uint64(offsets[k] + (index if axis == 0 else index * columns))
            far, step = near + beyond, np.uint64(columns if axis == 0 else 1)
        if step == np.uint64(1):
            for i in range(np.uint64(line.size)):
                value = np.float32(values[near + i])
                line[i] = value + (np.float32(values[far + i]) - value) * rest
        else:
            for i in range(np.uint64(line.size)):
                value = np.float32(values[near + i * step])
                line[i] = value + (np.float32(values[far + i * step]) - value) * rest
        if low <= high:
            for i in range(np.uint64(line.size)):
                if not (line[i] < low or line[i] > high):
                    line[i] = np.float32(np.nan)


@_kernel
def average(fine: Any, down: int, across: int, out: Any) -> None:
    """Write the means of ``down`` x ``across`` values of ``fine`` that are not NaN; NaN where those are less than half."""
    for j in range(out.shape[0]):
        for i in range(out.shape[1]):
            total, known = np.float32(0), 0
            for y in range(np.uint64(j * down), np.uint64((j + 1) * down)):
                for x in range(np.uint64(i * across), np.uint64((i + 1) * across)):
                    value = fine[y, x]
                    if value == value:  # noqa: PLR0124 - NaN is not itself
                        total += value
                        known += 1
            out[j, i] = total / np.float32(known) if 2 * known >= down * across else np.float32(np.nan)
