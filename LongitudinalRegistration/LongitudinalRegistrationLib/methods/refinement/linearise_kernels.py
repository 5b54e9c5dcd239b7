"""The compiled normal equations of two images' difference, a range of slices of the field each.

Image voxels are compared in blocks: what a block needs of the images is gathered voxel by voxel, then reckoned for all
of its voxels at once, each quantity a line of its own.
"""

from __future__ import annotations

import numpy as np

from ...scan.sampling import cell, trilinear_with_slopes
from ...system.arrays import Float32Array, Int64Array, Real
from ...system.compiled import inlined, kernel
from .kernels import Differences, Geometry, Images, Sums, columns_of, field_row, value_at

BLOCK = 32
"""Image voxels of a block."""
U, OWN, SLOPES, RESULTS = 16 * BLOCK, 19 * BLOCK, 21 * BLOCK, 27 * BLOCK
"""Where lines of a block begin: eight corners of both channels come first, then the fractions of the way between these,
the fixed image's channels, and twice their slopes along x, y and z; then A, b and the cost."""
LINES, SUMS = 37, 11


@inlined
def _add_channel(block: Float32Array, n: int, jacobian: Float32Array, quarter: Real, gain: Real, width: Real) -> None:
    """Add the terms of channel n to the results of a block's voxels."""
    one = np.float32(1)
    ax, bx, cx = jacobian[0, 0], jacobian[1, 0], jacobian[2, 0]
    ay, by, cy = jacobian[0, 1], jacobian[1, 1], jacobian[2, 1]
    az, bz, cz = jacobian[0, 2], jacobian[1, 2], jacobian[2, 2]
    per_width = one / width
    for t in range(BLOCK):
        c = n * BLOCK + t
        corners = (
            block[c],
            block[c + 2 * BLOCK],
            block[c + 4 * BLOCK],
            block[c + 6 * BLOCK],
            block[c + 8 * BLOCK],
            block[c + 10 * BLOCK],
            block[c + 12 * BLOCK],
            block[c + 14 * BLOCK],
        )
        value, sx, sy, sz = trilinear_with_slopes(corners, block[U + t], block[U + BLOCK + t], block[U + 2 * BLOCK + t])
        d = block[OWN + c] - value
        gx = ax * sx + bx * sy + cx * sz + quarter * block[SLOPES + c]
        gy = ay * sx + by * sy + cy * sz + quarter * block[SLOPES + 2 * BLOCK + c]
        gz = az * sx + bz * sy + cz * sz + quarter * block[SLOPES + 4 * BLOCK + c]
        r = one / (one + d * d * per_width)
        weight = gain * r
        block[RESULTS + 9 * BLOCK + t] += weight * d * d
        weight *= r
        wx, wy, wz = weight * gx, weight * gy, weight * gz
        block[RESULTS + t] += wx * gx
        block[RESULTS + BLOCK + t] += wy * gy
        block[RESULTS + 2 * BLOCK + t] += wz * gz
        block[RESULTS + 3 * BLOCK + t] += wx * gy
        block[RESULTS + 4 * BLOCK + t] += wx * gz
        block[RESULTS + 5 * BLOCK + t] += wy * gz
        block[RESULTS + 6 * BLOCK + t] += wx * d
        block[RESULTS + 7 * BLOCK + t] += wy * d
        block[RESULTS + 8 * BLOCK + t] += wz * d


