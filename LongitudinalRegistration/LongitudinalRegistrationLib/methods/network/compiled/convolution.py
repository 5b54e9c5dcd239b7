"""The learnt layers of the pass: convolutions over 3 x 3 x 3 voxels and over one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....system.arrays import Float32Array
from ....system.parallel import over_slices
from ..architectures.constants import SLOPE
from .convolution_kernels import TOGETHER, convolve_slices
from .grid_kernels import mix_slices
from .stacks import empty

Weights = Mapping[str, Float32Array]
"""Arrays by their names, as the model's file has them."""


def exponential(weights: Weights, name: str) -> Float32Array:
    """Take e to the power of a weight.

    Parameters
    ----------
    weights
        Of the network.
    name
        Of the weight.

    Returns
    -------
    numpy.ndarray
        Like the weight, float32, reckoned in float64: in float32 processors differ in the last digit.
    """
    return np.exp(weights[name].astype(np.float64)).astype(np.float32)


class Convolution:
    """What architectures.convolution.SliceConvolution computes, with its activation.

    Parameters
    ----------
    weights
        Of the network.
    name
        Of the layer: NAME/kernel, (3, 3, 3, channels, filters), and NAME/bias are its own.
    rectified
        Whether it has an activation.
    """

    def __init__(self, weights: Weights, name: str, rectified: bool = True) -> None:
        kernel = weights[f"{name}/kernel"]
        channels, filters = kernel.shape[3:]
        grouped = kernel.reshape(3, 9, channels, filters // TOGETHER, TOGETHER).transpose(3, 2, 0, 4, 1)
        self._weights, self._bias = np.ascontiguousarray(grouped), weights[f"{name}/bias"]
        self._slope = np.float32(SLOPE if rectified else 1.0)

    def __call__(self, stack: Float32Array, added: bool = False) -> Float32Array:
        """The layer's answer, [filter, k, j, i]; `added`: on top of its input."""
        out = empty(self._bias.size, stack)
        arguments = self._weights, self._bias, self._slope, added
        over_slices(convolve_slices, stack, *arguments, out, slices=stack.shape[1])
        return out


class Mixture:
    """What architectures.convolution.dense computes; see Convolution."""

    def __init__(self, weights: Weights, name: str, rectified: bool = True) -> None:
        self._weights, self._bias = np.ascontiguousarray(weights[f"{name}/kernel"].T), weights[f"{name}/bias"]
        self._slope = np.float32(SLOPE if rectified else 1.0)

    def __call__(self, stack: Float32Array) -> Float32Array:
        """The layer's answer, [filter, k, j, i]."""
        out = empty(self._bias.size, stack)
        arguments = flat(stack), self._weights, self._bias, self._slope, flat(out)
        over_slices(mix_slices, *arguments, slices=stack.shape[1])
        return out


def flat(stack: Float32Array) -> Float32Array:
    """View a stack with its slices as lines.

    Parameters
    ----------
    stack
        [channel, k, j, i], C-contiguous.

    Returns
    -------
    numpy.ndarray
        [channel, k, voxel of the slice], the same memory.
    """
    return stack.reshape(*stack.shape[:2], -1)
