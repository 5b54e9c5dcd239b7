"""Compiled steps on whole volumes, a range of slices each: decimating, blurring, halving, sampling.

They stand in one file because numba's cache looks at one file only. Arrays are [k, j, i], float32 unless named
otherwise; every kernel writes the slices first..stop-1 of its output and lets other threads run.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, fastmath=True)
def decimate_slices(image, mask, air, rows, row_weights, columns, column_weights, out, first, stop):
    """Weighted means in plane: out[k, a, b] from rows rows[a].. and columns columns[b]..; air where mask is 0.

    rows, columns: first index of each window, int64; the weights are [output, tap] and their sum is 1.
    """
    height, width = image.shape[1], image.shape[2]
    clean = np.empty((height, width), np.float32)
    lines = np.empty(width, np.float32)
    for k in range(first, stop):
        for j in range(height):
            for i in range(width):
                clean[j, i] = np.float32(image[k, j, i]) if mask[k, j, i] else air
        for a in range(rows.size):
            lines[:] = 0
            for t in range(row_weights.shape[1]):
                weight, source = row_weights[a, t], clean[rows[a] + t]
                for i in range(width):
                    lines[i] += weight * source[i]
            for b in range(columns.size):
                total = np.float32(0)
                for t in range(column_weights.shape[1]):
                    total += column_weights[b, t] * lines[columns[b] + t]
                out[k, a, b] = total


@njit(cache=True, nogil=True, fastmath=True)
def blur_slices(volume, out, first, stop):
    """Binomial smoothing [1 2 1] / 4 along each axis, the ends held constant."""
    depth, height, width = volume.shape
    half, quarter = np.float32(0.5), np.float32(0.25)
    plane = np.empty((height, width), np.float32)
    line = np.empty(width, np.float32)
    for k in range(first, stop):
        before, here, after = volume[max(k - 1, 0)], volume[k], volume[min(k + 1, depth - 1)]
        for j in range(height):
            for i in range(width):
                plane[j, i] = half * here[j, i] + quarter * (before[j, i] + after[j, i])
        for j in range(height):
            above, middle, below = plane[max(j - 1, 0)], plane[j], plane[min(j + 1, height - 1)]
            for i in range(width):
                line[i] = half * middle[i] + quarter * (above[i] + below[i])
            target = out[k, j]
            for i in range(1, width - 1):
                target[i] = half * line[i] + quarter * (line[i - 1] + line[i + 1])
            target[0] = half * line[0] + quarter * (line[0] + line[min(1, width - 1)])
            target[width - 1] = half * line[width - 1] + quarter * (line[max(width - 2, 0)] + line[width - 1])


@njit(cache=True, nogil=True, fastmath=True)
def halve_slices(volume, out, first, stop):
    """Means over cubes of 2 x 2 x 2 voxels."""
    eighth = np.float32(0.125)
    for k in range(first, stop):
        for j in range(out.shape[1]):
            a, b = volume[2 * k, 2 * j], volume[2 * k, 2 * j + 1]
            c, d = volume[2 * k + 1, 2 * j], volume[2 * k + 1, 2 * j + 1]
            for i in range(out.shape[2]):
                low = a[2 * i] + b[2 * i] + c[2 * i] + d[2 * i]
                out[k, j, i] = eighth * (low + a[2 * i + 1] + b[2 * i + 1] + c[2 * i + 1] + d[2 * i + 1])


@njit(cache=True, nogil=True, fastmath=True)
def all_of_eight_slices(flags, out, first, stop):
    """1 where all voxels of the cube of 2 x 2 x 2 are 1; uint8."""
    for k in range(first, stop):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                cube = flags[2 * k : 2 * k + 2, 2 * j : 2 * j + 2, 2 * i : 2 * i + 2]
                out[k, j, i] = cube.min()


@njit(cache=True, nogil=True, inline="always")
def _cell(position, size):
    """Index below a position held within 0..size-1, and the part of the way to the next one."""
    held = min(max(position, 0.0), size - 1.0)
    low = min(int(held), max(size - 2, 0))
    return low, np.float32(held - low)


@njit(cache=True, nogil=True, fastmath=True)
def sample_slices(volume, matrix, out, first, stop):
    """Trilinear sampling of a volume at matrix (3, 4) applied to the output's (i, j, k, 1); the edges go on outside."""
    depth, height, width = volume.shape
    dk, dj, di = min(1, depth - 1), min(1, height - 1), min(1, width - 1)
    for k in range(first, stop):
        for j in range(out.shape[1]):
            x = matrix[0, 1] * j + matrix[0, 2] * k + matrix[0, 3]
            y = matrix[1, 1] * j + matrix[1, 2] * k + matrix[1, 3]
            z = matrix[2, 1] * j + matrix[2, 2] * k + matrix[2, 3]
            for i in range(out.shape[2]):
                a, u = _cell(x + matrix[0, 0] * i, width)
                b, v = _cell(y + matrix[1, 0] * i, height)
                c, w = _cell(z + matrix[2, 0] * i, depth)
                top, bottom = volume[c, b], volume[c, b + dj]
                upper = (1 - v) * ((1 - u) * top[a] + u * top[a + di])
                upper += v * ((1 - u) * bottom[a] + u * bottom[a + di])
                top, bottom = volume[c + dk, b], volume[c + dk, b + dj]
                lower = (1 - v) * ((1 - u) * top[a] + u * top[a + di])
                lower += v * ((1 - u) * bottom[a] + u * bottom[a + di])
                out[k, j, i] = (1 - w) * upper + w * lower


