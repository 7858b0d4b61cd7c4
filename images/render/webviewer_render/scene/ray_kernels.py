"""Compiled loops that send a ray through a volume for every pixel.

All work on a range of rows, in tiles so that neighbouring rays share what they read, and release the GIL. Rays are
prepared in float64 and walked in float32. Samples lie at whole numbers of steps from the plane through the camera's
centre (perspective: from the eye), so that neither skipping nor cropping moves them.

``values``, ``offsets`` and ``shape`` are those of a :class:`webviewer_render.volume.levels.Level`. ``rays`` is what
:meth:`webviewer_render.scene.camera.Camera.rays` makes. ``box`` holds the lowest and highest index (column, row, slice)
that is drawn. ``codes`` tell of blocks of 4 x 4 x 4 cells: see :data:`DRAWN` and its neighbours. ``mask`` (uint8, shape
(slices, rows, columns) of a smaller volume; index there = index * ``place[0:3]`` + ``place[3:6]``) hides samples of MIXED
blocks where it is below half.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from webviewer_render.scene.kernels import _shade_known
from webviewer_render.volume.compiled import kernel

DRAWN, EMPTY, MIXED = 0, 1, 255
"""Codes of blocks: to be sampled; empty; to be sampled through the mask. An empty one's code is the distance to the nearest
that is not, in blocks (26 neighbours are 1 away), as far as :data:`_FARTHEST`."""
_FARTHEST = 64
TILE = 16
REACH = 8
"""Pixels along each side of the squares for which it is known between which steps there is something."""
_HALF = np.float32(127.5)
_FAR = np.float32(1e30)
_ONE = np.uint64(1)
_f4 = np.float32


@kernel
def _ray(px: Any, py: Any, rays: Any, box: Any, shape: Any) -> Any:
    """Return the ray of a pixel: first sample's index, index increments, its number of steps, how many follow it."""
    u, v = rays[16] + px * rays[12], rays[17] + py * rays[12]
    shift, spread, step = rays[13], rays[14], rays[15]
    scale = step / np.sqrt(1.0 + (u * u + v * v) * spread * spread)
    enter, leave = rays[18], 1e9
    ox = rays[0] + shift * (u * rays[3] + v * rays[6])
    oy = rays[1] + shift * (u * rays[4] + v * rays[7])
    oz = rays[2] + shift * (u * rays[5] + v * rays[8])
    dx = (rays[9] + spread * (u * rays[3] + v * rays[6])) * scale
    dy = (rays[10] + spread * (u * rays[4] + v * rays[7])) * scale
    dz = (rays[11] + spread * (u * rays[5] + v * rays[8])) * scale
    for axis in range(3):
        o = ox if axis == 0 else oy if axis == 1 else oz
        d = dx if axis == 0 else dy if axis == 1 else dz
        low, high = box[axis], box[3 + axis]
        if abs(d) < 1e-12:
            if o < low or o > high:
                leave = enter - 1.0
        else:
            one, other = (low - o) / d, (high - o) / d
            enter = max(enter, min(one, other))
            leave = min(leave, max(one, other))
    if not enter <= leave:
        return _f4(0), _f4(0), _f4(0), _f4(0), _f4(0), _f4(0), 0.0, np.int32(-1)
    start = np.ceil(enter)
    count = np.int32(np.floor(leave) - start)
    ex, ey, ez = _f4(dx), _f4(dy), _f4(dz)
    x, y, z = _f4(ox + start * dx), _f4(oy + start * dy), _f4(oz + start * dz)
    # Rounded to float32 the ends may lie outside; between them all is monotone, so checking the ends is enough.
    while count >= 0 and not _is_inside(x, y, z, shape):
        start += 1.0
        count -= np.int32(1)
        x, y, z = _f4(ox + start * dx), _f4(oy + start * dy), _f4(oz + start * dz)
    while count >= 0 and not _is_inside(x + _f4(count) * ex, y + _f4(count) * ey, z + _f4(count) * ez, shape):
        count -= np.int32(1)
    return x, y, z, ex, ey, ez, start, count


