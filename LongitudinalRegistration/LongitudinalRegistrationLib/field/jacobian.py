"""Jacobian determinant of a displacement field, and where it folds: NDV (paper, section 3.4)."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk


def jacobian_determinant(field: sitk.Image) -> np.ndarray:
    """Determinant of the Jacobian of x + u(x) by central differences; below 1 shrinks, 0 or less folds.

    Parameters
    ----------
    field
        Vector image, mm, LPS.

    Returns
    -------
    numpy.ndarray
        [k, j, i], float32.
    """
    return sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(field, True)).astype(np.float32)


_CORNERS = [(a, b, c) for a in (1, -1) for b in (1, -1) for c in (1, -1)]


def folded_voxels(field: sitk.Image) -> np.ndarray:
    """Voxels at which any one-sided finite-difference Jacobian of x + u(x) is not positive.

    Central differences miss a fold of one voxel; here all eight combinations of forward and backward
    differences are looked at, each the volume of a tetrahedron with its tip at the voxel.

    Parameters
    ----------
    field
        Vector image, mm, LPS, identity direction.

    Returns
    -------
    numpy.ndarray
        Boolean, [k - 2, j - 2, i - 2]: the voxels that have all neighbours.
    """
    u = sitk.GetArrayViewFromImage(field)
    spacing = field.GetSpacing()
    inner = (slice(1, -1),) * 3

    def difference(axis: int, sign: int) -> np.ndarray:
        """Derivative of x + u along array axis `axis`, one-sided."""
        shifted = list(inner)
        shifted[axis] = slice(2, None) if sign > 0 else slice(0, -2)
        component = 2 - axis
        result = (u[tuple(shifted)] - u[inner]) * np.float32(sign / spacing[component])
        result[..., component] += 1
        return result

    sides = {(axis, sign): difference(axis, sign) for axis in range(3) for sign in (1, -1)}
    folded = np.zeros(tuple(n - 2 for n in u.shape[:3]), bool)
    for a, b, c in _CORNERS:
        dx, dy, dz = sides[2, a], sides[1, b], sides[0, c]
        determinant = (
            dx[..., 0] * (dy[..., 1] * dz[..., 2] - dy[..., 2] * dz[..., 1])
            - dx[..., 1] * (dy[..., 0] * dz[..., 2] - dy[..., 2] * dz[..., 0])
            + dx[..., 2] * (dy[..., 0] * dz[..., 1] - dy[..., 1] * dz[..., 0])
        )
        folded |= determinant <= 0
    return folded


def ndv_percent(field: sitk.Image, body: np.ndarray | None = None) -> float:
    """Non-diffeomorphic volume: the part of the body's voxels at which the field folds, in percent.

    Parameters
    ----------
    field
        Vector image, mm, LPS, identity direction.
    body
        Mask on the field's grid, [k, j, i]; None: everywhere.
    """
    folded = folded_voxels(field)
    if body is None:
        return 100.0 * float(folded.mean())
    inside = body[1:-1, 1:-1, 1:-1] > 0
    return 100.0 * float(folded[inside].mean()) if inside.any() else 0.0
