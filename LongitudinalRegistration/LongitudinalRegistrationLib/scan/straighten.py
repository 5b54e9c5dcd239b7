"""A scan whose slices are shifted against each other, as those of a tilted gantry are, on a straight grid."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from .geometry import voxel_matrix
from .grid import AIR_HU

LEAST_SHEAR = 1e-4
"""Cosine between two axes up to which they are at right angles, but for how a header's numbers are rounded."""

MOST_GROWTH = 8
"""How many times as large as the slices a straight grid may be: 45 degrees over a scan as long as wide make it 2."""


def shear_of(matrix: np.ndarray) -> float:
    """Find how far the axes of voxels are from right angles.

    Parameters
    ----------
    matrix
        (4, 4): voxels (i, j, k, 1) to LPS mm.

    Returns
    -------
    float
        The largest cosine between two of the axes; 0 where all are at right angles.

    Examples
    --------
    >>> shear_of(np.diag([0.7, 0.7, 5.0, 1.0]))
    0.0
    """
    axes = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    return float(np.abs(axes.T @ axes - np.eye(3)).max())


def with_matrix(image: sitk.Image, matrix: np.ndarray) -> sitk.Image:
    """Give an image the place that a matrix says; where its axes are not at right angles, on a straight grid.

    Rows, and columns within a slice, stay along their axes, and a slice stays in its plane; columns of slices that are
    shifted against each other come to lie above each other. The new grid is as large as all slices together. CT is
    interpolated linearly, with air where no slice has data; what has no negative value are labels: nearest neighbour,
    and 0 there.

    Parameters
    ----------
    image
        3-D, any type; its own geometry does not count.
    matrix
        (4, 4): voxels (i, j, k, 1) to LPS mm.

    Returns
    -------
    SimpleITK.Image
        Of the same type, axes at right angles.

    Raises
    ------
    InputError
        If the straight grid would be many times as large.
    """
    steps = np.linalg.norm(matrix[:3, :3], axis=0)
    placed = sitk.Image(image)
    placed.SetOrigin(matrix[:3, 3].tolist())
    placed.SetSpacing(steps.tolist())
    if shear_of(matrix) <= LEAST_SHEAR:
        placed.SetDirection(_nearest_rotation(matrix[:3, :3] / steps).ravel().tolist())
        return placed
    placed.SetDirection((matrix[:3, :3] / steps).ravel().tolist())
    return _on_straight_grid(placed)


def _nearest_rotation(axes: np.ndarray) -> np.ndarray:
    """The axes at right angles, mirrored or not, that are nearest to these."""
    left, _, right = np.linalg.svd(axes)
    return left @ right


def _on_straight_grid(image: sitk.Image) -> sitk.Image:
    matrix = voxel_matrix(image)
    turn, triangle = np.linalg.qr(matrix[:3, :3])
    signs = np.sign(np.diag(triangle))
    axes, spacing = turn * signs, np.abs(np.diag(triangle))
    ends = np.array(np.meshgrid(*((0, size - 1) for size in image.GetSize()), indexing="ij")).reshape(3, -1)
    places = (axes.T @ matrix[:3, :3] @ ends) / spacing[:, None]
    low, high = np.floor(places.min(axis=1) + 1e-6), np.ceil(places.max(axis=1) - 1e-6)
    size = high - low + 1
    if not size.prod() < MOST_GROWTH * image.GetNumberOfPixels():
        raise InputError(
            "The slices are shifted so far against each other that they make no volume: export them again."
        )
    straight = sitk.Image(size.astype(int).tolist(), sitk.sitkUInt8)
    straight.SetSpacing(spacing.tolist())
    straight.SetDirection(axes.ravel().tolist())
    straight.SetOrigin((matrix[:3, 3] + axes @ (low * spacing)).tolist())
    values = sitk.GetArrayViewFromImage(image)
    is_labels = values.dtype.kind in "iu" and not values.min() < 0
    how, outside = (sitk.sitkNearestNeighbor, 0.0) if is_labels else (sitk.sitkLinear, min(AIR_HU, float(values.min())))
    return sitk.Resample(image, straight, sitk.Transform(3, sitk.sitkIdentity), how, outside, image.GetPixelID())
