"""Where to start: the translation between two scans, found by looking at all of them (their origins may lie)."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import fft

from .grid import AIR_HU, Grid, body_bounds, resample, smooth_for_spacing

SEARCH_SPACING_MM = 8.0
WINDOW_HU = (-200.0, 400.0)
MIN_OVERLAP = 0.25


def windowed(image: sitk.Image, spacing_mm: float, grid: Grid) -> sitk.Image:
    """The image on a coarse grid, clamped to -200..400 HU (soft tissue and bone), as 0 to 1, float32."""
    low, high = WINDOW_HU
    smooth = smooth_for_spacing(sitk.Cast(image, sitk.sitkFloat32), spacing_mm)
    clamped = sitk.Clamp(resample(smooth, grid.reference(), outside=AIR_HU), sitk.sitkFloat32, low, high)
    return sitk.ShiftScale(clamped, -low, 1.0 / (high - low))


def grid_around(mask: sitk.Image, spacing_mm: float) -> Grid:
    """The smallest isotropic grid around a body."""
    low, high = body_bounds(mask)
    size = np.maximum(np.ceil((high - low) / spacing_mm).astype(int) + 1, 4)
    return Grid(tuple(int(n) for n in size), tuple(float(v) for v in low), spacing_mm)


def best_offset(fixed: np.ndarray, fixed_mask: np.ndarray, moving: np.ndarray, moving_mask: np.ndarray):
    """Shift of whole voxels with the highest correlation over the overlap of two masks (Padfield 2012).

    Parameters
    ----------
    fixed, moving
        [k, j, i]; the masks (0 or 1) have the shapes of their images.

    Returns
    -------
    offset, score
        Array (k, j, i): moving index = fixed index + offset; correlation coefficient in [-1, 1].
    """
    shape = [fft.next_fast_len(a + b - 1, real=True) for a, b in zip(fixed.shape, moving.shape, strict=True)]

    def transform(values):
        return fft.rfftn(values, shape, workers=2)

    f_mask, m_mask = fixed_mask.astype(np.float64), moving_mask.astype(np.float64)
    f, m = fixed * f_mask, moving * m_mask
    spectra_f = [np.conj(transform(v)) for v in (f_mask, f, f * f)]
    spectra_m = [transform(v) for v in (m_mask, m, m * m)]

    def correlate(a, b):
        return fft.irfftn(spectra_f[a] * spectra_m[b], shape, workers=2)

    count = np.maximum(correlate(0, 0), 1e-3)
    sum_f, sum_m = correlate(1, 0), correlate(0, 1)
    covariance = correlate(1, 1) - sum_f * sum_m / count
    variance_f = np.maximum(correlate(2, 0) - sum_f**2 / count, 0)
    variance_m = np.maximum(correlate(0, 2) - sum_m**2 / count, 0)
    enough = count > MIN_OVERLAP * min(f_mask.sum(), m_mask.sum())
    norm = np.sqrt(variance_f * variance_m)
    score = np.where(enough & (norm > 1e-6), covariance / np.maximum(norm, 1e-6), -1.0)
    best = np.array(np.unravel_index(np.argmax(score), score.shape))
    offset = np.where(best >= np.array(moving.shape), best - np.array(score.shape), best)
    return offset, float(score.max())


def initial_translation(fixed, fixed_body, moving, moving_body) -> sitk.TranslationTransform:
    """The translation, fixed to moving points (mm, LPS), with the best correlation; origins do not matter.

    Parameters
    ----------
    fixed, moving
        Scans without table, HU; the bodies are their masks.
    """
    grids = [grid_around(mask, SEARCH_SPACING_MM) for mask in (fixed_body, moving_body)]
    images = [
        sitk.GetArrayFromImage(windowed(image, SEARCH_SPACING_MM, grid))
        for image, grid in zip((fixed, moving), grids, strict=True)
    ]
    masks = [
        sitk.GetArrayFromImage(resample(mask, grid.reference(), labels=True))
        for mask, grid in zip((fixed_body, moving_body), grids, strict=True)
    ]
    padding = [np.pad(array, 3) for array in (*images, *masks)]
    dilated = [_dilated(mask) for mask in padding[2:]]
    offset, _ = best_offset(padding[0], dilated[0], padding[1], dilated[1])
    shift = np.array(grids[1].origin) + SEARCH_SPACING_MM * offset[::-1] - np.array(grids[0].origin)
    return sitk.TranslationTransform(3, shift.tolist())


def _dilated(mask: np.ndarray) -> np.ndarray:
    """The body and two voxels of the air around it in plane, whose outline guides the search."""
    image = sitk.BinaryDilate(sitk.GetImageFromArray(mask.astype(np.uint8)), [2, 2, 0])
    return sitk.GetArrayFromImage(image)
