"""Voxels to millimetres, and linear transforms, as matrices."""

from __future__ import annotations

from itertools import product

import numpy as np
import SimpleITK as sitk


def voxel_matrix(image: sitk.Image) -> np.ndarray:
    """(4, 4): voxel (i, j, k, 1) of an image to LPS mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def bounds_of(image: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest x, y, z of an image's voxel centres, LPS mm."""
    ends = product(*((0, size - 1) for size in image.GetSize()))
    corners = np.array([image.TransformIndexToPhysicalPoint(end) for end in ends])
    return corners.min(axis=0), corners.max(axis=0)


def bounds_apart_mm(bounds: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> float:
    """How far the sides of two boxes, as from bounds_of, are apart at most."""
    return float(np.abs(np.subtract(bounds, other)).max())


def affine_from_matrix(matrix: np.ndarray) -> sitk.AffineTransform:
    """The linear transform of a (4, 4) matrix, LPS mm: the inverse of linear_matrix."""
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(matrix[:3, :3].ravel().tolist())
    affine.SetTranslation(matrix[:3, 3].tolist())
    return affine


def linear_matrix(affine: sitk.Transform) -> np.ndarray:
    """(4, 4) of a linear transform, LPS mm."""
    matrix = np.eye(4)
    matrix[:3, 3] = affine.TransformPoint((0.0, 0.0, 0.0))
    for axis, unit in enumerate(np.eye(3)):
        matrix[:3, axis] = np.array(affine.TransformPoint(tuple(unit))) - matrix[:3, 3]
    return matrix
