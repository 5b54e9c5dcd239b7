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
from ...system.parallel import over_slices
from .kernels import sample_points, sum_equations
from .translation_search import candidate_translations

SEARCH_MM = 16.0
LEVELS = ((8.0, "rigid", 0.2), (8.0, "affine", 0.1), (4.0, "affine", 0.03))
MOST_POINTS = 20_000
MOST_STEPS = 30
LEAST_OVERLAP = 0.15
HUBER = 1.5
COARSE_STOP_MM = 0.5
LEVER_MM = 100.0
SCALE_POINTS = 4_000
STARTS = 3
HARD_STARTS = 6
HARD_DEGREES = 14.0
GOOD_NCC = 0.75


@dataclass(frozen=True)
class AffineFit:
    """transform: fixed to moving points, LPS mm; ncc: correlation of the windowed scans where both show the fixed body
    or the air around it, 4 mm voxels; overlap: the part of the fixed body that the moving scan shows; hard: whether
    the wider search was needed."""

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
    """x -> matrix (x - centre) + centre + shift, LPS mm."""

    matrix: np.ndarray
    shift: np.ndarray
    centre: np.ndarray

    def itk(self) -> sitk.AffineTransform:
        transform = sitk.AffineTransform(3)
        transform.SetCenter(self.centre.tolist())
        transform.SetMatrix(self.matrix.ravel().tolist())
        transform.SetTranslation(self.shift.tolist())
        return transform


@dataclass(frozen=True)
class _Comparison:
    """What a pose gives: the correlation; the robust cost; normal equations of a change of [shift | matrix] per mm and
    per 100 mm of lever (12 x 12), and their right side."""

    ncc: float
    cost: float
    normal: np.ndarray
    slope: np.ndarray


