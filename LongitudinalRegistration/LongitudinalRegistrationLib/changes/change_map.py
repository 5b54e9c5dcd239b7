"""What has changed from baseline to follow-up, in HU and in standard deviations, along the registration's transform."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter
from TableRemovalLib.errors import InputError

from ..field.box_warp import box_around, sample
from ..field.jacobian import volume_change
from ..scan.body import find_body
from ..system.parallel import together
from .bone import bone_of
from .caution import cautions_of
from .comparison import REACH, Compared, compared
from .contrast import Correction, corrections_of, expected_change
from .error import expected_variances, residual_on, slopes_of, steepness, unresolved
from .masks import grown
from .noise import local_noise
from .options import BONE, ChangeOptions
from .residual import shift_explained
from .significance import significance_of
from .trust import trust_of

FLAT_HU, MARGIN = 15.0, 6
SOFT_HU = (-10.0, 180.0)
NO_BONE = "No bone that both scans show was found: look for changes everywhere, or check that the scans are CT in HU."


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
    caution
        Where contrast medium or bowel may be what has changed, uint8: see caution.CAUTIONS.
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
    caution: sitk.Image
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
        How far off the transform is expected to be, mm, any grid over the fixed scan; it counts in bone, where it is
        more than the option's. None: the option's everywhere.
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
    ok, reason = options.isValid()
    if not ok:
        raise InputError(reason)
    fixed_body, moving_body = (
        body or find_body(scan).mask for scan, body in ((fixed, fixed_body), (moving, moving_body))
    )
    pair = compared(fixed, moving, transform, fixed_body, moving_body, options.spacing_mm)
    spacing = pair.reference.GetSpacing()[::-1]
    bone = _bone_of_both(pair, spacing, fixed_labels)
    if options.region == BONE and not bone.any():
        raise InputError(NO_BONE)
    region = bone if options.region == BONE else pair.body
    first, second = together(
        [partial(_smoothed, hu, spacing, options.smoothing_mm) for hu in (pair.baseline, pair.followup)]
    )
    mean, raw = (first + second) / 2, second - first
    coarser_mm = np.maximum(fixed.GetSpacing(), pair.followup_spacing_mm)
    around = grown(bone, 2)
    residual = residual_on(pair.reference, options.registration_error_mm, expected_error, around)
    variances = expected_variances(coarser_mm, residual)
    slopes = slopes_of(mean, spacing)
    steep = np.hypot(steepness(mean, slopes, variances, spacing), unresolved(first, second))
    flat = steep < FLAT_HU
    corrections = corrections_of(mean, raw, flat, bone, pair.body & ~around) if options.correct_contrast else ()
    explained = expected_change(corrections, mean, bone)
    explained += shift_explained(raw - explained, slopes, grown(region, 2) & pair.body, spacing)
    change = np.where(pair.body, raw - explained, 0).astype(np.float32)
    homogeneous = pair.body & ~around & flat & (mean > SOFT_HU[0]) & (mean < SOFT_HU[1])
    box = box_around(region, MARGIN).slices
    noise = local_noise(change[box], homogeneous[box], spacing)
    significance = np.zeros_like(change)
    seen = (first[box], second[box]), homogeneous[box], spacing, coarser_mm
    significance[box] = significance_of(change[box], *seen, residual if isinstance(residual, float) else residual[box])
    change[~region], significance[~region] = 0, 0
    trust, warnings = trust_of(fixed, pair, bone, corrections)

    def image(array: np.ndarray) -> sitk.Image:
        made = sitk.GetImageFromArray(array)
        made.CopyInformation(pair.reference)
        return made

    return ChangeMap(
        baseline_hu=image(pair.baseline),
        followup_hu=image(pair.followup - explained),
        change_hu=image(change),
        significance=image(significance),
        volume_change=image(volume_change(transform, pair.reference)),
        region=image(region.astype(np.uint8)),
        bone=image(bone.astype(np.uint8)),
        caution=image(cautions_of(first, second, bone, pair.body, spacing)),
        noise_hu=float(np.median(noise[region[box]])),
        corrections=corrections,
        trust=trust,
        warnings=warnings,
    )


def _smoothed(hu: np.ndarray, spacing: tuple[float, float, float], sigma_mm: float) -> np.ndarray:
    """Blur an array [k, j, i]; spacing along k, j, i and sigma in mm."""
    return gaussian_filter(hu, [sigma_mm / step for step in spacing], mode="nearest", truncate=REACH)


def _bone_of_both(pair: Compared, spacing: tuple[float, float, float], labels: sitk.Image | None) -> np.ndarray:
    """Bone that both scans show, and labelled vertebrae; [k, j, i], bool."""
    bone = bone_of(pair.baseline, pair.followup, pair.body, spacing)
    if labels is not None:
        bone |= (sample(labels, pair.reference, labels=True) > 0) & pair.body
    return bone
