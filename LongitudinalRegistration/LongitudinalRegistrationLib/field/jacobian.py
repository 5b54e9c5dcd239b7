"""Jacobian determinant of a displacement field, and where it folds: NDV (paper, section 3.4)."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..system.parallel import over_slices
from .box_warp import parts_of, sample
from .kernels import smallest_jacobian_slices
from .transforms import displacement_on


def jacobian_determinant(field: sitk.Image) -> np.ndarray:
    """Compute the determinant of the Jacobian of x + u(x) by central differences.

    Parameters
    ----------
    field
        Vector image, mm, LPS.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32; below 1 shrinks, 0 or less folds.
    """
    return sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(field, True)).astype(np.float32)


def smallest_jacobian(field: np.ndarray, spacing_mm: float | tuple[float, float, float]) -> np.ndarray:
    """Find, at each voxel, the smallest of the eight one-sided Jacobian determinants of x + u(x).

    For a field that is interpolated linearly between its voxels these are its Jacobians at the corners of every cell.

    Parameters
    ----------
    field
        u: [component, k, j, i], mm, (x, y, z), voxels along the LPS axes.
    spacing_mm
        Voxel size, or that along x, y, z.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32; 0 or less folds. 1e9 where an axis has one voxel only.

    Examples
    --------
    >>> import numpy as np
    >>> shrunk = np.zeros((3, 4, 4, 4))
    >>> shrunk[0] = -0.5 * 8.0 * np.arange(4)
    >>> float(smallest_jacobian(shrunk, 8.0).min())
    0.5
    """
    field = np.ascontiguousarray(field, np.float32)
    smallest = np.empty(field.shape[1:], np.float32)
    spacing = np.broadcast_to(np.asarray(spacing_mm, np.float32), 3).copy()
    over_slices(smallest_jacobian_slices, field, spacing, smallest, slices=len(smallest))
    return smallest


def folded_voxels(field: sitk.Image) -> np.ndarray:
    """Mark the voxels at which any one-sided finite-difference Jacobian of x + u(x) is not positive.

    Central differences miss a fold of one voxel; here all eight combinations of forward and backward differences count,
    each the volume of a tetrahedron with its tip at the voxel.

    Parameters
    ----------
    field
        Vector image, mm, LPS, identity direction.

    Returns
    -------
    numpy.ndarray
        Boolean, [k - 2, j - 2, i - 2]: the voxels that have all neighbours.
    """
    components = np.moveaxis(sitk.GetArrayViewFromImage(field), -1, 0)
    return smallest_jacobian(components, field.GetSpacing())[1:-1, 1:-1, 1:-1] <= 0


def ndv_percent(field: sitk.Image, body: np.ndarray | None = None) -> float:
    """Compute the non-diffeomorphic volume: the part of the body's voxels at which the field folds.

    Parameters
    ----------
    field
        Vector image, mm, LPS, identity direction.
    body
        Mask on the field's grid, [k, j, i]; None: everywhere.

    Returns
    -------
    float
        Percent.
    """
    folded = folded_voxels(field)
    if body is None:
        return 100.0 * float(folded.mean())
    inside = body[1:-1, 1:-1, 1:-1] > 0
    return 100.0 * float(folded[inside].mean()) if inside.any() else 0.0


def volume_change(transform: sitk.Transform, reference: sitk.Image) -> np.ndarray:
    """Compute the Jacobian determinant of a whole transform, affine included, on a grid.

    Parameters
    ----------
    transform
        Fixed points to moving points, LPS mm.
    reference
        Image with the grid that is wanted.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32: volume around the moving point over that around the fixed point; 2 where it doubles.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> grid = sitk.Image([4, 4, 4], sitk.sitkUInt8)
    >>> float(volume_change(sitk.ScaleTransform(3, (2.0, 1.0, 1.0)), grid)[1, 1, 1])
    2.0
    """
    parts = parts_of(transform)
    if parts is None:
        field = displacement_on(transform, reference)
        return jacobian_determinant(field)
    scale = np.float32(np.linalg.det(parts.matrix[:3, :3]))
    if parts.field is None:
        return np.full(reference.GetSize()[::-1], scale, np.float32)
    local = sitk.DisplacementFieldJacobianDeterminant(parts.field, True)
    return scale * sample(sitk.Cast(local, sitk.sitkFloat32), reference, outside=1.0)
