"""How well every label fits before and after a registration: DSC, Hausdorff distance, distance of the centroids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import find_objects

from ..field.box_warp import Box, Parts, box_of_image, parts_of, sample, whole
from ..scan.labels import label_name
from .surfaces import Shape, centroid_distance_mm, dice, hausdorff95_mm

BOTH, BASELINE_ONLY, FOLLOW_UP_ONLY = "both", "baseline only", "follow-up only"


@dataclass(frozen=True)
class LabelScore:
    """One label: in which scans it is, and how well it fits on the fixed grid at each step; NaN where a scan lacks it.

    dsc: in [0, 1]. hd95_mm: 95 % Hausdorff distance between the surfaces; centroid_mm: distance of the centroids; both
    in mm, and NaN also where the step moves the label out of the fixed scan.
    """

    label: int
    name: str
    in_fixed: bool
    in_moving: bool
    dsc: dict[str, float]
    hd95_mm: dict[str, float]
    centroid_mm: dict[str, float]

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
    """The part of a label volume that has labels, their values, and the box it was."""

    image: sitk.Image
    values: frozenset[int]
    box: Box


def _cropped(labels: sitk.Image) -> _Labels:
    boxes = _boxes(sitk.GetArrayViewFromImage(labels))
    if not boxes:
        return _Labels(labels, frozenset(), Box((0, 0, 0), (0, 0, 0)))
    start, stop = (
        [choose(ends) for ends in zip(*corners, strict=True)]
        for choose, corners in (
            (min, [[side.start for side in box] for box in boxes.values()]),
            (max, [[side.stop for side in box] for box in boxes.values()]),
        )
    )
    (k0, j0, i0), (k1, j1, i1) = start, stop
    part = sitk.Cast(labels[i0:i1, j0:j1, k0:k1], sitk.sitkInt32)
    return _Labels(part, frozenset(boxes), Box(tuple(start), tuple(stop)))


def _warped(moving: _Labels, reference: sitk.Image, transform: sitk.Transform | None, spacing) -> dict[int, Shape]:
    parts: Parts | None = parts_of(transform)
    box = box_of_image(parts, moving.image, whole(moving.image), reference) if parts else whole(reference)
    return _shapes(sample(moving.image, reference, transform, box, labels=True), box.start, spacing)


def score_labels(
    fixed_labels: sitk.Image | None,
    moving_labels: sitk.Image | None,
    steps: dict[str, sitk.Transform | None],
) -> tuple[LabelScore, ...]:
    """Score all labels of both scans; a label missing from one scan is listed, with NaN.

    Parameters
    ----------
    fixed_labels, moving_labels
        Label volumes; where either is None there is nothing to score.
    steps
        Name to transform (fixed points to moving points, LPS mm; None: the scans as they came).

    Raises
    ------
    ValueError
        If a label is negative.
    """
    if fixed_labels is None or moving_labels is None:
        return ()
    spacing = np.array(fixed_labels.GetSpacing()[::-1])
    fixed = _shapes(sitk.GetArrayViewFromImage(fixed_labels), (0, 0, 0), spacing)
    moving = _cropped(moving_labels)
    nothing = Shape(np.zeros((0, 0, 0), bool), np.zeros(3, int), spacing)
    scores = {
        value: LabelScore(value, label_name(value), value in fixed, value in moving.values, {}, {}, {})
        for value in sorted(fixed.keys() | moving.values)
    }
    for step, transform in steps.items():
        warped = _warped(moving, fixed_labels, transform, spacing) if moving.values else {}
        for value, score in scores.items():
            pair = fixed.get(value, nothing), warped.get(value, nothing)
            known = score.status == BOTH
            score.dsc[step] = dice(*pair) if known else float("nan")
            score.hd95_mm[step] = hausdorff95_mm(*pair) if known else float("nan")
            score.centroid_mm[step] = centroid_distance_mm(*pair) if known else float("nan")
    return tuple(scores.values())