@kernel
def _is_inside(x: Any, y: Any, z: Any, shape: Any) -> Any:
    return x >= 0 and y >= 0 and z >= 0 and x < shape[2] - 1 and y < shape[1] - 1 and z < shape[0] - 1


@kernel
def _inverse(d: Any) -> Any:
    return _f4(1) / d if abs(d) > _f4(1e-20) else _FAR


@kernel
def _steps_left(x: Any, y: Any, z: Any, r: Any, up: Any, bits: Any) -> Any:
    """Return after how many (fractional) steps the ray leaves the block of 2**bits cells that it is in."""
    bx = _f4(((np.int32(x) >> bits) + up[0]) << bits)
    by = _f4(((np.int32(y) >> bits) + up[1]) << bits)
    bz = _f4(((np.int32(z) >> bits) + up[2]) << bits)
    a, b, c = (bx - x) * r[0], (by - y) * r[1], (bz - z) * r[2]
    return min(a, b, c, _f4(1e6))


@kernel
def _steps_beyond(x: Any, y: Any, z: Any, r: Any, up: Any, distance: Any) -> Any:
    """Return after how many (fractional) steps the ray leaves the empty blocks around the one that it is in."""
    spare = np.int32(distance) - np.int32(1)
    bx = _f4(((np.int32(x) >> 2) + (up[0] + spare if up[0] else -spare)) << 2)
    by = _f4(((np.int32(y) >> 2) + (up[1] + spare if up[1] else -spare)) << 2)
    bz = _f4(((np.int32(z) >> 2) + (up[2] + spare if up[2] else -spare)) << 2)
    a, b, c = (bx - x) * r[0], (by - y) * r[1], (bz - z) * r[2]
    return min(a, b, c, _f4(1e6))


@kernel
def _linear(values: Any, offsets: Any, columns: Any, x: Any, y: Any, z: Any) -> Any:
    """Return the trilinear value at an index that has a voxel on every side."""
    i, j, k = np.int32(x), np.int32(y), np.int32(z)
    fx, fy, fz = x - _f4(i), y - _f4(j), z - _f4(k)
    row = np.uint64(j) * columns + np.uint64(i)
    a = offsets[np.uint64(k)] + row
    b = offsets[np.uint64(k) + _ONE] + row
    p, q = _f4(values[a]), _f4(values[a + _ONE])
    one = p + fx * (q - p)
    p, q = _f4(values[a + columns]), _f4(values[a + columns + _ONE])
    one += fy * (p + fx * (q - p) - one)
    p, q = _f4(values[b]), _f4(values[b + _ONE])
    two = p + fx * (q - p)
    p, q = _f4(values[b + columns]), _f4(values[b + columns + _ONE])
    two += fy * (p + fx * (q - p) - two)
    return one + fz * (two - one)


@kernel
def _pair(values: Any, place: Any, f: Any) -> Any:
    p, q = _f4(values[place]), _f4(values[place + _ONE])
    return p + f * (q - p)


@kernel
def _gradient(values: Any, offsets: Any, shape: Any, x: Any, y: Any, z: Any) -> Any:
    """Return twice the trilinear mean of central differences along columns, rows and slices."""
    columns = np.uint64(shape[2])
    i, j, k = np.int32(x), np.int32(y), np.int32(z)
    fx, fy, fz = x - _f4(i), y - _f4(j), z - _f4(k)
    left = _ONE if i > 0 else np.uint64(0)
    right = np.uint64(2) if i + 2 < shape[2] else _ONE
    above = columns if j > 0 else np.uint64(0)
    below = columns + columns if j + 2 < shape[1] else columns
    k0, k1 = np.uint64(k), np.uint64(k) + _ONE
    before = np.uint64(k - 1) if k > 0 else k0
    after = np.uint64(k + 2) if k + 2 < shape[0] else k1
    row = np.uint64(j) * columns + np.uint64(i)
    gx = gy = gz = _f4(0)
    for n in range(2):
        weight = fz if n else _f4(1) - fz
        a = offsets[k1 if n else k0] + row
        c = a + columns
        a0, a1, a2, a3 = _f4(values[a - left]), _f4(values[a]), _f4(values[a + _ONE]), _f4(values[a + right])
        c0, c1, c2, c3 = _f4(values[c - left]), _f4(values[c]), _f4(values[c + _ONE]), _f4(values[c + right])
        da = (a2 - a0) + fx * ((a3 - a1) - (a2 - a0))
        dc = (c2 - c0) + fx * ((c3 - c1) - (c2 - c0))
        gx += weight * (da + fy * (dc - da))
        ra, rc = a1 + fx * (a2 - a1), c1 + fx * (c2 - c1)
        upper = rc - _pair(values, a - above, fx)
        lower = _pair(values, a + below, fx) - ra
        gy += weight * (upper + fy * (lower - upper))
        # Along slices the row of this turn is one end of a difference, and the slice beyond it the other.
        beyond = offsets[after if n else before] + row
        outer = _pair(values, beyond, fx)
        outer += fy * (_pair(values, beyond + columns, fx) - outer)
        inner = ra + fy * (rc - ra)
        # (1 - fz) (s1 - s-1) + fz (s2 - s0), of which this turn has s0, s-1 or s1, s2.
        gz += fz * outer + (_f4(1) - fz) * inner if n else -(_f4(1) - fz) * outer - fz * inner
    return gx, gy, gz


