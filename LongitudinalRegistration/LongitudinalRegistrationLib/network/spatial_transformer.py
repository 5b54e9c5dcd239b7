"""Resampling inside the graph: what VoxelMorph calls the spatial transformer. Coordinates stay float32."""

from __future__ import annotations

import keras
from keras import ops


def _voxel_grid(shape: tuple[int, int, int]):
    axes = [ops.arange(n, dtype="float32") for n in shape]
    return ops.stack(ops.meshgrid(*axes, indexing="ij"), axis=-1)


def warp(volume, flow):
    """Sample a volume at x + flow(x), trilinear, the nearest edge voxel outside.

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
    batch, *shape, channels = volume.shape
    shape = tuple(shape)
    flat = ops.reshape(ops.cast(volume, "float32"), (-1, channels))
    position = _voxel_grid(shape)[None] + ops.flip(ops.cast(flow, "float32"), axis=-1)
    limit = ops.convert_to_tensor([n - 1.0 for n in shape], dtype="float32")
    position = ops.clip(position, 0.0, limit)
    low = ops.minimum(ops.floor(position), limit - 1.0)
    fraction = position - low
    index = ops.cast(low, "int32")
    strides = (shape[1] * shape[2], shape[2], 1)
    size = shape[0] * shape[1] * shape[2]
    start = ops.reshape(ops.arange(ops.shape(volume)[0], dtype="int32") * size, (-1, 1, 1, 1))
    base = start + sum(index[..., axis] * strides[axis] for axis in range(3))
    result = 0.0
    for corner in range(8):
        offsets = ((corner >> 2) & 1, (corner >> 1) & 1, corner & 1)
        weight = 1.0
        for axis, offset in enumerate(offsets):
            part = fraction[..., axis]
            weight = weight * (part if offset else 1.0 - part)
        step = sum(offset * stride for offset, stride in zip(offsets, strides, strict=True))
        result = result + weight[..., None] * ops.take(flat, base + step, axis=0)
    return result


@keras.saving.register_keras_serializable(package="longct")
class UpsampleFlow(keras.layers.Layer):
    """Double the grid of a flow by trilinear interpolation; its values keep their unit (voxels of the input)."""

    def call(self, flow):
        for axis in (1, 2, 3):
            flow = _double_along(flow, axis)
        return flow

    def compute_output_shape(self, input_shape):
        batch, *spatial, channels = input_shape
        return (batch, *(None if n is None else 2 * n for n in spatial), channels)


def _double_along(x, axis: int):
    """Linear interpolation at the centres of the half voxels, the ends held constant."""
    count = x.shape[axis]
    low = ops.take(x, [0, *range(count - 1)], axis=axis)
    high = ops.take(x, [*range(1, count), count - 1], axis=axis)
    even = 0.75 * x + 0.25 * low
    odd = 0.75 * x + 0.25 * high
    joined = ops.stack([even, odd], axis=axis + 1)
    shape = list(x.shape)
    shape[axis] *= 2
    return ops.reshape(joined, [-1 if n is None else n for n in shape])
