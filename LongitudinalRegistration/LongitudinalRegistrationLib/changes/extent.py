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


def place_of(voxels: np.ndarray, region: np.ndarray, spacing: tuple[float, float, float]) -> Place:
    """Cut a finding and what is around it out of the map.

    Parameters
    ----------
    voxels
        [n, 3], (k, j, i).
    region
        [k, j, i], uint8 or bool: where changes were looked for.
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
    return Place(start, changed, region[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] > 0)


def longest_diameter(
    hu: np.ndarray, place: Place, reference: sitk.Image, transform: sitk.Transform | None = None
) -> float:
    """Measure what stands out from its surroundings at a changed place.

    It is what is nearer to the place's mean than to the median of the region around it, or to twice as much, and
    connected with it.

    Parameters
    ----------
    hu
        [k, j, i], the whole scan on the map's grid, HU.
    place
        As from place_of.
    reference
        Image with the map's grid.
    transform
        Where the ends of the diameter come on the scan, LPS mm; None: where they are.

    Returns
    -------
    float
        Longest diameter in a slice, mm; 0 where nothing stands out.
    """
    spacing = np.array(reference.GetSpacing()[::-1])
    cut = tuple(slice(a, a + n) for a, n in zip(place.start, place.changed.shape, strict=True))
    values = gaussian_filter(hu[cut], SIGMA_MM / spacing)
    core = np.stack([binary_fill_holes(each) for each in place.changed])
    away = distance_transform_edt(~core, sampling=spacing)
    reached, ring = away <= REACH_MM, (away > GAP_MM) & (away <= MARGIN_MM) & place.region
    if np.count_nonzero(ring) < LEAST_RING:
        return 0.0
    around = float(np.median(values[ring]))
    contrast = float(np.mean(values[core])) - around
    if abs(contrast) < LEAST_HU:
        return 0.0
    ratio = (values - around) / contrast
    out = (ratio > 0.5) & (ratio < 2.0) & reached & place.region
    numbers, _ = label(out)
    meets = np.unique(numbers[core])
    voxels = np.argwhere(np.isin(numbers, meets[meets > 0]))
    if not len(voxels):
        return 0.0
    return _longest(voxels + place.start, voxel_matrix(reference), transform)


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
