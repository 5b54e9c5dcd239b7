"""Measures of a registration: DSC, SSIM, NCC (paper, section 3.4); those of fields are in field.jacobian."""

from __future__ import annotations

import numpy as np

from .local_similarity import covariance, moments, ncc_map, ssim_map

SSIM_WINDOW = 7
NCC_WINDOW = 9


def dice_per_label(first: np.ndarray, second: np.ndarray, labels=None) -> dict[int, float]:
    """Dice similarity coefficient 2 |A and B| / (|A| + |B|) of every label (paper, eq. 7).

    Parameters
    ----------
    first, second
        Label arrays of one shape, [k, j, i], non-negative integers; 0 is background.
    labels
        Which labels; None takes those of either array.

    Returns
    -------
    dict
        Label to DSC in [0, 1]; 0 where a label is in one array only, NaN where it is in neither.

    Raises
    ------
    ValueError
        If the shapes differ or a label is negative.
    """
    if first.shape != second.shape:
        raise ValueError(f"label arrays differ in shape: {first.shape} and {second.shape}")
    if min(first.min(), second.min()) < 0:
        raise ValueError("labels must not be negative")
    size = int(max(first.max(), second.max())) + 1
    first, second = first.ravel().astype(np.int64), second.ravel().astype(np.int64)
    in_first, in_second = np.bincount(first, minlength=size), np.bincount(second, minlength=size)
    in_both = np.bincount(first[first == second], minlength=size)
    if labels is None:
        labels = [int(v) for v in np.flatnonzero(in_first + in_second) if v]
    scores = {}
    for label in labels:
        total = in_first[label] + in_second[label] if label < size else 0
        scores[int(label)] = 2.0 * float(in_both[label]) / float(total) if total else float("nan")
    return scores


def _mean(values: np.ndarray, mask: np.ndarray | None) -> float:
    chosen = values if mask is None else values[mask > 0]
    return float(chosen.mean()) if chosen.size else float("nan")


def ssim(fixed: np.ndarray, warped: np.ndarray, mask: np.ndarray | None = None, window: int = SSIM_WINDOW) -> float:
    """Structural similarity, luminance times contrast times structure (paper, eq. 8), mean over local windows.

    Parameters
    ----------
    fixed, warped
        [k, j, i], [0, 1].
    mask
        Where to average; None: everywhere. (Air that surrounds both bodies is alike and raises the mean.)
    window
        Side of the cube in voxels.

    Returns
    -------
    float
        In [-1, 1]; 1 for equal images. Constants c1 = 0.01^2, c2 = 0.03^2 for the range 1.
    """
    first, second = moments(fixed, window), moments(warped, window)
    return _mean(ssim_map(first, second, covariance(first, second, window)), mask)


def local_ncc(fixed: np.ndarray, warped: np.ndarray, mask: np.ndarray | None = None, window: int = NCC_WINDOW) -> float:
    """Mean local correlation coefficient over cubes of `window` voxels, in [-1, 1]; flat windows are left out.

    Parameters
    ----------
    fixed, warped
        [k, j, i], [0, 1].
    mask
        Where to average; None: everywhere.
    """
    first, second = moments(fixed, window), moments(warped, window)
    values = ncc_map(first, second, covariance(first, second, window))
    textured = np.isfinite(values)
    return _mean(values, textured if mask is None else textured & (mask > 0))


def global_ncc(fixed: np.ndarray, warped: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Correlation coefficient of two images, [k, j, i], over a mask; in [-1, 1], NaN if one is constant."""
    a = (fixed if mask is None else fixed[mask > 0]).ravel().astype(np.float64)
    b = (warped if mask is None else warped[mask > 0]).ravel().astype(np.float64)
    if a.size < 2 or a.std() == 0 or b.std() == 0:
        return float("nan")
    return float(np.mean((a - a.mean()) * (b - b.mean())) / (a.std() * b.std()))


def bone_overlap(fixed_hu: np.ndarray, warped_hu: np.ndarray, threshold_hu: float = 180.0) -> float:
    """Dice overlap of what is denser than 180 HU, for pairs without labels; arrays [k, j, i] in HU."""
    bone = [(image > threshold_hu).astype(np.uint8) for image in (fixed_hu, warped_hu)]
    return dice_per_label(*bone, labels=[1])[1]


def mean_end_point_error(true_field: np.ndarray, field: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Mean length of the difference of two fields (k, j, i, 3), in their unit, over a mask [k, j, i]."""
    return _mean(np.linalg.norm(true_field - field, axis=-1), mask)
