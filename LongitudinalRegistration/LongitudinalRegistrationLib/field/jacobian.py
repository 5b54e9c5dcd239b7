"""Jacobian determinant of a displacement field, and where it folds: NDV (paper, section 3.4)."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..system.parallel import over_slices
from .box_warp import parts_of, sample
from .kernels import smallest_jacobian_slices
from .transforms import displacement_on


def _along_axes(field: sitk.Image) -> np.ndarray:
    """A field's components along the axes of its own grid: [component, k, j, i], mm."""
    turn = np.reshape(field.GetDirection(), (3, 3)).T
    components = np.moveaxis(sitk.GetArrayViewFromImage(field), -1, 0)
    return components if np.array_equal(turn, np.eye(3)) else np.tensordot(turn, components, axes=1)


def jacobian_determinant(field: sitk.Image) -> np.ndarray:
    """Compute the determinant of the Jacobian of x + u(x) by central differences.

    Parameters
    ----------
    field
        Vector image, mm, LPS, any direction.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32; below 1 shrinks, 0 or less folds.
    """
    straight = sitk.GetImageFromArray(np.moveaxis(_along_axes(field), 0, -1), isVector=True)
    straight.SetSpacing(field.GetSpacing())
    return sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(straight, True)).astype(np.float32)


def smallest_jacobian(field: np.ndarray, spacing_mm: float | tuple[float, float, float]) -> np.ndarray:
    """Find, at each voxel, the smallest of the ten one-sided Jacobian determinants of x + u(x).

    Eight of these are, for a field that is interpolated linearly between its voxels, its Jacobians at the corners of
    every cell; two are of the tetrahedra within the cells (Liu et al. 2024, doi:10.1007/s11263-024-02047-1): where all
    are positive, the field folds nowhere.

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
    """Mark the voxels at which any of the ten finite-difference Jacobians of x + u(x) is not positive.

    Central differences miss a fold of one voxel; here all combinations of forward and backward differences count, and
    the two diagonal ones, each the volume of a tetrahedron with its tip at the voxel (see smallest_jacobian).

    Parameters
    ----------
    field
        Vector image, mm, LPS, any direction.

    Returns
    -------
    numpy.ndarray
        Boolean, [k - 2, j - 2, i - 2]: the voxels that have all neighbours.
    """
    return smallest_jacobian(_along_axes(field), field.GetSpacing())[1:-1, 1:-1, 1:-1] <= 0


def ndv_percent(field: sitk.Image, body: np.ndarray | None = None) -> float:
    """Compute the non-diffeomorphic volume: the part of the body's voxels at which the field folds.

    Parameters
    ----------
    field
        Vector image, mm, LPS, any direction.
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
