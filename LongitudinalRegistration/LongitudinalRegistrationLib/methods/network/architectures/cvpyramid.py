"""The cost-volume pyramid: a search over displacements at 16 mm, then Gauss-Newton steps at 8 and 4 mm, in one pass.

The search (search.py) finds what no gradient leads to; each step after it warps the moving image by the flow so far,
estimates what is left from Lucas and Kanade's equations (lucas_kanade.py) and corrects that with convolutions, which
see the fixed image, the flow so far and how far off that was expected to be. Beside its flow each step says so of its
own, voxel by voxel: where the images are flat, do not agree or do not show the same, more. Every step is trained on its
own answer; what enters a step is a constant to it.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from .catalogue import check_sides
from .constants import (
    CHANNELS,
    EVIDENCE,
    FLOW_GAIN,
    LEAST_ERROR,
    LEVELS,
    REACH,
    SEARCH_FACTOR,
    SEEN,
    TRUST,
    Level,
)
from .convolution import SliceConvolution, activate, dense, nearly_nothing
from .fields import blur, double, halve
from .gauss_newton import GaussNewtonStep
from .lucas_kanade import contrast_channels, mismatch, normal_equations, solve_over_scales
from .search import Search
from .tensor import Tensor


class Correction(layers.Layer):
    """An estimated flow, [x, y, z], and its evidence in; a better flow and the logarithm of its expected error out.

    Most of the work is done on a half and a quarter of the grid; one thin convolution is left for the grid itself.
    """

    def __init__(self, filters: int, compute: str, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        known = 3 + EVIDENCE + SEEN
        sizes = {"first": known, "second": filters, "far": filters, "farther": filters}
        self.around = {name: SliceConvolution(n, filters, compute, name=name) for name, n in sizes.items()}
        self.last = SliceConvolution(filters, 16, compute, name="last")
        self.join = dense(known + 16, 16, name="join")
        self.here = SliceConvolution(16, 16, compute, name="here")
        self.leave = dense(16, 5, nearly_nothing(), name="leave")
        self.built = True

    def call(self, flow: list, evidence: list) -> tuple[list, Tensor]:
        known = ops.stack([*flow, *evidence], axis=-1)
        around = self.around
        x = activate(around["first"](halve(known)))
        x = x + activate(around["second"](x))
        far = activate(around["far"](halve(x)))
        far = far + activate(around["farther"](far))
        x = double(activate(self.last(x + double(far))))
        x = activate(self.join(ops.concatenate([known, x], axis=-1)))
        out = self.leave(x + activate(self.here(x)))
        trust = ops.sigmoid(out[..., 3] + TRUST)
        return [trust * component + out[..., n] for n, component in enumerate(flow)], out[..., 4]


class Step(GaussNewtonStep):
    """One Gauss-Newton step of a level: warp, evidence, solution, correction."""

    def __init__(self, level: Level, compute: str, **kwargs: Any) -> None:
        super().__init__(level, Correction(level.filters, compute, name="correction"), **kwargs)

    def call(self, fixed: list, moving: Tensor, flow: Tensor, error: Tensor) -> tuple[Tensor, Tensor]:
        """A better flow, (3 * batch, k, j, i), voxels of the network's input, on the level's flow grid; and the
        logarithm of its expected error, (batch, k, j, i); both are given as the step before left them."""
        flow, error = ops.stop_gradient(flow), ops.stop_gradient(error)
        factor, width = float(self.level.factor), ops.exp(self.log_width)
        warped = self.warped(moving, flow)
        system = normal_equations(fixed, warped, ops.exp(self.log_gain), width)
        system = ops.concatenate([system, *mismatch(fixed, warped, width), *fixed], axis=0)
        for _ in range(self.level.halvings):
            system = halve(system)
        parts = ops.split(system, 9 + 2 * CHANNELS, axis=0)
        change, evidence = solve_over_scales(ops.concatenate(parts[:9], axis=0), ops.exp(self.log_damping))
        seen = [*parts[9:], error, *ops.split(FLOW_GAIN * flow, 3, axis=0)]
        change, error = self.correction(change, [*evidence, *seen])
        return blur(flow + factor * ops.concatenate(change, axis=0)), error


class CostVolumePyramid(keras.Model):
    """A pair of images in, a flow out; see the module's text.

    Input (batch, k, j, i, 2): fixed and moving image in [0, 1], each side a multiple of 16. Output: the displacement
    from a fixed voxel to its moving position, components (i, j, k), in voxels of the input, float32, on a grid twice
    as coarse as the input.
    """

    def __init__(
        self,
        levels: tuple[Level, ...] = LEVELS,
        reach: tuple[int, int, int] = REACH,
        compute: str = "float32",
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.levels = levels
        self.search = Search(reach, levels[0].filters, compute, name="search")
        self.steps_by_level = [
            [Step(level, compute, name=f"level{level.factor}_step{n}") for n in range(level.steps)] for level in levels
        ]
        self.built = True

    def with_expected_error(self, pair: Tensor) -> tuple[Tensor, Tensor]:
        """The flow as `call` gives it, and how long the error vector is expected to be, (batch, k, j, i, 1), in voxels
        of the input."""
        return self.estimates(pair)[-1]

    def flows(self, pair: Tensor) -> list:
        """The flow after the search and after every step, coarse to fine: (batch, k, j, i, 3), voxels of the input."""
        return [flow for flow, _ in self.estimates(pair)]

    def estimates(self, pair: Tensor) -> list:
        """Flow and expected error after the search and after every step."""
        pair = ops.cast(pair, "float32")
        images = {1: ops.concatenate([pair[..., 0], pair[..., 1]], axis=0)}
        images[2] = halve(images[1])
        flow, error = self.search(*(contrast_channels(image) for image in ops.split(images[2], 2, axis=0)))
        flow, factor = SEARCH_FACTOR * flow, SEARCH_FACTOR
        results = [self._estimate(flow, error)]
        for level, steps in zip(self.levels, self.steps_by_level, strict=True):
            fixed, moving = ops.split(images[level.factor], 2, axis=0)
            fixed = contrast_channels(fixed)
            if factor > level.flow_factor:
                flow, error, factor = double(flow), double(error), level.flow_factor
            for step in steps:
                flow, error = step(fixed, moving, flow, error)
                results.append(self._estimate(flow, error))
        return results

    @staticmethod
    def _estimate(flow: Tensor, error: Tensor) -> tuple[Tensor, Tensor]:
        flow = ops.stack(ops.split(flow, 3, axis=0), axis=-1)
        return flow, ops.softplus(error)[..., None] + LEAST_ERROR

    def call(self, pair: Tensor, training: bool | None = None) -> Tensor:
        return self.estimates(pair)[-1][0]


def build_cvpyramid(
    shape: tuple[int | None, int | None, int | None] = (None, None, None), compute: str = "float32"
) -> CostVolumePyramid:
    """Build the network for inputs of a size [k, j, i]; its convolutions compute in float32 or bfloat16.

    Raises
    ------
    ValueError
        If a side is no multiple of 16.
    """
    check_sides(shape)
    return CostVolumePyramid(compute=compute, name="cvpyramid")
