"""Halving, doubling, blurring and differences on regular grids, inside the graph.

All take tensors (n, k, j, i) or (n, k, j, i, channels) whose sides are known. Many small operations are slow, so
the components of a vector are best laid on the first axis: one operation serves them all.
"""

from __future__ import annotations

from keras import ops

from .tensor import Tensor

SPATIAL_AXES = (1, 2, 3)


def _part(x: Tensor, axis: int, start: int | None, stop: int | None, step: int | None = None) -> Tensor:
    index = [slice(None)] * len(x.shape)
    index[axis] = slice(start, stop, step)
    return x[tuple(index)]


def _neighbours(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """The voxels before and after along an axis; at the ends the voxel itself."""
    before = ops.concatenate([_part(x, axis, 0, 1), _part(x, axis, 0, -1)], axis=axis)
    after = ops.concatenate([_part(x, axis, 1, None), _part(x, axis, -1, None)], axis=axis)
    return before, after


def halve(x: Tensor) -> Tensor:
    """Take the mean over cubes of 2 x 2 x 2 voxels; each side must be even.

    Parameters
    ----------
    x
        (n, k, j, i) or (n, k, j, i, channels).

    Returns
    -------
    tensor
        With sides half as long. The compiled counterpart is scan/kernels.py: halve_slices.
    """
    for axis in SPATIAL_AXES:
        x = 0.5 * (_part(x, axis, 0, None, 2) + _part(x, axis, 1, None, 2))
    return x


def double(x: Tensor) -> Tensor:
    """Make twice as many voxels along each axis, linear between the centres, the ends held constant.

    Parameters
    ----------
    x
        (n, k, j, i) or (n, k, j, i, channels).

    Returns
    -------
    tensor
        With sides twice as long.
    """
    for axis in SPATIAL_AXES:
        before, after = _neighbours(x, axis)
        most = 0.75 * x
        joined = ops.stack([most + 0.25 * before, most + 0.25 * after], axis=axis + 1)
        shape = list(ops.shape(x))
        shape[axis] *= 2
        x = ops.reshape(joined, [-1, *shape[1:]])
    return x


def blur(x: Tensor) -> Tensor:
    """Smooth with [1 2 1] / 4 along each axis, the ends held constant.

    Parameters
    ----------
    x
        (n, k, j, i) or (n, k, j, i, channels).

    Returns
    -------
    tensor
        Of the same shape. The compiled counterpart is scan/kernels.py: blur_slices.
    """
    for axis in SPATIAL_AXES:
        before, after = _neighbours(x, axis)
        x = 0.5 * x + 0.25 * (before + after)
    return x


def central_differences(x: Tensor) -> list:
    """Take half the difference of the two neighbours along each axis; at the ends the voxel itself stands in.

    Parameters
    ----------
    x
        (n, k, j, i) or (n, k, j, i, channels).

    Returns
    -------
    list
        Slopes along i, j and k, in this order, per voxel, tensors of the same shape.
    """
    slopes = []
    for axis in reversed(SPATIAL_AXES):
        before, after = _neighbours(x, axis)
        slopes.append(0.5 * (after - before))
    return slopes
