"""Measures of a registration: DSC, SSIM, NCC, Jacobian determinant, NDV (paper, section 3.4)."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .local_similarity import covariance, moments, ncc_map, ssim_map

SSIM_WINDOW = 7
NCC_WINDOW = 9


def dice_per_label(first: np.ndarray, second: np.ndarray, labels=None) -> dict[int, float]:
    """Dice similarity coefficient 2 |A and B| / (|A| + |B|) of every label (paper, eq. 7).

    Parameters
    ----------
    first, second
        Label arrays of one shape, [k, j, i], non-negative integers; 0 is background.
    labels
        Which labels; None takes those of either array.

    Returns
    -------
    dict
        Label to DSC in [0, 1]; 0 where a label is in one array only, NaN where it is in neither.

    Raises
    ------
    ValueError
        If the shapes differ or a label is negative.
    """
    if first.shape != second.shape:
        raise ValueError(f"label arrays differ in shape: {first.shape} and {second.shape}")
    if min(first.min(), second.min()) < 0:
        raise ValueError("labels must not be negative")
    size = int(max(first.max(), second.max())) + 1
    first, second = first.ravel().astype(np.int64), second.ravel().astype(np.int64)
    in_first, in_second = np.bincount(first, minlength=size), np.bincount(second, minlength=size)
    in_both = np.bincount(first[first == second], minlength=size)
    if labels is None:
        labels = [int(v) for v in np.flatnonzero(in_first + in_second) if v]
    scores = {}
    for label in labels:
        total = in_first[label] + in_second[label] if label < size else 0
        scores[int(label)] = 2.0 * float(in_both[label]) / float(total) if total else float("nan")
    return scores


def _mean(values: np.ndarray, mask: np.ndarray | None) -> float:
    chosen = values if mask is None else values[mask > 0]
    return float(chosen.mean()) if chosen.size else float("nan")


def ssim(fixed: np.ndarray, warped: np.ndarray, mask: np.ndarray | None = None, window: int = SSIM_WINDOW) -> float:
    """Structural similarity, luminance times contrast times structure (paper, eq. 8), mean over local windows.

    Parameters
    ----------
    fixed, warped
        [k, j, i], [0, 1].
    mask
        Where to average; None: everywhere. (Air that surrounds both bodies is alike and raises the mean.)
    window
        Side of the cube in voxels.

    Returns
    -------
    float
        In [-1, 1]; 1 for equal images. Constants c1 = 0.01^2, c2 = 0.03^2 for the range 1.
    """
    first, second = moments(fixed, window), moments(warped, window)
    return _mean(ssim_map(first, second, covariance(first, second, window)), mask)


def local_ncc(fixed: np.ndarray, warped: np.ndarray, mask: np.ndarray | None = None, window: int = NCC_WINDOW) -> float:
    """Mean local correlation coefficient over cubes of `window` voxels, in [-1, 1]; flat windows are left out.

    Parameters
    ----------
    fixed, warped
        [k, j, i], [0, 1].
    mask
        Where to average; None: everywhere.
    """
    first, second = moments(fixed, window), moments(warped, window)
    values = ncc_map(first, second, covariance(first, second, window))
    textured = np.isfinite(values)
    return _mean(values, textured if mask is None else textured & (mask > 0))


def global_ncc(fixed: np.ndarray, warped: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Correlation coefficient of two images, [k, j, i], over a mask; in [-1, 1], NaN if one is constant."""
    a = (fixed if mask is None else fixed[mask > 0]).ravel().astype(np.float64)
    b = (warped if mask is None else warped[mask > 0]).ravel().astype(np.float64)
    if a.size < 2 or a.std() == 0 or b.std() == 0:
        return float("nan")
    return float(np.mean((a - a.mean()) * (b - b.mean())) / (a.std() * b.std()))


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


def bone_overlap(fixed_hu: np.ndarray, warped_hu: np.ndarray, threshold_hu: float = 180.0) -> float:
    """Dice overlap of what is denser than 180 HU, for pairs without labels; arrays [k, j, i] in HU."""
    bone = [(image > threshold_hu).astype(np.uint8) for image in (fixed_hu, warped_hu)]
    return dice_per_label(*bone, labels=[1])[1]


def mean_end_point_error(true_field: np.ndarray, field: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Mean length of the difference of two fields (k, j, i, 3), in their unit, over a mask [k, j, i]."""
    return _mean(np.linalg.norm(true_field - field, axis=-1), mask)
