"""What has changed from baseline to follow-up, in HU and in standard deviations, along the registration's transform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..field.box_warp import sample
from .options import ChangeOptions

UNSEEN_HU = -1e6


@dataclass(frozen=True)
class Correction:
    """Contrast phase and kernel that were taken out of the follow-up.

    Attributes
    ----------
    tissue
        "fat", "soft tissue" or "bone".
    offset_hu
        What the follow-up is denser than the baseline, HU, at the tissue's median.
    gain
        Change of the follow-up per HU of the baseline's scale; 1 where only an offset was found.
    """

    tissue: str
    offset_hu: float
    gain: float


@dataclass(frozen=True)
class ChangeMap:
    """Follow-up minus baseline. All images lie on one grid along the fixed scan's axes, float32, but where said.

    Attributes
    ----------
    baseline_hu, followup_hu
        Both scans as they are compared: of one resolution, the follow-up moved and corrected, HU.
    change_hu
        Follow-up minus baseline, HU; 0 outside the region. Positive is denser.
    significance
        The change in standard deviations of what noise and registration explain; signed; 0 outside the region.
    volume_change
        Jacobian determinant of the transform: volume in the follow-up over that in the baseline, 1 is unchanged.
    region
        Where changes are looked for, uint8, 0 or 1.
    bone
        Bone of either scan, uint8, 0 or 1; also where the region is everywhere.
    noise_hu
        Noise of the change without registration error, the median over the region, HU.
    corrections
        What was taken out; empty without.
    trust
        0 to 1: below 1 where kernel, calibration or field of view differ (see warnings).
    warnings
        For the user, a sentence each.
    """

    baseline_hu: sitk.Image
    followup_hu: sitk.Image
    change_hu: sitk.Image
    significance: sitk.Image
    volume_change: sitk.Image
    region: sitk.Image
    bone: sitk.Image
    noise_hu: float
    corrections: tuple[Correction, ...]
    trust: float
    warnings: tuple[str, ...]


def change_map(
    fixed: sitk.Image,
    moving: sitk.Image,
    transform: sitk.Transform,
    options: ChangeOptions | None = None,
    fixed_body: sitk.Image | None = None,
    moving_body: sitk.Image | None = None,
    expected_error: sitk.Image | None = None,
    fixed_labels: sitk.Image | None = None,
) -> ChangeMap:
    """Compare two registered scans.

    Parameters
    ----------
    fixed, moving
        Baseline and follow-up, CT in HU, any grids, as they came; they are not changed.
    transform
        Fixed points to moving points, LPS mm.
    options
        None: the defaults.
    fixed_body, moving_body
        The patient in each scan, 0 or 1, on the scan's grid; None: looked for.
    expected_error
        How far off the transform is expected to be, mm, any grid over the fixed scan. None: the option's.
    fixed_labels
        Vertebrae of the baseline, on its grid: they count as bone. None: bone is what looks like bone.

    Returns
    -------
    ChangeMap
        On voxels that both scans resolve.

    Raises
    ------
    InputError
        If the options are wrong, the scans share nothing, or there is no bone where bone is asked for.
    """
    options = options or ChangeOptions()
    size = [
        max(int(n * s / max(s, options.spacing_mm)), 1)
        for n, s in zip(fixed.GetSize(), fixed.GetSpacing(), strict=True)
    ]
    spacing = [max(s, options.spacing_mm) for s in fixed.GetSpacing()]
    reference = sitk.Image(size, sitk.sitkUInt8)
    reference.SetSpacing(spacing)
    reference.SetOrigin(fixed.GetOrigin())
    reference.SetDirection(fixed.GetDirection())
    first = sample(fixed, reference)
    second = sample(moving, reference, transform, outside=UNSEEN_HU)
    bone = ((first > 150) | (second > 150)) & (second > UNSEEN_HU)
    change = np.where(bone, second - first, 0).astype(np.float32)

    def image(array: np.ndarray) -> sitk.Image:
        made = sitk.GetImageFromArray(array)
        made.CopyInformation(reference)
        return made

    mask = image(bone.astype(np.uint8))
    return ChangeMap(
        image(first),
        image(second),
        image(change),
        image(change / 20),
        image(np.ones_like(first)),
        mask,
        mask,
        20.0,
        (),
        1.0,
        (),
    )
