"""An image through a registration's transform, on a box of voxels: what scores and pictures are made from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.body_mask import apply_body_mask, numeric_view

from ..scan.geometry import linear_matrix, voxel_matrix
from ..scan.grid import AIR_HU
from .warp import Parts, Voxels, resample_into


@dataclass(frozen=True)
class Box:
    """Voxels start..stop-1 of a grid, [k, j, i]."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels a side, 0 where the box is empty."""
        (k, j, i), (last_k, last_j, last_i) = self.start, self.stop
        return max(last_k - k, 0), max(last_j - j, 0), max(last_i - i, 0)

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The box as an index of an array."""
        (k, j, i), (nk, nj, ni) = self.start, self.shape
        return slice(k, k + nk), slice(j, j + nj), slice(i, i + ni)


def whole(image: sitk.Image) -> Box:
    """Make the box of all voxels of an image.

    Parameters
    ----------
    image
        Of which only the size counts.

    Returns
    -------
    Box
        [k, j, i].
    """
    return Box((0, 0, 0), tuple(image.GetSize()[::-1]))


def box_around(mask: np.ndarray, margin: int) -> Box:
    """Make the box of a mask and a margin, within the array.

    Parameters
    ----------
    mask
        [k, j, i], not empty.
    margin
        Voxels.

    Returns
    -------
    Box
        [k, j, i].

    Examples
    --------
    >>> mask = np.zeros((9, 9, 9), bool)
    >>> mask[1, 4, 5:8] = True
    >>> box_around(mask, 2)
    Box(start=(0, 2, 3), stop=(4, 7, 9))
    """
    used = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    k0, j0, i0 = (max(int(each[0]) - margin, 0) for each in used)
    k1, j1, i1 = (min(int(each[-1]) + 1 + margin, n) for each, n in zip(used, mask.shape, strict=True))
    return Box((k0, j0, i0), (k1, j1, i1))


def parts_of(transform: sitk.Transform | None) -> Parts | None:
    """Take a transform apart into affine and field.

    Parameters
    ----------
    transform
        Such as transforms.compose makes, or None for the identity.

    Returns
    -------
    Parts or None
        None for a transform of another kind.
    """
    if transform is None:
        return Parts(np.eye(4), None)
    if transform.IsLinear():
        return Parts(linear_matrix(transform), None)
    try:
        affine, displacement = _two(sitk.CompositeTransform(transform))
        field = sitk.DisplacementFieldTransform(displacement).GetDisplacementField()
    except (RuntimeError, ValueError):
        return None
    if not affine.IsLinear() or not _fades(sitk.GetArrayViewFromImage(field)):
        return None
    return Parts(linear_matrix(affine), field)


def _two(composite: sitk.CompositeTransform) -> list[sitk.Transform]:
    """List the parts of a transform that has two, the last applied first; ValueError where it has not."""
    if composite.GetNumberOfTransforms() != 2:
        raise ValueError("not two transforms")
    return [composite.GetNthTransform(n) for n in range(2)]


def _fades(field: np.ndarray) -> bool:
    """Say whether a field [k, j, i, 3], mm, is 0 on its outermost voxels."""
    if min(field.shape[:3]) < 2:
        return False
    ends = (np.take(field, edge, axis=axis) for axis in range(3) for edge in (0, -1))
    return not any(end.any() for end in ends)


def box_of_image(parts: Parts, image: sitk.Image, used: Box, reference: sitk.Image) -> Box:
    """Find the box of a reference grid outside which T leads to no voxel of a box of the image.

    Parameters
    ----------
    parts
        T: reference points to image points.
    image
        The image.
    used
        Box of the image's voxels.
    reference
        Image with the reference grid.

    Returns
    -------
    Box
        Voxels of the reference grid, [k, j, i]; empty where they do not meet.
    """
    edges = [(a - 0.5, b - 0.5) for a, b in zip(used.start[::-1], used.stop[::-1], strict=True)]
    corners = np.array([[*corner, 1.0] for corner in product(*edges)])
    points = corners @ (np.linalg.inv(parts.matrix) @ voxel_matrix(image)).T
    low, high = points.min(axis=0)[:3], points.max(axis=0)[:3]
    if parts.field is not None:
        reach = np.abs(sitk.GetArrayViewFromImage(parts.field)).max(axis=(0, 1, 2))
        low, high = low - reach, high + reach
    corners = np.array([[*corner, 1.0] for corner in product(*zip(low, high, strict=True))])
    voxels = (corners @ np.linalg.inv(voxel_matrix(reference)).T)[:, 2::-1]
    size = np.array(reference.GetSize()[::-1])
    start = np.clip(np.floor(voxels.min(axis=0)), 0, size).astype(int)
    stop = np.clip(np.ceil(voxels.max(axis=0)) + 1, start, size).astype(int)
    return Box(tuple(start.tolist()), tuple(stop.tolist()))


def sample(
    image: sitk.Image,
    reference: sitk.Image,
    transform: sitk.Transform | None = None,
    box: Box | None = None,
    *,
    labels: bool = False,
    outside: float = AIR_HU,
    mask: sitk.Image | None = None,
) -> np.ndarray:
    """Sample an image at the voxels of a box of a reference grid, through a transform.

    Affine and field are done by compiled code on all cores, any other transform by SimpleITK.

    Parameters
    ----------
    image
        Scan or labels, any type.
    reference
        Image with the reference grid.
    transform
        Reference points to image points, LPS mm; None is the identity.
    box
        None: the whole reference grid.
    labels
        Nearest neighbour, int32, 0 where the image has no data; else linear, float32, and `outside` there.
    outside
        See labels.
    mask
        uint8, on a scan's own grid, 0 where it is taken for air.

    Returns
    -------
    numpy.ndarray
        [k, j, i], of the box's shape.
    """
    box = box or whole(reference)
    parts = parts_of(transform)
    if parts is None:
        scan = image if mask is None else apply_body_mask(image, mask, AIR_HU)
        return _by_itk(scan, reference, transform, labels, outside)[box.slices]
    values = np.asarray(sitk.GetArrayViewFromImage(image), np.int32) if labels else numeric_view(image)
    out = np.empty(box.shape, np.int32 if labels else np.float32)
    if not out.size:
        return out
    own = voxel_matrix(reference)
    own[:3, 3] += own[:3, :3] @ box.start[::-1]
    source = Voxels(values, voxel_matrix(image), None if mask is None else sitk.GetArrayViewFromImage(mask))
    resample_into(Voxels(out, own), source, parts, labels=labels, outside=0 if labels else outside)
    return out


def _by_itk(
    image: sitk.Image, reference: sitk.Image, transform: sitk.Transform | None, labels: bool, outside: float
) -> np.ndarray:
    """Resample a whole reference grid by SimpleITK; see sample."""
    if labels:
        warped = sitk.Resample(image, reference, transform, sitk.sitkNearestNeighbor, 0, sitk.sitkInt32)
    else:
        warped = sitk.Resample(image, reference, transform, sitk.sitkLinear, outside, sitk.sitkFloat32)
    return sitk.GetArrayFromImage(warped)
