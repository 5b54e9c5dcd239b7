"""What contrast phase, kernel and tube voltage change between two scans: an offset per tissue, in bone a gain too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FAT, SOFT, BONE = "fat", "soft tissue", "bone"
BOUNDS_HU = {FAT: (-150.0, -40.0), SOFT: (-10.0, 180.0)}
LEAST_VOXELS = 500
BIN_HU, LOW_HU, HIGH_HU = 50.0, 50.0, 1000.0
MOST_GAIN, ROUNDS, SPREAD = 0.25, 10, 1.5


@dataclass(frozen=True)
class Correction:
    """Contrast phase and kernel of one tissue, taken out of the change.

    Attributes
    ----------
    tissue
        "fat", "soft tissue" or "bone".
    centre_hu
        Mean of both scans at which the offset holds, HU.
    offset_hu
        What the follow-up is denser there, HU.
    slope
        What it is denser for each HU above that; 0 but in bone.
    """

    tissue: str
    centre_hu: float
    offset_hu: float
    slope: float = 0.0


def corrections_of(
    mean: np.ndarray, change: np.ndarray, flat: np.ndarray, bone: np.ndarray, enclosed: np.ndarray
) -> tuple[Correction, ...]:
    """Find what contrast phase and kernel have changed, such that changes of a minority of a tissue do not count.

    Parameters
    ----------
    mean, change
        Mean of both scans, and follow-up minus baseline, [k, j, i], HU.
    flat
        Bool: no edges.
    bone
        Bool.
    enclosed
        Bool: body that is no bone.

    Returns
    -------
    tuple of Correction
        Of the tissues that are there.
    """
    found = []
    for tissue, (low, high) in BOUNDS_HU.items():
        inside = enclosed & flat & (mean > low) & (mean < high)
        if np.count_nonzero(inside) >= LEAST_VOXELS:
            centre, offset = np.median(mean[inside]), np.median(change[inside])
            found.append(Correction(tissue, float(centre), float(offset)))
    if np.count_nonzero(bone) >= LEAST_VOXELS:
        found.append(_bone_line(mean[bone], change[bone]))
    return tuple(found)


def _bone_line(mean: np.ndarray, change: np.ndarray) -> Correction:
    """A robust line through the medians of the change in bins of density; large lesions are outliers among them."""
    bins = ((mean - LOW_HU) / BIN_HU).astype(int)
    points = []
    for number in range(int((HIGH_HU - LOW_HU) / BIN_HU)):
        values = change[(bins == number) & (mean >= LOW_HU)]
        if len(values) >= max(LEAST_VOXELS // 5, len(change) // 100):
            points.append((LOW_HU + (number + 0.5) * BIN_HU, float(np.median(values)), len(values)))
    centre = float(np.median(mean))
    if len(points) < 3:
        return Correction(BONE, centre, float(np.median(change)))
    hu, offsets, counts = np.array(points).T
    weights = np.sqrt(counts)
    line = np.zeros(2)
    for _ in range(ROUNDS):
        line = np.polyfit(hu - centre, offsets, 1, w=np.sqrt(weights))
        left = np.abs(offsets - np.polyval(line, hu - centre))
        scale = max(SPREAD * float(np.median(left)), 1.0)
        weights = np.sqrt(counts) / np.maximum(left / scale, 1.0)
    return Correction(BONE, centre, float(line[1]), float(np.clip(line[0], -MOST_GAIN, MOST_GAIN)))


def expected_change(corrections: tuple[Correction, ...], mean: np.ndarray, bone: np.ndarray) -> np.ndarray:
    """What contrast phase and kernel alone change.

    Parameters
    ----------
    corrections
        As from corrections_of.
    mean
        Mean of both scans, [k, j, i], HU.
    bone
        Bool: where the bone's holds; elsewhere the offsets of fat and soft tissue, linear between.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32, HU; 0 in what is lighter than fat.
    """
    soft = [each for each in corrections if each.tissue != BONE]
    expected = np.zeros(mean.shape, np.float32)
    if soft:
        knots = [-400.0, *(each.centre_hu for each in soft)]
        expected = np.interp(mean, knots, [0.0, *(each.offset_hu for each in soft)]).astype(np.float32)
    for each in corrections:
        if each.tissue == BONE:
            expected[bone] = each.offset_hu + each.slope * (np.clip(mean[bone], LOW_HU, HIGH_HU) - each.centre_hu)
    return expected
