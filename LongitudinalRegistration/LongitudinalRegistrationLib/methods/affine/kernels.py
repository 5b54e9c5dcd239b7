"""Compiled steps of the affine alignment, over a range of points: sampling with slopes, and normal equations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...scan.sampling import cell, corners_at, transformed, trilinear_with_slopes
from ...system.arrays import Float32Array, Float64Array, UInt8Array
from ...system.compiled import kernel


class Points(NamedTuple):
    """Points of the fixed scan.

    arms: (n, 3), float64, moment arms (x, y, z) about the centre of rotation; values: (n,), float32, the fixed scan.
    """

    arms: Float64Array
    values: Float32Array


@kernel(fused=True)
def sample_points(
    volume: Float32Array,
    seen: UInt8Array,
    points: Points,
    matrix: Float64Array,
    out: Float32Array,
    first: int,
    stop: int,
) -> Float64Array:
    """Sample the moving scan with its slopes at the points first..stop-1, and sum what a correlation needs.

    Parameters
    ----------
    volume
        [k, j, i], float32, the moving scan.
    seen
        [k, j, i], uint8, 1 where it has data.
    points
        Points.
    matrix
        (3, 4), float64: moment arms (x, y, z, 1) to voxels (i, j, k) of `volume`.
    out
        (n, 5), float32: the value, its slopes along i, j, k (per voxel), and 1 where the nearest voxel is seen, else 0.

    Returns
    -------
    numpy.ndarray
        (6,), float64, over the points that are seen: their number, the sums of sampled values v and of the points'
        values t, of v v, t t and v t.
    """
    arms, values = points
    depth, height, width = volume.shape
    sums = np.zeros(6)
    for n in range(first, stop):
        x, y, z = transformed(matrix, arms[n, 0], arms[n, 1], arms[n, 2])
        out[n, 4] = 0
        if x <= -0.5 or y <= -0.5 or z <= -0.5 or x >= width - 0.5 or y >= height - 0.5 or z >= depth - 0.5:
            continue
        if not seen[int(z + 0.5), int(y + 0.5), int(x + 0.5)]:
            continue
        i0, i1, u = cell(x, width)
        j0, j1, v = cell(y, height)
        k0, k1, w = cell(z, depth)
        value, di, dj, dk = trilinear_with_slopes(corners_at(volume, k0, k1, j0, j1, i0, i1), u, v, w)
        out[n, 0], out[n, 1], out[n, 2], out[n, 3] = value, di, dj, dk
        out[n, 4] = 1
        target = values[n]
        sums[0] += 1
        sums[1] += value
        sums[2] += target
        sums[3] += value * value
        sums[4] += target * target
        sums[5] += value * target
    return sums


@kernel(fused=True)
def sum_equations(
    sampled: Float32Array, points: Points, gain: float, offset: float, limit: float, first: int, stop: int
) -> Float64Array:
    """Sum the normal equations of an affine change for the differences d = gain v - t - offset.

    A point weighs 1, or limit / |d| where |d| is larger (Huber). Parameters are the entries of [translation | matrix]
    (3, 4), row by row.

    Parameters
    ----------
    sampled
        (n, 5), float32, as from sample_points.
    points
        Points.
    gain, offset, limit
        float: what takes sampled values v to the points' values t, and the largest difference of full weight.

    Returns
    -------
    numpy.ndarray
        (13, 13), float64: J^T W J, and J^T W d in the last row; the sum of W d^2 in the last corner.
    """
    arms, values = points
    slopes = np.empty(6)
    moments = np.empty(10)
    sums = np.zeros((6, 10))
    right = np.zeros((3, 4))
    cost = 0.0
    for n in range(first, stop):
        if sampled[n, 4] == 0:
            continue
        d = gain * sampled[n, 0] - values[n] - offset
        weight = 1.0 if abs(d) <= limit else limit / abs(d)
        cost += weight * d * d
        x, y, z = gain * sampled[n, 1], gain * sampled[n, 2], gain * sampled[n, 3]
        a, b, c = arms[n, 0], arms[n, 1], arms[n, 2]
        slopes[0], slopes[1], slopes[2] = weight * x * x, weight * y * y, weight * z * z
        slopes[3], slopes[4], slopes[5] = weight * x * y, weight * x * z, weight * y * z
        moments[0], moments[1], moments[2], moments[3], moments[4] = 1.0, a, b, c, a * a
        moments[5], moments[6], moments[7], moments[8], moments[9] = a * b, a * c, b * b, b * c, c * c
        for p in range(6):
            for q in range(10):
                sums[p, q] += slopes[p] * moments[q]
        for p in range(3):
            g = weight * d * (x if p == 0 else y if p == 1 else z)
            right[p, 0] += g
            right[p, 1] += g * a
            right[p, 2] += g * b
            right[p, 3] += g * c
    pairs = np.array([[0, 3, 4], [3, 1, 5], [4, 5, 2]])
    products = np.array([[0, 1, 2, 3], [1, 4, 5, 6], [2, 5, 7, 8], [3, 6, 8, 9]])
    system = np.zeros((13, 13))
    for p in range(3):
        for q in range(4):
            system[12, 4 * p + q] = right[p, q]
            for r in range(3):
                for s in range(4):
                    system[4 * p + q, 4 * r + s] = sums[pairs[p, r], products[q, s]]
    system[12, 12] = cost
    return system
