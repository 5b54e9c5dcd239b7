"""What volume a label has once it is registered: measured finer than the voxels of either scan, whose number would be
by chance where a lesion is as large as a few of them."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..field.box_warp import sample
from .metrics import Shape

SAMPLES = 20_000
"""About so many points measure a label."""


def registered_volume_ml(
    shape: Shape, reference: sitk.Image, labels: sitk.Image, value: int, own_ml: float, transform: sitk.Transform
) -> float:
    """Measure the volume that a label of the follow-up has on the baseline.

    Parameters
    ----------
    shape
        The label as it is on the reference grid, through the transform.
    reference
        Image with that grid.
    labels
        Of the follow-up, integers.
    value
        Which of them.
    own_ml
        Its volume in the follow-up, ml: the smaller, the finer it is measured.
    transform
        Baseline points to follow-up points, LPS mm.

    Returns
    -------
    float
        ml; 0 where the label is not on the grid; NaN where it reaches the grid's edge, beyond which there may be more.
    """
    if not shape.voxels:
        return 0.0
    stop = shape.start + shape.mask.shape
    if np.any(shape.start <= 0) or np.any(stop >= np.array(reference.GetSize()[::-1])):
        return float("nan")
    fine = _finer(reference, shape.start - 1, stop + 1, (1000 * own_ml / SAMPLES) ** (1 / 3))
    count = np.count_nonzero(sample(labels, fine, transform, labels=True) == value)
    return float(count * np.prod(fine.GetSpacing()) / 1000)


def _finer(reference: sitk.Image, start: np.ndarray, stop: np.ndarray, step_mm: float) -> sitk.Image:
    """Make a grid over voxels start..stop-1, (k, j, i), of another, each split evenly into parts of step_mm at most."""
    spacing = np.array(reference.GetSpacing())
    parts = np.maximum(np.ceil(spacing / step_mm), 1).astype(int)
    fine = sitk.Image(((stop - start)[::-1] * parts).tolist(), sitk.sitkUInt8)
    fine.SetSpacing((spacing / parts).tolist())
    fine.SetDirection(reference.GetDirection())
    first = start[::-1] - 0.5 + 0.5 / parts
    fine.SetOrigin(reference.TransformContinuousIndexToPhysicalPoint(first.tolist()))
    return fine
