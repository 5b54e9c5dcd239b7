"""Similarity of two scans on 2 mm voxels, as the reports give it (paper, section 3.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from .evaluation.metrics import global_ncc, ssim
from .grid import resample
from .normalise import normalise
from .pyramid import FINEST_MM, ScanPyramid


@dataclass(frozen=True)
class Scores:
    """Similarity within the fixed body: SSIM (local windows) and NCC (global), both in [-1, 1]."""

    ssim: float
    ncc: float


class Scorer:
    """Similarity within the fixed body, where the moving scan has data, on 2 mm voxels."""

    def __init__(self, fixed: ScanPyramid, moving: ScanPyramid):
        self._moving = moving.clean
        self._extent = sitk.Image(self._moving.GetSize(), sitk.sitkUInt8) + 1
        self._extent.CopyInformation(self._moving)
        level = fixed.levels[FINEST_MM]
        self._reference, self._body = level.grid.reference(), level.grid.image(level.body)
        self._ceiling = fixed.ceiling
        self._fixed = normalise(sitk.GetArrayFromImage(resample(fixed.clean, self._reference)), self._ceiling)

    def scores(self, transform: sitk.Transform | None) -> Scores:
        """Scores under a transform from fixed to moving points (LPS, mm); None: as the scans came."""
        warped_hu = sitk.GetArrayFromImage(resample(self._moving, self._reference, transform))
        seen = sitk.GetArrayFromImage(resample(self._extent, self._reference, transform, labels=True))
        mask = (sitk.GetArrayViewFromImage(self._body) > 0) & (seen > 0)
        if not mask.any():
            return Scores(0.0, 0.0)
        warped = normalise(warped_hu, self._ceiling)
        return Scores(ssim(self._fixed, warped, mask), global_ncc(self._fixed, warped, mask))


def body_on(fixed: ScanPyramid, field: sitk.Image) -> np.ndarray:
    """The fixed body on a field's voxels, [k, j, i], 0 or 1."""
    level = fixed.levels[FINEST_MM]
    return sitk.GetArrayFromImage(resample(level.grid.image(level.body), field, labels=True))


def largest_component_mm(field: sitk.Image, body: np.ndarray) -> float:
    """Largest displacement component of a field in a body on its voxels, mm."""
    values = np.abs(sitk.GetArrayViewFromImage(field)[body > 0])
    return float(values.max()) if values.size else 0.0
