"""A mark that a reader has made on one scan, carried to the other: a proposal, which the reader confirms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..field.box_warp import sample
from ..scan.label_checks import check_label_volume

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Proposal:
    """Where a mark comes on the other scan.

    Attributes
    ----------
    points
        Of a mark of points: where they come, LPS mm. A line keeps its length and direction: it is moved, not stretched.
    mask
        Of a mark that is a mask: on the other scan's grid, uint8, of the same shape and size. None for points.
    centre
        Middle of the proposal, LPS mm.
    inside
        Whether all of it lies in the other scan.
    """

    points: tuple[Point, ...]
    mask: sitk.Image | None
    centre: Point
    inside: bool


def carry_points(points: tuple[Point, ...], transform: sitk.Transform, other: sitk.Image) -> Proposal:
    """Carry a point, or the points of a line, to the other scan as one rigid piece.

    Parameters
    ----------
    points
        LPS mm, on the scan that the mark was made on.
    transform
        Points of that scan to points of the other one, LPS mm: of a mark on the follow-up, the inverse of the
        registration's (field.inverse).
    other
        The other scan, of which only the geometry counts.

    Returns
    -------
    Proposal
        The points, moved by what moves their middle.

    Raises
    ------
    InputError
        If there is no point.
    """
    if not points:
        raise InputError("The mark has no point: place at least one.")
    given = np.array(points, float)
    middle = given.mean(axis=0)
    shift = np.array(transform.TransformPoint(middle.tolist())) - middle
    moved = given + shift
    return Proposal(
        tuple(tuple(point) for point in moved.tolist()),
        None,
        tuple((middle + shift).tolist()),
        _inside(moved, other),
    )


def carry_mask(mask: sitk.Image, transform: sitk.Transform, other: sitk.Image) -> Proposal:
    """Carry a segmented lesion to the other scan as one rigid piece: it is moved, never deformed to fit.

    Parameters
    ----------
    mask
        On the scan that it was marked on, not 0 in the lesion.
    transform
        As in carry_points.
    other
        The other scan, of which only the geometry counts.

    Returns
    -------
    Proposal
        With a mask on the other scan's grid.

    Raises
    ------
    InputError
        If the mask is empty or no label volume, or no voxel of the other scan lies in it there.
    """
    check_label_volume(mask, "The marked voxels")
    voxels = np.argwhere(sitk.GetArrayViewFromImage(mask) != 0)[:, ::-1]
    if not len(voxels):
        raise InputError("The lesion is empty: mark at least one voxel.")
    middle = np.array(mask.TransformContinuousIndexToPhysicalPoint(voxels.mean(axis=0).tolist()))
    shift = np.array(transform.TransformPoint(middle.tolist())) - middle
    back = sitk.TranslationTransform(3, (-shift).tolist())
    moved = sample(sitk.Cast(mask != 0, sitk.sitkUInt8), other, back, labels=True).astype(np.uint8)
    image = sitk.GetImageFromArray(moved)
    image.CopyInformation(other)
    ends = np.array([voxels.min(axis=0), voxels.max(axis=0)])
    corners = [
        mask.TransformIndexToPhysicalPoint([int(ends[n][a]) for a, n in enumerate((x, y, z))])
        for x in (0, 1)
        for y in (0, 1)
        for z in (0, 1)
    ]
    inside = _inside(np.array(corners) + shift, other)
    if inside and not moved.any():
        raise InputError("The mark is smaller than a voxel of the other scan: mark it by a line or a point instead.")
    return Proposal((), image, tuple((middle + shift).tolist()), inside)


def _inside(points: np.ndarray, image: sitk.Image) -> bool:
    """Whether all points [n, 3], LPS mm, lie in an image."""
    indices = np.array([image.TransformPhysicalPointToContinuousIndex(point) for point in points.tolist()])
    return bool(np.all(indices >= -0.5) and np.all(indices <= np.array(image.GetSize()) - 0.5))
