"""The default network, the cost-volume pyramid, on arrays; architectures/cvpyramid.py defines it."""

from __future__ import annotations

import io

import numpy as np

from ....system.arrays import Float32Array
from ..architectures.constants import LEAST_ERROR, LEVELS, SEARCH_FACTOR
from .search import Search
from .stacks import doubled, halved
from .step import Step, contrast_channels


class CompiledPasses:
    """A cost-volume pyramid with its weights, on the threads that kernels run on; see runtime.Passes.

    Parameters
    ----------
    weights
        Content of the file (.npz) that export.export_weights made.
    """

    def __init__(self, weights: bytes) -> None:
        with np.load(io.BytesIO(weights), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        self._search = Search(arrays)
        self._steps = [
            [Step(arrays, level, f"level{level.factor}_step{n}") for n in range(level.steps)] for level in LEVELS
        ]

    def __call__(self, pair: Float32Array) -> tuple[Float32Array, Float32Array]:
        """See runtime.Passes."""
        images = {1: [np.ascontiguousarray(pair[0, ..., n]) for n in range(2)]}
        images[2] = [halved(image[None])[0] for image in images[1]]
        flow, error = self._search(*(contrast_channels(image) for image in images[2]))
        flow, factor = np.float32(SEARCH_FACTOR) * flow, SEARCH_FACTOR
        for level, steps in zip(LEVELS, self._steps, strict=True):
            fixed, moving = images[level.factor]
            channels = contrast_channels(fixed)
            if factor > level.flow_factor:
                flow, error, factor = doubled(flow), doubled(error), level.flow_factor
            for step in steps:
                flow, error = step(channels, moving, flow, error)
        expected = np.logaddexp(np.float32(0), error[0]) + np.float32(LEAST_ERROR)
        return np.ascontiguousarray(np.moveaxis(flow, 0, -1)), expected
