"""Refinement of a field by instance optimisation: a few Gauss-Newton steps on both scans, coarse to fine.

Minimised is the robust squared difference of two channels of the scans (the windowed scan, and the scan freed of local
mean and contrast, which makes it a local correlation) plus the squared slopes of the displacement. Each step solves
for the best change of the whole field at once, by conjugate gradients.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_dilation

from ...field.transforms import component_first, field_on
from ...scan.grid import Grid, resample
from ...scan.pyramid import ScanPyramid, index_matrix
from ...system.parallel import over_slices
from .kernels import (
    advance_slices,
    apply_slices,
    begin_slices,
    double_slices,
    look_slices,
    smallest_jacobian_slices,
    turn_slices,
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
    """field: vector image, mm, LPS; steps: Gauss-Newton steps that were done; in_time: whether none was left out for
    the time budget."""

    field: sitk.Image
    steps: int
    in_time: bool


class _Comparison:
    """The images of one level, and the evidence that its steps use."""

    def __init__(self, fixed: ScanPyramid, moving: ScanPyramid, affine, level: RefinementLevel, left_out):
        own, other = fixed.levels[level.image_mm], moving.levels[level.image_mm]
        self.grid = own.grid.coarser(level.ratio)
        active = own.active
        if left_out is not None:
            active = active * (1 - _on(left_out, own.grid))
        self._images = own.channels, active
        matrix = index_matrix(own.grid, other.grid, affine)
        self._sampling = level.ratio, np.array(CORNERS[: level.corners]), level.image_mm, matrix
        self._moving = other.channels, other.seen
        self._weights = [np.array(values, np.float32) for values in (GAIN, WIDTH)]
        self.evidence = np.empty((9, *self.grid.size[::-1]), np.float32)

    def look(self, flow: np.ndarray) -> float:
        """Set the evidence; the mean robust difference."""
        arguments = *self._images, flow, *self._sampling, *self._moving, *self._weights, self.evidence
        parts = over_slices(look_slices, *arguments, slices=flow.shape[1])
        return sum(cost for cost, _ in parts) / max(sum(count for _, count in parts), 1)


def _on(mask: sitk.Image, grid: Grid) -> np.ndarray:
    """1 where a voxel of the grid touches the mask, uint8."""
    share = resample(sitk.Cast(mask > 0, sitk.sitkFloat32), grid.reference(), outside=0.0)
    near = resample(sitk.BinaryDilate(sitk.Cast(mask > 0, sitk.sitkUInt8), [1, 1, 1]), grid.reference(), labels=True)
    return ((sitk.GetArrayFromImage(share) > 0) | (sitk.GetArrayFromImage(near) > 0)).astype(np.uint8)


def _solve(evidence: np.ndarray, stiffness: np.ndarray, flow: np.ndarray, iterations: int) -> np.ndarray:
    """The change of the flow that lowers evidence and stretch together, by preconditioned conjugate gradients."""
    rest, change, towards, applied, better = (np.empty_like(flow) for _ in range(5))
    inverse = np.empty((6, *flow.shape[1:]), np.float32)
    slices = flow.shape[1]
    product = sum(over_slices(begin_slices, evidence, stiffness, flow, inverse, rest, change, towards, slices=slices))
    first = product
    for _ in range(iterations):
        if product <= SOLVED * first:
            break
        curvature = sum(over_slices(apply_slices, evidence, stiffness, towards, applied, slices=slices))
        length = np.float32(product / curvature)
        now = sum(over_slices(advance_slices, length, inverse, towards, applied, rest, change, better, slices=slices))
        over_slices(turn_slices, np.float32(now / product), better, towards, slices=slices)
        product = now
    return change


def _doubled(flow: np.ndarray) -> np.ndarray:
    out = np.empty((3, *(2 * n for n in flow.shape[1:])), np.float32)
    over_slices(double_slices, flow, out, slices=out.shape[1])
    return out


def smallest_jacobian(flow: np.ndarray, spacing_mm: float) -> np.ndarray:
    """The smallest one-sided Jacobian determinant at each voxel of x + flow, [k, j, i].

    Parameters
    ----------
    flow
        [component, k, j, i], mm, (x, y, z), on isotropic voxels.
    """
    smallest = np.empty(flow.shape[1:], np.float32)
    over_slices(smallest_jacobian_slices, flow, spacing_mm, smallest, slices=smallest.shape[0])
    return smallest


def without_folds(flow: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Smooth a field, as in smallest_jacobian, where it folds, or nearly, until it does not."""
    for _ in range(MOST_REPAIRS):
        bad = smallest_jacobian(flow, spacing_mm) < LEAST_JACOBIAN
        if not bad.any():
            break
        where = binary_dilation(bad, iterations=2)
        padded = np.pad(flow, [(0, 0), (1, 1), (1, 1), (1, 1)], mode="edge")
        inner = slice(1, -1)
        mean = (padded[:, 2:, inner, inner] + padded[:, :-2, inner, inner]) / 6
        mean += (padded[:, inner, 2:, inner] + padded[:, inner, :-2, inner]) / 6
        mean += (padded[:, inner, inner, 2:] + padded[:, inner, inner, :-2]) / 6
        flow = np.where(where, 0.5 * flow + 0.5 * mean, flow).astype(np.float32)
    return flow


