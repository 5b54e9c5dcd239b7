"""Voxels to millimetres, and linear transforms, as matrices."""

from __future__ import annotations

from itertools import product

import numpy as np
import SimpleITK as sitk


def voxel_matrix(image: sitk.Image) -> np.ndarray:
    """Find the matrix from voxels of an image to points.

    Parameters
    ----------
    image
        Of which only the geometry counts.

    Returns
    -------
    numpy.ndarray
        (4, 4), float64: (i, j, k, 1) to LPS mm.

    Examples
    --------
    >>> image = sitk.Image([2, 2, 2], sitk.sitkUInt8)
    >>> image.SetSpacing([2.0, 2.0, 5.0])
    >>> voxel_matrix(image).diagonal().tolist()
    [2.0, 2.0, 5.0, 1.0]
    """
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def bounds_of(image: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """Find the box of an image's voxel centres.

    Parameters
    ----------
    image
        Of which only the geometry counts.

    Returns
    -------
    lowest, highest
        (3,) each, float64: x, y, z, LPS mm.
    """
    ends = product(*((0, size - 1) for size in image.GetSize()))
    corners = np.array([image.TransformIndexToPhysicalPoint(end) for end in ends])
    return corners.min(axis=0), corners.max(axis=0)


def bounds_apart_mm(bounds: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> float:
    """Find how far the sides of two boxes are apart at most.

    Parameters
    ----------
    bounds, other
        As from bounds_of.

    Returns
    -------
    float
        mm.

    Examples
    --------
    >>> bounds_apart_mm((np.zeros(3), np.ones(3)), (np.zeros(3), np.array([1.0, 1.0, 3.5])))
    2.5
    """
    return float(np.abs(np.subtract(bounds, other)).max())


def affine_from_matrix(matrix: np.ndarray) -> sitk.AffineTransform:
    """Make the linear transform of a matrix; the inverse of linear_matrix.

    Parameters
    ----------
    matrix
        (4, 4), LPS mm.

    Returns
    -------
    SimpleITK.AffineTransform
        Centred at the origin.
    """
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(matrix[:3, :3].ravel().tolist())
    affine.SetTranslation(matrix[:3, 3].tolist())
    return affine


def linear_matrix(affine: sitk.Transform) -> np.ndarray:
    """Find the matrix of a linear transform.

    Parameters
    ----------
    affine
        Any transform that is linear.

    Returns
    -------
    numpy.ndarray
        (4, 4), float64: (x, y, z, 1) to (x, y, z, 1), LPS mm.

    Examples
    --------
    >>> linear_matrix(sitk.TranslationTransform(3, (1.0, 2.0, 3.0)))[:3, 3].tolist()
    [1.0, 2.0, 3.0]
    """
    matrix = np.eye(4)
    matrix[:3, 3] = affine.TransformPoint((0.0, 0.0, 0.0))
    for axis, unit in enumerate(np.eye(3)):
        matrix[:3, axis] = np.array(affine.TransformPoint(tuple(unit))) - matrix[:3, 3]
    return matrix
