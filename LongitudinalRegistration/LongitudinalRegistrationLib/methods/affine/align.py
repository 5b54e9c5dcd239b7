"""Affine pre-alignment on what is inside the bodies: translation, then rigid, then affine, coarse to fine.

Each step is a damped Gauss-Newton step on the squared difference of the two scans at points of the fixed body.
Gain and offset between the scans are fitted along (contrast phase), and points that do not fit (bowel gas,
bladder, lesions) lose their weight (Huber).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_dilation

from ...scan.pyramid import Level, ScanPyramid
from ...system.parallel import sum_over_slices
from .kernels import Points, sample_points, sum_equations
from .translation_search import candidate_translations

SEARCH_MM = 16.0
LEVELS = ((8.0, "rigid", 0.2), (8.0, "affine", 0.1), (4.0, "affine", 0.03))
MOST_POINTS = 20_000
MOST_STEPS = 30
LEAST_OVERLAP = 0.15
HUBER = 1.5
COARSE_STOP_MM = 0.5
ARM_MM = 100.0
SCALE_POINTS = 4_000
STARTS = 3
HARD_STARTS = 6
HARD_DEGREES = 14.0
GOOD_NCC = 0.75
DIGITS = 9
"""Decimals of a step, mm. Linear algebra rounds the last digits otherwise on another processor; a pose that is off by
them alone makes voxels leave the view, or their slopes jump, and single places of the field end a third of a millimetre
away."""


@dataclass(frozen=True)
class AffineFit:
    """What an affine alignment found.

    transform: fixed to moving points, LPS mm; ncc: correlation of the windowed scans where both show the fixed body
    or the air around it, 4 mm voxels; overlap: the part of the fixed body that the moving scan shows; hard: whether
    the wider search was needed.
    """

    transform: sitk.AffineTransform
    ncc: float
    overlap: float
    hard: bool

    @property
    def doubtful(self) -> bool:
        """Whether the start may be wrong."""
        return self.ncc < GOOD_NCC


@dataclass(frozen=True)
class _Pose:
    """x -> matrix (x - centre) + centre + translation, LPS mm; matrix (3, 3), the others (3,), float64."""

    matrix: np.ndarray
    translation: np.ndarray
    centre: np.ndarray

    def itk(self) -> sitk.AffineTransform:
        """Give the pose as a transform of points, LPS mm."""
        transform = sitk.AffineTransform(3)
        transform.SetCenter(self.centre.tolist())
        transform.SetMatrix(self.matrix.ravel().tolist())
        transform.SetTranslation(self.translation.tolist())
        return transform


@dataclass(frozen=True)
class _Linearised:
    """The comparison of two scans in a pose, to first order.

    ncc: the correlation; cost: the robust mean square; normal (12, 12) and gradient (12,), float64: the normal
    equations of a change of [translation | matrix], per mm and per 100 mm of moment arm.
    """

    ncc: float
    cost: float
    normal: np.ndarray
    gradient: np.ndarray


class _Comparison:
    """Points of the fixed body and the air around it, and the moving scan that they are compared with.

    Parameters
    ----------
    fixed, moving
        One level of both scans.
    centre
        (3,), float64: the centre of rotation, LPS mm.
    """

    def __init__(self, fixed: Level, moving: Level, centre: np.ndarray) -> None:
        inside = binary_dilation(fixed.body, np.ones((1, 3, 3), bool)) & (fixed.seen > 0)
        chosen = np.flatnonzero(inside)
        chosen = chosen[:: max(1, chosen.size // MOST_POINTS)]
        index = np.stack(np.unravel_index(chosen, fixed.body.shape), axis=-1)[:, ::-1]
        arms = (index * fixed.grid.spacing_mm + np.array(fixed.grid.origin) - centre) / ARM_MM
        self._points = Points(arms, fixed.solid.ravel()[chosen])
        self._body = fixed.body.ravel()[chosen] > 0
        self._volume = moving.solid
        self._seen, self._grid = moving.seen, moving.grid
        self._sampled = np.zeros((chosen.size, 5), np.float32)

    def _sample(self, pose: _Pose) -> np.ndarray:
        """Sample the moving scan at all points, and return the sums of sample_points."""
        spacing = self._grid.spacing_mm
        origin = (pose.centre + pose.translation - np.array(self._grid.origin)) / spacing
        matrix = np.column_stack([pose.matrix * (ARM_MM / spacing), origin])
        arguments = self._volume, self._seen, self._points, matrix, self._sampled
        return sum_over_slices(sample_points, *arguments, slices=self._sampled.shape[0])

    def linearise(self, pose: _Pose) -> _Linearised | None:
        """Compare the scans in a pose; None where too few points are seen."""
        values = self._points.values
        count, v, t, vv, tt, vt = self._sample(pose)
        if count < LEAST_OVERLAP * len(values):
            return None
        v, t = v / count, t / count
        variance_v, variance_t, covariance = vv / count - v * v, tt / count - t * t, vt / count - v * t
        gain = float(np.clip(covariance / max(variance_v, 1e-9), 0.5, 2.0))
        some = slice(None, None, max(1, len(values) // SCALE_POINTS))
        seen = self._sampled[some, 4] > 0
        difference = (gain * self._sampled[some, 0] - values[some])[seen]
        offset = float(np.median(difference))
        limit = HUBER * max(1.4826 * float(np.median(np.abs(difference - offset))), 1e-3)
        arguments = self._sampled, self._points, gain, offset, limit
        system = sum_over_slices(sum_equations, *arguments, slices=len(values))
        system[:12, :12] /= self._grid.spacing_mm
        system /= self._grid.spacing_mm * count
        ncc = covariance / max(np.sqrt(variance_v * variance_t), 1e-9)
        return _Linearised(float(ncc), system[12, 12] * self._grid.spacing_mm, system[:12, :12], system[12, :12])

    def overlap(self, pose: _Pose) -> float:
        """Say which part of the body's points the moving scan shows, 0 to 1."""
        self._sample(pose)
        return float(np.mean(self._sampled[self._body, 4] > 0))


