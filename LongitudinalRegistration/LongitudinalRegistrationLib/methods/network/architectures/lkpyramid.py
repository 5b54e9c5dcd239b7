"""The default network: a learnt Gauss-Newton pyramid on Lucas-Kanade evidence, from 16 mm to 4 mm, in one pass.

A plain image pair teaches a network little in the hours that two cores give. Here the matching evidence is computed in
the graph (lucas_kanade.py), and the network learns how far to trust it and how to carry it to where the images are
flat: at each step the moving image is warped by the flow so far, the residual flow is estimated, and a few
convolutions correct the estimate. Every step is trained on its own answer; the flow that enters a step is a constant
to it.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from .catalogue import check_sides
from .compute import convolution_policy
from .constants import EVIDENCE, SLOPE, TRUST, Level
from .fields import blur, double, halve
from .gauss_newton import GaussNewtonStep
from .lucas_kanade import contrast_channels, normal_equations, solve_over_scales
from .tensor import Tensor

LEVELS = (Level(4, 0, 3, 32), Level(2, 0, 1, 32), Level(1, 1, 1, 32))


class Correction(keras.layers.Layer):
    """An estimated flow and its evidence in, a better flow out, [x, y, z] each.

    What needs a neighbourhood is done on half of the grid; on the grid itself each voxel is looked at alone.
    """

    def __init__(self, filters: int, compute: str, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        known, policy = 3 + EVIDENCE, convolution_policy(compute)
        self.around = [
            layers.Conv3D(n, 3, padding="same", kernel_initializer="he_normal", dtype=policy, name=f"around{number}")
            for number, n in enumerate((filters, filters, 8))
        ]
        self.here = layers.Conv3D(16, 1, kernel_initializer="he_normal", name="here")
        nearly_nothing = keras.initializers.RandomNormal(stddev=1e-4)
        self.leave = layers.Conv3D(4, 1, kernel_initializer=nearly_nothing, name="leave")
        for layer, channels in zip(
            (*self.around, self.here, self.leave), (known, filters, filters, known + 8, 16), strict=True
        ):
            layer.build((None, None, None, None, channels))
        self.built = True

    def call(self, flow: list, evidence: list) -> list:
        known = ops.stack([*flow, *evidence], axis=-1)
        first, second, last = self.around
        coarse = ops.leaky_relu(first(halve(known)), SLOPE)
        coarse = coarse + ops.leaky_relu(second(coarse), SLOPE)
        coarse = double(ops.cast(ops.leaky_relu(last(coarse), SLOPE), "float32"))
        out = self.leave(ops.leaky_relu(self.here(ops.concatenate([known, coarse], axis=-1)), SLOPE))
        trust = ops.sigmoid(out[..., 3] + TRUST)
        return [trust * component + out[..., n] for n, component in enumerate(flow)]


class Step(GaussNewtonStep):
    """One Gauss-Newton step of a level: warp, evidence, solution, correction."""

    def __init__(self, level: Level, compute: str, **kwargs: Any) -> None:
        super().__init__(level, Correction(level.filters, compute, name="correction"), **kwargs)

    def call(self, fixed: list, moving: Tensor, flow: Tensor) -> Tensor:
        """Improve a flow, (3 * batch, k, j, i), voxels of the network's input, on the level's flow grid."""
        flow = ops.stop_gradient(flow)
        system = normal_equations(fixed, self.warped(moving, flow), ops.exp(self.log_gain), ops.exp(self.log_width))
        for _ in range(self.level.halvings):
            system = halve(system)
        change = self.correction(*solve_over_scales(system, ops.exp(self.log_damping)))
        return blur(flow + float(self.level.factor) * ops.concatenate(change, axis=0))


class LucasKanadePyramid(keras.Model):
    """A pair of images in, a flow out; see the module's text.

    Input (batch, k, j, i, 2): fixed and moving image in [0, 1], each side a multiple of 16. Output: the displacement
    from a fixed voxel to its moving position, components (i, j, k), in voxels of the input, float32, on a grid twice
    as coarse as the input.
    """

    def __init__(self, levels: tuple[Level, ...] = LEVELS, compute: str = "float32", **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.levels = levels
        self.steps_by_level = [
            [Step(level, compute, name=f"level{level.factor}_step{n}") for n in range(level.steps)] for level in levels
        ]
        self.built = True

    def flows(self, pair: Tensor) -> list:
        """The flow after every step, coarse to fine: tensors (batch, k, j, i, 3), voxels of the input."""
        pair = ops.cast(pair, "float32")
        images = {1: ops.concatenate([pair[..., 0], pair[..., 1]], axis=0)}
        factor = 1
        while factor < self.levels[0].factor:
            images[2 * factor] = halve(images[factor])
            factor *= 2
        flow, results = None, []
        for number, (level, steps) in enumerate(zip(self.levels, self.steps_by_level, strict=True)):
            fixed, moving = ops.split(images[level.factor], 2, axis=0)
            fixed = contrast_channels(fixed)
            if flow is None:
                flow = ops.zeros_like(ops.concatenate([fixed[0]] * 3, axis=0))
            elif self.levels[number - 1].flow_factor > level.flow_factor:
                flow = double(flow)
            for step in steps:
                flow = step(fixed, moving, flow)
                results.append(ops.stack(ops.split(flow, 3, axis=0), axis=-1))
        return results

    def call(self, pair: Tensor, training: bool | None = None) -> Tensor:
        return self.flows(pair)[-1]


def build_lkpyramid(
    shape: tuple[int | None, int | None, int | None] = (None, None, None), compute: str = "float32"
) -> LucasKanadePyramid:
    """Build the network for inputs of a size [k, j, i]; its convolutions compute in float32 or bfloat16.

    Raises
    ------
    ValueError
        If a side is no multiple of 16.
    """
    check_sides(shape)
    return LucasKanadePyramid(compute=compute, name="lkpyramid")
