"""How well two scans agree under a transform: measured in a moment, on 4 mm voxels, to judge a result by."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ...evaluation.scores import Agreement
from ...field.transforms import component_first, field_on
from ...scan.pyramid import ScanPyramid, index_matrix
from ...system.parallel import sum_over_slices
from .kernels import Geometry, Images, correlate_slices

SPACING_MM = 4.0
RATIO = 2


def agreement(
    fixed: ScanPyramid, moving: ScanPyramid, affine: sitk.Transform, field: sitk.Image | None = None
) -> Agreement:
    """Measure the agreement of two scans under T(x) = A(x + u(x)), on 4 mm voxels of the fixed body.

    Parameters
    ----------
    fixed, moving
        Scans ready for registration.
    affine
        A: fixed points to moving points, LPS mm.
    field
        u: vector image, mm, LPS; None for zero.

    Returns
    -------
    Agreement
        Correlations of both contrast channels, -1 to 1.
    """
    own, other = fixed.levels[SPACING_MM], moving.levels[SPACING_MM]
    grid = own.grid.coarser(RATIO)
    displacement = np.zeros((3, *grid.size[::-1]), np.float32)
    if field is not None:
        displacement = component_first(field_on(field, grid.reference()))
    images = Images(own.channels, own.body * own.seen, other.channels, other.seen)
    geometry = Geometry(RATIO, SPACING_MM, index_matrix(own.grid, other.grid, affine))
    slices = images.mask.shape[0]
    sums = sum_over_slices(correlate_slices, images, geometry, displacement, slices=slices)
    return Agreement(*(_correlation(*row) for row in sums))


def _correlation(count: float, f: float, m: float, ff: float, mm: float, fm: float) -> float:
    """Correlate from the sums of correlate_slices; 0 where there is nothing to correlate."""
    if count < 2:
        return 0.0
    variances = (ff - f * f / count) * (mm - m * m / count)
    return float((fm - f * m / count) / np.sqrt(variances)) if variances > 0 else 0.0
