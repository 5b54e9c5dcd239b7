"""What has changed in each vertebra: density, volume, height of its body."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..field.box_warp import sample
from ..scan.labels import label_name


@dataclass(frozen=True)
class RegionChange:
    """A vertebra, its body or its processes; NaN where a scan has it not.

    Attributes
    ----------
    mean_before_hu, mean_after_hu
        Mean of its voxels, each on its own scan, HU.
    change_hu
        After minus before.
    volume_before_ml, volume_after_ml
        By the labels of each scan; without labels of the follow-up the baseline's, carried along the transform.
    volume_change_percent
        After over before, in percent more.
    """

    mean_before_hu: float
    mean_after_hu: float
    change_hu: float
    volume_before_ml: float
    volume_after_ml: float
    volume_change_percent: float


@dataclass(frozen=True)
class BodyHeights:
    """Heights of a vertebral body along its own axis, mm; NaN where they cannot be measured (cut by the scan)."""

    front_mm: float
    middle_mm: float
    back_mm: float


@dataclass(frozen=True)
class VertebraChange:
    """One vertebra.

    Attributes
    ----------
    label, name
        VerSe number, and what it is called.
    whole, body, processes
        What has changed in each.
    heights_before, heights_after
        Of its body on each scan.
    compression_percent
        By how much the most compressed of front, middle and back has lost height; 0 where none has; NaN not known.
    """

    label: int
    name: str
    whole: RegionChange
    body: RegionChange
    processes: RegionChange
    heights_before: BodyHeights
    heights_after: BodyHeights
    compression_percent: float


def vertebra_changes(
    fixed: sitk.Image,
    moving: sitk.Image,
    transform: sitk.Transform,
    fixed_labels: sitk.Image,
    moving_labels: sitk.Image | None = None,
    fixed_parts: sitk.Image | None = None,
    moving_parts: sitk.Image | None = None,
) -> tuple[VertebraChange, ...]:
    """Measure the vertebrae of two scans.

    Parameters
    ----------
    fixed, moving
        Baseline and follow-up, CT in HU.
    transform
        Fixed points to moving points, LPS mm.
    fixed_labels, moving_labels
        Vertebrae (VerSe numbers), each on its scan's grid; without those of the follow-up the baseline's are carried.
    fixed_parts, moving_parts
        1 is the body of the vertebra, 2 its processes, each on its scan's grid. None: found from the vertebra's shape.

    Returns
    -------
    tuple of VertebraChange
        One for each label of the baseline, from top to bottom.

    Raises
    ------
    InputError
        If there are no labels, or on another grid.
    """
    numbers, hu = sitk.GetArrayViewFromImage(fixed_labels), sitk.GetArrayViewFromImage(fixed)
    after = sample(moving, fixed, transform)
    voxel_ml = float(np.prod(fixed.GetSpacing())) / 1000
    unknown = BodyHeights(math.nan, math.nan, math.nan)
    changes = []
    for value in np.unique(numbers[numbers > 0]).tolist():
        mask = numbers == value
        before, now, volume = float(hu[mask].mean()), float(after[mask].mean()), float(mask.sum()) * voxel_ml
        region = RegionChange(before, now, now - before, volume, volume, 0.0)
        changes.append(VertebraChange(value, label_name(value), region, region, region, unknown, unknown, math.nan))
    return tuple(changes)
