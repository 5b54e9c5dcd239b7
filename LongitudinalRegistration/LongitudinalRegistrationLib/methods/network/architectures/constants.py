"""Numbers of the networks that both their definition in Keras and their compiled pass are made of."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

RAW_GAIN = 4.0
FLAT_VARIANCE = 1e-6
FLAT_DEVIATION = 0.04
CHANNELS = 2
EVIDENCE = 13
LARGEST_STEP = 3.0
LEAST_AROUND = 0.1
SLOPE = 0.2
DESCRIPTORS = 16
FLAT_LENGTH = 0.1
TRUST = 2.0


@dataclass(frozen=True)
class Level:
    """factor: voxels of the input per voxel of the images compared; halvings: of the evidence before it is solved;
    steps: how often the moving image is warped and compared; filters: of the correction; scales: windows of the
    solution."""

    factor: int
    halvings: int
    steps: int
    filters: int
    scales: int = 3

    @property
    def flow_factor(self) -> int:
        """Voxels of the input per voxel of the flow."""
        return self.factor * 2**self.halvings


SEARCH_FACTOR = 4
LEVELS = (Level(2, 0, 3, 32), Level(1, 1, 2, 32))
REACH = (3, 2, 2)
SEEN = 2 * CHANNELS + 1 + 3
FLOW_GAIN = 0.25
LEAST_ERROR = 0.02


def offsets_within(reach: tuple[int, int, int]) -> np.ndarray:
    """List the offsets that a search goes through.

    Parameters
    ----------
    reach
        Voxels to either side along (k, j, i).

    Returns
    -------
    numpy.ndarray
        (offsets, 3), float32, components (i, j, k).
    """
    offsets = list(product(*(range(-n, n + 1) for n in reach)))
    return np.array(offsets, np.float32)[:, ::-1].copy()
