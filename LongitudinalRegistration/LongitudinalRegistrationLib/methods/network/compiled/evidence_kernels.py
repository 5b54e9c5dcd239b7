"""Compiled matching evidence (architectures/lucas_kanade.py), a range of slices each.

Stacks are [channel, k, j, i], float32. Normal equations A v = b are stacks of nine: A as xx, yy, zz, xy, xz, yz, then
b as x, y, z.
"""

from __future__ import annotations

import numpy as np

from ....scan.sampling import cell, corners_at, trilinear
from ....system.arrays import Float32Array, Real
from ....system.compiled import inlined, kernel
from ..architectures.constants import FLAT_DEVIATION, FLAT_VARIANCE, LARGEST_STEP, LEAST_AROUND, RAW_GAIN, TRUST
from .grid_kernels import double_plane

ONE, HALF = np.float32(1), np.float32(0.5)


@kernel(fused=True)
def moments_slices(image: Float32Array, out: Float32Array, first: int, stop: int) -> None:
    """Take the means of an image and of its square over cubes of 2 x 2 x 2 voxels.

    Parameters
    ----------
    image
        [2 k, 2 j, 2 i], float32.
    out
        [2, k, j, i], float32; slices first..stop-1 are written.
    """
    eighth = np.float32(0.125)
    for k in range(first, stop):
        for j in range(out.shape[2]):
            a, b = image[2 * k, 2 * j], image[2 * k, 2 * j + 1]
            c, d = image[2 * k + 1, 2 * j], image[2 * k + 1, 2 * j + 1]
            for i in range(out.shape[3]):
                p, q = 2 * i, 2 * i + 1
                out[0, k, j, i] = eighth * (a[p] + a[q] + b[p] + b[q] + c[p] + c[q] + d[p] + d[q])
                low = a[p] * a[p] + a[q] * a[q] + b[p] * b[p] + b[q] * b[q]
                high = c[p] * c[p] + c[q] * c[q] + d[p] * d[p] + d[q] * d[q]
                out[1, k, j, i] = eighth * (low + high)


