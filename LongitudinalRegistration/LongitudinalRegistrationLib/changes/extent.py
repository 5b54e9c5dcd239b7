"""How large a changed place is on one scan: what stands out there from what is around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_fill_holes, distance_transform_edt, gaussian_filter, label

from ..scan.geometry import voxel_matrix
from .lesions import diameters

MARGIN_MM, GAP_MM, REACH_MM, SIGMA_MM = 14.0, 3.0, 3.0, 1.0
LEAST_HU, LEAST_RING = 30.0, 20
LEAST_SHARE = 0.25
"""Of the contrast on the other scan: less is texture, not what is larger or smaller there."""
MOST_SLICES = 12


@dataclass(frozen=True)
class Place:
    """A changed place, cut out of the map.

    Attributes
    ----------
    start
        (3,), first voxel of the cut, (k, j, i).
    changed
        [k, j, i], bool, in the cut.
    region
        [k, j, i], bool: where changes were looked for.
    """

    start: np.ndarray
    changed: np.ndarray
    region: np.ndarray


def place_of(
    voxels: np.ndarray, region: np.ndarray, change: np.ndarray, least_hu: float, spacing: tuple[float, float, float]
) -> Place:
    """Cut a finding and what is around it out of the map; what has changed alike within 3 mm of it belongs to it.

    Parameters
    ----------
    voxels
        [n, 3], (k, j, i).
    region
        [k, j, i], uint8 or bool: where changes were looked for.
    change
        [k, j, i], HU.
    least_hu
        What a change alike is at least.
    spacing
        Along k, j, i, mm.

    Returns
    -------
    Place
        With a margin of 14 mm.
    """
    margin = np.ceil(MARGIN_MM / np.array(spacing)).astype(int)
    start = np.maximum(voxels.min(axis=0) - margin, 0)
    stop = np.minimum(voxels.max(axis=0) + margin + 1, region.shape)
    changed = np.zeros(stop - start, bool)
    changed[tuple((voxels - start).T)] = True
    cut = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    inside, sign = region[cut] > 0, np.sign(change[cut][changed].mean())
    alike = (distance_transform_edt(~changed, sampling=spacing) <= REACH_MM) & (sign * change[cut] >= least_hu)
    return Place(start, changed | (alike & inside), inside)


def longest_diameters(
    scans: tuple[np.ndarray, np.ndarray], place: Place, reference: sitk.Image, transform: sitk.Transform
) -> tuple[float, float]:
    """Measure what stands out from its surroundings at a changed place, on both scans.

    It differs from the median of the region around it by more than half, and less than twice, of what the twentieth of
    the place does that stands out most, on the side on which that of either scan stands out more, and is connected with
    it. The place's mean would not do: of a lesion that has grown the place is mostly what the baseline's lesion leaves
    free.

    Parameters
    ----------
    scans
        Baseline and follow-up, [k, j, i], whole, on the map's grid, HU.
    place
        As from place_of.
    reference
        Image with the map's grid.
    transform
        Baseline to follow-up points, LPS mm: the follow-up is measured where it was scanned.

    Returns
    -------
    tuple of float
        Longest diameter in a slice before and after, mm; 0 where nothing stands out, or less than a quarter of what
        does on the other scan.
    """
    spacing = np.array(reference.GetSpacing()[::-1])
    cut = tuple(slice(a, a + n) for a, n in zip(place.start, place.changed.shape, strict=True))
    core = np.stack([binary_fill_holes(each) for each in place.changed])
    away = distance_transform_edt(~core, sampling=spacing)
    ring = (away > GAP_MM) & (away <= MARGIN_MM) & place.region
    if np.count_nonzero(ring) < LEAST_RING:
        return 0.0, 0.0
    relative = [gaussian_filter(hu[cut], SIGMA_MM / spacing) for hu in scans]
    relative = [values - float(np.median(values[ring])) for values in relative]
    contrasts = _contrasts([values[core] for values in relative])
    least = max(LEAST_HU, LEAST_SHARE * max(map(abs, contrasts)))
    reached, to_world, found = (away <= REACH_MM) & place.region, voxel_matrix(reference), []
    for values, contrast, through in zip(relative, contrasts, (None, transform), strict=True):
        voxels = _standing_out(values / contrast, core, reached) if abs(contrast) >= least else np.empty((0, 3), int)
        found.append(_longest(voxels + place.start, to_world, through) if len(voxels) else 0.0)
    return found[0], found[1]


def _contrasts(scans: list[np.ndarray]) -> list[float]:
    """What the twentieth of each scan's values [n] begins at that is furthest from 0, all on the same side."""
    highest = [float(np.percentile(values, 95)) for values in scans]
    lowest = [float(np.percentile(values, 5)) for values in scans]
    return (
        [max(value, 0.0) for value in highest]
        if max(highest) >= -min(lowest)
        else [min(value, 0.0) for value in lowest]
    )


def _standing_out(ratio: np.ndarray, core: np.ndarray, reached: np.ndarray) -> np.ndarray:
    """Voxels [n, (k, j, i)] of half to twice the contrast that are connected with the core [k, j, i]."""
    numbers, _ = label((ratio > 0.5) & (ratio < 2.0) & reached)
    meets = np.unique(numbers[core])
    return np.argwhere(np.isin(numbers, meets[meets > 0]))


def _longest(voxels: np.ndarray, to_world: np.ndarray, transform: sitk.Transform | None) -> float:
    """Longest diameter in any slice of voxels [n, (k, j, i)], mm."""
    slices, counts = np.unique(voxels[:, 0], return_counts=True)
    slices = slices[np.argsort(-counts)[:MOST_SLICES]]
    length, ends = max(
        ((found[0], found[2]) for found in (diameters(voxels[voxels[:, 0] == k], to_world) for k in slices)),
        key=lambda pair: pair[0],
    )
    if transform is None:
        return length
    first, second = (np.array(transform.TransformPoint(end.tolist())) for end in ends)
    return float(np.linalg.norm(first - second))
