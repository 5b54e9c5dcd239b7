"""Refinement of a field by instance optimisation: a few Gauss-Newton steps on both scans, coarse to fine.

Minimised is the robust squared difference of two channels of the scans (the windowed scan, and the scan freed of local
mean and contrast, which makes it a local correlation) plus the squared slopes of the displacement. Each step solves
for the best update of the whole field at once, by conjugate gradients.
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
from ...scan.grid import Grid, resample
from ...scan.pyramid import ScanPyramid, index_matrix
from ...system.parallel import over_slices
from .kernels import (
    Differences,
    Geometry,
    Gradients,
    Images,
    System,
    apply_slices,
    double_slices,
    linearise_slices,
    redirect_slices,
    start_slices,
    step_slices,
)
from .options import RefinementLevel, RefinementOptions

GAIN = (12.0, 1.0)
WIDTH = (0.02, 1.0)
LEAST_JACOBIAN = 0.1
MOST_REPAIRS = 40
SOLVED = 1e-9
CORNERS = ((0, 0, 0), (1, 1, 1), (0, 1, 1), (1, 0, 0), (1, 0, 1), (0, 1, 0), (1, 1, 0), (0, 0, 1))


@dataclass(frozen=True)
class Refined:
    """What a refinement found.

    field: vector image, mm, LPS; steps: Gauss-Newton steps that were done; in_time: whether none was left out for the
    time budget.
    """

    field: sitk.Image
    steps: int
    in_time: bool


class _Comparison:
    """The images of one level, and the normal equations of their difference.

    Parameters
    ----------
    fixed, moving
        Scans ready for registration.
    affine
        Fixed points to moving points, LPS mm.
    level
        Which of their levels, and how.
    left_out
        Mask in the fixed space of what is not compared, or None.
    """

    def __init__(
        self,
        fixed: ScanPyramid,
        moving: ScanPyramid,
        affine: sitk.Transform,
        level: RefinementLevel,
        left_out: sitk.Image | None,
    ) -> None:
        own, other = fixed.levels[level.image_mm], moving.levels[level.image_mm]
        self.grid = own.grid.coarser(level.ratio)
        active = own.active
        if left_out is not None:
            active = active * (1 - _touched(left_out, own.grid))
        self._images = Images(own.channels, active, other.channels, other.seen)
        self._geometry = Geometry(level.ratio, level.image_mm, index_matrix(own.grid, other.grid, affine))
        self._differences = Differences(
            np.array(CORNERS[: level.corners]), np.array(GAIN, np.float32), np.array(WIDTH, np.float32)
        )
        self.equations = np.empty((9, *self.grid.size[::-1]), np.float32)

    def linearise(self, field: np.ndarray) -> float:
        """Set the normal equations at a field [component, k, j, i], mm; return the mean robust difference."""
        arguments = self._images, self._geometry, self._differences, field, self.equations
        parts = over_slices(linearise_slices, *arguments, slices=field.shape[1])
        return sum(cost for cost, _ in parts) / max(sum(count for _, count in parts), 1)


def _touched(mask: sitk.Image, grid: Grid) -> np.ndarray:
    """Set 1 where a voxel of the grid touches the mask, else 0; [k, j, i], uint8."""
    share = resample(sitk.Cast(mask > 0, sitk.sitkFloat32), grid.reference(), outside=0.0)
    near = resample(sitk.BinaryDilate(sitk.Cast(mask > 0, sitk.sitkUInt8), [1, 1, 1]), grid.reference(), labels=True)
    return ((sitk.GetArrayFromImage(share) > 0) | (sitk.GetArrayFromImage(near) > 0)).astype(np.uint8)


def solve(system: System, field: np.ndarray, iterations: int) -> np.ndarray:
    """Find the update of a field that lowers image differences and slopes together, by conjugate gradients.

    Parameters
    ----------
    system
        Normal equations at the field, and the regularisation.
    field
        [component, k, j, i], float32, mm.
    iterations
        At most.

    Returns
    -------
    numpy.ndarray
        The update, like the field.
    """
    update, residual, direction, applied, preconditioned = (np.empty_like(field) for _ in range(5))
    preconditioner = np.empty((6, *field.shape[1:]), np.float32)
    gradients = Gradients(update, residual, direction, applied, preconditioned, preconditioner)
    slices = field.shape[1]
    product = sum(over_slices(start_slices, system, field, gradients, slices=slices))
    first = product
    for _ in range(iterations):
        if product <= SOLVED * first:
            break
        curvature = sum(over_slices(apply_slices, system, gradients, slices=slices))
        following = sum(over_slices(step_slices, np.float32(product / curvature), gradients, slices=slices))
        over_slices(redirect_slices, np.float32(following / product), gradients, slices=slices)
        product = following
    return gradients.update


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


def _begin(field: np.ndarray | None, start: sitk.Image | None, grid: Grid) -> np.ndarray:
    """Resample the last level's field, or else the start, to a level's voxels: [component, k, j, i], mm."""
    if field is None:
        if start is not None:
            return component_first(field_on(start, grid.reference()))
        return np.zeros((3, *grid.size[::-1]), np.float32)
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


def _descend(
    comparison: _Comparison,
    field: np.ndarray,
    regularisation: np.ndarray,
    steps: int,
    options: RefinementOptions,
    clock: _Clock,
) -> np.ndarray:
    """Take Gauss-Newton steps while they lower the image differences.

    Parameters
    ----------
    field
        To start from, [component, k, j, i], float32, mm.
    regularisation
        [k, j, i], float32: weights of the squared slopes.
    steps
        At most.

    Returns
    -------
    numpy.ndarray
        The best field seen.
    """
    best, least = field, np.inf
    for step in range(steps + 1):
        cost = comparison.linearise(field)
        if cost >= least:
            break
        best, least = field, cost
        if step == steps or clock.late():
            break
        field = field + solve(System(comparison.equations, regularisation), field, options.iterations)
        clock.step()
    return best


def refine(
    fixed: ScanPyramid,
    moving: ScanPyramid,
    affine: sitk.Transform,
    start: sitk.Image | None = None,
    options: RefinementOptions | None = None,
    keep_volume: sitk.Image | None = None,
    progress: Callable[[float], None] | None = None,
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

    Returns
    -------
    Refined
        The best field seen on the last level's voxels, which does not fold.
    """
    options = options or RefinementOptions()
    levels = options.levels(alone=start is None)
    clock = _Clock(time.monotonic() + options.budget_seconds, sum(level.steps for level in levels), progress)
    field: np.ndarray | None = None
    for level in levels:
        if field is not None and clock.late():
            break
        comparison = _Comparison(fixed, moving, affine, level, keep_volume)
        grid = comparison.grid
        field = _begin(field, start, grid)
        weight = level.regularisation * level.corners / 8 / level.image_mm**2
        regularisation = np.full(field.shape[1:], weight, np.float32)
        if keep_volume is not None:
            regularisation[_touched(keep_volume, grid) > 0] *= options.keep_volume_factor
        field = without_folds(_descend(comparison, field, regularisation, level.steps, options, clock), grid.spacing_mm)
    vectors = np.ascontiguousarray(np.moveaxis(np.asarray(field), 0, -1))
    return Refined(grid.image(vectors), clock.done, clock.in_time)
