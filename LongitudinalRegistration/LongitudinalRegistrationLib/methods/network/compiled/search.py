"""The search over displacements; architectures/search.py defines it."""

from __future__ import annotations

import numpy as np

from ....system.arrays import Float32Array
from ....system.parallel import over_slices
from ..architectures.constants import FLAT_LENGTH, REACH, offsets_within
from .convolution import Convolution, Mixture, Weights, exponential, flat
from .search_kernels import correlate_slices, expect_slices, normalise_slices
from .stacks import doubled, empty, halved


class Search:
    """See architectures.search.Search."""

    def __init__(self, weights: Weights) -> None:
        self._offsets = offsets_within(REACH)
        self._sharpness = np.float32(exponential(weights, "search/log_sharpness"))
        self._describe = [Convolution(weights, f"search/describe{n}", rectified=n < 2) for n in range(3)]
        self._reduce = Mixture(weights, "search/reduce")
        self._around = [Convolution(weights, f"search/around{n}") for n in range(4)]
        self._expand = Mixture(weights, "search/expand", rectified=False)
        self._leave = Mixture(weights, "search/leave", rectified=False)

    def __call__(self, fixed: Float32Array, moving: Float32Array) -> tuple[Float32Array, Float32Array]:
        """The displacement, [component, k, j, i], voxels of its own grid, and the logarithm of its expected error.

        Parameters
        ----------
        fixed, moving
            [channel, k, j, i], float32, on voxels half as large.
        """
        here, there = self._descriptors(fixed), self._descriptors(moving)
        count = len(self._offsets)
        seen = empty(count + len(here), here)
        scores = seen[:count]
        seen[count:] = here
        arguments = here, there, self._offsets.astype(np.int64), self._sharpness, scores
        over_slices(correlate_slices, *arguments, slices=here.shape[1])
        x = self._reduce(seen)
        first, second, third, coarse = self._around
        x = first(x, added=True)
        x = x + doubled(coarse(halved(x)))
        x = third(second(x, added=True), added=True)
        left, corrections = self._leave(x), self._expand(x)
        over_slices(expect_slices, flat(scores), flat(corrections), self._offsets, flat(left), slices=here.shape[1])
        return left[:3], left[3:]

    def _descriptors(self, channels: Float32Array) -> Float32Array:
        first, second, last = self._describe
        x = last(second(halved(first(channels))))
        out = np.empty_like(x)
        over_slices(normalise_slices, flat(x), np.float32(FLAT_LENGTH), flat(out), slices=x.shape[1])
        return out
