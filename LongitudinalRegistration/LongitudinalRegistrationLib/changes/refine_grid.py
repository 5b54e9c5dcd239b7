"""A scan with thick slices on finer ones, by cubic splines: linear interpolation blurs, and most between two slices."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import correlate1d, spline_filter1d


def finer_by(step_mm: float, finest_mm: float) -> int:
    """Say in how many parts a voxel's side is parted, such that a part is not much larger than the finest."""
    return max(round(step_mm / finest_mm), 1)


def refined(image: sitk.Image, finest_mm: float) -> sitk.Image:
    """Interpolate a scan on a grid that has more voxels along its thick axes, those of the scan among them.

    Parameters
    ----------
    image
        HU.
    finest_mm
        Axes with sides of about twice this, or more, are parted.

    Returns
    -------
    SimpleITK.Image
        float32, from the first voxel's centre to the last one's; the scan itself where no axis is thick.
    """
    parts = [finer_by(step, finest_mm) for step in image.GetSpacing()]
    if max(parts) == 1:
        return image
    values = sitk.GetArrayFromImage(image).astype(np.float32)
    for axis, count in enumerate(parts[::-1]):
        if count > 1 and values.shape[axis] > 1:
            values = _between(values, count, axis)
    made = sitk.GetImageFromArray(values)
    made.SetDirection(image.GetDirection())
    made.SetOrigin(image.GetOrigin())
    sides = zip(image.GetSpacing(), image.GetSize(), parts, strict=True)
    made.SetSpacing([step / count if size > 1 else step for step, size, count in sides])
    return made


def _between(values: np.ndarray, count: int, axis: int) -> np.ndarray:
    """Put count - 1 voxels between each two along an axis; the spline goes through what was there."""
    splines = np.moveaxis(spline_filter1d(values, 3, axis, output=np.float32, mode="mirror"), axis, 0)
    size = splines.shape[0]
    finer = np.empty(((size - 1) * count + 1, *splines.shape[1:]), np.float32)
    finer[::count] = np.moveaxis(values, axis, 0)
    for part in range(1, count):
        t, u = part / count, 1 - part / count
        weights = np.array([0.0, u**3, 3 * t**3 - 6 * t**2 + 4, 3 * u**3 - 6 * u**2 + 4, t**3]) / 6
        finer[part::count] = correlate1d(splines, weights, axis=0, mode="mirror")[: size - 1]
    return np.moveaxis(finer, 0, axis)
