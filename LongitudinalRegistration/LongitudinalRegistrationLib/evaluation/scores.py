"""How well a registration fits: similarity of the whole scans, and overlap of every label (paper, section 3.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import find_objects

from ..field.box_warp import Box, Parts, box_around, box_of_image, parts_of, sample, whole
from ..scan.geometry import bounds_of, linear_matrix
from ..scan.grid import AIR_HU, covering_grid, resample
from ..scan.kernels import nearest_slices
from ..scan.label_numbers import MOST_COUNTED, label_values, numbered
from ..scan.labels import names_of_labels, segment_names
from ..scan.normalise import normalise
from ..scan.pyramid import FINEST_MM, ScanPyramid, index_matrix
from ..system.parallel import over_slices, together
from .label_volumes import registered_volume_ml
from .metrics import (
    SSIM_WINDOW,
    Shape,
    bone_overlap,
    centroid_distance_mm,
    covariance,
    dice,
    global_ncc,
    hausdorff95_mm,
    moments,
    ssim_map,
)

UNSEEN_HU = -1e6
SLAB = 24
"""Slices whose local moments are made at a time."""
COARSE_MM = 8.0
BOTH, BASELINE_ONLY, FOLLOW_UP_ONLY = "both", "baseline only", "follow-up only"


@dataclass(frozen=True)
class Agreement:
    """How well two scans agree over the fixed body where the moving scan has data; 0 where it has none.

    Attributes
    ----------
    ncc
        Correlation of the windowed scans (-200 to 400 HU), in [-1, 1].
    local_ncc
        Correlation of the scans freed of local mean and contrast, in [-1, 1].
    """

    ncc: float
    local_ncc: float


@dataclass(frozen=True)
class Scores:
    """Similarity within the fixed body.

    Attributes
    ----------
    ssim
        Structural similarity, mean over local windows, in [-1, 1].
    ncc
        Global correlation coefficient, in [-1, 1].
    bone
        Overlap (Dice) of what is denser than 180 HU, in [0, 1]; NaN without any.
    """

    ssim: float
    ncc: float
    bone: float


class Scorer:
    """Similarity within the fixed body, where both scans have data, on 2 mm voxels.

    Parameters
    ----------
    fixed, moving
        The scans, prepared.
    """

    def __init__(self, fixed: ScanPyramid, moving: ScanPyramid):
        self._moving = moving
        level = fixed.levels[FINEST_MM]
        self._reference, self._ceiling = level.grid.reference(), fixed.ceiling
        self._box = box_around(level.body, SSIM_WINDOW // 2 + 1)
        self._fixed_hu = self._sampled(fixed, None)
        self._seen = self._fixed_hu > UNSEEN_HU
        self._body = (level.body[self._box.slices] > 0) & self._seen
        self._fixed_hu[~self._seen] = AIR_HU
        self._fixed = moments(normalise(self._fixed_hu, self._ceiling), SSIM_WINDOW)

    def scores(self, transform: sitk.Transform | None) -> Scores:
        """Scores under a transform from fixed to moving points (LPS, mm); None: as the scans came."""
        hu = self._sampled(self._moving, transform)
        mask = self._body & (hu > UNSEEN_HU)
        if not mask.any():
            return Scores(ssim=0.0, ncc=0.0, bone=0.0)
        hu[(hu == UNSEEN_HU) | ~self._seen] = AIR_HU
        bone, warped = bone_overlap(self._fixed_hu[mask], hu[mask]), normalise(hu, self._ceiling)
        del hu
        slabs = [(first, min(first + SLAB, len(mask))) for first in range(0, len(mask), SLAB)]
        ssim = sum(together([partial(self._ssim_sum, warped, mask, *slab) for slab in slabs])) / np.count_nonzero(mask)
        return Scores(
            ssim=float(ssim),
            ncc=global_ncc(self._fixed.image[mask], warped[mask]),
            bone=bone,
        )

    def _sampled(self, scan: ScanPyramid, transform: sitk.Transform | None) -> np.ndarray:
        """A scan without table on the box's voxels, HU, float32; UNSEEN_HU where it has no data."""
        mask = scan.mask if scan.table_removal else None
        return sample(scan.image, self._reference, transform, self._box, outside=UNSEEN_HU, mask=mask)

    def _ssim_sum(self, warped: np.ndarray, mask: np.ndarray, first: int, stop: int) -> float:
        """The sum of local SSIM over the mask in slices first..stop-1: no more moments are held at a time."""
        low, high = max(first - SSIM_WINDOW // 2, 0), min(stop + SSIM_WINDOW // 2, len(mask))
        fixed, other = self._fixed.at(np.s_[low:high]), moments(warped[low:high], SSIM_WINDOW)
        chosen = mask[low:high].copy()
        chosen[: first - low] = chosen[stop - low :] = False
        common = covariance(fixed, other, SSIM_WINDOW)[chosen]
        return float(ssim_map(fixed.at(chosen), other.at(chosen), common).sum(dtype=np.float64))


def common_body_percent(fixed: ScanPyramid, moving: ScanPyramid, affine: sitk.Transform) -> float:
    """The part of the bodies that both scans show, in percent of the smaller one, after the affine step, 8 mm voxels.

    Parameters
    ----------
    affine
        Fixed to moving points, LPS mm.
    """
    own, other = fixed.levels[COARSE_MM], moving.levels[COARSE_MM]
    moved = np.empty(own.body.shape, np.uint8)
    matrix = index_matrix(own.grid, other.grid, affine)
    over_slices(nearest_slices, other.body, matrix, 0.5, moved, slices=own.body.shape[0])
    scale = abs(np.linalg.det(linear_matrix(affine)[:3, :3]))
    smaller = min(np.count_nonzero(own.body), np.count_nonzero(other.body) / max(scale, 1e-9))
    both = np.count_nonzero((own.body > 0) & (moved > 0))
    return min(100.0 * both / smaller, 100.0) if smaller else 0.0


def body_on(fixed: ScanPyramid, field: sitk.Image) -> np.ndarray:
    """Resample the fixed body to the voxels of a field.

    Parameters
    ----------
    fixed
        Of which the finest level is taken.
    field
        Vector image.

    Returns
    -------
    numpy.ndarray
        [k, j, i], uint8, 0 or 1.
    """
    level = fixed.levels[FINEST_MM]
    return sitk.GetArrayFromImage(resample(level.grid.image(level.body), field, labels=True))


def largest_component_mm(field: sitk.Image, body: np.ndarray) -> float:
    """Find the largest displacement component of a field in a body.

    Parameters
    ----------
    field
        Vector image, mm.
    body
        [k, j, i], on the field's voxels; more than 0 in the body.

    Returns
    -------
    float
        mm; 0 where the body is empty.
    """
    values = np.abs(sitk.GetArrayViewFromImage(field)[body > 0])
    return float(values.max()) if values.size else 0.0


@dataclass(frozen=True)
class LabelScore:
    """One label: in which scans it is, and how well it fits on the fixed grid at each step; NaN where a scan lacks it.

    Attributes
    ----------
    label, name
        Its number in the label volumes, and what it is called.
    in_fixed, in_moving
        Which scans have it.
    dsc
        Step to Dice similarity coefficient, in [0, 1].
    hd95_mm
        Step to 95 % Hausdorff distance between the surfaces; NaN also where the label leaves the fixed scan.
    centroid_mm
        Step to distance of the centroids; NaN as hd95_mm.
    volume_ml
        Volume of the follow-up's label: "before" as it came, of the other steps as registered_volume_ml measures it.
    dsc_2mm
        As dsc, with both scans' labels brought to voxels of 2 mm first, as the paper's experiments compare them.
    lies_on
        Step to the follow-up's label that overlaps this label of the baseline most, and their DSC; no entry where none
        does.
    """

    label: int
    name: str
    in_fixed: bool
    in_moving: bool
    dsc: dict[str, float]
    hd95_mm: dict[str, float]
    centroid_mm: dict[str, float]
    volume_ml: dict[str, float]
    dsc_2mm: dict[str, float]
    lies_on: dict[str, tuple[int, float]]

    @property
    def status(self) -> str:
        """Which scans have the label: "both", "baseline only" or "follow-up only"."""
        if self.in_fixed and self.in_moving:
            return BOTH
        return BASELINE_ONLY if self.in_fixed else FOLLOW_UP_ONLY


def _boxes(labels: np.ndarray) -> dict[int, tuple[slice, slice, slice]]:
    """The box of every label of an array [k, j, i].

    Raises
    ------
    ValueError
        If a label is negative.
    """
    if labels.size == 0:
        return {}
    if labels.min() < 0:
        raise ValueError("labels must not be negative")
    return {value: box for value, box in enumerate(find_objects(labels), start=1) if box is not None}


def _shapes(labels: np.ndarray, start: tuple[int, int, int], spacing: np.ndarray) -> dict[int, Shape]:
    """Every label of an array that begins at voxel `start` of the grid."""
    return {
        value: Shape(labels[box] == value, np.array(start) + [side.start for side in box], spacing)
        for value, box in _boxes(labels).items()
    }


@dataclass(frozen=True)
class _Labels:
    """The part of a label volume that has labels, their values, the box it was, and each value's volume, ml."""

    image: sitk.Image
    values: frozenset[int]
    box: Box
    volumes_ml: dict[int, float]


def _cropped(labels: sitk.Image) -> _Labels:
    boxes = _boxes(sitk.GetArrayViewFromImage(labels))
    if not boxes:
        return _Labels(labels, frozenset(), Box((0, 0, 0), (0, 0, 0)), {})
    k0, j0, i0 = (min(box[axis].start for box in boxes.values()) for axis in range(3))
    k1, j1, i1 = (max(box[axis].stop for box in boxes.values()) for axis in range(3))
    part = sitk.Cast(labels[i0:i1, j0:j1, k0:k1], sitk.sitkInt32)
    counts = np.bincount(sitk.GetArrayViewFromImage(part).ravel())
    volumes = {value: float(counts[value] * np.prod(labels.GetSpacing()) / 1000) for value in boxes}
    return _Labels(part, frozenset(boxes), Box((k0, j0, i0), (k1, j1, i1)), volumes)


def _warped(
    moving: _Labels, reference: sitk.Image, transform: sitk.Transform | None, spacing: np.ndarray
) -> dict[int, Shape]:
    parts: Parts | None = parts_of(transform)
    box = box_of_image(parts, moving.image, whole(moving.image), reference) if parts else whole(reference)
    return _shapes(sample(moving.image, reference, transform, box, labels=True), box.start, spacing)


def _with_small_numbers(*volumes: sitk.Image) -> tuple[list[sitk.Image], list[int] | None]:
    """The volumes with the places of values in a list, from 1 on, in place of values that are too large to be counted.

    Returns
    -------
    volumes, values
        Values are None where the volumes were left as they are.
    """
    arrays = [sitk.GetArrayViewFromImage(volume) for volume in volumes]
    if any(array.size and array.min() < 0 for array in arrays):
        raise ValueError("labels must not be negative")
    if not any(array.size and array.max() > MOST_COUNTED for array in arrays):
        return list(volumes), None
    values = sorted({value for array in arrays for value in label_values(array)})
    smaller = []
    for volume, array in zip(volumes, arrays, strict=True):
        image = sitk.GetImageFromArray(numbered(array, values))
        image.CopyInformation(volume)
        smaller.append(image)
    return smaller, values


def _on_2mm(labels: sitk.Image) -> sitk.Image:
    """The labels of a volume on voxels of 2 mm along the LPS axes that cover all of it."""
    grid = covering_grid(bounds_of(labels), FINEST_MM, margin_mm=0.0)
    return grid.image(sample(_cropped(labels).image, grid.reference(), labels=True))


def _most_alike(shape: Shape, others: Mapping[int, Shape]) -> tuple[int, float] | None:
    """The label that overlaps a shape most, and their DSC; None where none does."""
    found = ((value, dice(shape, other)) for value, other in others.items())
    best = max(found, key=lambda pair: pair[1], default=(0, 0.0))
    return best if best[1] > 0 else None


def _centres(
    fixed: Mapping[int, Shape], fixed_labels: sitk.Image, moving: _Labels, values: list[int] | None
) -> dict[int, Sequence[float]]:
    """Where each label of either scan lies, LPS mm: those of the follow-up alone, on it."""
    of_moving = {}
    if moving.values - fixed.keys():
        spacing = np.array(moving.image.GetSpacing()[::-1])
        of_moving = _shapes(sitk.GetArrayViewFromImage(moving.image), (0, 0, 0), spacing)
    found = {}
    for shapes, image in ((of_moving, moving.image), (fixed, fixed_labels)):
        for number, shape in shapes.items():
            index = (shape.centre / shape.spacing)[::-1].tolist()
            value = values[number - 1] if values else number
            found[value] = image.TransformContinuousIndexToPhysicalPoint(index)
    return found


def score_labels(
    fixed_labels: sitk.Image | None,
    moving_labels: sitk.Image | None,
    steps: Mapping[str, sitk.Transform | None],
    names: Mapping[int, str] | None = None,
) -> tuple[LabelScore, ...]:
    """Score all labels of both scans; a label missing from one scan is listed, with NaN.

    Parameters
    ----------
    fixed_labels, moving_labels
        Label volumes; where either is None there is nothing to score.
    steps
        Name to transform (fixed points to moving points, LPS mm; None: the scans as they came).
    names
        What labels are called, where that is known; they come before a segmentation file's own.

    Returns
    -------
    tuple of LabelScore
        One for each label of either scan; empty without labels.

    Raises
    ------
    ValueError
        If a label is negative.
    """
    if fixed_labels is None or moving_labels is None:
        return ()
    names = {**segment_names(moving_labels), **segment_names(fixed_labels), **(names or {})}
    (fixed_labels, moving_labels), values = _with_small_numbers(fixed_labels, moving_labels)
    spacing = np.array(fixed_labels.GetSpacing()[::-1])
    fixed = _shapes(sitk.GetArrayViewFromImage(fixed_labels), (0, 0, 0), spacing)
    moving = _cropped(moving_labels)
    coarse, coarse_spacing = _on_2mm(fixed_labels), np.full(3, FINEST_MM)
    coarse_fixed = _shapes(sitk.GetArrayViewFromImage(coarse), (0, 0, 0), coarse_spacing)
    nothing = Shape(np.zeros((0, 0, 0), bool), np.zeros(3, int), spacing)
    scores = {}
    called = names_of_labels(_centres(fixed, fixed_labels, moving, values), names)
    for number in sorted(fixed.keys() | moving.values):
        value = values[number - 1] if values else number
        inside = number in fixed, number in moving.values
        scores[number] = LabelScore(value, called[value], *inside, {}, {}, {}, {}, {}, {})
    for step, transform in steps.items():
        warped = _warped(moving, fixed_labels, transform, spacing) if moving.values else {}
        coarse_warped = _warped(moving, coarse, transform, coarse_spacing) if moving.values else {}
        for number, score in scores.items():
            pair = fixed.get(number, nothing), warped.get(number, nothing)
            known = score.status == BOTH
            score.volume_ml[step] = own = moving.volumes_ml.get(number, float("nan"))
            if transform is not None and number in moving.values:
                volume = registered_volume_ml(pair[1], fixed_labels, moving.image, number, own, transform)
                score.volume_ml[step] = volume
            score.dsc[step] = dice(*pair) if known else float("nan")
            score.hd95_mm[step] = hausdorff95_mm(*pair) if known else float("nan")
            score.centroid_mm[step] = centroid_distance_mm(*pair) if known else float("nan")
            coarse_pair = coarse_fixed.get(number, nothing), coarse_warped.get(number, nothing)
            score.dsc_2mm[step] = dice(*coarse_pair) if known else float("nan")
            if (alike := _most_alike(pair[0], warped)) is not None:
                score.lies_on[step] = values[alike[0] - 1] if values else alike[0], alike[1]
    return tuple(scores.values())
