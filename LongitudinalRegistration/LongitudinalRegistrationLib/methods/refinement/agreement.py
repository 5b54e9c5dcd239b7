"""How well two scans agree under a transform: measured in a moment, on 4 mm voxels, to judge a result by."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ...evaluation.scores import Agreement
from ...field.transforms import component_first, field_on
from ...scan.pyramid import ScanPyramid, index_matrix
from ...system.parallel import over_slices
from .kernels import agree_slices

SPACING_MM = 4.0
RATIO = 2


def agreement(
    fixed: ScanPyramid, moving: ScanPyramid, affine: sitk.Transform, field: sitk.Image | None = None
) -> Agreement:
    """Agreement of two scans under T(x) = A(x + u(x)).

    Parameters
    ----------
    affine
        A: fixed points to moving points, LPS mm.
    field
        u: vector image, mm, LPS; None for zero.
    """
    own, other = fixed.levels[SPACING_MM], moving.levels[SPACING_MM]
    grid = own.grid.coarser(RATIO)
    flow = np.zeros((3, *grid.size[::-1]), np.float32)
    if field is not None:
        flow = component_first(field_on(field, grid.reference()))
    body = own.body * own.seen
    matrix = index_matrix(own.grid, other.grid, affine)
    arguments = own.channels, body, flow, RATIO, SPACING_MM, matrix, other.channels, other.seen
    sums = sum(over_slices(agree_slices, *arguments, slices=body.shape[0]))
    return Agreement(*(_correlation(*row) for row in sums))


def _correlation(count, f, m, ff, mm, fm) -> float:
    if count < 2:
        return 0.0
    variances = (ff - f * f / count) * (mm - m * m / count)
    return float((fm - f * m / count) / np.sqrt(variances)) if variances > 0 else 0.0
