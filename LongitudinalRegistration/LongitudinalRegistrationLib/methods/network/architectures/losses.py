"""The losses of VoxelMorph (paper, section 3.3, eq. 2 to 5), in float32 and safe where an image is flat."""

from __future__ import annotations

from keras import ops

from .spatial_transformer import warp
from .tensor import Tensor

NCC_WINDOW = 9
NCC_EPSILON = 1e-5


def _running_sums(x: Tensor, axis: int, window: int) -> Tensor:
    """Sums of `window` neighbours along an axis, which gets shorter by window - 1; by doubling, a few additions."""

    def part(values: Tensor, start: int, count: int) -> Tensor:
        index = [slice(None)] * len(values.shape)
        index[axis] = slice(start, start + count)
        return values[tuple(index)]

    count = x.shape[axis] - window + 1
    total, covered, width = 0.0, 0, 1
    while width <= window:
        if window & width:
            total = total + part(x, covered, count)
            covered += width
        x = part(x, 0, x.shape[axis] - width) + part(x, width, x.shape[axis] - width)
        width *= 2
    return total


def _window_sums(x: Tensor, window: int) -> Tensor:
    """Sums over a cube of `window` voxels around each voxel; (batch, k, j, i, 1), outside counts as 0."""
    for axis in (1, 2, 3):
        margin = [(0, 0)] * 5
        margin[axis] = ((window - 1) // 2, window // 2)
        x = _running_sums(ops.pad(x, margin), axis, window)
    return x


def squared_local_ncc(fixed: Tensor, warped: Tensor, window: int = NCC_WINDOW) -> Tensor:
    """Squared correlation coefficient of two images in the cube around each voxel, in [0, 1].

    Parameters
    ----------
    fixed, warped
        (batch, k, j, i, 1), [0, 1].
    window
        Side of the cube in voxels.

    Returns
    -------
    tensor
        (batch, k, j, i, 1), float32. A window in which either image is flat has no variance; it counts as
        correlation 0, with gradient 0.
    """
    fixed = ops.cast(fixed, "float32")
    warped = ops.cast(warped, "float32")
    count = float(window**3)
    sum_f, sum_w = _window_sums(fixed, window), _window_sums(warped, window)
    cross = _window_sums(fixed * warped, window) - sum_f * sum_w / count
    variance_f = ops.maximum(_window_sums(fixed * fixed, window) - sum_f * sum_f / count, 0.0)
    variance_w = ops.maximum(_window_sums(warped * warped, window) - sum_w * sum_w / count, 0.0)
    return cross * cross / (variance_f * variance_w + NCC_EPSILON)


def local_ncc_loss(fixed: Tensor, warped: Tensor, window: int = NCC_WINDOW) -> Tensor:
    """Negated mean of the squared local correlation coefficient (paper, eq. 3), in [-1, 0]."""
    return -ops.mean(squared_local_ncc(fixed, warped, window))


def diffusion_loss(flow: Tensor) -> Tensor:
    """Mean squared forward difference of the field, averaged over the three axes (paper, eq. 5).

    Parameters
    ----------
    flow
        (batch, k, j, i, 3) in voxels.
    """
    flow = ops.cast(flow, "float32")
    along_k = ops.mean(ops.square(flow[:, 1:] - flow[:, :-1]))
    along_j = ops.mean(ops.square(flow[:, :, 1:] - flow[:, :, :-1]))
    along_i = ops.mean(ops.square(flow[:, :, :, 1:] - flow[:, :, :, :-1]))
    return (along_k + along_j + along_i) / 3.0


def mean_length(vectors: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean length of vectors, smooth near 0.

    Parameters
    ----------
    vectors
        (batch, k, j, i, 3).
    weight
        (batch, k, j, i, 1), not negative; where it is 0 everywhere the mean is 0.
    """
    length = ops.sqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True) + 1e-6)
    return ops.sum(weight * length) / (ops.sum(weight) + 1e-6)


def inverse_consistency_loss(forward: Tensor, backward: Tensor) -> Tensor:
    """Mean squared length of what is left after going forth and back: u(x) + v(x + u(x)).

    Parameters
    ----------
    forward, backward
        (batch, k, j, i, 3) in voxels of their own grid: fixed to moving, and moving to fixed.
    """
    return ops.mean(ops.sum(ops.square(forward + warp(backward, forward)), axis=-1))
