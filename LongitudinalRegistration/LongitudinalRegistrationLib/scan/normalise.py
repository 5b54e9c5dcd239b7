"""Intensities for the network: HU to [0, 1] against the 99th percentile (paper, section 3.2)."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .grid import AIR_HU, Grid, resample, smooth_for_spacing

PERCENTILE = 99.0
LEAST_CEILING_HU = 100.0


def ceiling_hu(values_hu: np.ndarray, body: np.ndarray | None = None) -> float:
    """The 99th percentile of the intensities, in HU, over the body where a mask is given; at least 100 HU.

    Parameters
    ----------
    values_hu, body
        Arrays of one shape, [k, j, i].

    Returns
    -------
    float
        HU.
    """
    inside = values_hu[body > 0] if body is not None else values_hu.ravel()
    if inside.size == 0:
        inside = values_hu.ravel()
    step = max(1, inside.size // 1_000_000)
    return max(float(np.percentile(inside[::step], PERCENTILE)), LEAST_CEILING_HU)


def normalise(values_hu: np.ndarray, ceiling: float) -> np.ndarray:
    """Map -1024 HU to 0 and the ceiling to 1, linearly, clamped.

    Parameters
    ----------
    values_hu
        Any shape, HU.
    ceiling
        HU.

    Returns
    -------
    numpy.ndarray
        Like the values, float32, [0, 1].

    Examples
    --------
    >>> normalise(np.array([-2000, -1024, 0, 1024, 3000]), 1024.0).tolist()
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """
    scaled = values_hu.astype(np.float32)
    scaled -= AIR_HU
    scaled /= np.float32(ceiling - AIR_HU)
    return np.clip(scaled, 0.0, 1.0, out=scaled)


def normalised_on_grid(
    clean: sitk.Image, mask: sitk.Image, grid: Grid, transform: sitk.Transform | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Resample a scan to a grid as the network sees it.

    Parameters
    ----------
    clean, mask
        Scan without table, HU, and its body mask.
    grid
        Where the network sees it.
    transform
        Grid points to scan points, LPS mm; None is the identity.

    Returns
    -------
    image
        [k, j, i], float32, [0, 1].
    body
        [k, j, i], uint8, 0 or 1.
    """
    smooth = smooth_for_spacing(sitk.Cast(clean, sitk.sitkFloat32), grid.spacing_mm)
    values = sitk.GetArrayFromImage(resample(smooth, grid.reference(), transform))
    body = sitk.GetArrayFromImage(resample(mask, grid.reference(), transform, labels=True))
    return normalise(values, ceiling_hu(values, body)), body
