"""A search over displacements: learnt descriptors, compared at all offsets of a cost volume (PWC-Net, VoxelMorph++).

A Gauss-Newton step sees as far as its images are smooth, about a voxel; this sees as far as its offsets reach, and more
than one place that fits.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import keras
from keras import layers, ops

from .constants import CHANNELS, DESCRIPTORS, FLAT_LENGTH, offsets_within
from .convolution import SliceConvolution, activate, dense, nearly_nothing
from .fields import double, halve
from .tensor import Tensor


def correlation(fixed: Tensor, moving: Tensor, reach: tuple[int, int, int]) -> Tensor:
    """Inner products of the descriptors at x in the fixed and at x + offset in the moving image, 0 outside.

    Parameters
    ----------
    fixed, moving
        (batch, k, j, i, descriptors).
    reach
        Largest offset along k, j and i, voxels.

    Returns
    -------
    tensor
        (batch, k, j, i, offsets), in the order of offsets_within(reach).
    """
    _, k, j, i, _ = ops.shape(fixed)
    padded = ops.pad(moving, [(0, 0), *((n, n) for n in reach), (0, 0)])
    starts = product(*(range(2 * n + 1) for n in reach))
    products = [ops.sum(fixed * padded[:, c : c + k, b : b + j, a : a + i], axis=-1) for c, b, a in starts]
    return ops.stack(products, axis=-1)


class Search(layers.Layer):
    """The displacement on a grid half as fine as the images compared, and the logarithm of its expected error.

    The offsets' scores, corrected by a small convolutional network that sees them all and around, become shares; the
    displacement is the offsets' mean. The network adds what lies between and beyond the offsets.

    Parameters
    ----------
    reach
        Largest offset along k, j and i, voxels of the displacement's grid.
    """

    def __init__(self, reach: tuple[int, int, int], filters: int, compute: str, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.reach = reach
        self.offsets = offsets_within(reach)
        count = len(self.offsets)
        sizes = (CHANNELS, 16, 32, DESCRIPTORS)
        self.describe = [
            SliceConvolution(a, b, compute, name=f"describe{n}")
            for n, (a, b) in enumerate(zip(sizes[:-1], sizes[1:], strict=True))
        ]
        constant = keras.initializers.Constant(2.0)
        self.log_sharpness = self.add_weight(shape=(), initializer=constant, name="log_sharpness")
        self.reduce = dense(count + DESCRIPTORS, filters, name="reduce")
        self.around = [SliceConvolution(filters, filters, compute, name=f"around{n}") for n in range(4)]
        self.expand = dense(filters, count, nearly_nothing(), name="expand")
        self.leave = dense(filters, 4, nearly_nothing(), name="leave")
        self.built = True

    def descriptors(self, images: Tensor) -> Tensor:
        """Of images (batch, k, j, i, channels), on half of the grid; of length 1 or, where all is flat, less."""
        first, second, last = self.describe
        x = activate(second(halve(activate(first(images)))))
        x = ops.cast(last(x), "float32")
        return x * ops.rsqrt(ops.sum(x * x, axis=-1, keepdims=True) + FLAT_LENGTH)

    def call(self, fixed: list, moving: list) -> tuple[Tensor, Tensor]:
        """The displacement, (3 * batch, k, j, i), voxels of its own grid, and the logarithm, (batch, k, j, i).

        Parameters
        ----------
        fixed, moving
            Channels, each (batch, k, j, i), on the finer grid.
        """
        images = ops.concatenate([ops.stack(fixed, axis=-1), ops.stack(moving, axis=-1)], axis=0)
        here, there = ops.split(self.descriptors(images), 2, axis=0)
        scores = ops.exp(self.log_sharpness) * correlation(here, there, self.reach)
        x = activate(self.reduce(ops.concatenate([scores, here], axis=-1)))
        first, second, third, coarse = self.around
        x = x + activate(first(x))
        x = x + double(activate(coarse(halve(x))))
        x = x + activate(second(x))
        x = x + activate(third(x))
        shares = ops.softmax(scores + self.expand(x), axis=-1)
        left = self.leave(x)
        flow = ops.matmul(shares, ops.convert_to_tensor(self.offsets)) + left[..., :3]
        return ops.concatenate([flow[..., n] for n in range(3)], axis=0), left[..., 3]
