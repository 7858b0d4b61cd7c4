"""Compiled loops of the frame function.

No fast-math and no data-dependent threading: the same input gives the same bytes on every machine with the pinned CPU
target. All release the GIL and work on a range of rows, so a pool can share a picture and stop between ranges.

``shade`` is (base, gain, offset, table), all float32: grey is ``(value - base) * gain + offset`` clipped to 0..255, or,
where ``table`` is not empty, its entry at that fractional index. Taking a base near the middle of the window away first
keeps 24 bits of precision where they are seen.

Loops and indices are unsigned where time is spent: for signed ones numba has to care for indices that count from the
end, and the loop is not vectorised (three times slower). Source values within ``low``..``high``, and NaN, are padding:
they take no part in interpolation and are background.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

NEAREST, LINEAR, CUBIC = 0, 1, 2
_SNAP = 1e-6
"""Coordinates this near to a pixel centre are on it: rounding must not blur a 1:1 picture."""

F = TypeVar("F", bound=Callable[..., Any])


def _kernel(function: F) -> F:
    return cast("F", njit(nogil=True, cache=True, error_model="numpy")(function))


@_kernel
def _look_up(place: Any, table: Any) -> Any:
    """Return the entry of ``table`` at a fractional place, clamped to its ends."""
    place = min(max(place, np.float32(0)), np.float32(table.size - 1))
    index = min(np.int32(place), np.int32(table.size - 2))
    part = place - np.float32(index)
    left, right = table[np.uint32(index)], table[np.uint32(index + 1)]
    return left + (right - left) * part


@_kernel
def _shade_row(values: Any, row: Any, begin: int, end: int, shade: Any) -> None:
    """Turn ``values`` into grey levels of ``row``."""
    _, gain, offset, table = shade
    black, white, half = np.float32(0), np.float32(255), np.float32(0.5)
    if table.size == 0:
        for i in range(np.uint64(begin), np.uint64(end)):
            grey = values[i] * gain + offset
            grey = grey if grey > black else black  # noqa: FURB136 - compiles to one instruction, max() does not
            grey = grey if grey < white else white  # noqa: FURB136
            row[i] = np.int32(grey + half)
    else:
        for i in range(np.uint64(begin), np.uint64(end)):
            row[i] = np.int32(_look_up(values[i] * gain + offset, table) + half)


@_kernel
def _shade_known(values: Any, row: Any, begin: int, end: int, shade: Any) -> None:
    """As :func:`_shade_row`; where a value is NaN, ``row`` is left as it is."""
    _, gain, offset, table = shade
    black, white, half = np.float32(0), np.float32(255), np.float32(0.5)
    for i in range(begin, end):
        value = values[i]
        if np.isnan(value):
            continue
        grey = value * gain + offset
        if table.size == 0:
            row[i] = np.int32(min(max(grey, black), white) + half)
        else:
            row[i] = np.int32(_look_up(grey, table) + half)


@_kernel
def _is_padding(value: float, low: float, high: float) -> bool:
    """Tell padding; written so that NaN is padding too, and nothing else where low > high."""
    return not (value < low or value > high)


@_kernel
def draw_upright(src: Any, out: Any, first: int, last: int, x: Any, y: Any, shade: Any) -> None:
    """Draw rows ``first``..``last`` of a picture whose rows are rows of the source, linear or nearest.

    ``x`` and ``y`` are axes as :func:`webviewer_render.scene.axis.axis` makes them. Each line is made of two source
    rows first, then of its columns. Pixels outside of the axes are left as they are.
    """
    x_begin, x_end, left, right, part = x
    y_begin, y_end, above, below, share = y
    if x_begin == x_end:
        return
    base = shade[0]
    line = np.empty(src.shape[1], np.float32)
    values = np.empty(out.shape[1], np.float32)
    begin = np.uint64(min(left[x_begin], left[x_end - 1]))
    end = np.uint64(max(right[x_begin], right[x_end - 1]) + 1)
    for j in range(max(first, y_begin), min(last, y_end)):
        upper, lower, weight = src[np.int64(above[j])], src[np.int64(below[j])], share[j]
        for k in range(begin, end):
            value = np.float32(upper[k]) - base
            line[k] = value + (np.float32(lower[k]) - base - value) * weight
        for i in range(np.uint64(x_begin), np.uint64(x_end)):
            value = line[np.uint32(left[i])]
            values[i] = value + (line[np.uint32(right[i])] - value) * part[i]
        _shade_row(values, out[j], x_begin, x_end, shade)


@_kernel
def draw_upright_padded(src: Any, low: float, high: float, out: Any, first: int, last: int, x: Any, y: Any, shade: Any) -> None:  # fmt: skip  # noqa: E501
    """As :func:`draw_upright` with padding: values are weighted means of what is there, if it is at least half."""
    x_begin, x_end, left, right, part = x
    y_begin, y_end, above, below, share = y
    if x_begin == x_end:
        return
    base = shade[0]
    one, half = np.float32(1), np.float32(0.5)
    line = np.zeros(src.shape[1], np.float32)
    known = np.zeros(src.shape[1], np.float32)
    values = np.empty(out.shape[1], np.float32)
    begin = np.uint64(min(left[x_begin], left[x_end - 1]))
    end = np.uint64(max(right[x_begin], right[x_end - 1]) + 1)
    for j in range(max(first, y_begin), min(last, y_end)):
        upper, lower, weight = src[np.int64(above[j])], src[np.int64(below[j])], share[j]
        for k in range(begin, end):
            first_known = np.float32(0) if _is_padding(upper[k], low, high) else one - weight
            second_known = weight if weight > 0 and not _is_padding(lower[k], low, high) else np.float32(0)
            total = (np.float32(upper[k]) - base) * first_known if first_known > 0 else np.float32(0)
            total += (np.float32(lower[k]) - base) * second_known if second_known > 0 else np.float32(0)
            line[k], known[k] = total, first_known + second_known
        for i in range(np.uint64(x_begin), np.uint64(x_end)):
            a, b, weight = np.uint32(left[i]), np.uint32(right[i]), part[i]
            there = known[a] * (one - weight) + known[b] * weight
            known_part = (line[a] * (one - weight) + line[b] * weight) / there if there > 0 else np.float32(np.nan)
            values[i] = known_part if there >= half else np.float32(np.nan)
        _shade_known(values, out[j], x_begin, x_end, shade)


@_kernel
def draw_upright_taps(src: Any, out: Any, first: int, last: int, x: Any, y: Any, shade: Any) -> None:
    """As :func:`draw_upright` for (rows, columns, channels) and any number of taps per axis (cubic: 4).

    The axes hold (begin, end, index, weight) with arrays of shape (taps, length).
    """
    x_begin, x_end, x_index, x_weight = x
    y_begin, y_end, y_index, y_weight = y
    rows, columns, channels = src.shape
    base = shade[0]
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    flat = src.reshape(rows, columns * channels)
    flat_out = out.reshape(out.shape[0], out.shape[1] * channels)
    width = np.uint64(columns * channels)
    line = np.empty(width, np.float32)
    values = np.empty(out.shape[1] * channels, np.float32)
    for j in range(max(first, y_begin), min(last, y_end)):
        line[:] = 0
        for tap in range(y_index.shape[0]):
            weight = y_weight[tap, j]
            if weight != 0:
                row = flat[np.int64(y_index[tap, j])]
                for k in range(width):
                    line[k] += (np.float32(row[k]) - base) * weight
        values[:] = 0
        for tap in range(x_index.shape[0]):
            index, weights = x_index[tap], x_weight[tap]
            if channels == 1:
                for i in range(np.uint64(x_begin), np.uint64(x_end)):
                    values[i] += line[np.uint32(index[i])] * weights[i]
            else:
                for i in range(np.uint64(x_begin), np.uint64(x_end)):
                    source, place, weight = np.uint64(index[i]) * three, i * three, weights[i]
                    values[place] += line[source] * weight
                    values[place + one] += line[source + one] * weight
                    values[place + two] += line[source + two] * weight
        _shade_row(values, flat_out[j], x_begin * channels, x_end * channels, shade)


@_kernel
def _split(place: float, limit: int) -> tuple[int, float]:
    """Return the pixel left of ``place`` and the fraction beyond it, clamped into the picture."""
    place = min(max(place, 0.0), float(limit - 1)) + _SNAP
    whole = int(place)
    return whole, max(place - whole - _SNAP, 0.0) if place - whole > 2 * _SNAP else 0.0


@_kernel
def _catmull_rom(t: float, k: int) -> float:
    """Return the weight of neighbour ``k`` (-1, 0, 1, 2) at fraction ``t``."""
    if k == -1:
        return ((2.0 - t) * t - 1.0) * t * 0.5
    if k == 0:
        return ((3.0 * t - 5.0) * t * t + 2.0) * 0.5
    if k == 1:
        return ((4.0 - 3.0 * t) * t + 1.0) * t * 0.5
    return (t - 1.0) * t * t * 0.5


@_kernel
def _linear(src: Any, u: float, v: float, c: int, low: float, high: float) -> float:
    """Return the linear mean of the up to four pixels that are no padding, NaN if they weigh less than half."""
    x, a = _split(u, src.shape[1])
    y, b = _split(v, src.shape[0])
    total = known = 0.0
    for k in range(2):
        if k == 1 and b == 0.0:
            break
        for n in range(2):
            if n == 1 and a == 0.0:
                break
            value = float(src[y + k, x + n, c])
            weight = (b if k else 1.0 - b) * (a if n else 1.0 - a)
            if not _is_padding(value, low, high):
                total += value * weight
                known += weight
    return total / known if known >= 0.5 else np.nan


@_kernel
def _cubic(src: Any, u: float, v: float, c: int) -> float:
    rows, columns = src.shape[0], src.shape[1]
    x, a = _split(u, columns)
    y, b = _split(v, rows)
    total = 0.0
    for k in range(-1, 3):
        yy = min(max(y + k, 0), rows - 1)
        line = 0.0
        for n in range(-1, 3):
            xx = min(max(x + n, 0), columns - 1)
            line += float(src[yy, xx, c]) * _catmull_rom(a, n)
        total += line * _catmull_rom(b, k)
    return total


@_kernel
def _linear_plain(src: Any, u: float, v: float, c: int) -> float:
    """Return the linear mean of a picture without padding."""
    x, a = _split(u, src.shape[1])
    y, b = _split(v, src.shape[0])
    right, below = min(x + 1, src.shape[1] - 1), min(y + 1, src.shape[0] - 1)
    first, second = float(src[y, x, c]), float(src[below, x, c])
    top = first + (float(src[y, right, c]) - first) * a
    return top + (second + (float(src[below, right, c]) - second) * a - top) * b


@_kernel
def _nearest(src: Any, u: float, v: float, c: int, low: float, high: float) -> float:
    x = min(max(int(np.floor(u + 0.5 + _SNAP)), 0), src.shape[1] - 1)
    y = min(max(int(np.floor(v + 0.5 + _SNAP)), 0), src.shape[0] - 1)
    value = float(src[y, x, c])
    return np.nan if _is_padding(value, low, high) else value


@_kernel
def draw_turned(src: Any, low: float, high: float, out: Any, first: int, last: int, m: Any, mode: int, shade: Any) -> None:  # fmt: skip  # noqa: E501
    """Draw rows of a picture at any angle; ``src`` and ``out`` are (rows, columns, channels).

    The centre of output pixel (i, j) lies at column m[0] i + m[1] j + m[2], row m[3] i + m[4] j + m[5] of the source;
    m[6] and m[7] are its width and height in (possibly reduced) pixels. Background is left as it is.
    """
    channels = src.shape[2]
    padded = low <= high
    base = float(shade[0])
    values = np.empty((channels, out.shape[1]), np.float32)
    for j in range(first, last):
        begin = end = 0
        for i in range(out.shape[1]):
            u = m[0] * i + m[1] * j + m[2]
            v = m[3] * i + m[4] * j + m[5]
            if not (-0.5 <= u < m[6] - 0.5 and -0.5 <= v < m[7] - 0.5):
                continue
            begin = i if end == 0 else begin
            end = i + 1  # what lies inside of a rectangle is one run of every row
            for c in range(channels):
                if mode == NEAREST:
                    value = _nearest(src, u, v, c, low, high)
                elif padded:
                    value = _linear(src, u, v, c, low, high)
                elif mode == CUBIC:
                    value = _cubic(src, u, v, c)
                else:
                    value = _linear_plain(src, u, v, c)
                values[c, i] = np.float32(value - base)
        for c in range(channels):
            _shade_known(values[c], out[j, :, c], begin, end, shade)


@_kernel
def reduce(src: Any, low: float, high: float, out: Any, down: int, across: int) -> None:
    """Average blocks of ``down`` x ``across`` pixels of (rows, columns, channels) into float32.

    Blocks at the lower and right edge may be incomplete. A block that is padding for more than half becomes NaN.
    """
    rows, columns, channels = src.shape
    width = np.uint64(columns * channels)
    flat = src.reshape(rows, columns * channels)
    padded = low <= high
    total = np.empty(width, np.float32)
    known = np.empty(width, np.float32)
    for j in range(out.shape[0]):
        total[:] = 0
        known[:] = 0
        for y in range(j * down, min((j + 1) * down, rows)):
            row = flat[y]
            if padded:
                for k in range(width):
                    if not _is_padding(row[k], low, high):
                        total[k] += np.float32(row[k])
                        known[k] += np.float32(1)
            else:
                for k in range(width):
                    total[k] += np.float32(row[k])
        height = np.float32(min((j + 1) * down, rows) - j * down)
        for i in range(out.shape[1]):
            end = min((i + 1) * across, columns)
            for c in range(channels):
                sum_of_block = there = np.float32(0)
                for x in range(i * across, end):
                    place = np.uint64(x * channels + c)
                    sum_of_block += total[place]
                    there += known[place]
                size = height * np.float32(end - i * across)
                there = there if padded else size
                out[j, i, c] = sum_of_block / there if there + there >= size else np.float32(np.nan)


@_kernel
def map_values(src: Any, first: int, table: Any, out: Any) -> None:
    """Replace the values of (rows, columns) by rows of ``table`` (entries, channels); ends clamp (PS3.3 C.11.1.1)."""
    last = table.shape[0] - 1
    for j in range(src.shape[0]):
        for i in range(src.shape[1]):
            index = np.uint64(min(max(np.int64(src[j, i]) - first, 0), last))
            for c in range(table.shape[1]):
                out[j, i, c] = table[index, c]


@_kernel
def paint(levels: Any, table: Any, out: Any) -> None:
    """Colour grey levels (int16) by ``table`` (256, 3); negative ones are background and stay black."""
    for j in range(levels.shape[0]):
        for i in range(levels.shape[1]):
            level = levels[j, i]
            for c in range(3):
                out[j, i, c] = table[level, c] if level >= 0 else 0


@_kernel
def count_values(src: Any, low: float, high: float, first: int, counts: Any) -> None:
    """Add up how often each integer value occurs, without padding; ``counts[0]`` is that of value ``first``."""
    for j in range(src.shape[0]):
        for i in range(src.shape[1]):
            value = int(src[j, i])
            if not _is_padding(value, low, high):
                counts[value - first] += 1
