"""The inverse of a registration's transform, and images and points through either direction.

T(x) = A(x + u(x)) takes fixed points to moving points. Its inverse has the same form with the parts A^-1 and
w(y) = A x - y, where x is the fixed point that T takes to y: all that is done with T can be done with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..scan.geometry import affine_from_matrix, voxel_matrix
from ..system.parallel import over_slices
from .box_warp import parts_of
from .kernels import invert_slices
from .transforms import component_first
from .warp import air_of, warp_through

MOST_STEPS, EXACT_MM = 60, 1e-4
LEAST_AIR_HU = -200


def inverse_of(transform: sitk.Transform) -> sitk.CompositeTransform:
    """Invert a transform that is linear, or an affine after a displacement field that fades to zero.

    The inverse's field is solved at the nodes of a grid in the moving scan's space, as fine as the transform's own;
    between them it is linear.

    Parameters
    ----------
    transform
        Fixed to moving points, LPS mm, such as transforms.compose makes.

    Returns
    -------
    SimpleITK.CompositeTransform
        Moving to fixed points, LPS mm: an affine after a displacement field, or an affine alone.

    Raises
    ------
    InputError
        Where the transform is of another kind, or its affine part flattens space.
    """
    parts = parts_of(transform)
    if parts is None:
        raise InputError("This transform cannot be inverted: give transform.h5 of `longct register`.")
    if abs(np.linalg.det(parts.matrix)) < 1e-9:
        raise InputError("This transform cannot be inverted: its affine part flattens space.")
    back = affine_from_matrix(np.linalg.inv(parts.matrix))
    if parts.field is None:
        return sitk.CompositeTransform([back])
    return sitk.CompositeTransform([back, sitk.DisplacementFieldTransform(_inverse_field(parts.field, parts.matrix))])


def _inverse_field(field: sitk.Image, affine: np.ndarray) -> sitk.Image:
    """Solve w(y) = A x - y with A(x + u(x)) = y on a grid that holds all that A makes of the field's grid."""
    to_world = voxel_matrix(field)
    ends = product(*((0.0, size - 1.0) for size in field.GetSize()))
    corners = np.array([[*end, 1.0] for end in ends]) @ (affine @ to_world).T
    low, high = corners.min(axis=0)[:3], corners.max(axis=0)[:3]
    spacing = min(field.GetSpacing())
    size = np.ceil((high - low) / spacing).astype(int) + 3
    own = np.diag([spacing, spacing, spacing, 1.0])
    own[:3, 3] = low - spacing
    to_field = np.linalg.inv(affine @ to_world)
    displacement = component_first(field)
    in_voxels = np.tensordot(np.linalg.inv(to_world[:3, :3]), displacement, axes=1).astype(np.float32)
    solved = np.zeros((3, *size[::-1]), np.float32)
    exact = EXACT_MM / spacing
    over_slices(invert_slices, in_voxels, (to_field @ own)[:3], exact, MOST_STEPS, solved, slices=int(size[2]))
    in_mm = np.tensordot(-(affine @ to_world)[:3, :3], solved, axes=1)
    inverse = sitk.GetImageFromArray(np.moveaxis(in_mm, 0, -1).astype(np.float64), isVector=True)
    inverse.SetSpacing([spacing] * 3)
    inverse.SetOrigin(own[:3, 3].tolist())
    return inverse


def inverse_points(transform: sitk.Transform, points: np.ndarray) -> np.ndarray:
    """Find the points that a transform takes to these, each exactly to 0.0001 mm where the transform does not fold.

    Parameters
    ----------
    transform
        Fixed to moving points, LPS mm, any that moves near points about alike.
    points
        [n, 3], moving points, LPS mm.

    Returns
    -------
    numpy.ndarray
        [n, 3], fixed points, LPS mm.
    """
    found = np.array(points, float)
    for number, wanted in enumerate(np.array(points, float)):
        found[number] = _solved(transform, wanted)
    return found


def _solved(transform: sitk.Transform, wanted: np.ndarray) -> np.ndarray:
    """Go by what is left, through the inverse of the slope there, in steps that are halved where it grows."""
    place, step = wanted.copy(), 1.0
    left = wanted - np.array(transform.TransformPoint(place.tolist()))
    for _step in range(MOST_STEPS):
        if np.linalg.norm(left) < EXACT_MM:
            break
        further = place + step * np.linalg.solve(_slope(transform, place), left)
        left_there = wanted - np.array(transform.TransformPoint(further.tolist()))
        if np.linalg.norm(left_there) < np.linalg.norm(left):
            place, left, step = further, left_there, 1.0
        else:
            step /= 2
    return place


def _slope(transform: sitk.Transform, place: np.ndarray) -> np.ndarray:
    ends = [[transform.TransformPoint((place + sign * unit).tolist()) for sign in (0.5, -0.5)] for unit in np.eye(3)]
    return np.array([np.subtract(*pair) for pair in ends]).T


@dataclass(frozen=True)
class InverseConsistency:
    """How far points end from where they began, through a transform and back through its inverse: mean and largest
    distance, mm."""

    mean_mm: float
    largest_mm: float


def inverse_consistency(transform: sitk.Transform, points: np.ndarray) -> InverseConsistency | None:
    """Measure what inverse_of loses: where a transform folds there is no inverse, and points do not come back.

    Parameters
    ----------
    transform
        As for inverse_of.
    points
        [n, 3], n > 0, fixed points, LPS mm.

    Returns
    -------
    InverseConsistency or None
        None where the transform cannot be inverted.
    """
    try:
        back = inverse_of(transform)
    except InputError:
        return None
    returned = [back.TransformPoint(transform.TransformPoint(point)) for point in points.tolist()]
    apart = np.linalg.norm(np.array(returned) - points, axis=1)
    return InverseConsistency(float(apart.mean()), float(apart.max()))


def resampled(
    image: sitk.Image, reference: sitk.Image, transform: sitk.Transform, *, labels: bool = False
) -> sitk.Image:
    """Bring an image onto a reference grid.

    Parameters
    ----------
    image
        Scan or labels, any type.
    reference
        Image with the grid that is wanted.
    transform
        Reference points to image points, LPS mm.
    labels
        Nearest neighbour, and 0 where the image has no data; else linear, and air there: -1024 in CT, the smallest
        value in an image without values below -200.

    Returns
    -------
    SimpleITK.Image
        On the reference's grid, of the image's type.
    """
    outside = 0.0 if labels else _air(image)
    parts = parts_of(transform)
    if parts is None:
        how = sitk.sitkNearestNeighbor if labels else sitk.sitkLinear
        return sitk.Resample(image, reference, transform, how, outside, image.GetPixelID())
    return warp_through(image, reference, parts, labels, outside)


def _air(image: sitk.Image) -> float:
    least = float(sitk.GetArrayViewFromImage(image).min())
    return least if least > LEAST_AIR_HU else air_of(image)
