"""Local noise of a change: how much it varies where nothing has changed."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, median_filter

from .residual import blocks_of, spread_over

BLOCK_MM = 24.0
LEAST_VOXELS, ROUNDS, CLIP = 60, 4, 2.5
CLIPPED_SHARE = 0.9545
"""Standard deviation of a normal distribution that is cut at 2.5 of its own (fixed point of the rounds)."""
LEAST_HU = 2.0


def local_noise(change: np.ndarray, homogeneous: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Measure the noise of a change in blocks of homogeneous tissue.

    Parameters
    ----------
    change
        [k, j, i], float32, HU.
    homogeneous
        Bool: body without edges, of one tissue.
    spacing
        Along k, j, i, mm.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32, HU: standard deviation within a block, what is more than 2.5 of them off left out; smooth,
        and known everywhere.
    """
    counts, blocks = blocks_of(change.shape, spacing, BLOCK_MM)
    spread = _spreads(change[homogeneous], blocks[homogeneous], int(np.prod(counts))).reshape(counts)
    known = np.isfinite(spread)
    typical = float(np.median(spread[known])) if known.any() else LEAST_HU
    smooth = median_filter(np.where(known, spread, typical), 3, mode="nearest")
    smooth = gaussian_filter(smooth, 0.5, mode="nearest")
    return np.maximum(spread_over(smooth, change.shape), np.float32(LEAST_HU))


def _spreads(values: np.ndarray, blocks: np.ndarray, count: int) -> np.ndarray:
    """Standard deviation of each block, robust; NaN where a block has too few values."""
    mean, spread = np.zeros(count), np.full(count, np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(ROUNDS):
            near = np.abs(values - mean[blocks]) <= CLIP * spread[blocks]
            kept, own = values[near], blocks[near]
            number = np.bincount(own, minlength=count)
            mean = np.bincount(own, kept, count) / number
            spread = np.sqrt(np.maximum(np.bincount(own, kept * kept, count) / number - mean**2, 0.0))
            mean, spread = np.nan_to_num(mean), np.nan_to_num(spread / CLIPPED_SHARE)
    return np.where(number >= LEAST_VOXELS, spread, np.nan)