class _Points:
    """Points of the fixed body and the air around it (n, 3; LPS mm), their values, and the moving scan."""

    def __init__(self, fixed: Level, moving: Level, centre: np.ndarray):
        inside = binary_dilation(fixed.body, np.ones((1, 3, 3), bool)) & (fixed.seen > 0)
        chosen = np.flatnonzero(inside)
        chosen = chosen[:: max(1, chosen.size // MOST_POINTS)]
        index = np.stack(np.unravel_index(chosen, fixed.body.shape), axis=-1)[:, ::-1]
        self._levers = (index * fixed.grid.spacing_mm + np.array(fixed.grid.origin) - centre) / LEVER_MM
        self._body = fixed.body.ravel()[chosen] > 0
        self._values = fixed.channels[..., 0].ravel()[chosen]
        self._volume = np.ascontiguousarray(moving.channels[..., 0])
        self._seen, self._grid = moving.seen, moving.grid
        self._sampled = np.zeros((chosen.size, 5), np.float32)

    def _sample(self, pose: _Pose) -> np.ndarray:
        spacing = self._grid.spacing_mm
        matrix = pose.matrix * (LEVER_MM / spacing)
        shift = (pose.centre + pose.shift - np.array(self._grid.origin)) / spacing
        arguments = self._volume, self._seen, self._levers, self._values, matrix, shift, self._sampled
        return sum(over_slices(sample_points, *arguments, slices=len(self._values)))

    def compare(self, pose: _Pose) -> _Comparison | None:
        """None where too few points are seen."""
        count, v, t, vv, tt, vt = self._sample(pose)
        if count < LEAST_OVERLAP * len(self._values):
            return None
        v, t = v / count, t / count
        variance_v, variance_t, covariance = vv / count - v * v, tt / count - t * t, vt / count - v * t
        gain = float(np.clip(covariance / max(variance_v, 1e-9), 0.5, 2.0))
        some = slice(None, None, max(1, len(self._values) // SCALE_POINTS))
        seen = self._sampled[some, 4] > 0
        difference = (gain * self._sampled[some, 0] - self._values[some])[seen]
        offset = float(np.median(difference))
        limit = HUBER * max(1.4826 * float(np.median(np.abs(difference - offset))), 1e-3)
        arguments = self._sampled, self._values, self._levers, gain, offset, limit
        system = sum(over_slices(sum_equations, *arguments, slices=len(self._values)))
        system[:12, :12] /= self._grid.spacing_mm
        system /= self._grid.spacing_mm * count
        ncc = covariance / max(np.sqrt(variance_v * variance_t), 1e-9)
        return _Comparison(float(ncc), system[12, 12] * self._grid.spacing_mm, system[:12, :12], system[12, :12])

    def overlap(self, pose: _Pose) -> float:
        """The part of the body's points that the moving scan shows."""
        self._sample(pose)
        return float(np.mean(self._sampled[self._body, 4] > 0))


def _turned(matrix: np.ndarray, axis: np.ndarray, angle: float) -> np.ndarray:
    turn = sitk.VersorTransform()
    if angle:
        turn.SetRotation(axis.tolist(), angle)
    return np.array(turn.GetMatrix()).reshape(3, 3) @ matrix


def _directions(pose: _Pose, kind: str) -> np.ndarray:
    """How the entries of [shift | matrix] change with the parameters: themselves, or 3 shifts and 3 rotations."""
    if kind == "affine":
        return np.eye(12)
    directions = np.zeros((3, 4, 6))
    directions[:, 0, :3] = np.eye(3)
    for axis, unit in enumerate(np.eye(3)):
        directions[:, 1:, 3 + axis] = np.cross(unit[:, None], pose.matrix, axis=0)
    return directions.reshape(12, 6)


def _moved_pose(pose: _Pose, step: np.ndarray, kind: str) -> _Pose:
    if kind == "affine":
        change = step.reshape(3, 4)
        return _Pose(pose.matrix + change[:, 1:] / LEVER_MM, pose.shift + change[:, 0], pose.centre)
    turned = _turned(pose.matrix, step[3:], float(np.linalg.norm(step[3:])) / LEVER_MM)
    return _Pose(turned, pose.shift + step[:3], pose.centre)


def _optimise(data: _Points, pose: _Pose, kind: str, stop_mm: float, steps: int = MOST_STEPS) -> tuple[_Pose, float]:
    """Levenberg-Marquardt steps until they move points by less than stop_mm; the pose and its correlation."""
    damping = 1e-3
    now = data.compare(pose)
    if now is None:
        return pose, -1.0
    for _ in range(steps):
        directions = _directions(pose, kind)
        normal, slope = directions.T @ now.normal @ directions, directions.T @ now.slope
        step = -np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), slope)
        candidate = _moved_pose(pose, step, kind)
        then = data.compare(candidate)
        if then is not None and then.cost < now.cost:
            pose, now, damping = candidate, then, max(damping / 5, 1e-6)
            if np.abs(step).max() < stop_mm:
                break
        else:
            damping *= 10
            if damping > 10 or np.abs(step).max() < stop_mm:
                break
    return pose, now.ncc


def _best_start(data: _Points, starts: list[_Pose]) -> _Pose:
    found = [_optimise(data, pose, "rigid", COARSE_STOP_MM, 12) for pose in starts]
    return max(found, key=lambda pair: pair[1])[0]


def _turns() -> list[np.ndarray]:
    """No turn, and one to either side about each axis."""
    angle = np.radians(HARD_DEGREES)
    return [np.eye(3)] + [_turned(np.eye(3), axis, s * angle) for axis, s in product(np.eye(3), (1, -1))]


def _from(fixed: ScanPyramid, moving: ScanPyramid, starts: list[_Pose], report: Callable[[float], None]) -> tuple:
    centre = starts[0].centre
    pose = _best_start(_Points(fixed.levels[SEARCH_MM], moving.levels[SEARCH_MM], centre), starts)
    data, done = None, None
    for number, (spacing, kind, stop_mm) in enumerate(LEVELS):
        report((number + 1) / (len(LEVELS) + 1))
        if done != spacing:
            data, done = _Points(fixed.levels[spacing], moving.levels[spacing], centre), spacing
        pose, ncc = _optimise(data, pose, kind, stop_mm)
    return pose, ncc, data.overlap(pose)


def align(fixed: ScanPyramid, moving: ScanPyramid, progress: Callable[[float], None] | None = None) -> AffineFit:
    """Affine pre-alignment: search for the translation, rigid at 16 and 8 mm, affine at 8 and 4 mm.

    The best of three translations is gone on with. Where the correlation stays below 0.75, the best of six translations
    with seven orientations each is tried too, and the better of the two answers taken.

    Parameters
    ----------
    fixed, moving
        Scans with any field of view and origin.

    Returns
    -------
    AffineFit
        The transform takes fixed points to moving points, LPS mm.
    """
    report = progress or (lambda part: None)
    centre = fixed.centre
    shifts = candidate_translations(fixed.levels[SEARCH_MM], moving.levels[SEARCH_MM], HARD_STARTS)
    shifts = shifts or [moving.centre - centre]
    answer = _from(fixed, moving, [_Pose(np.eye(3), shift, centre) for shift in shifts[:STARTS]], report)
    hard = answer[1] < GOOD_NCC
    if hard:
        starts = [_Pose(turn, shift, centre) for shift in shifts for turn in _turns()]
        answer = max(answer, _from(fixed, moving, starts, report), key=lambda each: each[1])
    pose, ncc, overlap = answer
    return AffineFit(pose.itk(), ncc, overlap, hard)
