"""Where a change may be none of the patient's: contrast medium in blood, kidneys and bowel, bowel that has moved."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import label

from .masks import Spacing, grown, near

PHASE, BLOOD, BOWEL, AIR = 1, 2, 3, 4
CAUTIONS = {0: "", PHASE: "contrast phase", BLOOD: "contrast medium", BOWEL: "bowel", AIR: "lung or gas"}
"""What a voxel of the map of cautions means."""
ENHANCED_HU, ORAL_HU, GAS_HU = 130.0, 250.0, -930.0
SOFT_HU, OTHER_PHASE_HU = (-40.0, 300.0), 15.0
LIGHT_HU, INSIDE_HU = -300.0, -800.0
NEAR_GAS_MM, NEAR_ORAL_MM, NEAR_AIR_MM, LEAST_VOXELS = 20.0, 6.0, 5.0, 5


def cautions_of(
    baseline: np.ndarray, followup: np.ndarray, bone: np.ndarray, body: np.ndarray, spacing: Spacing
) -> np.ndarray:
    """Mark where contrast medium, bowel or breath may be what has changed.

    Outside bone, what is enhanced in both scans is blood, kidney or bowel; where the scans are of two phases, all that
    has the HU of soft tissue, enhanced or not, may differ by that alone. Near gas that is no lung, and near what was as
    dense as oral contrast medium at the baseline, there is bowel; near air of either scan breath moves the border.

    Parameters
    ----------
    baseline, followup
        [k, j, i], HU, smoothed; before contrast is taken out.
    bone, body
        [k, j, i], bool.
    spacing
        Along k, j, i, mm.

    Returns
    -------
    numpy.ndarray
        [k, j, i], uint8, see CAUTIONS; 0 in bone.
    """
    near_bone = grown(bone, 2)
    caution = np.zeros(body.shape, np.uint8)
    least, most = np.minimum(baseline, followup), np.maximum(baseline, followup)
    change = np.abs(followup - baseline)[body & ~near_bone & (least > 0) & (most < SOFT_HU[1])]
    if change.size and np.median(change) > OTHER_PHASE_HU:
        caution[(least > SOFT_HU[0]) & (most < SOFT_HU[1])] = PHASE
    caution[least > ENHANCED_HU] = BLOOD
    caution[near((least < LIGHT_HU) & body, NEAR_AIR_MM, spacing)] = AIR
    oral = (baseline > ORAL_HU) & ~near_bone & body
    gas = _gas(baseline, body) | _gas(followup, body)
    caution[near(oral, NEAR_ORAL_MM, spacing) | near(gas, NEAR_GAS_MM, spacing)] = BOWEL
    caution[bone | ~body] = 0
    return caution


def _gas(hu: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Connected parts of air in the body that are as light inside as gas, not as lung."""
    numbers, count = label((hu < INSIDE_HU) & body)
    inside = numbers > 0
    sizes = np.bincount(numbers[inside], minlength=count + 1)
    means = np.bincount(numbers[inside], hu[inside], count + 1) / np.maximum(sizes, 1)
    gas = (means < GAS_HU) & (sizes >= LEAST_VOXELS)
    gas[0] = False
    return gas[numbers]