def _rotated(matrix: np.ndarray, axis: np.ndarray, angle: float) -> np.ndarray:
    """Rotate a matrix (3, 3) by an angle, radians, about an axis (3,) of any length."""
    rotation = sitk.VersorTransform()
    if angle:
        rotation.SetRotation((axis / np.linalg.norm(axis)).tolist(), angle)
    return np.array(rotation.GetMatrix()).reshape(3, 3) @ matrix


def _directions(pose: _Pose, kind: str) -> np.ndarray:
    """Say how the entries of [translation | matrix] change with the parameters.

    Parameters
    ----------
    kind
        "affine": the parameters are the entries themselves; "rigid": 3 translations and 3 rotations.

    Returns
    -------
    numpy.ndarray
        (12, 12) or (12, 6), float64.
    """
    if kind == "affine":
        return np.eye(12)
    directions = np.zeros((3, 4, 6))
    directions[:, 0, :3] = np.eye(3)
    for axis, unit in enumerate(np.eye(3)):
        directions[:, 1:, 3 + axis] = np.cross(unit[:, None], pose.matrix, axis=0)
    return directions.reshape(12, 6)


def _moved(pose: _Pose, step: np.ndarray, kind: str) -> _Pose:
    """Take a step in the parameters of _directions."""
    if kind == "affine":
        change = step.reshape(3, 4)
        return _Pose(pose.matrix + change[:, 1:] / ARM_MM, pose.translation + change[:, 0], pose.centre)
    rotated = _rotated(pose.matrix, step[3:], float(np.linalg.norm(step[3:])) / ARM_MM)
    return _Pose(rotated, pose.translation + step[:3], pose.centre)


