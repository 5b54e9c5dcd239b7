"""Local noise of a change: how much it varies where nothing has changed."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, median_filter, zoom

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
    shape = np.array([max(round(size * step / BLOCK_MM), 1) for size, step in zip(change.shape, spacing, strict=True)])
    edges = [np.minimum(np.arange(n) * m // n, m - 1) for n, m in zip(change.shape, shape, strict=True)]
    blocks = (edges[0][:, None, None] * shape[1] + edges[1][:, None]) * shape[2] + edges[2]
    spread = _spreads(change[homogeneous], blocks[homogeneous], int(shape.prod())).reshape(shape)
    known = np.isfinite(spread)
    typical = float(np.median(spread[known])) if known.any() else LEAST_HU
    smooth = median_filter(np.where(known, spread, typical), 3, mode="nearest")
    smooth = gaussian_filter(smooth, 0.5, mode="nearest")
    ratio = [n / m for n, m in zip(change.shape, shape, strict=True)]
    full = zoom(smooth.astype(np.float32), ratio, order=1, mode="nearest", grid_mode=True)
    return np.maximum(full, np.float32(LEAST_HU))


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
