"""Compiled steps of the affine alignment, over a range of points: sampling with slopes, and normal equations."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, fastmath=True)
def sample_points(volume, seen, points, values, matrix, shift, out, first, stop):
    """out[n] = value and slopes along i, j, k (per voxel) of volume [k, j, i] at matrix points[n] + shift, voxels,
    trilinear; the last entry is 1 where the nearest voxel is seen, else 0.

    Return, over the points that are seen: their number, the sums of sampled values v and of `values` t, of v v, t t
    and v t.
    """
    depth, height, width = volume.shape
    sums = np.zeros(6)
    for n in range(first, stop):
        px, py, pz = points[n, 0], points[n, 1], points[n, 2]
        x = matrix[0, 0] * px + matrix[0, 1] * py + matrix[0, 2] * pz + shift[0]
        y = matrix[1, 0] * px + matrix[1, 1] * py + matrix[1, 2] * pz + shift[1]
        z = matrix[2, 0] * px + matrix[2, 1] * py + matrix[2, 2] * pz + shift[2]
        out[n, 4] = 0
        if x <= -0.5 or y <= -0.5 or z <= -0.5 or x >= width - 0.5 or y >= height - 0.5 or z >= depth - 0.5:
            continue
        x, y, z = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0), min(max(z, 0.0), depth - 1.0)
        if not seen[int(z + 0.5), int(y + 0.5), int(x + 0.5)]:
            continue
        a, b, c = min(int(x), width - 2), min(int(y), height - 2), min(int(z), depth - 2)
        u, v, w = x - a, y - b, z - c
        v000, v001 = volume[c, b, a], volume[c, b, a + 1]
        v010, v011 = volume[c, b + 1, a], volume[c, b + 1, a + 1]
        v100, v101 = volume[c + 1, b, a], volume[c + 1, b, a + 1]
        v110, v111 = volume[c + 1, b + 1, a], volume[c + 1, b + 1, a + 1]
        x00, x01 = v000 + u * (v001 - v000), v010 + u * (v011 - v010)
        x10, x11 = v100 + u * (v101 - v100), v110 + u * (v111 - v110)
        y0, y1 = x00 + v * (x01 - x00), x10 + v * (x11 - x10)
        value = y0 + w * (y1 - y0)
        slope0 = (1 - v) * (v001 - v000) + v * (v011 - v010)
        slope1 = (1 - v) * (v101 - v100) + v * (v111 - v110)
        out[n, 0] = value
        out[n, 1] = (1 - w) * slope0 + w * slope1
        out[n, 2] = (1 - w) * (x01 - x00) + w * (x11 - x10)
        out[n, 3] = y1 - y0
        out[n, 4] = 1
        target = values[n]
        sums[0] += 1
        sums[1] += value
        sums[2] += target
        sums[3] += value * value
        sums[4] += target * target
        sums[5] += value * target
    return sums


@njit(cache=True, nogil=True, fastmath=True)
def sum_equations(sampled, values, levers, gain, offset, limit, first, stop):
    """Normal equations of an affine change for the differences d = gain v - t - offset.

    A point weighs 1, or limit / |d| where |d| is larger. Parameters are the entries of [shift | matrix] (3, 4), row by
    row, with levers (n, 3) of the points. Return (13, 13): J^T W J, and J^T W d in the last row; the sum of W d^2 in
    the last corner.
    """
    slopes = np.empty(6)
    arms = np.empty(10)
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
        a, b, c = levers[n, 0], levers[n, 1], levers[n, 2]
        slopes[0], slopes[1], slopes[2] = weight * x * x, weight * y * y, weight * z * z
        slopes[3], slopes[4], slopes[5] = weight * x * y, weight * x * z, weight * y * z
        arms[0], arms[1], arms[2], arms[3], arms[4] = 1.0, a, b, c, a * a
        arms[5], arms[6], arms[7], arms[8], arms[9] = a * b, a * c, b * b, b * c, c * c
        for p in range(6):
            for q in range(10):
                sums[p, q] += slopes[p] * arms[q]
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
