"""A lesion that a reader has marked: what it measures on a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.spatial import ConvexHull, QhullError
from TableRemovalLib.errors import InputError

from ..scan.geometry import voxel_matrix
from ..scan.label_checks import same_grid


@dataclass(frozen=True)
class LesionMeasures:
    """What a lesion measures on one scan.

    Attributes
    ----------
    volume_ml
        Of all its voxels.
    longest_mm
        Longest diameter in a slice, from voxel edge to voxel edge.
    perpendicular_mm
        Largest diameter at a right angle to it in the same slice.
    mean_hu, deviation_hu
        Mean and standard deviation of its voxels.
    position
        Its centre, LPS mm.
    ends
        Both ends of the longest diameter, LPS mm.
    """

    volume_ml: float
    longest_mm: float
    perpendicular_mm: float
    mean_hu: float
    deviation_hu: float
    position: tuple[float, float, float]
    ends: tuple[tuple[float, float, float], tuple[float, float, float]]


def measure_lesion(image: sitk.Image, mask: sitk.Image) -> LesionMeasures:
    """Measure a lesion on a scan.

    Parameters
    ----------
    image
        CT, HU, any grid.
    mask
        On its grid, not 0 in the lesion.

    Returns
    -------
    LesionMeasures
        The diameters in the slice (of the scan) in which the longest one is largest.

    Raises
    ------
    InputError
        If the mask is empty or on another grid.
    """
    if not same_grid(image, mask):
        raise InputError("The lesion is on another grid than its scan: mark it on the scan that is to be measured.")
    voxels = np.argwhere(sitk.GetArrayViewFromImage(mask) != 0)
    if not len(voxels):
        raise InputError("The lesion is empty: mark at least one voxel.")
    to_world = voxel_matrix(mask)
    values = sitk.GetArrayViewFromImage(image)[tuple(voxels.T)].astype(np.float64)
    longest, perpendicular, ends = max(
        (diameters(voxels[voxels[:, 0] == k], to_world) for k in np.unique(voxels[:, 0])), key=lambda found: found[0]
    )
    centre = to_world[:3] @ [*voxels.mean(axis=0)[::-1], 1.0]
    volume = len(voxels) * float(np.prod(mask.GetSpacing())) / 1000
    first, second = (tuple(end.tolist()) for end in ends)
    return LesionMeasures(
        volume,
        longest,
        perpendicular,
        float(values.mean()),
        float(values.std()),
        tuple(centre.tolist()),
        (first, second),
    )


def diameters(voxels: np.ndarray, to_world: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Find the longest diameter of some voxels of one slice, and the one across it.

    Parameters
    ----------
    voxels
        [n, 3], (k, j, i), all of one k.
    to_world
        (4, 4), voxels (i, j, k, 1) to LPS mm.

    Returns
    -------
    longest, perpendicular
        mm, from voxel edge to voxel edge.
    ends
        [2, 3], LPS mm: of the longest one.
    """
    j, i = voxels[:, 1].astype(float), voxels[:, 2].astype(float)
    corners = [(i + di, j + dj) for di in (-0.5, 0.5) for dj in (-0.5, 0.5)]
    flat = np.unique(np.concatenate([np.stack(corner, axis=1) for corner in corners]), axis=0)
    try:
        flat = flat[ConvexHull(flat).vertices]
    except QhullError:
        pass
    points = np.column_stack([flat, np.full(len(flat), float(voxels[0, 0])), np.ones(len(flat))]) @ to_world[:3].T
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    first, second = np.unravel_index(np.argmax(distances), distances.shape)
    along = (points[second] - points[first]) / distances[first, second]
    across = np.cross(to_world[:3, 2] / np.linalg.norm(to_world[:3, 2]), along)
    return float(distances[first, second]), float(np.ptp(points @ across)), points[[first, second]]
