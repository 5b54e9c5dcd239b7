"""A scan on coarser voxels, each the Gaussian mean of what it covers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.body_mask import numeric_view

from ..system.parallel import over_slices
from .geometry import voxel_matrix
from .grid import AIR_HU
from .kernels import Windows, decimate_depth_slices, decimate_slices

REACH = 3.0
MUCH_FINER = 0.75
SIGMA = 0.5


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


def decimated(
    image: sitk.Image, mask: sitk.Image, spacing_mm: float, through: Sequence[float] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Decimate a scan to coarser voxels, along its own axes, with air where a mask is 0.

    Whoever samples the result on a grid of the same spacing names one of its voxels in `through`: where the grid has
    the scan's axes nothing is interpolated then. Between two voxels interpolation would blur further, by the chance of
    where the grid begins, and two scans differently.

    Parameters
    ----------
    image
        CT in HU.
    mask
        uint8, on its grid.
    spacing_mm
        Of the new voxels; an axis that is not much finer stays as it is.
    through
        A point, LPS mm: along every axis that is decimated a new voxel has its centre there, or whole steps from it; by
        default at the first voxel.

    Returns
    -------
    values
        [k, j, i], float32, HU; Gaussian means, sigma half the new voxels.
    to_world
        (4, 4), float64: new voxels (i, j, k, 1) to LPS mm.
    """
    width, height, depth = image.GetSize()
    spacing = image.GetSpacing()
    place = (0.0, 0.0, 0.0) if through is None else image.TransformPhysicalPointToContinuousIndex(tuple(through))
    columns, dx, x0 = _windows(width, spacing[0], spacing_mm, place[0])
    rows, dy, y0 = _windows(height, spacing[1], spacing_mm, place[1])
    out = np.empty((depth, rows.first.size, columns.first.size), np.float32)
    arrays = numeric_view(image), sitk.GetArrayViewFromImage(mask)
    over_slices(decimate_slices, *arrays, np.float32(AIR_HU), (rows, columns), out, slices=depth)
    slices, dz, z0 = _windows(depth, spacing[2], spacing_mm, place[2])
    if dz != spacing[2]:
        in_plane, out = out, np.empty((slices.first.size, *out.shape[1:]), np.float32)
        over_slices(decimate_depth_slices, in_plane, slices, out, slices=out.shape[0])
    to_old = np.diag([dx / spacing[0], dy / spacing[1], dz / spacing[2], 1.0])
    to_old[:3, 3] = x0, y0, z0
    return out, voxel_matrix(image) @ to_old


def _windows(size: int, spacing: float, coarser: float, place: float) -> tuple[Windows, float, float]:
    """Make Gaussian windows (sigma half the coarser voxels) that decimate one axis.

    Parameters
    ----------
    size
        Voxels of the axis.
    spacing, coarser
        Their spacing, and that which is wanted, mm.
    place
        Where a new voxel's centre lies, or would lie whole steps away, in old voxels.

    Returns
    -------
    windows, spacing_mm, first
        One window for each new voxel, the new spacing and the first new centre in old voxels; where the axis is not
        decimated all of it as it was.
    """
    if not is_decimated(spacing, coarser):
        return Windows(np.arange(size), np.ones((size, 1), np.float32)), spacing, 0.0
    step, sigma = coarser / spacing, SIGMA * coarser / spacing
    centres = np.arange((place + step / 2) % step - step / 2, max(size - 0.5, step / 2), step)
    taps = min(2 * int(np.ceil(REACH * sigma)) + 1, size)
    first = np.clip(np.round(centres).astype(np.int64) - taps // 2, 0, size - taps)
    weights = np.exp(-0.5 * ((first[:, None] + np.arange(taps) - centres[:, None]) / sigma) ** 2)
    return Windows(first, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)), coarser, float(centres[0])