@inlined
def _gather(values: Float32Array, place: Real, along: tuple[Real, Real, Real], t: Real, block: Float32Array) -> None:
    """Copy both channels' eight corners of a cell, which begins at `place`, to voxel t of a block."""
    one = np.uint64(1)
    i, j, k = along
    block[t], block[np.uint64(BLOCK) + t] = values[place], values[place + one]
    block[np.uint64(2 * BLOCK) + t], block[np.uint64(3 * BLOCK) + t] = values[place + i], values[place + i + one]
    place_j, place_k = place + j, place + k
    block[np.uint64(4 * BLOCK) + t], block[np.uint64(5 * BLOCK) + t] = values[place_j], values[place_j + one]
    block[np.uint64(6 * BLOCK) + t], block[np.uint64(7 * BLOCK) + t] = values[place_j + i], values[place_j + i + one]
    block[np.uint64(8 * BLOCK) + t], block[np.uint64(9 * BLOCK) + t] = values[place_k], values[place_k + one]
    block[np.uint64(10 * BLOCK) + t], block[np.uint64(11 * BLOCK) + t] = values[place_k + i], values[place_k + i + one]
    place_jk = place_j + k
    block[np.uint64(12 * BLOCK) + t], block[np.uint64(13 * BLOCK) + t] = values[place_jk], values[place_jk + one]
    block[np.uint64(14 * BLOCK) + t], block[np.uint64(15 * BLOCK) + t] = (
        values[place_jk + i],
        values[place_jk + i + one],
    )


@kernel(fused=True)
def _sum_block(
    block: Float32Array,
    filled: int,
    places: Int64Array,
    jacobian: Float32Array,
    quarter: np.float32,
    differences: Differences,
    row: Float32Array,
) -> float:
    """Reckon a block, and add its first `filled` voxels to the sums of their voxels of the field.

    Parameters
    ----------
    places
        (BLOCK,), int64: column of the field that each voxel lies in.
    jacobian
        (3, 4), float32: takes slopes along moving voxels to half of those along fixed mm.
    quarter
        float32: takes the fixed image's differences over two voxels to half of its slopes along mm.
    row
        (i, SUMS), float32, is added to.

    Returns
    -------
    float
        The robust sum of squares.
    """
    _, gain, width = differences
    for t in range(RESULTS, LINES * BLOCK):
        block[t] = np.float32(0)
    _add_channel(block, 0, jacobian, quarter, gain[0], width[0])
    _add_channel(block, 1, jacobian, quarter, gain[1], width[1])
    cost = 0.0
    for t in range(filled):
        total = row[places[t]]
        for c in range(SUMS - 1):
            total[c] += block[RESULTS + c * BLOCK + t]
        total[SUMS - 1] += np.float32(1)
        cost += float(block[RESULTS + 9 * BLOCK + t])
    return cost