def _begin(flow: np.ndarray | None, start: sitk.Image | None, grid: Grid) -> np.ndarray:
    """The flow on a level's voxels: the last level's, or the start."""
    if flow is None:
        if start is not None:
            return component_first(field_on(start, grid.reference()))
        return np.zeros((3, *grid.size[::-1]), np.float32)
    return flow if flow.shape[1:] == grid.size[::-1] else _doubled(flow)


class _Clock:
    """The time budget of a refinement, and its progress."""

    def __init__(self, deadline: float, total: int, progress: Callable[[float], None] | None):
        self._deadline, self._total, self._progress = deadline, total, progress
        self.done, self.in_time = 0, True

    def late(self) -> bool:
        """Whether the time is up."""
        if time.monotonic() > self._deadline:
            self.in_time = False
        return not self.in_time

    def step(self) -> None:
        """One more step is done."""
        self.done += 1
        if self._progress:
            self._progress(self.done / self._total)


def _descend(comparison, flow, stiffness, steps: int, options: RefinementOptions, clock: _Clock) -> np.ndarray:
    """Gauss-Newton steps while they lower the image differences; the best flow seen."""
    best, least = flow, np.inf
    for step in range(steps + 1):
        cost = comparison.look(flow)
        if cost >= least:
            break
        best, least = flow, cost
        if step == steps or clock.late():
            break
        flow = flow + _solve(comparison.evidence, stiffness, flow, options.iterations)
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
    affine
        A: fixed points to moving points, LPS mm.
    start
        Field to start from (vector image, mm, LPS, any grid), or None for zero.
    keep_volume
        Mask in the fixed space (a growing lesion): what is in it does not steer the field, and moves nearly as one
        piece, so that a change of volume is left visible.

    Returns
    -------
    Refined
        The best field seen on the last level's voxels, which does not fold.
    """
    options = options or RefinementOptions()
    levels = options.levels(alone=start is None)
    clock = _Clock(time.monotonic() + options.budget_seconds, sum(level.steps for level in levels), progress)
    flow, grid = None, None
    for level in levels:
        if flow is not None and clock.late():
            break
        comparison = _Comparison(fixed, moving, affine, level, keep_volume)
        grid = comparison.grid
        flow = _begin(flow, start, grid)
        stiffness = np.full(flow.shape[1:], level.stiffness * level.corners / 8 / level.image_mm**2, np.float32)
        if keep_volume is not None:
            stiffness[_on(keep_volume, grid) > 0] *= options.keep_volume_stiffness
        flow = without_folds(_descend(comparison, flow, stiffness, level.steps, options, clock), grid.spacing_mm)
    return Refined(grid.image(np.ascontiguousarray(np.moveaxis(flow, 0, -1))), clock.done, clock.in_time)
