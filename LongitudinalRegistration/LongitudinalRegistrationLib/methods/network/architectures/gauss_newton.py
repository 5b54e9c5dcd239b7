"""What one Gauss-Newton step of a pyramid is made of, whichever network corrects it."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from .constants import CHANNELS, Level
from .fields import double
from .lucas_kanade import contrast_channels
from .spatial_transformer import sample
from .tensor import Tensor


class GaussNewtonStep(layers.Layer):
    """What is learnt of the equations, and the layer that corrects their solution; the steps of the networks are made
    of it.

    Parameters
    ----------
    correction
        The layer.
    """

    def __init__(self, level: Level, correction: layers.Layer, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.level = level
        constant = keras.initializers.Constant
        self.log_gain = self.add_weight(shape=(CHANNELS,), initializer=constant([3.0, 1.5]), name="log_gain")
        self.log_width = self.add_weight(shape=(CHANNELS,), initializer=constant([-2.5, 0.0]), name="log_width")
        self.log_damping = self.add_weight(shape=(level.scales,), initializer="zeros", name="log_damping")
        self.correction = correction
        self.built = True

    def warped(self, moving: Tensor, flow: Tensor) -> list:
        """Channels of the moving image, (batch, k, j, i), warped by a flow, (3 * batch, k, j, i), voxels of the
        network's input, on the level's flow grid."""
        fine = flow / float(self.level.factor)
        for _ in range(self.level.halvings):
            fine = double(fine)
        return contrast_channels(sample(moving, ops.split(fine, 3, axis=0)))
