"""Steps on stacks of channels, [channel, k, j, i], float32, C-contiguous, on all threads."""

from __future__ import annotations

import numpy as np

from ....scan.kernels import halve_slices
from ....system.arrays import Float32Array
from ....system.parallel import over_slices
from .grid_kernels import blur_stack, double_stack


def empty(channels: int, like: Float32Array) -> Float32Array:
    """Make room for a stack of some channels on the voxels of another one.

    Parameters
    ----------
    channels
        How many.
    like
        [channel, k, j, i].

    Returns
    -------
    numpy.ndarray
        [channel, k, j, i], float32, of any content.
    """
    return np.empty((channels, *like.shape[1:]), np.float32)


def blurred(stack: Float32Array) -> Float32Array:
    """Smooth as fields.blur does.

    Parameters
    ----------
    stack
        [channel, k, j, i], float32.

    Returns
    -------
    numpy.ndarray
        Like it.
    """
    out = np.empty_like(stack)
    over_slices(blur_stack, stack, out, slices=stack.shape[0] * stack.shape[1])
    return out


def halved(stack: Float32Array) -> Float32Array:
    """Take means as fields.halve does.

    Parameters
    ----------
    stack
        [channel, 2 k, 2 j, 2 i], float32.

    Returns
    -------
    numpy.ndarray
        [channel, k, j, i], float32.
    """
    channels, k, j, i = stack.shape
    out = np.empty((channels, k // 2, j // 2, i // 2), np.float32)
    one, half = stack.reshape(channels * k, j, i), out.reshape(-1, j // 2, i // 2)
    over_slices(halve_slices, one, half, slices=len(half))
    return out


def doubled(stack: Float32Array, out: Float32Array | None = None) -> Float32Array:
    """Make twice as many voxels along each axis, as fields.double does.

    Parameters
    ----------
    stack
        [channel, k, j, i], float32.
    out
        Where to; None: a new array.

    Returns
    -------
    numpy.ndarray
        [channel, 2 k, 2 j, 2 i], float32.
    """
    channels, k, j, i = stack.shape
    out = np.empty((channels, 2 * k, 2 * j, 2 * i), np.float32) if out is None else out
    over_slices(double_stack, stack, out, slices=2 * channels * k)
    return out
