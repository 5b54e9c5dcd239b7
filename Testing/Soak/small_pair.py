"""A pair of scans that is registered in little time: a textured ellipsoid of 10 cm, and the same moved and bent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

SHAPE, SPACING_MM = (44, 44, 48), 2.5
SEMI_AXES_MM = (48.0, 42.0, 45.0)
SHIFT_MM, BEND_MM = (6.0, -4.0, 5.0), 4.0


def small_pair(seed: int) -> tuple[sitk.Image, sitk.Image]:
    """Make baseline and follow-up.

    Parameters
    ----------
    seed
        Of the texture and the bend.

    Returns
    -------
    baseline, follow-up
        int16, HU.
    """
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*((np.arange(n) - (n - 1) / 2) * SPACING_MM for n in SHAPE), indexing="ij")
    inside = sum((axis / semi) ** 2 for axis, semi in zip((z, y, x), SEMI_AXES_MM, strict=True)) < 1
    noise = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(rng.normal(size=SHAPE)), 1.6))
    baseline = _scan(np.where(inside, 40 + 900 * noise, -1000))
    bend = rng.normal(size=(6, 6, 6, 3)) * BEND_MM
    field = sitk.Resample(_coarse(bend), baseline, sitk.Transform(), sitk.sitkBSpline, 0.0, sitk.sitkVectorFloat64)
    moved = sitk.GetImageFromArray(sitk.GetArrayFromImage(field) + SHIFT_MM, isVector=True)
    moved.CopyInformation(baseline)
    transform = sitk.DisplacementFieldTransform(moved)
    return baseline, sitk.Resample(baseline, baseline, transform, sitk.sitkLinear, -1000)


def write_small_pair(folder: Path, seed: int) -> tuple[Path, Path]:
    """Write small_pair as NIfTI files; returns their paths."""
    paths = folder / "baseline.nii.gz", folder / "followup.nii.gz"
    for image, path in zip(small_pair(seed), paths, strict=True):
        sitk.WriteImage(image, str(path))
    return paths


def _scan(values: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(np.round(values).astype(np.int16))
    image.SetSpacing([SPACING_MM] * 3)
    return image


def _coarse(values: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(values, isVector=True)
    image.SetSpacing([SPACING_MM * (n - 1) / 5 for n in SHAPE[::-1]])
    return image
