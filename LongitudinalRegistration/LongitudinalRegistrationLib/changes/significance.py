"""How sure a change is: seen as a lesion would be, against noise and what registration and slices may feign."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from .comparison import REACH
from .error import expected_variances, plates, slopes_of, steepness
from .masks import Spacing
from .noise import local_noise

ACROSS, WITHIN_MM = 0.7, 1.0
"""Standard deviation of the filter: of a slice's distance across the slices, which leaves nothing of what they alias;
mm within them. With the Gaussian that both scans are seen through it is about as wide as a lesion of 5 mm radius."""


def significance_of(
    change: np.ndarray,
    scans: tuple[np.ndarray, np.ndarray],
    homogeneous: np.ndarray,
    spacing: Spacing,
    coarser_mm: np.ndarray,
    residual: np.ndarray | float,
) -> np.ndarray:
    """Measure a change in standard deviations of what noise, registration and slices explain.

    Change and scans are filtered alike; only then noise and slopes are measured.

    Parameters
    ----------
    change
        [k, j, i], float32, HU; what contrast and shift explain taken out.
    scans
        Baseline and follow-up, [k, j, i], float32, HU; k across the slices.
    homogeneous
        Bool: body without edges, of one tissue.
    spacing
        Along k, j, i, mm.
    coarser_mm
        (3,): the larger voxel side of both scans along x, y, z.
    residual
        How far off the registration is expected to be, mm: a number, or [k, j, i].

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32; signed, positive is denser.
    """
    sigma = [ACROSS * coarser_mm[2] / spacing[0], WITHIN_MM / spacing[1], WITHIN_MM / spacing[2]]
    seen, first, second = (gaussian_filter(each, sigma, mode="nearest", truncate=REACH) for each in (change, *scans))
    mean = (first + second) / 2
    variances = expected_variances(np.full(3, coarser_mm.min()), residual)
    error = np.square(steepness(mean, slopes_of(mean, spacing), variances, spacing))
    error += np.square(plates(first, second, spacing))
    return seen / np.sqrt(np.square(local_noise(seen, homogeneous, spacing)) + error)
