"""How much of a change the registration's own error may explain: the steeper the scan, the more."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..field.box_warp import sample

Offsets = tuple[np.ndarray | float, np.ndarray | float, np.ndarray | float]


def expected_offsets(
    fixed: sitk.Image,
    moving: sitk.Image,
    reference: sitk.Image,
    residual_mm: float,
    expected_error: sitk.Image | None,
) -> Offsets:
    """Expect how far off the compared scans are along each axis of the map: half a voxel, and the registration's error.

    Parameters
    ----------
    fixed, moving
        Of which the voxels' size counts.
    reference
        Image with the map's grid.
    residual_mm
        Error of the registration where it is not known.
    expected_error
        Its error, mm, any grid over the fixed scan; None: not known.

    Returns
    -------
    tuple
        Along k, j, i, mm: a number, or [k, j, i].
    """
    residual: np.ndarray | float = residual_mm
    if expected_error is not None:
        residual = sample(expected_error, reference, outside=residual_mm)
    coarser = np.maximum(fixed.GetSpacing(), moving.GetSpacing())
    k, j, i = (np.sqrt((0.5 * step) ** 2 + np.square(residual)) for step in coarser[::-1])
    return k, j, i


def steepness(
    first: np.ndarray, second: np.ndarray, offsets: Offsets, spacing: tuple[float, float, float]
) -> np.ndarray:
    """Find the change that an offset makes between two scans that are alike.

    Parameters
    ----------
    first, second
        [k, j, i], HU.
    offsets
        As from expected_offsets.
    spacing
        Along k, j, i, mm.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32, HU: root of the summed squares of slope times offset, of the mean of both scans.
    """
    total = np.zeros(first.shape, np.float32)
    mean = (first + second) / 2
    for axis, (offset, step) in enumerate(zip(offsets, spacing, strict=True)):
        if mean.shape[axis] > 1:
            total += np.square(np.gradient(mean, step, axis=axis) * offset, dtype=np.float32)
    return np.sqrt(total)