@kernel
def _is_shown(mask: Any, place: Any, x: Any, y: Any, z: Any) -> Any:
    """Tell whether the mask, interpolated, is at least half; beyond its ends the end values hold."""
    u = min(max(x * place[0] + place[3], _f4(0)), _f4(mask.shape[2] - 1))
    v = min(max(y * place[1] + place[4], _f4(0)), _f4(mask.shape[1] - 1))
    w = min(max(z * place[2] + place[5], _f4(0)), _f4(mask.shape[0] - 1))
    i, j, k = np.int32(u), np.int32(v), np.int32(w)
    fx, fy, fz = u - _f4(i), v - _f4(j), w - _f4(k)
    i1, j1, k1 = min(i + 1, mask.shape[2] - 1), min(j + 1, mask.shape[1] - 1), min(k + 1, mask.shape[0] - 1)
    total = _f4(0)
    for n in range(2):
        layer = mask[k1 if n else k]
        one = _f4(layer[j, i]) * (_f4(1) - fx) + _f4(layer[j, i1]) * fx
        two = _f4(layer[j1, i]) * (_f4(1) - fx) + _f4(layer[j1, i1]) * fx
        total += (one + fy * (two - one)) * (fz if n else _f4(1) - fz)
    return total >= _HALF


@kernel
def _between(table: Any, place: Any) -> Any:
    """Return the entry of a table at a fraction 0..1 of its length."""
    place = min(max(place, _f4(0)), _f4(1)) * _f4(table.size - 1)
    index = min(np.int32(place), np.int32(table.size - 2))
    left, right = table[np.uint32(index)], table[np.uint32(index + 1)]
    return left + (right - left) * (place - _f4(index))


