"""Affine pre-alignment on what is inside the bodies: translation, then rigid, then affine, coarse to fine.

Each step is a damped Gauss-Newton step on the squared difference of the two scans at points of the fixed body.
Gain and offset between the scans are fitted along (contrast phase), and points that do not fit (bowel gas,
bladder, lesions) lose their weight (Huber).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter, map_coordinates

from .grid import body_bounds, resample
from .translation_search import grid_around, initial_translation, windowed

LEVELS = ((8.0, "rigid"), (8.0, "affine"), (4.0, "affine"))
MOST_POINTS = 40_000
MOST_STEPS = 40
LEAST_OVERLAP = 0.15
HUBER = 1.5
STOP_MM = 0.02
SHELL_VOXELS = 1


@dataclass(frozen=True)
class _Sampled:
    """What one level compares: fixed values at points (n, 3; LPS mm) and the moving volume with its gradients."""

    points: np.ndarray
    values: np.ndarray
    volume: np.ndarray
    gradients: tuple[np.ndarray, np.ndarray, np.ndarray]
    origin: np.ndarray
    spacing_mm: float

    def indices(self, points: np.ndarray) -> np.ndarray:
        """Moving points as array coordinates (3, n), order (k, j, i)."""
        return ((points - self.origin) / self.spacing_mm)[:, ::-1].T


@dataclass(frozen=True)
class _Pose:
    """x -> matrix (x - centre) + centre + shift, LPS mm."""

    matrix: np.ndarray
    shift: np.ndarray
    centre: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return (points - self.centre) @ self.matrix.T + self.centre + self.shift

    def itk(self) -> sitk.AffineTransform:
        transform = sitk.AffineTransform(3)
        transform.SetCenter(self.centre.tolist())
        transform.SetMatrix(self.matrix.ravel().tolist())
        transform.SetTranslation(self.shift.tolist())
        return transform


def _sample(fixed, fixed_body, moving, moving_body, spacing_mm: float) -> _Sampled:
    """Points of the fixed body and a shell of air around it, and the moving volume, blurred to the spacing."""
    fixed_grid, moving_grid = (grid_around(mask, spacing_mm) for mask in (fixed_body, moving_body))
    fixed_values = gaussian_filter(sitk.GetArrayFromImage(windowed(fixed, spacing_mm, fixed_grid)), 0.7)
    volume = gaussian_filter(sitk.GetArrayFromImage(windowed(moving, spacing_mm, moving_grid)), 0.7)
    body = resample(fixed_body, fixed_grid.reference(), labels=True)
    inside = np.flatnonzero(sitk.GetArrayFromImage(sitk.BinaryDilate(body, [SHELL_VOXELS, SHELL_VOXELS, 0])))
    chosen = inside[:: max(1, inside.size // MOST_POINTS)]
    index = np.stack(np.unravel_index(chosen, fixed_values.shape), axis=-1)
    points = index[:, ::-1] * spacing_mm + np.array(fixed_grid.origin)
    gradients = tuple(g / spacing_mm for g in np.gradient(volume))[::-1]
    values = fixed_values.ravel()[chosen]
    return _Sampled(points, values, volume, gradients, np.array(moving_grid.origin), spacing_mm)


def _residuals(data: _Sampled, pose: _Pose):
    """Differences after the best gain and offset, their Huber weights, and which points the moving scan shows."""
    moved = pose(data.points)
    index = data.indices(moved)
    limit = np.array(data.volume.shape)[:, None] - 1
    seen = np.all((index >= -1) & (index <= limit + 1), axis=0) & (index[0] >= 0) & (index[0] <= limit[0])
    if np.count_nonzero(seen) < LEAST_OVERLAP * seen.size:
        return None
    sampled = map_coordinates(data.volume, index[:, seen], order=1, mode="nearest")
    target = data.values[seen]
    variance = np.var(sampled)
    gain = np.clip(np.cov(sampled, target)[0, 1] / max(variance, 1e-9), 0.5, 2.0)
    difference = gain * sampled - target
    difference -= np.median(difference)
    scale = max(1.4826 * np.median(np.abs(difference)), 1e-3)
    weights = 1.0 / np.maximum(1.0, np.abs(difference) / (HUBER * scale))
    return difference, weights, seen, moved[seen], index[:, seen], gain


def _cost(difference: np.ndarray, weights: np.ndarray) -> float:
    return float(np.mean(weights * difference**2))


def _jacobian(data: _Sampled, pose: _Pose, index, moved, seen, gain: float, kind: str) -> np.ndarray:
    """Derivatives of the differences: 3 shifts (mm), then 3 rotations or 9 matrix entries per 100 mm of lever."""
    slopes = gain * np.stack([map_coordinates(g, index, order=1, mode="nearest") for g in data.gradients], axis=-1)
    if kind == "rigid":
        lever = (moved - pose.centre - pose.shift) / 100.0
        return np.hstack([slopes, np.cross(lever, slopes)])
    lever = (data.points[seen] - pose.centre) / 100.0
    return np.hstack([slopes, (slopes[:, :, None] * lever[:, None, :]).reshape(-1, 9)])


def _moved_pose(pose: _Pose, step: np.ndarray, kind: str) -> _Pose:
    if kind == "affine":
        return _Pose(pose.matrix + step[3:].reshape(3, 3) / 100.0, pose.shift + step[:3], pose.centre)
    turn = sitk.VersorTransform()
    angle = float(np.linalg.norm(step[3:])) / 100.0
    if angle > 0:
        turn.SetRotation((step[3:] / np.linalg.norm(step[3:])).tolist(), angle)
    return _Pose(np.array(turn.GetMatrix()).reshape(3, 3) @ pose.matrix, pose.shift + step[:3], pose.centre)


def _optimise(data: _Sampled, pose: _Pose, kind: str) -> _Pose:
    """Levenberg-Marquardt steps until they move points by less than 0.02 mm."""
    damping = 1e-3
    now = _residuals(data, pose)
    if now is None:
        return pose
    for _ in range(MOST_STEPS):
        difference, weights, seen, moved, index, gain = now
        jacobian = _jacobian(data, pose, index, moved, seen, gain, kind)
        weighted = jacobian * weights[:, None]
        normal, slope = weighted.T @ jacobian, weighted.T @ difference
        step = -np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), slope)
        candidate = _moved_pose(pose, step, kind)
        then = _residuals(data, candidate)
        if then is not None and _cost(then[0], then[1]) < _cost(difference, weights):
            pose, now, damping = candidate, then, max(damping / 5, 1e-6)
            if np.abs(step).max() < STOP_MM:
                break
        else:
            damping *= 10
            if damping > 1e4:
                break
    return pose


def align(
    fixed: sitk.Image,
    fixed_body: sitk.Image,
    moving: sitk.Image,
    moving_body: sitk.Image,
    progress: Callable[[float], None] | None = None,
) -> sitk.AffineTransform:
    """Affine pre-alignment: global search for the translation, rigid at 8 mm, affine at 8 and 4 mm.

    Parameters
    ----------
    fixed, moving
        Scans without table, HU; any field of view and origin.
    fixed_body, moving_body
        Their body masks.

    Returns
    -------
    sitk.AffineTransform
        Fixed points to moving points, LPS mm.
    """
    low, high = body_bounds(fixed_body)
    start = initial_translation(fixed, fixed_body, moving, moving_body)
    pose = _Pose(np.eye(3), np.array(start.GetOffset()), (low + high) / 2)
    data = None
    for number, (spacing, kind) in enumerate(LEVELS):
        if progress:
            progress((number + 1) / (len(LEVELS) + 1))
        if data is None or data.spacing_mm != spacing:
            data = _sample(fixed, fixed_body, moving, moving_body, spacing)
        pose = _optimise(data, pose, kind)
    return pose.itk()
