"""Resampling inside the graph: what VoxelMorph calls the spatial transformer. Coordinates stay float32."""

from __future__ import annotations

from keras import ops

from .tensor import Tensor


def sample(image: Tensor, flow: list) -> Tensor:
    """Sample an image at x + flow(x), trilinear, the nearest edge voxel outside.

    Parameters
    ----------
    image
        (batch, k, j, i).
    flow
        [x, y, z], in voxels; tensors of the image's shape.

    Returns
    -------
    tensor
        Of the image's shape. The compiled counterpart is scan/sampling.py; each side must have 2 voxels or more.
    """
    shape = ops.shape(image)[1:]
    axes = ops.meshgrid(*[ops.arange(n, dtype="float32") for n in shape], indexing="ij")
    low, fraction = [], []
    for axis, component, n in zip(axes, reversed(flow), shape, strict=True):
        last = ops.cast(n, "float32") - 1.0
        position = ops.clip(axis + component, 0.0, last)
        below = ops.minimum(ops.floor(position), last - 1.0)
        low.append(ops.cast(below, "int32"))
        fraction.append(position - below)
    strides = (shape[1] * shape[2], shape[2], 1)
    size = shape[0] * strides[0]
    first = ops.reshape(ops.arange(ops.shape(image)[0], dtype="int32") * size, (-1, 1, 1, 1))
    base = first + sum(index * stride for index, stride in zip(low, strides, strict=True))
    flat = ops.reshape(image, (-1,))

    def corner(*offsets: int) -> Tensor:
        return ops.take(flat, base + sum(o * stride for o, stride in zip(offsets, strides, strict=True)))

    c, b, a = fraction
    rows = []
    for dz, dy in ((0, 0), (0, 1), (1, 0), (1, 1)):
        left, right = corner(dz, dy, 0), corner(dz, dy, 1)
        rows.append(left + a * (right - left))
    near, far = rows[0] + b * (rows[1] - rows[0]), rows[2] + b * (rows[3] - rows[2])
    return near + c * (far - near)


def warp(volume: Tensor, flow: Tensor) -> Tensor:
    """Sample a volume at x + flow(x); see sample.

    Parameters
    ----------
    volume
        (batch, k, j, i, channels), float32.
    flow
        (batch, k, j, i, 3), displacement in voxels, components (i, j, k), on the volume's grid.

    Returns
    -------
    tensor
        (batch, k, j, i, channels), float32.
    """
    volume, flow = ops.cast(volume, "float32"), ops.cast(flow, "float32")
    components = [flow[..., n] for n in range(3)]
    return ops.stack([sample(volume[..., n], components) for n in range(volume.shape[-1])], axis=-1)
