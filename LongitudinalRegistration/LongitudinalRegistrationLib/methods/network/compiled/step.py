"""One Gauss-Newton step of a level; architectures/cvpyramid.py defines it."""

from __future__ import annotations

import numpy as np

from ....system.arrays import Float32Array
from ....system.parallel import over_slices
from ..architectures.constants import EVIDENCE, FLOW_GAIN, SEEN, Level
from .convolution import Convolution, Mixture, Weights, exponential
from .evidence_kernels import (
    contrast_slices,
    correct_slices,
    equations_slices,
    judge_slices,
    moments_slices,
    solve_slices,
    warp_slices,
)
from .stacks import blurred, doubled, empty, halved

SYSTEM = 9
"""Channels of the normal equations."""
KNOWN = 3 + EVIDENCE + SEEN
"""Channels that a correction starts from."""
REFINED = 16
"""Channels that come back to the flow's grid from coarser ones."""


def contrast_channels(image: Float32Array) -> Float32Array:
    """Make what is compared; see architectures.lucas_kanade.contrast_channels.

    Parameters
    ----------
    image
        [k, j, i], float32.

    Returns
    -------
    numpy.ndarray
        [channel, k, j, i], float32.
    """
    moments = np.empty((2, *(n // 2 for n in image.shape)), np.float32)
    over_slices(moments_slices, image, moments, slices=moments.shape[1])
    out = np.empty((2, *image.shape), np.float32)
    over_slices(contrast_slices, image, blurred(blurred(moments)), out, slices=len(image))
    return out


class Correction:
    """See architectures.cvpyramid.Correction."""

    def __init__(self, weights: Weights, name: str) -> None:
        around = ("first", "second", "far", "farther", "last", "here")
        self._around = {layer: Convolution(weights, f"{name}/{layer}") for layer in around}
        self._join = Mixture(weights, f"{name}/join")
        self._leave = Mixture(weights, f"{name}/leave", rectified=False)

    def __call__(self, known: Float32Array) -> Float32Array:
        """What corrects a change: see evidence_kernels.correct_slices; and the logarithm of the expected error.

        Parameters
        ----------
        known
            [channel, k, j, i], float32: KNOWN channels, and room for REFINED more.
        """
        around = self._around
        x = around["second"](around["first"](halved(known[:KNOWN])), added=True)
        x = x + doubled(around["farther"](around["far"](halved(x)), added=True))
        doubled(around["last"](x), known[KNOWN:])
        return self._leave(around["here"](self._join(known), added=True))


class Step:
    """See architectures.cvpyramid.Step.

    Parameters
    ----------
    weights
        Of the network.
    level
        That it belongs to.
    name
        Of the step: NAME/... are its weights.
    """

    def __init__(self, weights: Weights, level: Level, name: str) -> None:
        self._level = level
        self._gain, self._width, self._damping = (
            exponential(weights, f"{name}/log_{part}") for part in ("gain", "width", "damping")
        )
        self._correction = Correction(weights, f"{name}/correction")

    def __call__(
        self, fixed: Float32Array, moving: Float32Array, flow: Float32Array, error: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        """A better flow, and the logarithm of its expected error.

        Parameters
        ----------
        fixed
            Channels, [channel, k, j, i], float32.
        moving
            Image, [k, j, i], float32.
        flow
            [component, k, j, i], float32, voxels of the network's input, on the level's flow grid.
        error
            [1, k, j, i], float32.
        """
        factor = np.float32(self._level.factor)
        known = empty(KNOWN + REFINED, flow)
        change, seen = known[: 3 + EVIDENCE], known[3 + EVIDENCE : KNOWN]
        seen[4:5], seen[5:] = error, np.float32(FLOW_GAIN) * flow
        self._solve(self._equations(fixed, self._warped(moving, flow), seen[:4]), change)
        correction = self._correction(known)
        better = np.empty_like(flow)
        over_slices(correct_slices, flow, change, correction, factor, better, slices=flow.shape[1])
        return blurred(better), correction[4:]

    def _warped(self, moving: Float32Array, flow: Float32Array) -> Float32Array:
        fine = flow / np.float32(self._level.factor)
        for _ in range(self._level.halvings):
            fine = doubled(fine)
        out = np.empty_like(moving)
        over_slices(warp_slices, moving, fine, out, slices=len(out))
        return contrast_channels(out)

    def _equations(self, fixed: Float32Array, warped: Float32Array, seen: Float32Array) -> Float32Array:
        """The normal equations; what else the correction sees of the images is written."""
        system = empty(SYSTEM, seen)
        arguments = fixed, warped, self._gain, self._width, 2**self._level.halvings, system, seen
        over_slices(equations_slices, *arguments, slices=system.shape[1])
        return system

    def _solve(self, system: Float32Array, out: Float32Array) -> None:
        """Solve the equations in windows of growing size, and write the solution with its evidence.

        See architectures.lucas_kanade.solve_over_scales.
        """
        windows = [blurred(system)]
        for _ in self._damping[1:]:
            windows.append(blurred(halved(windows[-1])))
        prior = np.zeros_like(windows[-1][:4])
        prior[3] = windows[-1][:3].sum(axis=0)
        flow = self._improved(windows[-1], prior, self._damping[-1])
        for window, damping in zip(windows[-2::-1], self._damping[-2::-1], strict=True):
            prior = doubled(flow)
            flow = self._improved(window, prior, damping)
        arguments = windows[0], prior, flow, self._damping[0], out
        over_slices(judge_slices, *arguments, slices=out.shape[1])

    @staticmethod
    def _improved(window: Float32Array, prior: Float32Array, damping: np.float32) -> Float32Array:
        out = np.empty_like(prior)
        over_slices(solve_slices, window, prior, damping, out, slices=out.shape[1])
        return out
