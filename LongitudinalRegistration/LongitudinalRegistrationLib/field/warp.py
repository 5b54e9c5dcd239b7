"""The moving scan on the fixed scan's grid, at full resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..scan.geometry import linear_matrix, voxel_matrix
from ..scan.grid import AIR_HU
from ..scan.voxels import writable_view
from ..system.parallel import over_slices
from .kernels import NO_MASK, Mapping, Values, resample_slices
from .transforms import component_first, extend_smoothly

NO_FIELD = np.zeros((3, 2, 2, 2), np.float32), np.array([[0.0, 0.0, 0.0, -1.0]] * 3)


@dataclass(frozen=True)
class Voxels:
    """An array and where it lies: values [k, j, i], any type; to_world (4, 4), voxels (i, j, k, 1) to LPS mm; mask
    [k, j, i], uint8, 0 where linear values take air for what is there."""

    values: np.ndarray
    to_world: np.ndarray
    mask: np.ndarray | None = None


@dataclass(frozen=True)
class Parts:
    """T(x) = A(x + u(x)): matrix (4, 4) of A, LPS mm; field u, a vector image that is 0 on its edge, or None."""

    matrix: np.ndarray
    field: sitk.Image | None


def warp_image(
    moving: sitk.Image, reference: sitk.Image, affine: sitk.Transform, field: sitk.Image, labels: bool = False
) -> sitk.Image:
    """Resample the moving image onto a reference grid through T(x) = A(x + u(x)).

    The same as sitk.Resample through transforms.compose(affine, field), several times faster.

    Parameters
    ----------
    moving
        Scan or labels, any type.
    reference
        Image with the grid that is wanted.
    affine
        A: fixed points to moving points, LPS mm.
    field
        u: vector image, mm, LPS, any grid.
    labels
        Nearest neighbour instead of linear, and 0 instead of -1024 HU where the moving image has no data.

    Returns
    -------
    SimpleITK.Image
        On the reference's grid, of the moving image's type.
    """
    outside = 0.0 if labels else air_of(moving)
    return warp_through(moving, reference, Parts(linear_matrix(affine), extend_smoothly(field)), labels, outside)


def air_of(image: sitk.Image) -> float:
    """Say what stands for air where a scan has no data.

    Parameters
    ----------
    image
        The scan, any type.

    Returns
    -------
    float
        -1024 HU, or the least that an integer type holds.
    """
    values = sitk.GetArrayViewFromImage(image)
    return max(AIR_HU, float(np.iinfo(values.dtype).min)) if _is_integer(values) else AIR_HU


def warp_through(moving: sitk.Image, reference: sitk.Image, parts: Parts, labels: bool, outside: float) -> sitk.Image:
    """Resample the moving image onto a reference grid through T(x) = A(x + u(x)).

    Parameters
    ----------
    moving
        Scan or labels, any type.
    reference
        Image with the grid that is wanted.
    parts
        T: points of the reference to points of the moving image.
    labels
        Nearest neighbour instead of linear.
    outside
        The value where the moving image has no data.

    Returns
    -------
    SimpleITK.Image
        On the reference's grid, of the moving image's type.
    """
    values = sitk.GetArrayViewFromImage(moving)
    image = sitk.Image(reference.GetSize(), moving.GetPixelID())
    image.CopyInformation(reference)
    source = Voxels(values, voxel_matrix(moving))
    out = Voxels(writable_view(image), voxel_matrix(reference))
    resample_into(out, source, parts, labels=labels, outside=outside)
    return image


def resample_into(out: Voxels, image: Voxels, parts: Parts, *, labels: bool, outside: float) -> None:
    """Resample an image into an array through T(x) = A(x + u(x)), on all cores; integer types are rounded.

    Parameters
    ----------
    out
        Its values are written.
    image
        What is sampled.
    parts
        T: points of `out` to points of the image.
    labels
        Nearest neighbour instead of linear.
    outside
        The value where the image has no data.
    """
    to_image = np.linalg.inv(image.to_world) @ parts.matrix
    displacement, to_field = NO_FIELD
    if parts.field is not None:
        displacement = component_first(parts.field)
        to_field = (np.linalg.inv(voxel_matrix(parts.field)) @ out.to_world)[:3]
    mapping = Mapping((to_image @ out.to_world)[:3], np.ascontiguousarray(to_image[:3, :3]), displacement, to_field)
    mask = NO_MASK if image.mask is None else image.mask
    becomes = Values(labels, _is_integer(out.values), out.values.dtype.type(outside), mask)
    over_slices(resample_slices, image.values, mapping, becomes, out.values, slices=out.values.shape[0])


def _is_integer(array: np.ndarray) -> bool:
    """Say whether an array is of an integer type."""
    return array.dtype.kind in "iu"
