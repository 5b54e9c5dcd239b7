"""Compiled steps of the search over displacements (architectures/search.py), a range of slices each.

Stacks are [channel, k, j, i], float32.
"""

from __future__ import annotations

import math

import numpy as np

from ....system.arrays import Float32Array, Int64Array
from ....system.compiled import kernel


@kernel(fused=True)
def normalise_slices(stack: Float32Array, flat: np.float32, out: Float32Array, first: int, stop: int) -> None:
    """Divide the vector at each voxel by its length.

    Parameters
    ----------
    stack
        [component, k, voxel of the slice], float32.
    flat
        Added to the squared length.
    out
        Like stack; slices first..stop-1 are written.
    """
    squares = np.empty(stack.shape[2], np.float32)
    for k in range(first, stop):
        squares[:] = flat
        for c in range(stack.shape[0]):
            source = stack[c, k]
            for p in range(squares.size):
                squares[p] += source[p] * source[p]
        for p in range(squares.size):
            squares[p] = np.float32(1) / np.sqrt(squares[p])
        for c in range(stack.shape[0]):
            source, target = stack[c, k], out[c, k]
            for p in range(squares.size):
                target[p] = source[p] * squares[p]


@kernel(fused=True)
def correlate_slices(
    fixed: Float32Array,
    moving: Float32Array,
    offsets: Int64Array,
    sharpness: np.float32,
    out: Float32Array,
    first: int,
    stop: int,
) -> None:
    """Take inner products of the vectors at x in the fixed and at x + offset in the moving image, 0 outside.

    Parameters
    ----------
    fixed, moving
        [component, k, j, i], float32.
    offsets
        (offsets, 3), int64, voxels along (i, j, k).
    sharpness
        The products' factor.
    out
        [offset, k, j, i], float32; slices first..stop-1 are written.
    """
    components, depth, height, width = fixed.shape
    for k in range(first, stop):
        for n in range(offsets.shape[0]):
            a, b, c = offsets[n]
            out[n, k] = 0
            if not 0 <= k + c < depth:
                continue
            begin, end = max(0, -a), min(width, width - a)
            for j in range(max(0, -b), min(height, height - b)):
                target = out[n, k, j, begin:end]
                for component in range(components):
                    here = fixed[component, k, j, begin:end]
                    there = moving[component, k + c, j + b, begin + a : end + a]
                    for i in range(target.size):
                        target[i] += here[i] * there[i]
                for i in range(target.size):
                    target[i] *= sharpness


@kernel(fused=True)
def expect_slices(
    scores: Float32Array,
    corrections: Float32Array,
    offsets: Float32Array,
    out: Float32Array,
    first: int,
    stop: int,
) -> None:
    """Add the mean of the offsets, weighted by the softmax of their corrected scores, to a displacement.

    Parameters
    ----------
    scores, corrections
        [offset, k, voxel of the slice], float32.
    offsets
        (offsets, 3), float32.
    out
        [component, k, voxel of the slice], float32, three components or more; slices first..stop-1 of the first three
        are added to.
    """
    size = scores.shape[2]
    best, total, mean = np.empty(size, np.float32), np.empty(size, np.float32), np.empty((3, size), np.float32)
    for k in range(first, stop):
        best[:] = -np.inf
        for n in range(offsets.shape[0]):
            for p in range(size):
                best[p] = max(best[p], scores[n, k, p] + corrections[n, k, p])
        total[:] = 0
        mean[:] = 0
        for n in range(offsets.shape[0]):
            x, y, z = offsets[n]
            for p in range(size):
                share = np.float32(math.exp(scores[n, k, p] + corrections[n, k, p] - best[p]))
                total[p] += share
                mean[0, p] += share * x
                mean[1, p] += share * y
                mean[2, p] += share * z
        for c in range(3):
            for p in range(size):
                out[c, k, p] += mean[c, p] / total[p]