@kernel(fused=True)
def linearise_slices(
    images: Images,
    geometry: Geometry,
    differences: Differences,
    field: Float32Array,
    sums: Sums,
    first: int,
    stop: int,
) -> tuple[float, int, int]:
    """Sum the normal equations of the field's update over the image voxels of every voxel of the field.

    The moving scan is sampled through the field. Slopes (per mm) are the mean of both images'.

    Parameters
    ----------
    images
        Images.
    geometry
        Geometry.
    differences
        Differences.
    field
        [component, k, j, i], float32, mm.
    sums
        Sums; slices first..stop-1 are written.

    Returns
    -------
    cost, count, unseen
        The robust sum of squares of all, how many image voxels it is of, and how many the moving scan does not show.
    """
    fixed, mask, moving, seen = images
    ratio, spacing, matrix = geometry
    offsets = differences.offsets
    equations, costs = sums
    depth, height, length = mask.shape
    mk, mj, mi = moving.shape[:3]
    half, zero = np.float32(0.5), np.float32(0)
    quarter, per_voxel = np.float32(0.25 / spacing), np.float32(1.0 / spacing)
    m = matrix.astype(np.float32)
    jacobian = np.float32(0.5 / spacing) * m
    last_x, last_y, last_z = np.float32(mi - 1), np.float32(mj - 1), np.float32(mk - 1)
    # Unsigned, for numba else looks at every reading for negative numbers, which count from the end.
    values, shown = moving.reshape(-1), seen.reshape(-1)
    along = (np.uint64(2 * min(mi - 1, 1)), np.uint64(2 * mi * min(mj - 1, 1)), np.uint64(2 * mi * mj * min(mk - 1, 1)))
    columns, fractions = columns_of(length, ratio, field.shape[3])
    line = np.empty((3, field.shape[3]), np.float32)
    row = np.empty((field.shape[3], SUMS), np.float32)
    block, places = np.zeros(LINES * BLOCK, np.float32), np.zeros(BLOCK, np.int64)
    cost, count, unseen = 0.0, 0, 0
    for kk in range(first, stop):
        for jj in range(field.shape[2]):
            row[:] = 0
            t = 0
            for number in range(ratio * ratio // 4 * offsets.shape[0]):
                offset, part = number % offsets.shape[0], number // offsets.shape[0]
                k = ratio * kk + 2 * (part // (ratio // 2)) + offsets[offset, 0]
                j = ratio * jj + 2 * (part % (ratio // 2)) + offsets[offset, 1]
                field_row(field, k, j, ratio, line)
                own, flags = fixed[k, j], mask[k, j]
                below, before = fixed[max(k - 1, 0), j], fixed[k, max(j - 1, 0)]
                above, after = fixed[min(k + 1, depth - 1), j], fixed[k, min(j + 1, height - 1)]
                bx = m[0, 1] * j + m[0, 2] * k + m[0, 3]
                by = m[1, 1] * j + m[1, 2] * k + m[1, 3]
                bz = m[2, 1] * j + m[2, 2] * k + m[2, 3]
                for i in range(offsets[offset, 2], length, 2):
                    if not flags[i]:
                        continue
                    dx, dy, dz = value_at(line, columns[i], fractions[i])
                    ux, uy, uz = per_voxel * dx, per_voxel * dy, per_voxel * dz
                    px = np.float32(i) + ux
                    x = bx + m[0, 0] * px + m[0, 1] * uy + m[0, 2] * uz
                    y = by + m[1, 0] * px + m[1, 1] * uy + m[1, 2] * uz
                    z = bz + m[2, 0] * px + m[2, 1] * uy + m[2, 2] * uz
                    if x < zero or y < zero or z < zero or x > last_x or y > last_y or z > last_z:
                        unseen += 1
                        continue
                    nearest = (np.int64(z + half) * mj + np.int64(y + half)) * mi + np.int64(x + half)
                    if not shown[np.uint64(nearest)]:
                        unseen += 1
                        continue
                    a, _, u = cell(x, mi)
                    b, _, v = cell(y, mj)
                    c, _, w = cell(z, mk)
                    place = np.uint64(2 * ((c * mj + b) * mi + a))
                    at = np.uint64(t)
                    _gather(values, place, along, at, block)
                    block[np.uint64(U) + at], block[np.uint64(U + BLOCK) + at], block[np.uint64(U + 2 * BLOCK) + at] = (
                        u,
                        v,
                        w,
                    )
                    i0, here, i1 = np.uint64(max(i - 1, 0)), np.uint64(i), np.uint64(min(i + 1, length - 1))
                    for n in range(2):
                        s = np.uint64(n * BLOCK) + at
                        block[np.uint64(OWN) + s] = own[here, n]
                        block[np.uint64(SLOPES) + s] = own[i1, n] - own[i0, n]
                        block[np.uint64(SLOPES + 2 * BLOCK) + s] = after[here, n] - before[here, n]
                        block[np.uint64(SLOPES + 4 * BLOCK) + s] = above[here, n] - below[here, n]
                    places[t] = i // ratio
                    t += 1
                    count += 1
                    if t == BLOCK:
                        cost += _sum_block(block, t, places, jacobian, quarter, differences, row)
                        t = 0
            if t:
                cost += _sum_block(block, t, places, jacobian, quarter, differences, row)
            for c in range(SUMS):
                target = equations[c, kk, jj] if c < 9 else costs[c - 9, kk, jj]
                for ii in range(target.size):
                    target[ii] = row[ii, c]
    return cost, count, unseen
