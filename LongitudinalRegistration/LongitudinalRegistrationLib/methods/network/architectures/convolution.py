"""A convolution over 3 x 3 x 3 voxels as three over slices, which most runtimes on processors have fast code for."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from .compute import convolution_policy
from .constants import SLOPE
from .tensor import Tensor


class SliceConvolution(layers.Layer):
    """What Conv3D with kernel 3 and padding "same" computes, slice by slice: the sum of three two-dimensional ones.

    Parameters
    ----------
    channels, filters
        Of the input and of the output.
    compute
        See convolution_policy.
    """

    def __init__(self, channels: int, filters: int, compute: str, **kwargs: Any) -> None:
        super().__init__(dtype=convolution_policy(compute), **kwargs)
        self.filters = filters
        self.kernel = self.add_weight(shape=(3, 3, 3, channels, filters), initializer="he_normal", name="kernel")
        self.bias = self.add_weight(shape=(filters,), initializer="zeros", name="bias")
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        _, k, j, i, channels = ops.shape(x)
        padded = ops.pad(x, [(0, 0), (1, 1), (0, 0), (0, 0), (0, 0)])
        kernel = ops.convert_to_tensor(self.kernel)
        total = 0.0
        for n, last in enumerate((-2, -1, None)):
            slices = ops.reshape(padded[:, n:last], (-1, j, i, channels))
            total = total + ops.conv(slices, kernel[n], padding="same")
        return ops.reshape(total + self.bias, (-1, k, j, i, self.filters))


def dense(
    channels: int, filters: int, initializer: str | keras.initializers.Initializer = "he_normal", **kwargs: Any
) -> layers.Dense:
    """A convolution over one voxel, in float32."""
    layer = layers.Dense(filters, kernel_initializer=initializer, dtype="float32", **kwargs)
    layer.build((None, channels))
    return layer


def activate(x: Tensor) -> Tensor:
    """Leaky rectifier, float32."""
    return ops.leaky_relu(ops.cast(x, "float32"), SLOPE)


def nearly_nothing() -> keras.initializers.Initializer:
    """For a last layer whose answer is to be about 0 before any training."""
    return keras.initializers.RandomNormal(stddev=1e-4)
