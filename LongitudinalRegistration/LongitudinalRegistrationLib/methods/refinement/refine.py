"""Refinement of a field by instance optimisation: a few Gauss-Newton steps on both scans, coarse to fine.

Minimised is an energy: the robust squared difference of two channels of the scans (the windowed scan, and the scan
freed of local mean and contrast, which makes it a local correlation), plus the squared slopes of the correction, which
is the field less the one it started from, plus, weaker, those of the whole field. Where the scans say nothing, the
start is thus kept. Each step solves for the best update of the whole field at once, by conjugate gradients, and is
taken if the energy falls; where the start itself has less energy than what coarser levels led to, it stands.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_dilation

from ...field.jacobian import smallest_jacobian
from ...field.transforms import component_first, field_on
from ...scan.grid import Grid
from ...scan.pyramid import ScanPyramid
from ...system.parallel import over_slices
from .energy import WHOLE_SHARE, Comparison, Energy, Regularisation, touched
from .kernels import double_slices
from .options import RefinementLevel, RefinementOptions

TRUSTED_MM, TRUST_RANGE = 1.0, (0.1, 5.0)
"""The expected error, mm, at which a correction is held as strongly as where nothing is expected of the start. Twice
the error: half as strongly, and the whole field too; within a range of factors."""
LEAST_JACOBIAN = 0.1
MOST_REPAIRS = 40


@dataclass(frozen=True)
class Refined:
    """What a refinement found.

    field: vector image, mm, LPS; steps: Gauss-Newton steps that were done; in_time: whether none was left out for the
    time budget.
    """

    field: sitk.Image
    steps: int
    in_time: bool


def _doubled(field: np.ndarray) -> np.ndarray:
    """Resample a field [component, k, j, i] to voxels half as large."""
    out = np.empty((3, *(2 * n for n in field.shape[1:])), np.float32)
    over_slices(double_slices, field, out, slices=out.shape[1])
    return out


def without_folds(field: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Smooth a field where it folds, or nearly, until it does not.

    Parameters
    ----------
    field
        [component, k, j, i], float32, mm, (x, y, z), on isotropic voxels.
    spacing_mm
        Their size.

    Returns
    -------
    numpy.ndarray
        Like the field; the field itself where it does not fold.
    """
    for _ in range(MOST_REPAIRS):
        folded = smallest_jacobian(field, spacing_mm) < LEAST_JACOBIAN
        if not folded.any():
            break
        where = binary_dilation(folded, iterations=2)
        padded = np.pad(field, [(0, 0), (1, 1), (1, 1), (1, 1)], mode="edge")
        inner = slice(1, -1)
        mean = (padded[:, 2:, inner, inner] + padded[:, :-2, inner, inner]) / 6
        mean += (padded[:, inner, 2:, inner] + padded[:, inner, :-2, inner]) / 6
        mean += (padded[:, inner, inner, 2:] + padded[:, inner, inner, :-2]) / 6
        field = np.where(where, 0.5 * field + 0.5 * mean, field).astype(np.float32)
    return field


def _on(start: sitk.Image | None, grid: Grid) -> np.ndarray:
    """Resample the start, None for zero, to a grid: [component, k, j, i], float32, mm."""
    if start is None:
        return np.zeros((3, *grid.size[::-1]), np.float32)
    return component_first(field_on(start, grid.reference()))


def _error_on(expected_error: sitk.Image, grid: Grid) -> np.ndarray:
    """Resample an expected error to a grid, beyond its edge as at it: [k, j, i], float32, mm."""
    identity = sitk.Transform(3, sitk.sitkIdentity)
    on = sitk.Resample(expected_error, grid.reference(), identity, sitk.sitkLinear, 0.0, sitk.sitkFloat32, True)
    return np.maximum(sitk.GetArrayFromImage(on), np.float32(0.05))


def _typical_error(expected_error: sitk.Image, fixed: ScanPyramid) -> float:
    """The median expected error in the fixed body, mm."""
    level = fixed.levels[8.0]
    return float(np.median(_error_on(expected_error, level.grid)[level.body > 0]))


def _finer(field: np.ndarray, grid: Grid) -> np.ndarray:
    """The last level's field on the voxels of the next, which are as large or half as large."""
    return field if field.shape[1:] == grid.size[::-1] else _doubled(field)


class _Clock:
    """The time budget of a refinement, and its progress.

    Parameters
    ----------
    deadline
        Of time.monotonic, seconds.
    total
        Steps that are planned.
    progress
        Called with the part of them that is done.
    """

    def __init__(self, deadline: float, total: int, progress: Callable[[float], None] | None) -> None:
        self._deadline, self._total, self._progress = deadline, total, progress
        self.done, self.in_time = 0, True

    def late(self) -> bool:
        """Say whether the time is up."""
        if time.monotonic() > self._deadline:
            self.in_time = False
        return not self.in_time

    def step(self) -> None:
        """Count a step."""
        self.done += 1
        if self._progress:
            self._progress(self.done / self._total)


