"""Deformed copies of a scan as the paper makes them (section 3.2.2), cut into blocks when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...scan.grid import NETWORK_SPACING_MM
from .motion import Motion, paper_motion
from .samples import Pair, PreparedScan, block_origin, moved_pair
from .simulator import SimulatorOptions


@dataclass(frozen=True)
class DeformedCopy:
    """A scan and the field that deforms it; the copy itself is made block by block."""

    scan: PreparedScan
    motion: Motion
    noise: float

    def pair(self, shape: Sequence[int], rng: np.random.Generator) -> Pair:
        """Cut a block somewhere in the body: the moving image is the scan, the fixed one the noisy copy.

        Parameters
        ----------
        shape
            Voxels [k, j, i] of 2 mm.
        rng
            Of the place and the noise.

        Returns
        -------
        Pair
            With the motion as its flow.
        """
        pair = moved_pair(self.scan, self.motion, block_origin(self.scan.body, shape, rng), shape)
        noise = np.float32(self.noise) * rng.standard_normal(pair.fixed.shape, dtype=np.float32)
        return replace(pair, fixed=np.clip(pair.fixed + noise, 0.0, 1.0))


def deformed_copies(
    scan: PreparedScan, count: int, options: SimulatorOptions, rng: np.random.Generator
) -> list[DeformedCopy]:
    """Draw the motions of deformed copies.

    Parameters
    ----------
    scan
        The scan.
    count
        How many.
    options
        Of the paper's simulator.
    rng
        What is drawn from.

    Returns
    -------
    list of DeformedCopy
        Nothing is deformed yet.
    """
    motions = (paper_motion(scan.body, NETWORK_SPACING_MM, options, rng) for _ in range(count))
    return [DeformedCopy(scan, motion, options.noise) for motion in motions]
