"""The VoxelMorph network "vxm-2" in Keras 3 (van Eijnatten et al. 2021, section 3.3).

Of the two networks that carry the name, this is the older one, which the paper's running time and text
describe: stride-2 convolutions with kernel 3, no max-pooling.
"""

from __future__ import annotations

import keras
from keras import layers

from .catalogue import check_sides
from .compute import convolution_policy
from .tensor import Tensor

ENCODER_FILTERS = (16, 32, 32, 32)
LEAKY_SLOPE = 0.2
PAPER_LEAKY_SLOPE = 0.5
FLOW_RESOLUTIONS = ("half", "full")


class _Parts:
    """The network's parts, which all compute in one type."""

    def __init__(self, slope: float, compute: str) -> None:
        self.slope, self.dtype = slope, convolution_policy(compute)

    def convolution(self, x: Tensor, filters: int, stride: int = 1) -> Tensor:
        layer = layers.Conv3D(filters, 3, stride, "same", kernel_initializer="he_normal", dtype=self.dtype)
        return layers.LeakyReLU(negative_slope=self.slope, dtype=self.dtype)(layer(x))

    def up_and_join(self, x: Tensor, skip: Tensor) -> Tensor:
        return layers.Concatenate(dtype=self.dtype)([layers.UpSampling3D(2, dtype=self.dtype)(x), skip])


def build_vxm2(
    shape: tuple[int | None, int | None, int | None],
    flow_resolution: str = "half",
    leaky_slope: float = LEAKY_SLOPE,
    compute: str = "float32",
) -> keras.Model:
    """Build the network: a pair of images in, a displacement field in voxels out.

    Parameters
    ----------
    shape
        Size of the input in voxels, order [k, j, i]; each a multiple of 16, or None for any size.
    flow_resolution
        "full": the field has the size of the input (300,547 parameters). "half": it has half of it along
        each axis (292,755 parameters), four times faster; its values are still voxels of the input.
    leaky_slope
        Slope of LeakyReLU below zero. The paper's is 0.5 (PAPER_LEAKY_SLOPE), so close to a straight line that
        training from scratch made no progress in 1,500 steps where 0.2 left the plateau after 450.
    compute
        What the convolutions compute in, "float32" or "bfloat16"; weights and flow are float32.

    Returns
    -------
    keras.Model
        Input (batch, k, j, i, 2): fixed and moving image in [0, 1]. Output (batch, k, j, i, 3), float32:
        displacement from a fixed voxel to its moving position, components (i, j, k), in voxels of the input.

    Raises
    ------
    ValueError
        If a size is no multiple of 16, or the flow resolution is unknown.
    """
    if flow_resolution not in FLOW_RESOLUTIONS:
        raise ValueError(f"flow_resolution must be one of {FLOW_RESOLUTIONS}, not {flow_resolution!r}")
    check_sides(shape)
    parts = _Parts(leaky_slope, compute)
    pair = keras.Input((*shape, 2), name="fixed_and_moving")
    skips = [pair]
    for filters in ENCODER_FILTERS:
        skips.append(parts.convolution(skips[-1], filters, stride=2))
    x = parts.convolution(skips.pop(), 32)
    x = parts.convolution(parts.up_and_join(x, skips.pop()), 32)
    x = parts.convolution(parts.up_and_join(x, skips.pop()), 32)
    x = parts.convolution(parts.up_and_join(x, skips.pop()), 32)
    x = parts.convolution(x, 32)
    if flow_resolution == "full":
        x = parts.convolution(parts.up_and_join(x, skips.pop()), 16)
    x = parts.convolution(x, 16)
    flow = layers.Conv3D(
        3,
        3,
        padding="same",
        kernel_initializer=keras.initializers.RandomNormal(stddev=1e-5),
        dtype="float32",
        name="flow",
    )(x)
    return keras.Model(pair, flow, name=f"vxm2_{flow_resolution}")
