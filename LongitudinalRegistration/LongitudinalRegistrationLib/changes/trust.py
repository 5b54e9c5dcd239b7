"""How far a comparison of two scans can be trusted, and what speaks against it."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .comparison import Compared
from .contrast import BONE, FAT, Correction
from .masks import grown

FAT_HU, BONE_SLOPE = 25.0, 0.1
TISSUE_HU, LEAST_TISSUE = (-200.0, 250.0), 0.5
SHARPER, THICKER, SLICE_MM = 1.25, 1.5, 0.5
UNCALIBRATED, OTHER_SCALE, OTHER_KERNEL, OTHER_SLICES = 0.3, 0.6, 0.8, 0.9


def trust_of(
    fixed: sitk.Image, pair: Compared, bone: np.ndarray, corrections: tuple[Correction, ...]
) -> tuple[float, tuple[str, ...]]:
    """Look for what makes HU of two scans incomparable.

    Parameters
    ----------
    fixed
        Of which the slices' distance counts.
    pair
        Both scans on one grid.
    bone
        [k, j, i], bool.
    corrections
        Of the tissues.

    Returns
    -------
    trust
        1 where nothing speaks against it; what does multiplies it by less than 1.
    warnings
        A sentence each.
    """
    doubts = [
        *_calibration(pair),
        *_scale(corrections),
        *_kernel(pair, bone),
        *_slices(fixed.GetSpacing()[2], float(pair.followup_spacing_mm[2])),
    ]
    return float(np.prod([factor for factor, _ in doubts])), tuple(words for _, words in doubts)


def _calibration(pair: Compared) -> list[tuple[float, str]]:
    """Of each scan most of the body has to be fat, muscle or organ."""
    found = []
    for name, hu in (("baseline", pair.baseline), ("follow-up", pair.followup)):
        values = hu[pair.body]
        share = float(np.mean((values > TISSUE_HU[0]) & (values < TISSUE_HU[1])))
        if share < LEAST_TISSUE:
            words = f"Only {100 * share:.0f} % of the {name}'s body has the HU of soft tissue: it seems not calibrated"
            found.append((UNCALIBRATED, f"{words}, so changes in HU mean little."))
    return found


def _scale(corrections: tuple[Correction, ...]) -> list[tuple[float, str]]:
    found = []
    for each in corrections:
        if each.tissue == FAT and abs(each.offset_hu) > FAT_HU:
            words = f"Fat differs by {each.offset_hu:+.0f} HU between the scans: one of them is not calibrated"
            found.append((OTHER_SCALE, f"{words}, or has another tube voltage."))
        if each.tissue == BONE and abs(each.slope) > BONE_SLOPE:
            how = f"{100 * abs(each.slope):.0f} % {'denser' if each.slope > 0 else 'less dense'}"
            words = f"Bone is {how} in the follow-up everywhere: another tube voltage or"
            found.append((OTHER_SCALE, f"{words} kernel, which is taken out."))
    return found


def _kernel(pair: Compared, bone: np.ndarray) -> list[tuple[float, str]]:
    """Edges of bone as steep in one scan as in the other."""
    if not bone.any():
        return []
    near = grown(bone, 1)
    first, second = (
        float(np.mean(np.hypot(*(np.gradient(hu, axis=axis)[near] for axis in (1, 2)))))
        for hu in (pair.baseline, pair.followup)
    )
    if min(first, second) <= 0 or max(first, second) < SHARPER * min(first, second):
        return []
    name, times = ("baseline", first / second) if first > second else ("follow-up", second / first)
    words = f"Edges of bone are {times:.1f} times as steep in the {name}: the scans have other kernels"
    return [(OTHER_KERNEL, f"{words}, so small changes at edges mean little.")]


def _slices(first_mm: float, second_mm: float) -> list[tuple[float, str]]:
    thin, thick = sorted((first_mm, second_mm))
    if thick < THICKER * thin or thick - thin < SLICE_MM:
        return []
    words = f"Slices of {thin:.1f} and {thick:.1f} mm are compared as if both were {thick:.1f} mm thick"
    return [(OTHER_SLICES, f"{words}: what is thinner is seen less.")]
