"""Similarity of two scans on 2 mm voxels, as the reports give it (paper, section 3.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..field.box_warp import Box, sample
from ..scan.geometry import linear_matrix
from ..scan.grid import AIR_HU, resample
from ..scan.kernels import nearest_slices
from ..scan.normalise import normalise
from ..scan.pyramid import FINEST_MM, ScanPyramid, index_matrix
from ..system.parallel import over_slices
from .local_similarity import covariance, moments, ssim_map
from .metrics import SSIM_WINDOW, bone_overlap, global_ncc

UNSEEN_HU = -1e6
COARSE_MM = 8.0


@dataclass(frozen=True)
class Agreement:
    """ncc: correlation of the windowed scans (-200 to 400 HU); local_ncc: of the scans freed of local mean and
    contrast; both over the fixed body where the moving scan has data, in [-1, 1], and 0 where it has none."""

    ncc: float
    local_ncc: float


@dataclass(frozen=True)
class Scores:
    """Similarity within the fixed body: SSIM (local windows) and NCC (global), both in [-1, 1]; overlap (Dice) of what
    is denser than 180 HU, in [0, 1], NaN without any."""

    ssim: float
    ncc: float
    bone: float


class Scorer:
    """Similarity within the fixed body, where the moving scan has data, on 2 mm voxels."""

    def __init__(self, fixed: ScanPyramid, moving: ScanPyramid):
        self._moving = moving.clean
        level = fixed.levels[FINEST_MM]
        self._reference, self._ceiling = level.grid.reference(), fixed.ceiling
        self._box = _around(level.body, SSIM_WINDOW // 2 + 1)
        self._body = level.body[self._box.slices] > 0
        self._fixed_hu = sample(fixed.clean, self._reference, box=self._box)
        self._fixed = moments(normalise(self._fixed_hu, self._ceiling), SSIM_WINDOW)

    def scores(self, transform: sitk.Transform | None) -> Scores:
        """Scores under a transform from fixed to moving points (LPS, mm); None: as the scans came."""
        hu = sample(self._moving, self._reference, transform, self._box, outside=UNSEEN_HU)
        mask = self._body & (hu > UNSEEN_HU)
        if not mask.any():
            return Scores(0.0, 0.0, 0.0)
        hu[hu == UNSEEN_HU] = AIR_HU
        warped = moments(normalise(hu, self._ceiling), SSIM_WINDOW)
        common = covariance(self._fixed, warped, SSIM_WINDOW)[mask]
        first, second = self._fixed.at(mask), warped.at(mask)
        bone = bone_overlap(self._fixed_hu[mask], hu[mask])
        return Scores(float(ssim_map(first, second, common).mean()), global_ncc(first.image, second.image), bone)


def _around(mask: np.ndarray, margin: int) -> Box:
    """The box of a mask [k, j, i] and a margin in voxels, within the array."""
    used = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    start = [max(int(each[0]) - margin, 0) for each in used]
    stop = [min(int(each[-1]) + 1 + margin, n) for each, n in zip(used, mask.shape, strict=True)]
    return Box(tuple(start), tuple(stop))


def common_body_percent(fixed: ScanPyramid, moving: ScanPyramid, affine: sitk.Transform) -> float:
    """The part of the bodies that both scans show, in percent of the smaller one, after the affine step, 8 mm voxels.

    Parameters
    ----------
    affine
        Fixed to moving points, LPS mm.
    """
    own, other = fixed.levels[COARSE_MM], moving.levels[COARSE_MM]
    moved = np.empty(own.body.shape, np.uint8)
    matrix = index_matrix(own.grid, other.grid, affine)
    over_slices(nearest_slices, other.body, matrix, 0.5, moved, slices=moved.shape[0])
    scale = abs(np.linalg.det(linear_matrix(affine)[:3, :3]))
    smaller = min(np.count_nonzero(own.body), np.count_nonzero(other.body) / max(scale, 1e-9))
    both = np.count_nonzero((own.body > 0) & (moved > 0))
    return min(100.0 * both / smaller, 100.0) if smaller else 0.0


def body_on(fixed: ScanPyramid, field: sitk.Image) -> np.ndarray:
    """The fixed body on a field's voxels, [k, j, i], 0 or 1."""
    level = fixed.levels[FINEST_MM]
    return sitk.GetArrayFromImage(resample(level.grid.image(level.body), field, labels=True))


def largest_component_mm(field: sitk.Image, body: np.ndarray) -> float:
    """Largest displacement component of a field in a body on its voxels, mm."""
    values = np.abs(sitk.GetArrayViewFromImage(field)[body > 0])
    return float(values.max()) if values.size else 0.0