def descend(
    energy: Energy, field: np.ndarray, steps: int, iterations: int, clock: _Clock, prior: np.ndarray | None = None
) -> np.ndarray:
    """Take Gauss-Newton steps while they lower the energy.

    Parameters
    ----------
    field
        To start from, [component, k, j, i], float32, mm.
    steps
        At most.
    iterations
        Of conjugate gradients in a step.
    prior
        Another field, like the first: it is the answer where it has less energy than what was reached. None: no other.

    Returns
    -------
    numpy.ndarray
        The field of the least energy.
    """
    found = energy.compare(field)
    for _ in range(steps):
        if clock.late():
            break
        next_field = energy.step(field, found, iterations)
        clock.step()
        next_found = energy.compare(next_field)
        if energy.at(next_field, next_found) >= energy.at(field, found):
            break
        field, found = next_field, next_found
    if prior is not None and energy.at(prior, energy.compare(prior)) < energy.at(field, found):
        return prior
    return field


def _regularisation(
    level: RefinementLevel,
    prior: np.ndarray,
    expected: np.ndarray | None,
    keep: np.ndarray | None,
    options: RefinementOptions,
) -> Regularisation:
    """Make a level's regularisation.

    Parameters
    ----------
    prior
        The field that was started from, [component, k, j, i], float32, mm.
    expected
        [k, j, i], float32, mm: how far off the prior is expected to be; None: not known.
    keep
        [k, j, i]: not 0 where a change of volume is kept; there the whole field is held, not the correction.
    """
    weights = np.full(prior.shape[1:], level.regularisation * level.corners / 8 / level.image_mm**2, np.float32)
    correction, whole = weights, np.float32(WHOLE_SHARE) * weights
    if expected is not None:
        trust = np.clip(TRUSTED_MM / expected, *TRUST_RANGE).astype(np.float32)
        correction, whole = weights * trust, whole * trust
    if keep is not None:
        correction = np.where(keep > 0, np.float32(0), correction)
        whole = np.where(keep > 0, np.float32(options.keep_volume_factor) * weights, whole)
    return Regularisation(whole, correction, prior)


def refine(
    fixed: ScanPyramid,
    moving: ScanPyramid,
    affine: sitk.Transform,
    start: sitk.Image | None = None,
    options: RefinementOptions | None = None,
    keep_volume: sitk.Image | None = None,
    progress: Callable[[float], None] | None = None,
    expected_error: sitk.Image | None = None,
) -> Refined:
    """Improve a field u of T(x) = A(x + u(x)).

    Parameters
    ----------
    fixed, moving
        Scans ready for registration.
    affine
        A: fixed points to moving points, LPS mm.
    start
        Field to start from (vector image, mm, LPS, any grid), or None for zero.
    options
        None: the defaults.
    keep_volume
        Mask in the fixed space (a growing lesion): what is in it does not steer the field, and moves nearly as one
        piece, so that a change of volume is left visible.
    progress
        Called with the part that is done, 0 to 1.
    expected_error
        How far off the start is expected to be (image, mm, any grid): where it is more, the start is held less. None:
        the same everywhere.

    Returns
    -------
    Refined
        The best field seen on the last level's voxels, which does not fold.
    """
    options = options or RefinementOptions()
    levels = options.levels(alone=start is None)
    if expected_error is not None:
        least = _typical_error(expected_error, fixed)
        levels = tuple(level for level in levels if level.from_error_mm <= least)
    clock = _Clock(time.monotonic() + options.budget_seconds, sum(level.steps for level in levels), progress)
    field: np.ndarray | None = None
    for level in levels:
        if field is not None and clock.late():
            break
        comparison = Comparison(fixed, moving, affine, level, keep_volume)
        grid = comparison.grid
        prior = _on(start, grid)
        begun = prior if field is None else _finer(field, grid)
        keep = None if keep_volume is None else touched(keep_volume, grid)
        expected = None if expected_error is None else _error_on(expected_error, grid)
        regularisation = _regularisation(level, prior, expected, keep, options)
        energy = Energy(comparison, regularisation, expected)
        other = None if begun is prior or start is None else prior
        field = descend(energy, begun, level.steps, options.iterations, clock, other)
        field = without_folds(field, grid.spacing_mm)
    vectors = np.ascontiguousarray(np.moveaxis(np.asarray(field), 0, -1))
    return Refined(grid.image(vectors), clock.done, clock.in_time)
