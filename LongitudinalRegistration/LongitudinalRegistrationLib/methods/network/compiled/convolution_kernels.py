"""The compiled convolution over 3 x 3 x 3 voxels."""

from __future__ import annotations

import numpy as np

from ....system.arrays import Float32Array
from ....system.compiled import kernel

TOGETHER = 4
"""Filters that one reading of the input serves."""


@kernel(fused=True)
def pad_plane(plane: Float32Array, out: Float32Array) -> None:
    """Lay a slice out as one line, with a zero around it.

    Parameters
    ----------
    plane
        [j, i], float32.
    out
        At least ((j + 2) (i + 2),), float32; its zeros are kept.
    """
    height, width = plane.shape
    for j in range(height):
        row = out[(j + 1) * (width + 2) + 1 : (j + 2) * (width + 2) - 1]
        for i in range(width):
            row[i] = plane[j, i]


@kernel(fused=True)
def add_products(planes: Float32Array, row: int, weights: Float32Array, sums: Float32Array) -> None:
    """Add the products of one channel's 3 x 3 neighbours in a slice with the weights of four filters.

    Parameters
    ----------
    planes
        One slice as from pad_plane.
    row
        Voxels of a padded row.
    weights
        (4, 9), float32; nine neighbours in the order [j, i].
    sums
        (4, voxels), float32: voxel p's neighbours begin at planes[p]. What stands at the padding means nothing.
    """
    v0, v1, v2, v3 = weights[0], weights[1], weights[2], weights[3]
    a0, a1, a2, a3, a4, a5, a6, a7, a8 = v0[0], v0[1], v0[2], v0[3], v0[4], v0[5], v0[6], v0[7], v0[8]
    b0, b1, b2, b3, b4, b5, b6, b7, b8 = v1[0], v1[1], v1[2], v1[3], v1[4], v1[5], v1[6], v1[7], v1[8]
    c0, c1, c2, c3, c4, c5, c6, c7, c8 = v2[0], v2[1], v2[2], v2[3], v2[4], v2[5], v2[6], v2[7], v2[8]
    d0, d1, d2, d3, d4, d5, d6, d7, d8 = v3[0], v3[1], v3[2], v3[3], v3[4], v3[5], v3[6], v3[7], v3[8]
    a, b, c, d = sums[0], sums[1], sums[2], sums[3]
    n = a.size
    above, middle, below = planes[: n + 2], planes[row : row + n + 2], planes[2 * row : 2 * row + n + 2]
    for p in range(n):
        x0, x1, x2 = above[p], above[p + 1], above[p + 2]
        x3, x4, x5 = middle[p], middle[p + 1], middle[p + 2]
        x6, x7, x8 = below[p], below[p + 1], below[p + 2]
        a[p] += a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3 + a4 * x4 + a5 * x5 + a6 * x6 + a7 * x7 + a8 * x8
        b[p] += b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3 + b4 * x4 + b5 * x5 + b6 * x6 + b7 * x7 + b8 * x8
        c[p] += c0 * x0 + c1 * x1 + c2 * x2 + c3 * x3 + c4 * x4 + c5 * x5 + c6 * x6 + c7 * x7 + c8 * x8
        d[p] += d0 * x0 + d1 * x1 + d2 * x2 + d3 * x3 + d4 * x4 + d5 * x5 + d6 * x6 + d7 * x7 + d8 * x8


@kernel(fused=True)
def convolve_slices(
    stack: Float32Array,
    weights: Float32Array,
    bias: Float32Array,
    slope: np.float32,
    added: bool,
    out: Float32Array,
    first: int,
    stop: int,
) -> None:
    """Convolve over 3 x 3 x 3 voxels, with zeros around the volume, and rectify.

    Parameters
    ----------
    stack
        [channel, k, j, i], float32.
    weights
        (filters / 4, channels, 3, 4, 9), float32: groups of four filters, the three neighbours along k, the nine in
        their slices.
    bias
        (filters,), float32.
    slope
        Of the rectifier below zero, 0 to 1; 1: none.
    added
        Whether the input, of as many channels, is added to the result.
    out
        [filter, k, j, i], float32; slices first..stop-1 are written.
    """
    channels, depth, height, width = stack.shape
    row = width + 2
    planes = np.zeros((3, channels, (height + 2) * row), np.float32)
    sums = np.empty((TOGETHER, height * row - 2), np.float32)
    for ahead in range(first - 1, stop + 1):
        slot = ahead % 3
        for c in range(channels):
            if 0 <= ahead < depth:
                pad_plane(stack[c, ahead], planes[slot, c])
            else:
                planes[slot, c] = 0
        k = ahead - 1
        if k < first:
            continue
        for group in range(weights.shape[0]):
            for f in range(TOGETHER):
                sums[f] = bias[TOGETHER * group + f]
            for c in range(channels):
                for d in range(3):
                    add_products(planes[(k + d - 1) % 3, c], row, weights[group, c, d], sums)
            for f in range(TOGETHER):
                filled = TOGETHER * group + f
                for j in range(height):
                    source, target = sums[f, j * row : j * row + width], out[filled, k, j]
                    for i in range(width):
                        target[i] = max(source[i], slope * source[i])
                    if added:
                        origin = stack[filled, k, j]
                        for i in range(width):
                            target[i] += origin[i]