@njit(cache=True, nogil=True, fastmath=True)
def nearest_slices(flags, matrix, margin, out, first, stop):
    """Nearest-neighbour sampling of flags (uint8) as in sample_slices; 0 beyond `margin` voxels outside."""
    depth, height, width = flags.shape
    for k in range(first, stop):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                x = matrix[0, 0] * i + matrix[0, 1] * j + matrix[0, 2] * k + matrix[0, 3]
                y = matrix[1, 0] * i + matrix[1, 1] * j + matrix[1, 2] * k + matrix[1, 3]
                z = matrix[2, 0] * i + matrix[2, 1] * j + matrix[2, 2] * k + matrix[2, 3]
                outside = x < -margin or y < -margin or z < -margin
                outside |= x > width - 1 + margin or y > height - 1 + margin or z > depth - 1 + margin
                a = int(min(max(x, 0.0), width - 1.0) + 0.5)
                b = int(min(max(y, 0.0), height - 1.0) + 0.5)
                c = int(min(max(z, 0.0), depth - 1.0) + 0.5)
                out[k, j, i] = 0 if outside else flags[c, b, a]


@njit(cache=True, nogil=True, fastmath=True)
def contrast_slices(values, mean, square, flat, low, high, out, first, stop):
    """Two channels, out [k, j, i, 2]: the value windowed to 0..1, and the windowed value freed of its local mean and
    deviation, whose moments lie on voxels twice as large; `flat` is added to the deviation."""
    depth, height, width = mean.shape
    scale = np.float32(1.0) / (high - low)
    for k in range(first, stop):
        k0, w = _cell(0.5 * k - 0.25, depth)
        k1 = min(k0 + 1, depth - 1)
        for j in range(values.shape[1]):
            j0, v = _cell(0.5 * j - 0.25, height)
            j1 = min(j0 + 1, height - 1)
            m00, m01, m10, m11 = mean[k0, j0], mean[k0, j1], mean[k1, j0], mean[k1, j1]
            s00, s01, s10, s11 = square[k0, j0], square[k0, j1], square[k1, j0], square[k1, j1]
            for i in range(values.shape[2]):
                i0, u = _cell(0.5 * i - 0.25, width)
                i1 = min(i0 + 1, width - 1)
                a = (1 - w) * ((1 - v) * m00[i0] + v * m01[i0]) + w * ((1 - v) * m10[i0] + v * m11[i0])
                b = (1 - w) * ((1 - v) * m00[i1] + v * m01[i1]) + w * ((1 - v) * m10[i1] + v * m11[i1])
                centre = (1 - u) * a + u * b
                a = (1 - w) * ((1 - v) * s00[i0] + v * s01[i0]) + w * ((1 - v) * s10[i0] + v * s11[i0])
                b = (1 - w) * ((1 - v) * s00[i1] + v * s01[i1]) + w * ((1 - v) * s10[i1] + v * s11[i1])
                spread = np.sqrt(max((1 - u) * a + u * b - centre * centre, np.float32(1e-6)))
                value = min(max((values[k, j, i] - low) * scale, np.float32(0)), np.float32(1))
                out[k, j, i, 0] = value
                out[k, j, i, 1] = (value - centre) / (spread + flat)
