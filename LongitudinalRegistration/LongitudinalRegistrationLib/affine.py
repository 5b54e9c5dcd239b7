"""Affine pre-alignment on what is inside the bodies: translation found globally, then rigid, then affine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk
from scipy import fft

from .grid import AIR_HU, Grid, body_bounds, resample, smooth_for_spacing

SEARCH_SPACING_MM = 8.0
LEVELS_MM = (8.0, 4.0)
WINDOW_HU = (-200.0, 400.0)
MIN_OVERLAP = 0.25
ITERATIONS = {"rigid": 60, "affine": 60}


def _windowed(image: sitk.Image, spacing_mm: float, grid: Grid) -> sitk.Image:
    """The image on a coarse grid, clamped to soft tissue and bone, float32, 0 for air."""
    low, high = WINDOW_HU
    smooth = smooth_for_spacing(sitk.Cast(image, sitk.sitkFloat32), spacing_mm)
    clamped = sitk.Clamp(resample(smooth, grid.reference(), outside=AIR_HU), sitk.sitkFloat32, low, high)
    return sitk.ShiftScale(clamped, -low, 1.0 / (high - low))


def _grid_around(mask: sitk.Image, spacing_mm: float) -> Grid:
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
    grids = [_grid_around(mask, SEARCH_SPACING_MM) for mask in (fixed_body, moving_body)]
    images = [
        sitk.GetArrayFromImage(_windowed(image, SEARCH_SPACING_MM, grid))
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


def _refine(transform, fixed, fixed_mask, moving, iterations: int, progress=None):
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetMetricFixedMask(fixed_mask)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, iterations, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(transform, inPlace=True)
    if progress:
        method.AddCommand(sitk.sitkIterationEvent, progress)
    method.Execute(fixed, moving)
    return transform


def align(
    fixed: sitk.Image,
    fixed_body: sitk.Image,
    moving: sitk.Image,
    moving_body: sitk.Image,
    progress: Callable[[float], None] | None = None,
) -> sitk.AffineTransform:
    """Affine pre-alignment: global search for the translation, rigid, then affine, at 8 and 4 mm.

    Parameters
    ----------
    fixed, moving
        Scans without table, HU; any field of view and origin.
    fixed_body, moving_body
        Their body masks.

    Returns
    -------
    sitk.AffineTransform
        Fixed points to moving points, LPS mm.
    """
    start = initial_translation(fixed, fixed_body, moving, moving_body)
    low, high = body_bounds(fixed_body)
    rigid = sitk.Euler3DTransform()
    rigid.SetCenter(((low + high) / 2).tolist())
    rigid.SetTranslation(start.GetOffset())
    affine = sitk.AffineTransform(3)
    for number, spacing in enumerate(LEVELS_MM):
        if progress:
            progress((number + 0.3) / (len(LEVELS_MM) + 0.3))
        fixed_grid, moving_grid = _grid_around(fixed_body, spacing), _grid_around(moving_body, spacing)
        pair = (_windowed(fixed, spacing, fixed_grid), _windowed(moving, spacing, moving_grid))
        mask = resample(fixed_body, fixed_grid.reference(), labels=True)
        if number == 0:
            _refine(rigid, pair[0], mask, pair[1], ITERATIONS["rigid"])
            affine.SetCenter(rigid.GetCenter())
            affine.SetMatrix(rigid.GetMatrix())
            affine.SetTranslation(rigid.GetTranslation())
        _refine(affine, pair[0], mask, pair[1], ITERATIONS["affine"])
    return affine
