"""Refinement of a field by a few steps of instance optimisation: ITK's fast symmetric demons, coarse to fine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from .grid import AIR_HU, Grid, resample, smooth_for_spacing
from .transforms import field_on


@dataclass(frozen=True)
class RefinementOptions:
    """levels_mm: voxel sizes, coarse to fine; iterations: most steps on each level; smoothing_voxels: standard
    deviation of the Gaussian on the field after each of a level's steps; window_hu: intensities that count;
    budget_seconds: no new level starts after it."""

    levels_mm: tuple[float, ...] = (8.0, 4.0)
    iterations: tuple[int, ...] = (40, 60)
    smoothing_voxels: tuple[float, ...] = (1.5, 1.2)
    window_hu: tuple[float, float] = (-200.0, 400.0)
    budget_seconds: float = 10.0

    def isValid(self) -> tuple[bool, str]:
        """Whether the options make sense, and if not, what to change."""
        if not self.levels_mm or not len(self.levels_mm) == len(self.iterations) == len(self.smoothing_voxels):
            return False, "levels_mm, iterations and smoothing_voxels need one entry a level."
        if min(self.levels_mm) <= 0 or min(self.iterations) < 1 or min(self.smoothing_voxels) <= 0:
            return False, "levels_mm, iterations and smoothing_voxels must be positive."
        return True, ""


def level_grid(grid: Grid, spacing_mm: float) -> Grid:
    """The same box with other voxels."""
    extent = (np.array(grid.size) - 1) * grid.spacing_mm
    size = np.maximum(np.ceil(extent / spacing_mm).astype(int) + 1, 4)
    return Grid(tuple(int(n) for n in size), grid.origin, spacing_mm)


def _prepare(
    image: sitk.Image, grid: Grid, transform: sitk.Transform | None, window: tuple[float, float]
) -> sitk.Image:
    low, high = window
    smooth = smooth_for_spacing(sitk.Cast(image, sitk.sitkFloat32), grid.spacing_mm)
    sampled = resample(smooth, grid.reference(), transform, outside=AIR_HU)
    clamped = sitk.Clamp(sampled, sitk.sitkFloat32, low, high)
    return sitk.ShiftScale(clamped, -low, 1.0 / (high - low))


def refine(
    fixed: sitk.Image,
    moving: sitk.Image,
    affine: sitk.Transform,
    start: sitk.Image | None,
    grid: Grid,
    options: RefinementOptions = RefinementOptions(),
    progress: Callable[[float], None] | None = None,
) -> sitk.Image:
    """Improve a field u of T(x) = A(x + u(x)).

    Parameters
    ----------
    fixed, moving
        Scans without table, HU.
    affine
        A: fixed points to moving points, LPS mm.
    start
        Field to start from (vector image, mm, LPS, any grid), or None for zero.
    grid
        Box in the fixed space to work in; its spacing does not matter.

    Returns
    -------
    sitk.Image
        The field on the finest level's voxels, mm, LPS, float64.
    """
    begun = time.monotonic()
    field = start
    levels = zip(options.levels_mm, options.iterations, options.smoothing_voxels, strict=True)
    for number, (spacing, iterations, smoothing) in enumerate(levels):
        level = level_grid(grid, spacing)
        reference = level.reference()
        if field is None:
            field = sitk.Image(list(level.size), sitk.sitkVectorFloat64, 3)
            field.CopyInformation(reference)
        else:
            field = field_on(field, reference)
        if number and time.monotonic() - begun > options.budget_seconds:
            continue
        pair = [_prepare(image, level, t, options.window_hu) for image, t in ((fixed, None), (moving, affine))]
        demons = sitk.FastSymmetricForcesDemonsRegistrationFilter()
        demons.SetNumberOfIterations(iterations)
        demons.SetStandardDeviations(smoothing)
        demons.SetSmoothUpdateField(True)
        demons.SetUpdateFieldStandardDeviations(0.8)
        field = demons.Execute(*pair, field)
        if progress:
            progress((number + 1) / len(options.levels_mm))
    return field
