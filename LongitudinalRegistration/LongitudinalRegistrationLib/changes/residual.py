"""What a registration has left: a small shift in each place, found from the compared scans and taken out."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d

from .masks import Spacing

BLOCK_MM, MOST_MM, OUTLIER_HU, DAMPING_HU_PER_MM = 12.0, 2.5, 120.0, 8.0
LEAST_VOXELS = 40


def blocks_of(shape: tuple[int, ...], spacing: Spacing, block_mm: float) -> tuple[tuple[int, ...], np.ndarray]:
    """Part a grid into blocks of about a size.

    Parameters
    ----------
    shape
        Voxels along k, j, i.
    spacing
        Along k, j, i, mm.
    block_mm
        Side of a block.

    Returns
    -------
    counts
        Blocks along k, j, i.
    numbers
        [k, j, i], int: the block that a voxel is in.
    """
    counts = tuple(max(round(size * step / block_mm), 1) for size, step in zip(shape, spacing, strict=True))
    k, j, i = (np.minimum(np.arange(n) * m // n, m - 1) for n, m in zip(shape, counts, strict=True))
    return counts, (k[:, None, None] * counts[1] + j[:, None]) * counts[2] + i


def spread_over(blocks: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Interpolate values of blocks to voxels, linearly; beyond the outer blocks' middles they stay.

    Parameters
    ----------
    blocks
        One value a block, [k, j, i].
    shape
        Voxels along k, j, i.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32.
    """
    spread = blocks.astype(np.float32)
    for axis, (size, count) in enumerate(zip(shape, blocks.shape, strict=True)):
        at = np.clip((np.arange(size) + 0.5) * count / size - 0.5, 0, count - 1)
        below = at.astype(int)
        part = np.expand_dims((at - below).astype(np.float32), [other for other in range(3) if other != axis])
        first, second = (np.take(spread, np.minimum(below + step, count - 1), axis) for step in (0, 1))
        spread = first + part * (second - first)
    return spread


def shift_explained(
    change: np.ndarray, slopes: tuple[np.ndarray, ...], mask: np.ndarray, spacing: Spacing
) -> np.ndarray:
    """Find the change that a small shift of each place explains.

    In windows of some 24 mm the shift is fitted (Lucas and Kanade's equations) that explains most of the change. A
    lesion is as dense on one side as on the other, so no shift explains it.

    Parameters
    ----------
    change
        [k, j, i], HU.
    slopes
        Of the mean of both scans along k, j, i, HU per mm.
    mask
        [k, j, i], bool: where the shift is looked for; elsewhere that of the nearest place holds.
    spacing
        Along k, j, i, mm.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32, HU; shifts of more than 2.5 mm are cut.
    """
    counts, numbers = blocks_of(change.shape, spacing, BLOCK_MM)
    total, inside = int(np.prod(counts)), numbers[mask]
    values, at = change[mask].astype(float), [slope[mask].astype(float) for slope in slopes]
    weight = 1 / (1 + (values / OUTLIER_HU) ** 2)

    def summed(numbers_of: np.ndarray) -> np.ndarray:
        sums = np.bincount(inside, numbers_of, total).reshape(counts)
        for axis in range(3):
            sums = correlate1d(sums, np.array([0.5, 1.0, 0.5]), axis=axis, mode="constant")
        return sums

    size = summed(np.ones(len(values)))
    left = np.stack([np.stack([summed(weight * first * second) for second in at], -1) for first in at], -1)
    right = np.stack([summed(weight * slope * values) for slope in at], -1)
    left += np.eye(3) * (DAMPING_HU_PER_MM**2 * np.maximum(size, 1.0))[..., None, None]
    shifts = np.linalg.solve(left, right[..., None])[..., 0]
    shifts = np.where((size >= LEAST_VOXELS)[..., None], np.clip(shifts, -MOST_MM, MOST_MM), 0.0)
    explained = np.zeros(change.shape, np.float32)
    for axis, slope in enumerate(slopes):
        explained += spread_over(shifts[..., axis], change.shape) * slope
    return explained