@kernel(fused=True)
def contrast_slices(image: Float32Array, moments: Float32Array, out: Float32Array, first: int, stop: int) -> None:
    """Make the channels that are compared; see lucas_kanade.contrast_channels.

    Parameters
    ----------
    image
        [2 k, 2 j, 2 i], float32.
    moments
        [2, k, j, i], float32: local mean and mean square.
    out
        [2, 2 k, 2 j, 2 i], float32; slices first..stop-1 are written.
    """
    height, width = image.shape[1:]
    means, squares = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    line = np.empty(width // 2, np.float32)
    for k in range(first, stop):
        double_plane(moments[0], k, line, means)
        double_plane(moments[1], k, line, squares)
        for j in range(height):
            source, mean, square = image[k, j], means[j], squares[j]
            raw, freed = out[0, k, j], out[1, k, j]
            for i in range(width):
                variance = max(square[i] - mean[i] * mean[i], np.float32(0))
                deviation = np.sqrt(variance + np.float32(FLAT_VARIANCE))
                raw[i] = np.float32(RAW_GAIN) * source[i]
                freed[i] = (source[i] - mean[i]) / (deviation + np.float32(FLAT_DEVIATION))


@kernel(fused=True)
def warp_slices(image: Float32Array, flow: Float32Array, out: Float32Array, first: int, stop: int) -> None:
    """Sample an image at x + flow(x), linear, the nearest edge voxel outside.

    Parameters
    ----------
    image
        [k, j, i], float32.
    flow
        [component, k, j, i], float32, voxels, (x, y, z).
    out
        Like image; slices first..stop-1 are written.
    """
    depth, height, width = image.shape
    for k in range(first, stop):
        for j in range(height):
            fx, fy, fz = flow[0, k, j], flow[1, k, j], flow[2, k, j]
            for i in range(width):
                i0, i1, u = cell(np.float32(i) + fx[i], width)
                j0, j1, v = cell(np.float32(j) + fy[i], height)
                k0, k1, w = cell(np.float32(k) + fz[i], depth)
                out[k, j, i] = trilinear(corners_at(image, k0, k1, j0, j1, i0, i1), u, v, w)


@kernel(fused=True)
def equations_line(
    fixed: Float32Array,
    warped: Float32Array,
    place: tuple[int, int],
    gain: np.float32,
    width: np.float32,
    means: Float32Array,
    sums: Float32Array,
) -> None:
    """Add one channel's normal equations along a line of voxels to those of other channels.

    Parameters
    ----------
    fixed, warped
        [k, j, i], float32.
    place
        k and j of the line.
    gain, width
        float32: the weight is gain / (1 + difference^2 / width).
    means
        (i + 2,), float32, scratch.
    sums
        (9, i), float32, is added to.
    """
    depth, height, n = fixed.shape
    k, j = place
    k0, k1, j0, j1 = max(k - 1, 0), min(k + 1, depth - 1), max(j - 1, 0), min(j + 1, height - 1)
    here, there = fixed[k, j], warped[k, j]
    f_above, w_above, f_below, w_below = fixed[k, j0], warped[k, j0], fixed[k, j1], warped[k, j1]
    f_before, w_before, f_after, w_after = fixed[k0, j], warped[k0, j], fixed[k1, j], warped[k1, j]
    for i in range(n):
        means[i + 1] = HALF * (here[i] + there[i])
    means[0], means[n + 1] = means[1], means[n]
    quarter = np.float32(0.25)
    for i in range(n):
        difference = here[i] - there[i]
        weight = gain / (ONE + difference * difference / width)
        gx = HALF * (means[i + 2] - means[i])
        gy = quarter * ((f_below[i] + w_below[i]) - (f_above[i] + w_above[i]))
        gz = quarter * ((f_after[i] + w_after[i]) - (f_before[i] + w_before[i]))
        wx, wy, wz = weight * gx, weight * gy, weight * gz
        sums[0, i] += wx * gx
        sums[1, i] += wy * gy
        sums[2, i] += wz * gz
        sums[3, i] += wx * gy
        sums[4, i] += wx * gz
        sums[5, i] += wy * gz
        sums[6, i] += wx * difference
        sums[7, i] += wy * difference
        sums[8, i] += wz * difference


@kernel(fused=True)
def add_folded(lines: Float32Array, fold: int, out: Float32Array, row: tuple[int, int]) -> None:
    """Add lines of voxels to a row that is as fine, or half as fine.

    Parameters
    ----------
    lines
        (channels, i), float32.
    fold
        1 or 2: voxels of the lines that a voxel of the row has along each axis; it gets its share of their mean.
    out
        [channel, k, j, i / fold], float32, is added to.
    row
        k and j in it.
    """
    k, j = row
    eighth = np.float32(0.125)
    for c in range(lines.shape[0]):
        source, target = lines[c], out[c, k, j]
        if fold == 1:
            for i in range(target.size):
                target[i] += source[i]
        else:
            for i in range(target.size):
                target[i] += eighth * (source[2 * i] + source[2 * i + 1])


@kernel(fused=True)
def equations_slices(
    fixed: Float32Array,
    warped: Float32Array,
    gain: Float32Array,
    width: Float32Array,
    fold: int,
    system: Float32Array,
    seen: Float32Array,
    first: int,
    stop: int,
) -> None:
    """Compute the normal equations, and what else the correction sees of the images.

    Parameters
    ----------
    fixed, warped
        [channel, k, j, i], float32, two channels.
    gain, width
        (channels,), float32, positive; see equations_line.
    fold
        1 or 2: how much coarser the results' voxels are.
    system
        [9, k / fold, j / fold, i / fold], float32; slices first..stop-1 are written.
    seen
        [4, ...] like system: mismatch of both channels, 0 to 1, and the fixed channels.
    """
    height, breadth = fixed.shape[2:]
    means, lines = np.empty(breadth + 2, np.float32), np.empty((13, breadth), np.float32)
    for n in range(first, stop):
        system[:, n] = 0
        seen[:, n] = 0
        for k in range(fold * n, fold * (n + 1)):
            for j in range(height):
                lines[:9] = 0
                for c in range(2):
                    equations_line(fixed[c], warped[c], (k, j), gain[c], width[c], means, lines)
                    here, there = fixed[c, k, j], warped[c, k, j]
                    for i in range(breadth):
                        square = (here[i] - there[i]) * (here[i] - there[i])
                        lines[9 + c, i] = square / (width[c] + square)
                        lines[11 + c, i] = here[i]
                add_folded(lines[:9], fold, system, (n, j // fold))
                add_folded(lines[9:], fold, seen, (n, j // fold))


@inlined
def solved(
    xx: Real, yy: Real, zz: Real, xy: Real, xz: Real, yz: Real, x: Real, y: Real, z: Real
) -> tuple[Real, Real, Real]:
    """Solve a symmetric system of three equations.

    Examples
    --------
    >>> solved(2.0, 4.0, 8.0, 0.0, 0.0, 0.0, 2.0, 2.0, 2.0)
    (1.0, 0.5, 0.25)
    """
    cxx, cyy, czz = yy * zz - yz * yz, xx * zz - xz * xz, xx * yy - xy * xy
    cxy, cxz, cyz = xz * yz - xy * zz, xy * yz - xz * yy, xy * xz - xx * yz
    inverse = ONE / (xx * cxx + xy * cxy + xz * cxz)
    x, y, z = x * inverse, y * inverse, z * inverse
    return cxx * x + cxy * y + cxz * z, cxy * x + cyy * y + cyz * z, cxz * x + cyz * y + czz * z


@kernel(fused=True)
def solve_slices(
    window: Float32Array, prior: Float32Array, damping: np.float32, out: Float32Array, first: int, stop: int
) -> None:
    """Improve a flow by the normal equations in a window.

    Parameters
    ----------
    window
        [9, k, j, i], float32.
    prior
        [4, k, j, i], float32: the flow so far, x, y, z, and the evidence of the largest window.
    damping
        float32, positive: how much evidence it takes to leave the prior.
    out
        Like prior; slices first..stop-1 are written.
    """
    height, width = window.shape[2:]
    for k in range(first, stop):
        for j in range(height):
            xx, yy, zz = window[0, k, j], window[1, k, j], window[2, k, j]
            xy, xz, yz = window[3, k, j], window[4, k, j], window[5, k, j]
            bx, by, bz = window[6, k, j], window[7, k, j], window[8, k, j]
            px, py, pz = prior[0, k, j], prior[1, k, j], prior[2, k, j]
            ox, oy, oz = out[0, k, j], out[1, k, j], out[2, k, j]
            for i in range(width):
                x, y, z = px[i], py[i], pz[i]
                rx = bx[i] - (xx[i] * x + xy[i] * y + xz[i] * z)
                ry = by[i] - (xy[i] * x + yy[i] * y + yz[i] * z)
                rz = bz[i] - (xz[i] * x + yz[i] * y + zz[i] * z)
                dx, dy, dz = solved(xx[i] + damping, yy[i] + damping, zz[i] + damping, xy[i], xz[i], yz[i], rx, ry, rz)
                ox[i], oy[i], oz[i] = x + dx, y + dy, z + dz
            out[3, k, j] = prior[3, k, j]


@kernel(fused=True)
def judge_slices(
    window: Float32Array,
    prior: Float32Array,
    flow: Float32Array,
    damping: np.float32,
    out: Float32Array,
    first: int,
    stop: int,
) -> None:
    """Limit a flow softly, and say what tells how good it is; see lucas_kanade.solve_over_scales.

    Parameters
    ----------
    window
        [9, k, j, i], float32: the normal equations in the smallest window.
    prior, flow
        [4, k, j, i], float32, before and after solve_slices with that window.
    damping
        float32, as there.
    out
        [16, k, j, i], float32: the limited flow, its prior, the logarithms of the evidence in the smallest and the
        largest window, its residual, its anisotropy; slices first..stop-1 are written.
    """
    height, width = window.shape[2:]
    ninth, third = ONE / np.float32(LARGEST_STEP * LARGEST_STEP), ONE / np.float32(3)
    for k in range(first, stop):
        for j in range(height):
            for i in range(width):
                x, y, z = flow[0, k, j, i], flow[1, k, j, i], flow[2, k, j, i]
                limit = ONE / np.sqrt(ONE + (x * x + y * y + z * z) * ninth)
                x, y, z = x * limit, y * limit, z * limit
                xx, yy, zz = window[0, k, j, i], window[1, k, j, i], window[2, k, j, i]
                xy, xz, yz = window[3, k, j, i], window[4, k, j, i], window[5, k, j, i]
                scale = damping + (xx + yy + zz) * third
                each = ONE / scale
                out[0, k, j, i], out[1, k, j, i], out[2, k, j, i] = x, y, z
                for c in range(3):
                    out[3 + c, k, j, i] = prior[c, k, j, i]
                out[6, k, j, i] = np.log(scale)
                out[7, k, j, i] = np.log(prior[3, k, j, i] + np.float32(LEAST_AROUND))
                out[8, k, j, i] = (window[6, k, j, i] - (xx * x + xy * y + xz * z)) * each
                out[9, k, j, i] = (window[7, k, j, i] - (xy * x + yy * y + yz * z)) * each
                out[10, k, j, i] = (window[8, k, j, i] - (xz * x + yz * y + zz * z)) * each
                for c in range(5):
                    out[11 + c, k, j, i] = window[1 + c, k, j, i] * each


@kernel(fused=True)
def correct_slices(
    flow: Float32Array,
    change: Float32Array,
    correction: Float32Array,
    factor: np.float32,
    out: Float32Array,
    first: int,
    stop: int,
) -> None:
    """Add a corrected change to a flow; see cvpyramid.Correction.

    Parameters
    ----------
    flow
        [3, k, j, i], float32, voxels of the network's input.
    change
        [3, k, j, i], float32, voxels of the level's images.
    correction
        [4, k, j, i] or more channels, float32: what is added to the change, and how far the change is trusted.
    factor
        float32: voxels of the input per voxel of the level's images.
    out
        Like flow; slices first..stop-1 are written.
    """
    height, width = flow.shape[2:]
    for k in range(first, stop):
        for j in range(height):
            for i in range(width):
                trust = ONE / (ONE + np.exp(-(correction[3, k, j, i] + np.float32(TRUST))))
                for c in range(3):
                    better = trust * change[c, k, j, i] + correction[c, k, j, i]
                    out[c, k, j, i] = flow[c, k, j, i] + factor * better
