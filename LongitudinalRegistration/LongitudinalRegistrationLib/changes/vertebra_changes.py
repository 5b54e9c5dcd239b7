"""What has changed in each vertebra: density, volume, height of its body."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..field.inverse import inverse_of, resampled
from ..scan.label_checks import check_label_volume, same_grid
from ..scan.labels import VERSE_NAMES, label_name
from .vertebra_measures import BodyHeights, RegionMeasures, VertebraMeasures, measure_vertebrae

UNKNOWN = math.nan
SURE = 2.13
"""Standard deviations that one of three heights falls short by in 5 % of the bodies that have lost none."""


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
        By the labels of each scan; without labels of the follow-up by the baseline's, carried along the transform.
    volume_change_percent
        After over before, in percent more. It and change_hu: NaN where a scan cuts the vertebra.
    """

    mean_before_hu: float
    mean_after_hu: float
    change_hu: float
    volume_before_ml: float
    volume_after_ml: float
    volume_change_percent: float


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
    compression_error_percent
        A loss of no more than this is none that these voxels show (one-sided, 5 % for all three heights together); NaN
        where the loss is.
    """

    label: int
    name: str
    whole: RegionChange
    body: RegionChange
    processes: RegionChange
    heights_before: BodyHeights
    heights_after: BodyHeights
    compression_percent: float
    compression_error_percent: float


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
        Fixed points to moving points, LPS mm; needed where the follow-up has no labels.
    fixed_labels, moving_labels
        Vertebrae (VerSe numbers), each on its scan's grid; without those of the follow-up the baseline's are carried.
    fixed_parts, moving_parts
        1 is the body of the vertebra, 2 its processes, each on its scan's grid. None: found from the vertebra's shape.

    Returns
    -------
    tuple of VertebraChange
        One for each label of either scan, from top to bottom.

    Raises
    ------
    InputError
        If there are no labels of vertebrae, or on another grid.
    """
    _check(fixed_labels, fixed, "baseline")
    if moving_labels is None:
        back = inverse_of(transform)
        moving_labels = resampled(fixed_labels, moving, back, labels=True)
        moving_parts = resampled(fixed_parts, moving, back, labels=True) if fixed_parts is not None else None
    else:
        _check(moving_labels, moving, "follow-up")
    before = measure_vertebrae(fixed, fixed_labels, fixed_parts)
    after = measure_vertebrae(moving, moving_labels, moving_parts)
    if not before and not after:
        raise InputError(f"The labels are no vertebrae: give VerSe numbers, {min(VERSE_NAMES)} to {max(VERSE_NAMES)}.")
    nothing = VertebraMeasures.unknown()
    return tuple(
        _change(value, before.get(value, nothing), after.get(value, nothing)) for value in sorted({*before, *after})
    )


def _check(labels: sitk.Image, scan: sitk.Image, name: str) -> None:
    check_label_volume(labels, f"The {name}'s labels")
    if not same_grid(labels, scan):
        raise InputError(f"The {name}'s labels are on another grid than the {name}: give the labels of this scan.")


def _change(value: int, before: VertebraMeasures, after: VertebraMeasures) -> VertebraChange:
    compression, error = _compression(before, after)
    cut = before.cut or after.cut
    return VertebraChange(
        label=value,
        name=label_name(value),
        whole=_region_change(before.whole, after.whole, cut),
        body=_region_change(before.body, after.body, cut),
        processes=_region_change(before.processes, after.processes, cut),
        heights_before=before.heights,
        heights_after=after.heights,
        compression_percent=compression,
        compression_error_percent=error,
    )


def _region_change(before: RegionMeasures, after: RegionMeasures, cut: bool) -> RegionChange:
    """What has changed; where a scan cuts the vertebra its part there is no measure of the whole."""
    grown = 100.0 * (after.volume_ml / before.volume_ml - 1.0) if before.volume_ml > 0 and not cut else UNKNOWN
    denser = UNKNOWN if cut else after.mean_hu - before.mean_hu
    return RegionChange(before.mean_hu, after.mean_hu, denser, before.volume_ml, after.volume_ml, grown)


def _compression(before: VertebraMeasures, after: VertebraMeasures) -> tuple[float, float]:
    """Largest loss of height, and what the voxels can feign there, percent; NaN where a height is not known."""
    first, second = (np.array([h.front_mm, h.middle_mm, h.back_mm]) for h in (each.heights for each in (before, after)))
    if not np.all(np.isfinite(first) & np.isfinite(second)) or np.any(first <= 0):
        return UNKNOWN, UNKNOWN
    lost = 100.0 * (1.0 - second / first)
    most = int(np.argmax(lost))
    feigned = 100.0 * SURE * np.hypot(before.height_error_mm, after.height_error_mm) / first[most]
    return max(float(lost[most]), 0.0), float(feigned)
