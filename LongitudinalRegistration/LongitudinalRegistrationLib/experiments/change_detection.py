"""How many new lesions are found, and how many findings are false: a curve over the threshold, on synthetic patients.

    python -m LongitudinalRegistrationLib.experiments.change_detection --out docs/changes

makes follow-ups with new lesions of known size and contrast, registers them, and writes changes.json, changes.md and
changes.png. The scans have slices of 2.5 mm; the mean of each two of them makes those of 5 mm. What is done already for
a seed (in --keep) is not done again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import distance_transform_edt

from ..changes.change_map import ChangeMap
from ..changes.findings import DENSER, find_changes
from ..changes.options import FindingOptions
from ..field.box_warp import sample
from ..phantom import PhantomScan

SEEDS = range(201, 221)
THRESHOLDS = (2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0)
SIZE, SLICES, NEW_LESIONS = 256, 180, 4
SLICES_MM = {2.5: 1, 5.0: 2}
NEAR_MM = 4.0


@dataclass(frozen=True)
class Truth:
    """What has changed, on the baseline's grid.

    Attributes
    ----------
    new
        Vertebra to the mask of its new lesion, [k, j, i], bool.
    denser
        Vertebra to whether its new lesion is denser than bone.
    changed
        [k, j, i], bool: within 4 mm of any lesion, grown ones too; what is found elsewhere is false.
    """

    new: dict[int, np.ndarray]
    denser: dict[int, bool]
    changed: np.ndarray


@dataclass(frozen=True)
class Count:
    """One pair at one threshold: new lesions, how many of them are found, findings that are false."""

    seed: int
    slice_mm: float
    threshold: float
    lesions: int
    found: int
    false: int


def thicker(image: sitk.Image, factor: int, labels: bool = False) -> sitk.Image:
    """Join slices to thicker ones.

    Parameters
    ----------
    image
        Scan or labels, axial.
    factor
        How many slices make one; what is left over at the end is dropped.
    labels
        The largest value instead of the mean.

    Returns
    -------
    SimpleITK.Image
        Of the same type.
    """
    if factor == 1:
        return image
    array = sitk.GetArrayFromImage(image)
    joined = array[: len(array) // factor * factor].reshape(-1, factor, *array.shape[1:])
    made = sitk.GetImageFromArray(joined.max(axis=1) if labels else np.round(joined.mean(axis=1)).astype(array.dtype))
    spacing = np.array(image.GetSpacing())
    made.SetOrigin(image.TransformContinuousIndexToPhysicalPoint((0.0, 0.0, (factor - 1) / 2)))
    made.SetSpacing((spacing * [1, 1, factor]).tolist())
    return made


def truth_of(baseline: PhantomScan, followup: PhantomScan, transform: sitk.Transform) -> Truth:
    """Find what has changed between two scans of a phantom.

    Parameters
    ----------
    baseline, followup
        The scans.
    transform
        The true one, baseline points to follow-up points, LPS mm.

    Returns
    -------
    Truth
        On the baseline's grid.
    """
    reference = baseline.image
    lesion = sample(followup.lesion, reference, transform, labels=True)
    vertebra = sample(followup.vertebrae, reference, transform, labels=True)
    old = sitk.GetArrayViewFromImage(baseline.lesion) > 0
    with_old = set(np.unique(sitk.GetArrayViewFromImage(baseline.vertebrae)[old]).tolist())
    values = [value for value in np.unique(vertebra[lesion > 0]).tolist() if value and value not in with_old]
    new = {value: (lesion > 0) & (vertebra == value) for value in values}
    denser = {value: bool(np.median(lesion[mask]) == 1) for value, mask in new.items()}
    spacing = reference.GetSpacing()[::-1]
    changed = distance_transform_edt(~(old | (lesion > 0)), sampling=spacing) <= NEAR_MM
    return Truth(new, denser, changed)


def count_findings(
    found: ChangeMap, transform: sitk.Transform, truth: Truth, reference: sitk.Image, threshold: float
) -> tuple[int, int]:
    """Count new lesions that are found, and findings that are false.

    Parameters
    ----------
    found
        The change map.
    transform
        The registration's.
    truth
        On the baseline's grid.
    reference
        The baseline.
    threshold
        Of the findings.

    Returns
    -------
    found, false
        A lesion is found where a finding of its sign meets it.
    """
    findings = find_changes(found, transform, FindingOptions(threshold=threshold, most=1000))
    numbers = sample(findings.labels, reference, labels=True)
    hit = {
        value
        for value, mask in truth.new.items()
        for number in np.unique(numbers[mask])
        if number and (findings.listed[number - 1].kind == DENSER) == truth.denser[value]
    }
    true = set(np.unique(numbers[truth.changed]).tolist())
    return len(hit), sum(each.number not in true for each in findings.listed)
