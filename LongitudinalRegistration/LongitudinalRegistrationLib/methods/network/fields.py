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
    """Mean over cubes of 2 x 2 x 2 voxels; each side must be even."""
    for axis in SPATIAL_AXES:
        x = 0.5 * (_part(x, axis, 0, None, 2) + _part(x, axis, 1, None, 2))
    return x


def double(x: Tensor) -> Tensor:
    """Twice as many voxels along each axis, linear between the centres, the ends held constant."""
    for axis in SPATIAL_AXES:
        before, after = _neighbours(x, axis)
        most = 0.75 * x
        joined = ops.stack([most + 0.25 * before, most + 0.25 * after], axis=axis + 1)
        shape = list(ops.shape(x))
        shape[axis] *= 2
        x = ops.reshape(joined, [-1, *shape[1:]])
    return x


def blur(x: Tensor) -> Tensor:
    """Binomial smoothing [1 2 1] / 4 along each axis, the ends held constant."""
    for axis in SPATIAL_AXES:
        before, after = _neighbours(x, axis)
        x = 0.5 * x + 0.25 * (before + after)
    return x


def central_differences(x: Tensor) -> list:
    """Half the difference of the two neighbours along i, j and k, in this order."""
    slopes = []
    for axis in reversed(SPATIAL_AXES):
        before, after = _neighbours(x, axis)
        slopes.append(0.5 * (after - before))
    return slopes
