"""Compiled steps on stacks of channels [channel, k, j, i], float32: blurring and doubling them, linear mixtures.

Every kernel writes a range of slices and lets other threads run. Where sums have an order, compilers keep it: the same
numbers for any number of threads and any processor with fused multiplication and addition.
"""

from __future__ import annotations

import numpy as np

from ....system.arrays import Float32Array
from ....system.compiled import kernel


@kernel(fused=True)
def blur_stack(stack: Float32Array, out: Float32Array, first: int, stop: int) -> None:
    """Smooth every channel with [1 2 1] / 4 along each axis, the ends held constant.

    Parameters
    ----------
    stack
        [channel, k, j, i], float32.
    out
        Like stack; the slices first..stop-1 of all channels' slices, one channel after the other, are written.
    """
    depth, height, width = stack.shape[1:]
    half, quarter = np.float32(0.5), np.float32(0.25)
    plane = np.empty((height, width), np.float32)
    line = np.empty(width, np.float32)
    for n in range(first, stop):
        volume, k = stack[n // depth], n % depth
        before, centre, after = volume[max(k - 1, 0)], volume[k], volume[min(k + 1, depth - 1)]
        for j in range(height):
            for i in range(width):
                plane[j, i] = half * centre[j, i] + quarter * (before[j, i] + after[j, i])
        for j in range(height):
            above, middle, below = plane[max(j - 1, 0)], plane[j], plane[min(j + 1, height - 1)]
            for i in range(width):
                line[i] = half * middle[i] + quarter * (above[i] + below[i])
            target = out[n // depth, k, j]
            for i in range(1, width - 1):
                target[i] = half * line[i] + quarter * (line[i - 1] + line[i + 1])
            target[0] = half * line[0] + quarter * (line[0] + line[min(1, width - 1)])
            target[width - 1] = half * line[width - 1] + quarter * (line[max(width - 2, 0)] + line[width - 1])


@kernel(fused=True)
def double_plane(volume: Float32Array, k: int, line: Float32Array, out: Float32Array) -> None:
    """Make one slice of a volume on half of the voxel size, linear between the centres, the ends held constant.

    Parameters
    ----------
    volume
        [k, j, i], float32.
    k
        The slice of the doubled volume.
    line
        (i,), float32, scratch.
    out
        [2 j, 2 i], float32.
    """
    depth, height, width = volume.shape
    most, rest = np.float32(0.75), np.float32(0.25)
    here = volume[k // 2]
    near = volume[min(max(k // 2 + 2 * (k % 2) - 1, 0), depth - 1)]
    for j in range(2 * height):
        a, b = j // 2, min(max(j // 2 + 2 * (j % 2) - 1, 0), height - 1)
        for i in range(width):
            line[i] = most * (most * here[a, i] + rest * near[a, i]) + rest * (most * here[b, i] + rest * near[b, i])
        target = out[j]
        target[0] = line[0]
        for i in range(1, width):
            target[2 * i - 1] = most * line[i - 1] + rest * line[i]
            target[2 * i] = most * line[i] + rest * line[i - 1]
        target[2 * width - 1] = line[width - 1]


@kernel(fused=True)
def double_stack(stack: Float32Array, out: Float32Array, first: int, stop: int) -> None:
    """Make twice as many voxels along each axis of every channel, linear between the centres, the ends held constant.

    Parameters
    ----------
    stack
        [channel, k, j, i], float32.
    out
        [channel, 2 k, 2 j, 2 i], float32; the slices first..stop-1 of all channels' slices are written.
    """
    depth = out.shape[1]
    line = np.empty(stack.shape[3], np.float32)
    for n in range(first, stop):
        double_plane(stack[n // depth], n % depth, line, out[n // depth, n % depth])


@kernel(fused=True)
def mix_slices(
    stack: Float32Array,
    weights: Float32Array,
    bias: Float32Array,
    slope: np.float32,
    out: Float32Array,
    first: int,
    stop: int,
) -> None:
    """Mix the channels voxel by voxel, and rectify: a convolution over one voxel.

    Parameters
    ----------
    stack
        [channel, k, voxel of the slice], float32.
    weights
        (filters, channels), float32.
    bias
        (filters,), float32.
    slope
        Of the rectifier below zero, 0 to 1; 1: none.
    out
        [filter, k, voxel of the slice], float32; slices first..stop-1 are written.
    """
    channels = stack.shape[0]
    grouped = channels - channels % 4
    for k in range(first, stop):
        for f in range(out.shape[0]):
            target = out[f, k]
            target[:] = bias[f]
            for c in range(0, grouped, 4):
                s0, s1, s2, s3 = stack[c, k], stack[c + 1, k], stack[c + 2, k], stack[c + 3, k]
                w0, w1, w2, w3 = weights[f, c], weights[f, c + 1], weights[f, c + 2], weights[f, c + 3]
                for p in range(target.size):
                    target[p] += w0 * s0[p] + w1 * s1[p] + w2 * s2[p] + w3 * s3[p]
            for c in range(grouped, channels):
                source, weight = stack[c, k], weights[f, c]
                for p in range(target.size):
                    target[p] += weight * source[p]
            for p in range(target.size):
                target[p] = max(target[p], slope * target[p])