@kernel
def cast_composite(
    values: Any, offsets: Any, shape: Any, codes: Any, mask: Any, place: Any, table: Any, scale: Any, slopes: Any,
    light: Any, shine: Any, rays: Any, box: Any, reach: Any, enough: Any, size: Any, first: Any, last: Any,
    out: Any, depth: Any,
) -> None:  # fmt: skip
    """Blend samples front to back into rows ``first``..``last`` of ``out`` (height, width, 3).

    ``table`` (entries, 4) holds red, green, blue and opacity of a step; its index is ``(value - scale[0]) * scale[1]``.
    ``slopes``, where it is not empty, holds factors of opacity by the gradient's magnitude up to ``scale[2]``; then the
    table's opacity is per millimetre, and made that of a step here. ``light`` = (ambient, diffuse, specular, three numbers
    of the direction to the light, three of the highlight's, nine of the matrix from differences to the camera's axes);
    with an empty ``shine``, a table of cosine ** power, the picture is unlit. ``reach`` (rows, columns, 2) is the first and
    the last step at which squares of REACH pixels may have something, as :func:`find_reach` makes it. ``depth`` gets the
    millimetres along the ray at which half of the light is gone, NaN where it is not.
    """
    width = size[0]
    columns = np.uint64(shape[2])
    top = _f4(table.shape[0] - 1)
    base, gain, steepest = scale[0], scale[1], scale[2]
    lit, graded = shine.size > 0, slopes.size > 0
    step = _f4(rays[15])
    for left in range(0, width, TILE):
        for py in range(first, last):
            for px in range(left, min(left + TILE, width)):
                x0, y0, z0, dx, dy, dz, start, count = _ray(px, py, rays, box, shape)
                red = green = blue = alpha = _f4(0)
                r = (_inverse(dx), _inverse(dy), _inverse(dz))
                up = (np.int32(dx >= 0), np.int32(dy >= 0), np.int32(dz >= 0))
                middle = np.float64(np.nan)
                begin, end_of_all = reach[py // REACH, px // REACH, 0], reach[py // REACH, px // REACH, 1]
                q = np.int32(min(max(begin - start, 0.0), 1e6))
                count = np.int32(min(max(end_of_all - start, -1.0), np.float64(count)))
                while q <= count:
                    f = _f4(q)
                    x, y, z = x0 + f * dx, y0 + f * dy, z0 + f * dz
                    code = codes[np.uint32(np.int32(z) >> 2), np.uint32(np.int32(y) >> 2), np.uint32(np.int32(x) >> 2)]
                    if EMPTY <= code < MIXED:
                        q += np.int32(_steps_beyond(x, y, z, r, up, code)) + np.int32(1)
                        continue
                    q += np.int32(1)
                    value = (_linear(values, offsets, columns, x, y, z) - base) * gain + _f4(0.5)
                    value = value if value > 0 else _f4(0)
                    entry = np.int32(min(top, value))
                    opacity = table[np.uint32(entry), np.uint32(3)]
                    if opacity <= 0:
                        continue
                    if code == MIXED and not _is_shown(mask, place, x, y, z):
                        continue
                    shade = _f4(1)
                    glint = _f4(0)
                    if lit or graded:
                        gx, gy, gz = _gradient(values, offsets, shape, x, y, z)
                        nx = light[9] * gx + light[10] * gy + light[11] * gz
                        ny = light[12] * gx + light[13] * gy + light[14] * gz
                        nz = light[15] * gx + light[16] * gy + light[17] * gz
                        length = np.sqrt(nx * nx + ny * ny + nz * nz)
                        if graded:
                            opacity *= _between(slopes, length * steepest)
                            if opacity <= 0:
                                continue
                            opacity = _f4(1) - (_f4(1) - opacity) ** step
                        if lit:
                            if length > _f4(1e-6):
                                # The normal faces the eye.
                                u, v = rays[16] + px * rays[12], rays[17] + py * rays[12]
                                ahead = _f4(rays[14]) * (nx * _f4(u) + ny * _f4(v)) + nz
                                each = -_f4(1) / length if ahead > 0 else _f4(1) / length
                                lambert = (nx * light[3] + ny * light[4] + nz * light[5]) * each
                                half = (nx * light[6] + ny * light[7] + nz * light[8]) * each
                                shade = light[0] + light[1] * max(lambert, _f4(0))
                                glint = light[2] * _between(shine, half)
                            else:
                                shade = light[0] + light[1]
                    weight = (_f4(1) - alpha) * opacity
                    shade *= weight
                    glint *= weight
                    red += shade * table[np.uint32(entry), np.uint32(0)] + glint
                    green += shade * table[np.uint32(entry), np.uint32(1)] + glint
                    blue += shade * table[np.uint32(entry), np.uint32(2)] + glint
                    alpha += weight
                    if alpha >= _f4(0.5) and np.isnan(middle):
                        middle = (start + q - 1) * rays[15]
                    if alpha >= enough:
                        # The rest would look like what is in front of it.
                        red, green, blue = red / alpha, green / alpha, blue / alpha
                        break
                depth[py, px] = middle
                out[py, px, 0] = np.int32(min(red, _f4(1)) * _f4(255) + _f4(0.5))
                out[py, px, 1] = np.int32(min(green, _f4(1)) * _f4(255) + _f4(0.5))
                out[py, px, 2] = np.int32(min(blue, _f4(1)) * _f4(255) + _f4(0.5))


@kernel
def cast_mean(
    values: Any, offsets: Any, shape: Any, codes: Any, mask: Any, place: Any, low: Any, high: Any, rays: Any, box: Any,
    size: Any, first: Any, last: Any, out: Any,
) -> None:  # fmt: skip
    """Average the samples within ``low``..``high`` of every ray of rows ``first``..``last``; NaN where there are none."""
    width = size[0]
    columns = np.uint64(shape[2])
    for left in range(0, width, TILE):
        for py in range(first, last):
            for px in range(left, min(left + TILE, width)):
                x0, y0, z0, dx, dy, dz, _, count = _ray(px, py, rays, box, shape)
                r = (_inverse(dx), _inverse(dy), _inverse(dz))
                up = (np.int32(dx >= 0), np.int32(dy >= 0), np.int32(dz >= 0))
                total, seen, q = _f4(0), np.int32(0), np.int32(0)
                while q <= count:
                    f = _f4(q)
                    x, y, z = x0 + f * dx, y0 + f * dy, z0 + f * dz
                    code = codes[np.uint32(np.int32(z) >> 2), np.uint32(np.int32(y) >> 2), np.uint32(np.int32(x) >> 2)]
                    if EMPTY <= code < MIXED:
                        q += np.int32(_steps_beyond(x, y, z, r, up, code)) + np.int32(1)
                        continue
                    end = min(count, q + np.int32(_steps_left(x, y, z, r, up, 2)))
                    part = _f4(0)
                    while q <= end:
                        f = _f4(q)
                        x, y, z = x0 + f * dx, y0 + f * dy, z0 + f * dz
                        q += np.int32(1)
                        value = _linear(values, offsets, columns, x, y, z)
                        if value >= low and value <= high and (code != MIXED or _is_shown(mask, place, x, y, z)):
                            part += value
                            seen += np.int32(1)
                    total += part
                if seen > 0:
                    out[py, px] = total / _f4(seen)


@kernel
def find_reach(codes: Any, origin: Any, axes: Any, rays: Any, distance: Any, size: Any, reach: Any) -> None:
    """Widen ``reach`` (as for :func:`cast_composite`) by the blocks that are not empty.

    ``origin`` and the columns of ``axes`` are the first voxel and the steps to its neighbours in the camera's axes (right,
    down, ahead; mm from its centre), ``distance`` that of the eye, 0 for parallel rays.
    """
    half = np.empty(3)
    for n in range(3):
        half[n] = 2.0 * (abs(axes[n, 0]) + abs(axes[n, 1]) + abs(axes[n, 2]))
    pixel, step = rays[12], rays[15]
    rows, columns = reach.shape[0], reach.shape[1]
    for bk in range(codes.shape[0]):
        for bj in range(codes.shape[1]):
            for bi in range(codes.shape[2]):
                if EMPTY <= codes[bk, bj, bi] < MIXED:
                    continue
                i, j, k = 4.0 * bi + 2.0, 4.0 * bj + 2.0, 4.0 * bk + 2.0
                u = origin[0] + axes[0, 0] * i + axes[0, 1] * j + axes[0, 2] * k
                v = origin[1] + axes[1, 0] * i + axes[1, 1] * j + axes[1, 2] * k
                w = origin[2] + axes[2, 0] * i + axes[2, 1] * j + axes[2, 2] * k + distance
                left, right, top, bottom = u - half[0], u + half[0], v - half[1], v + half[1]
                near, far = w - half[2], w + half[2]
                if distance > 0:
                    wide, high = max(abs(left), abs(right)), max(abs(top), abs(bottom))
                    if far <= 0:
                        continue  # behind the eye
                    if near <= 1e-3 * distance:
                        left, right, top, bottom = -1e12, 1e12, -1e12, 1e12
                    else:
                        a, b = distance / near, distance / far
                        left, right = left * (a if left < 0 else b), right * (a if right > 0 else b)
                        top, bottom = top * (a if top < 0 else b), bottom * (a if bottom > 0 else b)
                    far = np.sqrt(wide * wide + high * high + far * far)
                x0, x1 = (left - rays[16]) / pixel - 1.0, (right - rays[16]) / pixel + 1.0
                y0, y1 = (top - rays[17]) / pixel - 1.0, (bottom - rays[17]) / pixel + 1.0
                if x1 < 0 or y1 < 0 or x0 >= size[0] or y0 >= size[1]:
                    continue
                begin, end = np.float32(np.floor(near / step) - 1.0), np.float32(np.ceil(far / step) + 1.0)
                for y in range(int(max(y0, 0.0)) // REACH, min(int(min(y1, 1e6)) // REACH, rows - 1) + 1):
                    for x in range(int(max(x0, 0.0)) // REACH, min(int(min(x1, 1e6)) // REACH, columns - 1) + 1):
                        reach[y, x, 0] = min(reach[y, x, 0], begin)
                        reach[y, x, 1] = max(reach[y, x, 1], end)


@kernel
def shade_values(values: Any, out: Any, shade: Any) -> None:
    """Turn ``values`` (height, width) into grey levels; where they are NaN, ``out`` is left as it is."""
    line = np.empty(values.shape[1], np.float32)
    for j in range(values.shape[0]):
        for i in range(values.shape[1]):
            line[i] = values[j, i] - shade[0]
        _shade_known(line, out[j], 0, values.shape[1], shade)


@kernel
def mark_blocks(lowest: Any, highest: Any, base: Any, gain: Any, visible: Any, states: Any, codes: Any) -> None:
    """Fill the codes of blocks.

    ``visible[n]`` counts entries of a table before n that are to be seen; the entry of a value is ``(value - base) * gain``.
    ``states`` holds DRAWN, EMPTY (hidden) or MIXED of each block.
    """
    top = _f4(visible.size - 2)
    half = _f4(0.5)
    for k in range(codes.shape[0]):
        for j in range(codes.shape[1]):
            for i in range(codes.shape[2]):
                low = min(max((_f4(lowest[k, j, i]) - base) * gain + half, _f4(0)), top)
                high = min(max((_f4(highest[k, j, i]) - base) * gain + half, _f4(0)), top)
                seen = visible[np.uint32(high) + np.uint32(1)] > visible[np.uint32(low)]
                codes[k, j, i] = states[k, j, i] if seen else EMPTY
    measure_distances(codes)


@kernel
def measure_distances(codes: Any) -> None:
    """Replace the codes of empty blocks by their distances: once from the first block on, once from the last back."""
    slices, rows, columns = codes.shape
    line = np.empty(columns, np.uint8)
    for k in range(slices):
        for j in range(rows):
            for i in range(columns):
                if EMPTY <= codes[k, j, i] < MIXED:
                    codes[k, j, i] = _FARTHEST
    for turn in range(2):
        ahead = 1 if turn else -1
        for n in range(slices):
            k = slices - 1 - n if turn else n
            for m in range(rows):
                j = rows - 1 - m if turn else m
                row = codes[k, j]
                line[:] = _FARTHEST
                for b in range(-1, 2):
                    if 0 <= j + b < rows and 0 <= k + ahead < slices:
                        _nearer(line, codes[k + ahead, j + b])
                if 0 <= j + ahead < rows:
                    _nearer(line, codes[k, j + ahead])
                _nearest_of_row(row, line, turn)


@kernel
def _nearer(line: Any, row: Any) -> None:
    for i in range(np.uint64(line.size)):
        value = np.uint8(0) if row[i] == MIXED else row[i]
        line[i] = min(line[i], value)


@kernel
def _nearest_of_row(row: Any, line: Any, turn: Any) -> None:
    """Lower the distances of ``row`` by those of its neighbours: of other rows in ``line``, then along itself."""
    last = row.size - 1
    for i in range(row.size):
        if EMPTY <= row[i] < MIXED:
            least = min(line[max(i - 1, 0)], line[i], line[min(i + 1, last)])
            row[i] = min(row[i], least + 1)
    before = np.int32(_FARTHEST)
    for n in range(row.size):
        i = last - n if turn else n
        value = row[i]
        if EMPTY <= value < MIXED:
            before = min(np.int32(value), before + 1)
            row[i] = before
        else:
            before = np.int32(0)
