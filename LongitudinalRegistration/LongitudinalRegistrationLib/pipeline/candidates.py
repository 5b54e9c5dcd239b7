"""The ways to register a pair of scans: by network and refinement, by refinement alone, by NiftyReg."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import SimpleITK as sitk

from ..field.transforms import compose, for_storage
from ..methods.affine.align import AffineFit, align
from ..methods.network.model_store import Model
from ..methods.network.predict import loaded_predictor
from ..methods.niftyreg.binaries import find_programs
from ..methods.niftyreg.run import aladin, f3d
from ..methods.refinement.refine import refine
from ..scan.grid import AIR_HU, common_box, covering_grid, resample, smooth_for_spacing
from ..scan.pyramid import FINEST_MM, ScanPyramid
from .options import RegistrationOptions
from .stages import Stages


@dataclass(frozen=True)
class Problem:
    """A pair of scans as every method sees it; keep_volume: mask on the fixed side whose change of volume is kept."""

    fixed: ScanPyramid
    moving: ScanPyramid
    options: RegistrationOptions
    stages: Stages
    keep_volume: sitk.Image | None = None


@dataclass(frozen=True)
class Candidate:
    """One method's answer: T(x) = A(x + u(x)), LPS mm; network: the model used, if any; warnings: for the user."""

    method: str
    affine: sitk.Transform
    field: sitk.Image
    network: str | None = None
    warnings: tuple[str, ...] = ()

    @cached_property
    def transform(self) -> sitk.CompositeTransform:
        return compose(self.affine, self.field)


def prealign(problem: Problem) -> AffineFit | None:
    """Our own affine step; None where it is switched off.

    Raises
    ------
    InputError
        If the scans have no part of the body in common.
    """
    fit = None
    if problem.options.affine:
        with problem.stages.stage("affine") as progress:
            fit = align(problem.fixed, problem.moving, progress)
    common_box(problem.fixed.bounds, problem.moving.bounds, affine_of(fit))
    return fit


def affine_of(fit: AffineFit | None) -> sitk.AffineTransform:
    """The transform of an affine step, or the identity."""
    return sitk.AffineTransform(3) if fit is None else fit.transform


def _refined(problem: Problem, affine: sitk.Transform, start: sitk.Image | None) -> tuple[sitk.Image, tuple[str, ...]]:
    options = problem.options.refinement_options
    with problem.stages.stage("refinement") as progress:
        found = refine(problem.fixed, problem.moving, affine, start, options, problem.keep_volume, progress)
    late = f"The refinement was stopped after {found.steps} steps, for its budget of {options.budget_seconds:g} s."
    return found.field, () if found.in_time else (late,)


def by_network(problem: Problem, affine: sitk.Transform, model: Model) -> Candidate:
    """VoxelMorph, then refinement; where that follows, the network's finest steps are left to it.

    Raises
    ------
    NetworkError
        If the network does not run.
    """
    stages, options = problem.stages, problem.options
    level = problem.fixed.levels[model.spacing_mm]
    with stages.stage("load"):
        predictor = loaded_predictor(model, options.thread_count)
    with stages.stage("grid"):
        images = problem.fixed.normalised(model.spacing_mm), problem.moving.normalised_through(level.grid, affine)
    with stages.stage("network"):
        field = predictor.field(*images, level.grid, to_the_end=not options.refinement)
    warnings = ()
    if options.refinement:
        field, warnings = _refined(problem, affine, field)
    return Candidate("voxelmorph", affine, for_storage(field), model.name, warnings)


def by_refinement(problem: Problem, affine: sitk.Transform) -> Candidate:
    """Refinement alone, from the affine step on."""
    field, warnings = _refined(problem, affine, None)
    return Candidate("refinement", affine, for_storage(field), None, warnings)


def _for_niftyreg(scan: ScanPyramid, spacing_mm: float) -> sitk.Image:
    level = scan.levels[FINEST_MM]
    image = level.grid.image(np.where(level.seen > 0, level.values, np.float32(AIR_HU)))
    box = covering_grid(scan.bounds, spacing_mm).reference()
    return resample(smooth_for_spacing(image, spacing_mm) if spacing_mm > FINEST_MM else image, box)


def by_niftyreg(problem: Problem, affine: sitk.AffineTransform | None) -> Candidate:
    """reg_aladin (unless an affine is given) and reg_f3d on isotropic voxels.

    Raises
    ------
    InputError
        If NiftyReg is not installed.
    NiftyRegError
        If it fails or is killed.
    """
    stages, options = problem.stages, problem.options
    programs = find_programs(options.niftyreg_folder)
    with stages.stage("grid"):
        fixed, moving = (_for_niftyreg(s, options.niftyreg_spacing_mm) for s in (problem.fixed, problem.moving))
    if affine is None:
        with stages.stage("affine") as progress:
            affine = aladin(programs, fixed, moving, options.thread_count, progress)
    with stages.stage("niftyreg") as progress:
        field = f3d(programs, fixed, moving, affine, options.thread_count, progress)
    return Candidate("niftyreg", affine, for_storage(field))
