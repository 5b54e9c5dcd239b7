"""How well two scans agree under a transform: measured in a moment, on 4 mm voxels, to judge a result by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from .parallel import over_slices
from .pyramid import ScanPyramid, index_matrix
from .refinement_kernels import agree_slices
from .transforms import component_first, field_on

SPACING_MM = 4.0
RATIO = 2


@dataclass(frozen=True)
class Agreement:
    """ncc: correlation of the windowed scans (-200 to 400 HU); local_ncc: of the scans freed of local mean and
    contrast; both over the fixed body where the moving scan has data, in [-1, 1], and 0 where it has none."""

    ncc: float
    local_ncc: float


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
