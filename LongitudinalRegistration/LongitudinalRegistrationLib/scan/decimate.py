"""A scan on coarser voxels, each the Gaussian mean of what it covers."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.body_mask import numeric_view

from ..system.parallel import over_slices
from .geometry import voxel_matrix
from .grid import AIR_HU
from .kernels import Windows, decimate_depth_slices, decimate_slices

REACH = 3.0
MUCH_FINER = 0.75


def is_decimated(spacing_mm: float, coarser_mm: float) -> bool:
    """Say whether an axis is so much finer than what is wanted that it is decimated.

    Parameters
    ----------
    spacing_mm, coarser_mm
        Of the scan, and as wanted.

    Returns
    -------
    bool
        Whether it is below three quarters.
    """
    return spacing_mm < MUCH_FINER * coarser_mm


def decimated(image: sitk.Image, mask: sitk.Image, spacing_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Decimate a scan to coarser voxels, along its own axes, with air where a mask is 0.

    Parameters
    ----------
    image
        CT in HU.
    mask
        uint8, on its grid.
    spacing_mm
        Of the new voxels; an axis that is not much finer stays as it is.

    Returns
    -------
    values
        [k, j, i], float32, HU; Gaussian means, sigma half the new voxels.
    to_world
        (4, 4), float64: new voxels (i, j, k, 1) to LPS mm.
    """
    width, height, depth = image.GetSize()
    spacing = image.GetSpacing()
    columns, dx = _windows(width, spacing[0], spacing_mm)
    rows, dy = _windows(height, spacing[1], spacing_mm)
    out = np.empty((depth, rows.first.size, columns.first.size), np.float32)
    arrays = numeric_view(image), sitk.GetArrayViewFromImage(mask)
    over_slices(decimate_slices, *arrays, np.float32(AIR_HU), (rows, columns), out, slices=depth)
    slices, dz = _windows(depth, spacing[2], spacing_mm)
    if dz != spacing[2]:
        in_plane, out = out, np.empty((slices.first.size, *out.shape[1:]), np.float32)
        over_slices(decimate_depth_slices, in_plane, slices, out, slices=out.shape[0])
    return out, voxel_matrix(image) @ np.diag([dx / spacing[0], dy / spacing[1], dz / spacing[2], 1.0])


def _windows(size: int, spacing: float, coarser: float) -> tuple[Windows, float]:
    """Make Gaussian windows (sigma half the coarser voxels) that decimate one axis.

    Parameters
    ----------
    size
        Voxels of the axis.
    spacing, coarser
        Their spacing, and that which is wanted, mm.

    Returns
    -------
    windows, spacing_mm
        One window for each new voxel, and the new spacing; the old one where the axis is not decimated.
    """
    if not is_decimated(spacing, coarser):
        return Windows(np.arange(size), np.ones((size, 1), np.float32)), spacing
    step, sigma = coarser / spacing, 0.5 * coarser / spacing
    centres = np.arange(0, size - 0.5, step)
    taps = min(2 * int(np.ceil(REACH * sigma)) + 1, size)
    first = np.clip(np.round(centres).astype(np.int64) - taps // 2, 0, size - taps)
    weights = np.exp(-0.5 * ((first[:, None] + np.arange(taps) - centres[:, None]) / sigma) ** 2)
    return Windows(first, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)), coarser
