"""Compiled steps on whole volumes, a range of slices each: decimating, blurring, halving, sampling.

Arrays are [k, j, i], float32 unless named otherwise; every kernel writes the slices first..stop-1 of its output and
lets other threads run.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..system.arrays import AnyArray, Float32Array, Float64Array, Int64Array, UInt8Array
from ..system.compiled import inlined, kernel
from .sampling import bilinear, cell, corners_at, lerp, transformed, trilinear


class Windows(NamedTuple):
    """Windows that decimate one axis.

    first: (outputs,), int64, the first index of each window; weights: (outputs, taps), float32, with sum 1 each.
    """

    first: Int64Array
    weights: Float32Array


class Window(NamedTuple):
    """How HU are shown, piecewise linear: `lung` as -LUNG_SHARE, `low` as 0, `high` as 1; beyond the ends as the ends.

    All float32, HU, in rising order.
    """

    lung: np.float32
    low: np.float32
    high: np.float32


LUNG_SHARE = np.float32(0.5)


@inlined
def windowed(hu: np.float32, window: Window) -> np.float32:
    """Show a value through a Window.

    Examples
    --------
    >>> window = Window(*np.float32([-1000, -200, 400]))
    >>> [round(float(windowed(np.float32(hu), window)), 3) for hu in (-2000, -600, -200, 100, 3000)]
    [-0.5, -0.25, 0.0, 0.5, 1.0]
    """
    if hu < window.low:
        return LUNG_SHARE * max((hu - window.low) / (window.low - window.lung), np.float32(-1))
    return min((hu - window.low) / (window.high - window.low), np.float32(1))


@kernel(fused=True)
def window_slices(values: Float32Array, window: Window, out: Float32Array, first: int, stop: int) -> None:
    """Show values through a window.

    Parameters
    ----------
    values
        [k, j, i], float32, HU.
    window
        Window.
    out
        Like values; slices first..stop-1 are written.
    """
    for k in range(first, stop):
        for j in range(values.shape[1]):
            for i in range(values.shape[2]):
                out[k, j, i] = windowed(values[k, j, i], window)


@kernel(fused=True)
def decimate_slices(
    image: AnyArray,
    mask: UInt8Array,
    air: np.float32,
    windows: tuple[Windows, Windows],
    out: Float32Array,
    first: int,
    stop: int,
) -> None:
    """Take weighted means in plane, with air where the mask is 0.

    Parameters
    ----------
    image
        [k, j, i], HU, any type.
    mask
        [k, j, i], uint8.
    air
        float32, HU.
    windows
        Windows along j, and along i.
    out
        [k, rows, columns], float32, HU; slices first..stop-1 are written.
    """
    height, width = image.shape[1], image.shape[2]
    first_row, row_weights = windows[0]
    first_column, column_weights = windows[1]
    clean = np.empty((height, width), np.float32)
    lines = np.empty(width, np.float32)
    for k in range(first, stop):
        for j in range(height):
            for i in range(width):
                clean[j, i] = np.float32(image[k, j, i]) if mask[k, j, i] else air
        for a in range(first_row.size):
            lines[:] = 0
            for t in range(row_weights.shape[1]):
                weight, source = row_weights[a, t], clean[first_row[a] + t]
                for i in range(width):
                    lines[i] += weight * source[i]
            for b in range(first_column.size):
                total = np.float32(0)
                for t in range(column_weights.shape[1]):
                    total += column_weights[b, t] * lines[first_column[b] + t]
                out[k, a, b] = total


@kernel(fused=True)
def decimate_depth_slices(volume: Float32Array, windows: Windows, out: Float32Array, first: int, stop: int) -> None:
    """Take weighted means over slices.

    Parameters
    ----------
    volume
        [k, j, i], float32.
    windows
        Windows along k.
    out
        [slices, j, i], float32; slices first..stop-1 are written.
    """
    begin, weights = windows
    for k in range(first, stop):
        out[k] = 0
        for t in range(weights.shape[1]):
            weight, source = weights[k, t], volume[begin[k] + t]
            for j in range(source.shape[0]):
                for i in range(source.shape[1]):
                    out[k, j, i] += weight * source[j, i]


@kernel(fused=True)
def blur_slices(volume: Float32Array, out: Float32Array, first: int, stop: int) -> None:
    """Smooth with [1 2 1] / 4 along each axis, the ends held constant.

    Parameters
    ----------
    volume
        [k, j, i], float32.
    out
        Like volume; slices first..stop-1 are written.
    """
    depth, height, width = volume.shape
    half, quarter = np.float32(0.5), np.float32(0.25)
    plane = np.empty((height, width), np.float32)
    line = np.empty(width, np.float32)
    for k in range(first, stop):
        before, centre, after = volume[max(k - 1, 0)], volume[k], volume[min(k + 1, depth - 1)]
        for j in range(height):
            for i in range(width):
                plane[j, i] = half * centre[j, i] + quarter * (before[j, i] + after[j, i])
        for j in range(height):
            above, middle, below = plane[max(j - 1, 0)], plane[j], plane[min(j + 1, height - 1)]
            for i in range(width):
                line[i] = half * middle[i] + quarter * (above[i] + below[i])
            target = out[k, j]
            for i in range(1, width - 1):
                target[i] = half * line[i] + quarter * (line[i - 1] + line[i + 1])
            target[0] = half * line[0] + quarter * (line[0] + line[min(1, width - 1)])
            target[width - 1] = half * line[width - 1] + quarter * (line[max(width - 2, 0)] + line[width - 1])


@kernel(fused=True)
def halve_slices(volume: Float32Array, out: Float32Array, first: int, stop: int) -> None:
    """Take the means of cubes of 2 x 2 x 2 voxels.

    Parameters
    ----------
    volume
        [2 k, 2 j, 2 i], float32.
    out
        [k, j, i], float32; slices first..stop-1 are written.
    """
    eighth = np.float32(0.125)
    for k in range(first, stop):
        for j in range(out.shape[1]):
            a, b = volume[2 * k, 2 * j], volume[2 * k, 2 * j + 1]
            c, d = volume[2 * k + 1, 2 * j], volume[2 * k + 1, 2 * j + 1]
            for i in range(out.shape[2]):
                low = a[2 * i] + b[2 * i] + c[2 * i] + d[2 * i]
                out[k, j, i] = eighth * (low + a[2 * i + 1] + b[2 * i + 1] + c[2 * i + 1] + d[2 * i + 1])


@kernel(fused=True)
def running_mean_slices(volume: Float32Array, out: Float32Array, first: int, stop: int) -> None:
    """Take the means of the cubes of 2 x 2 x 2 voxels that begin at each voxel; the last voxel stands for those beyond.

    Parameters
    ----------
    volume
        [k, j, i], float32.
    out
        [k, j, i], float32; slices first..stop-1 are written.
    """
    depth, height, width = volume.shape
    eighth = np.float32(0.125)
    for k in range(first, stop):
        after_k = min(k + 1, depth - 1)
        for j in range(height):
            after_j = min(j + 1, height - 1)
            a, b, c, d = volume[k, j], volume[k, after_j], volume[after_k, j], volume[after_k, after_j]
            low = a[0] + b[0] + c[0] + d[0]
            for i in range(width):
                after_i = min(i + 1, width - 1)
                high = a[after_i] + b[after_i] + c[after_i] + d[after_i]
                out[k, j, i] = eighth * (low + high)
                low = high


@kernel(fused=True)
def all_of_eight_slices(flags: UInt8Array, out: UInt8Array, first: int, stop: int) -> None:
    """Set 1 where all voxels of a cube of 2 x 2 x 2 are 1, else 0.

    Parameters
    ----------
    flags
        [2 k, 2 j, 2 i], uint8, 0 or 1.
    out
        [k, j, i], uint8; slices first..stop-1 are written.
    """
    for k in range(first, stop):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                cube = flags[2 * k : 2 * k + 2, 2 * j : 2 * j + 2, 2 * i : 2 * i + 2]
                out[k, j, i] = cube.min()


@kernel(fused=True)
def sample_slices(volume: Float32Array, matrix: Float64Array, out: Float32Array, first: int, stop: int) -> None:
    """Sample a volume linearly at the output's voxels, taken through an affine; the outermost voxels go on outside.

    Parameters
    ----------
    volume
        [k, j, i], float32.
    matrix
        (3, 4), float64: voxels (i, j, k, 1) of `out` to voxels (i, j, k) of `volume`.
    out
        [k, j, i], float32; slices first..stop-1 are written.
    """
    depth, height, width = volume.shape
    for k in range(first, stop):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                x, y, z = transformed(matrix, i, j, k)
                i0, i1, u = cell(x, width)
                j0, j1, v = cell(y, height)
                k0, k1, w = cell(z, depth)
                corners = corners_at(volume, k0, k1, j0, j1, i0, i1)
                out[k, j, i] = trilinear(corners, np.float32(u), np.float32(v), np.float32(w))


@kernel(fused=True)
def nearest_slices(
    flags: UInt8Array, matrix: Float64Array, margin: float, out: UInt8Array, first: int, stop: int
) -> None:
    """Take the nearest voxel as sample_slices takes the linear value; 0 outside.

    Parameters
    ----------
    flags
        [k, j, i], uint8.
    matrix
        (3, 4), float64: voxels (i, j, k, 1) of `out` to voxels (i, j, k) of `flags`.
    margin
        float, voxels: so far beyond the centres of the outermost voxels these go on.
    out
        [k, j, i], uint8; slices first..stop-1 are written.
    """
    depth, height, width = flags.shape
    for k in range(first, stop):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                x, y, z = transformed(matrix, i, j, k)
                outside = x < -margin or y < -margin or z < -margin
                outside |= x > width - 1 + margin or y > height - 1 + margin or z > depth - 1 + margin
                a = int(min(max(x, 0.0), width - 1.0) + 0.5)
                b = int(min(max(y, 0.0), height - 1.0) + 0.5)
                c = int(min(max(z, 0.0), depth - 1.0) + 0.5)
                out[k, j, i] = 0 if outside else flags[c, b, a]


@kernel(fused=True)
def contrast_slices(
    values: Float32Array,
    mean: Float32Array,
    square: Float32Array,
    flat: np.float32,
    out: Float32Array,
    first: int,
    stop: int,
) -> None:
    """Make the two channels that scans are compared by.

    Parameters
    ----------
    values
        [2 k, 2 j, 2 i], float32, through a Window.
    mean, square
        [k, j, i], float32: the values' local mean and mean square, on voxels twice as large.
    flat
        float32, added to the local deviation.
    out
        [2 k, 2 j, 2 i, 2], float32: the value, and that freed of its local mean and deviation; slices first..stop-1
        are written.
    """
    depth, height, width = mean.shape
    for k in range(first, stop):
        k0, k1, w64 = cell(0.5 * k - 0.25, depth)
        w = np.float32(w64)
        for j in range(values.shape[1]):
            j0, j1, v64 = cell(0.5 * j - 0.25, height)
            v = np.float32(v64)
            m00, m01, m10, m11 = mean[k0, j0], mean[k0, j1], mean[k1, j0], mean[k1, j1]
            s00, s01, s10, s11 = square[k0, j0], square[k0, j1], square[k1, j0], square[k1, j1]
            for i in range(values.shape[2]):
                i0, i1, u64 = cell(0.5 * i - 0.25, width)
                u = np.float32(u64)
                near = bilinear(m00[i0], m01[i0], m10[i0], m11[i0], v, w)
                centre = lerp(near, bilinear(m00[i1], m01[i1], m10[i1], m11[i1], v, w), u)
                near = bilinear(s00[i0], s01[i0], s10[i0], s11[i0], v, w)
                power = lerp(near, bilinear(s00[i1], s01[i1], s10[i1], s11[i1], v, w), u)
                deviation = np.sqrt(max(power - centre * centre, np.float32(1e-6)))
                value = values[k, j, i]
                out[k, j, i, 0] = value
                out[k, j, i, 1] = (value - centre) / (deviation + flat)