def _optimise(
    comparison: _Comparison, pose: _Pose, kind: str, stop_mm: float, steps: int = MOST_STEPS
) -> tuple[_Pose, float]:
    """Take Levenberg-Marquardt steps until they move points by less than stop_mm.

    Returns
    -------
    pose, ncc
        The pose and its correlation; -1 where too few points are seen.
    """
    damping = 1e-3
    current = comparison.linearise(pose)
    if current is None:
        return pose, -1.0
    for _ in range(steps):
        directions = _directions(pose, kind)
        normal, gradient = directions.T @ current.normal @ directions, directions.T @ current.gradient
        step = -np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), gradient).round(DIGITS)
        moved = _moved(pose, step, kind)
        candidate = comparison.linearise(moved)
        if candidate is not None and candidate.cost < current.cost:
            pose, current, damping = moved, candidate, max(damping / 5, 1e-6)
            if np.abs(step).max() < stop_mm:
                break
        else:
            damping *= 10
            if damping > 10 or np.abs(step).max() < stop_mm:
                break
    return pose, current.ncc


def _best_start(comparison: _Comparison, starts: list[_Pose]) -> _Pose:
    """Improve all starts a little, and choose the one with the best correlation."""
    found = [_optimise(comparison, pose, "rigid", COARSE_STOP_MM, 12) for pose in starts]
    return max(found, key=lambda pair: pair[1])[0]


def _orientations() -> list[np.ndarray]:
    """List rotation matrices (3, 3): none, and one to either side about each axis."""
    angle = np.radians(HARD_DEGREES)
    return [np.eye(3)] + [_rotated(np.eye(3), axis, s * angle) for axis, s in product(np.eye(3), (1, -1))]


def _align_from(
    fixed: ScanPyramid, moving: ScanPyramid, starts: list[_Pose], report: Callable[[float], None]
) -> tuple[_Pose, float, float]:
    """Align from the best of some starts, coarse to fine; pose, correlation and overlap."""
    centre = starts[0].centre
    pose = _best_start(_Comparison(fixed.levels[SEARCH_MM], moving.levels[SEARCH_MM], centre), starts)
    comparisons: dict[float, _Comparison] = {}
    for number, (spacing, kind, stop_mm) in enumerate(LEVELS):
        report((number + 1) / (len(LEVELS) + 1))
        if spacing not in comparisons:
            comparisons[spacing] = _Comparison(fixed.levels[spacing], moving.levels[spacing], centre)
        pose, ncc = _optimise(comparisons[spacing], pose, kind, stop_mm)
    return pose, ncc, comparisons[spacing].overlap(pose)


def align(fixed: ScanPyramid, moving: ScanPyramid, progress: Callable[[float], None] | None = None) -> AffineFit:
    """Align two scans: search for the translation, rigid at 16 and 8 mm, affine at 8 and 4 mm.

    The best of three translations is gone on with. Where the correlation stays below 0.75, the best of six translations
    with seven orientations each is tried too, and the better of the two answers taken.

    Parameters
    ----------
    fixed, moving
        Scans with any field of view and origin.
    progress
        Called with the part that is done, 0 to 1.

    Returns
    -------
    AffineFit
        The transform takes fixed points to moving points, LPS mm.
    """
    report = progress or (lambda part: None)
    centre = fixed.centre
    translations = candidate_translations(fixed.levels[SEARCH_MM], moving.levels[SEARCH_MM], HARD_STARTS)
    translations = translations or [moving.centre - centre]
    starts = [_Pose(np.eye(3), translation, centre) for translation in translations[:STARTS]]
    answer = _align_from(fixed, moving, starts, report)
    hard = answer[1] < GOOD_NCC
    if hard:
        starts = [_Pose(matrix, shift, centre) for shift in translations for matrix in _orientations()]
        answer = max(answer, _align_from(fixed, moving, starts, report), key=lambda each: each[1])
    pose, ncc, overlap = answer
    return AffineFit(pose.itk(), ncc, overlap, hard)
