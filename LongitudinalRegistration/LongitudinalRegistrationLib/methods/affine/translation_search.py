"""Where to start: translations between two scans, from an exhaustive search (their origins may be wrong)."""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.ndimage import binary_dilation

from ...scan.pyramid import Level

MIN_OVERLAP = 0.25
PEAK_DISTANCE = 2


def correlation_map(
    fixed: np.ndarray, fixed_mask: np.ndarray, moving: np.ndarray, moving_mask: np.ndarray
) -> np.ndarray:
    """Correlate two images over the overlap of their masks, for every shift of whole voxels (Padfield 2012).

    Parameters
    ----------
    fixed, moving
        [k, j, i], of any unit, each of its own shape.
    fixed_mask, moving_mask
        [k, j, i], 0 or 1, of the shapes of their images.

    Returns
    -------
    numpy.ndarray
        float64, correlation coefficients; entry [offset], negative offsets from the end: moving index = fixed index +
        offset. -1 where the masks overlap by less than a quarter of the smaller one.
    """
    shape = [fft.next_fast_len(a + b - 1, real=True) for a, b in zip(fixed.shape, moving.shape, strict=True)]

    def spectra(image: np.ndarray, mask: np.ndarray) -> list[np.ndarray]:
        mask = mask.astype(np.float64)
        return [fft.rfftn(values, shape) for values in (mask, image * mask, image * image * mask)]

    of_fixed = [np.conj(spectrum) for spectrum in spectra(fixed, fixed_mask)]
    of_moving = spectra(moving, moving_mask)

    def correlate(a: int, b: int) -> np.ndarray:
        return fft.irfftn(of_fixed[a] * of_moving[b], shape)

    count = np.maximum(correlate(0, 0), 1e-3)
    sum_f, sum_m = correlate(1, 0), correlate(0, 1)
    covariance = correlate(1, 1) - sum_f * sum_m / count
    variance_f = np.maximum(correlate(2, 0) - sum_f**2 / count, 0)
    variance_m = np.maximum(correlate(0, 2) - sum_m**2 / count, 0)
    enough = count > MIN_OVERLAP * min(fixed_mask.sum(), moving_mask.sum())
    norm = np.sqrt(variance_f * variance_m)
    return np.where(enough & (norm > 1e-6), covariance / np.maximum(norm, 1e-6), -1.0)


def best_offsets(score: np.ndarray, moving_shape: tuple[int, ...], count: int) -> list[np.ndarray]:
    """Find the highest peaks of a correlation map.

    Parameters
    ----------
    score
        As from correlation_map.
    moving_shape
        Shape of the moving image: what tells negative offsets from positive ones.
    count
        Of peaks at most.

    Returns
    -------
    list
        Offsets (k, j, i), int, voxels, best first, at least 3 voxels apart.

    Examples
    --------
    >>> score = np.full((4, 4, 4), -1.0)
    >>> score[1, 0, 3] = 0.9
    >>> [offset.tolist() for offset in best_offsets(score, (2, 2, 2), 3)]
    [[1, 0, -1]]
    """
    score, offsets = score.copy(), []
    size = np.array(score.shape)
    for _ in range(count):
        best = np.array(np.unravel_index(np.argmax(score), score.shape))
        if score[tuple(best)] <= -1:
            break
        offsets.append(np.where(best >= np.array(moving_shape), best - size, best))
        near = [np.arange(b - PEAK_DISTANCE, b + PEAK_DISTANCE + 1) % n for b, n in zip(best, size, strict=True)]
        score[np.ix_(*near)] = -1.0
    return offsets


def candidate_translations(fixed: Level, moving: Level, count: int) -> list[np.ndarray]:
    """Find the translations with the best correlation, wherever the scans' origins lie.

    Parameters
    ----------
    fixed, moving
        Levels of one voxel size.
    count
        Of translations at most.

    Returns
    -------
    list
        Fixed to moving points, (3,), float64: x, y, z, LPS mm; best first.
    """
    arrays = []
    for level in (fixed, moving):
        around = binary_dilation(level.body, np.ones((1, 3, 3), bool))
        arrays += [np.pad(level.solid, 2), np.pad(around, 2)]
    score = correlation_map(*arrays)
    start = np.array(moving.grid.origin) - np.array(fixed.grid.origin)
    return [start + fixed.grid.spacing_mm * offset[::-1] for offset in best_offsets(score, arrays[2].shape, count)]
