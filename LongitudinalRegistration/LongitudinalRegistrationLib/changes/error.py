"""How much of a change the registration's own error may explain: the steeper the scan, the more."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import correlate1d

from ..field.box_warp import sample

WITHIN_VOXEL = 1 / 12
"""Variance of a place that is known to half a voxel, in squared voxels."""
HIT_OR_MISSED, PLATE = np.float32(0.15), np.float32(0.25)
Variances = tuple[np.ndarray | float, np.ndarray | float, np.ndarray | float]


def residual_on(
    reference: sitk.Image, least_mm: float, expected_error: sitk.Image | None, bone: np.ndarray
) -> np.ndarray | float:
    """Say how far off the registration is on the map's grid.

    What is expected counts in bone alone: in organs a registration doubts most what a treatment has changed most.

    Parameters
    ----------
    reference
        Image with the grid.
    least_mm
        What it is at least, and where nothing else is known.
    expected_error
        Error of the registration, mm, on any grid over the fixed scan. None: not known.
    bone
        [k, j, i], bool.

    Returns
    -------
    numpy.ndarray or float
        [k, j, i], float32, mm; a number where nothing is known.
    """
    if expected_error is None:
        return least_mm
    expected = np.where(bone, sample(expected_error, reference, outside=least_mm), least_mm)
    return np.maximum(expected, least_mm).astype(np.float32)


def expected_variances(coarser_mm: np.ndarray, residual: np.ndarray | float) -> Variances:
    """Expect how far off the scans are along each axis of the map: half a voxel at most, and the registration's error.

    Parameters
    ----------
    coarser_mm
        (3,): the larger voxel side of both scans along x, y, z of the map.
    residual
        Error of the registration, mm: a number, or [k, j, i].

    Returns
    -------
    tuple
        Along k, j, i, mm squared: a number, or [k, j, i], float32.
    """
    k, j, i = (WITHIN_VOXEL * float(step) ** 2 + residual * residual for step in coarser_mm[::-1])
    return k, j, i


def slopes_of(mean: np.ndarray, spacing: tuple[float, float, float]) -> tuple[np.ndarray, ...]:
    """Find the slopes of a scan by central differences.

    Parameters
    ----------
    mean
        [k, j, i], HU.
    spacing
        Along k, j, i, mm.

    Returns
    -------
    tuple of numpy.ndarray
        Along k, j, i: [k, j, i] each, float32, HU per mm.
    """
    return tuple(
        correlate1d(mean, np.array([-0.5, 0.0, 0.5]) / step, axis=axis, mode="nearest")
        for axis, step in enumerate(spacing)
    )


def steepness(
    mean: np.ndarray, slopes: tuple[np.ndarray, ...], variances: Variances, spacing: tuple[float, float, float]
) -> np.ndarray:
    """Find the change that an offset makes between two scans that are alike.

    Parameters
    ----------
    mean
        Mean of both scans, [k, j, i], HU.
    slopes
        Its slopes, as from slopes_of.
    variances
        As from expected_variances.
    spacing
        Along k, j, i, mm.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32, HU: root of the summed squares of slope times offset and of half the curvature times its
        square. The curvature stands for thin walls, at whose ridge there is no slope.
    """
    total = np.zeros(mean.shape, np.float32)
    for axis, (slope, variance, step) in enumerate(zip(slopes, variances, spacing, strict=True)):
        curvature = correlate1d(mean, np.array([1.0, -2.0, 1.0]) / step**2, axis=axis, mode="nearest")
        total += np.square(slope) * variance + np.square(curvature * (variance / 2))
    return np.sqrt(total)


def unresolved(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Find the change that thick slices make, which hit a thin plate or miss it, depending on where they lie.

    Parameters
    ----------
    first, second
        [k, j, i], HU: scans of one resolution, k across the slices.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32, HU: .15 of the larger second difference across the slices.
    """
    steps = [np.abs(correlate1d(hu, np.array([1.0, -2.0, 1.0]), axis=0, mode="nearest")) for hu in (first, second)]
    return HIT_OR_MISSED * np.maximum(*steps)


def plates(first: np.ndarray, second: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Find the change that plates along the slices make, which two scans' slices part otherwise; a ball is no plate.

    Parameters
    ----------
    first, second
        [k, j, i], HU: scans of one resolution, k across the slices.
    spacing
        Along k, j, i, mm.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32, HU: .25 of the larger second difference across the slices, less what within them is curved
        alike.
    """
    larger = np.zeros(first.shape, np.float32)
    for hu in (first, second):
        across, *within = (
            correlate1d(hu, np.array([1.0, -2.0, 1.0]) / step**2, axis=axis, mode="nearest")
            for axis, step in enumerate(spacing)
        )
        alike = np.sign(across) * (within[0] + within[1]) / 2
        np.maximum(larger, np.clip(np.abs(across) - alike, 0, np.abs(across)), out=larger)
    return PLATE * np.float32(spacing[0] ** 2) * larger
