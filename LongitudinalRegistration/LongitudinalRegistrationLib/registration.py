"""Register a follow-up (moving) to a baseline (fixed): scans in, one transform and its scores out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError
from TableRemovalLib.validate import validate_ct

from . import affine as affine_alignment
from .bodies import Body, find_body
from .evaluation.label_scores import LabelScore, score_labels
from .evaluation.metrics import global_ncc, ndv_percent, ssim
from .grid import Grid, common_grid, covering_grid, resample, smooth_for_spacing
from .network.model_store import Model, find_model, tensorflow_missing
from .network.predict import NetworkError, Predictor
from .niftyreg.binaries import find_programs
from .niftyreg.run import aladin, f3d
from .normalise import ceiling_hu, normalise, normalised_on_grid
from .options import RegistrationOptions
from .quality import Scores, reason_for_doubt
from .refinement import refine
from .stages import Stages
from .transforms import compose, displacement_on, for_storage

SCORE_SPACING_MM = 2.0


@dataclass(frozen=True)
class Candidate:
    """One method's answer: T(x) = A(x + u(x)), LPS mm; network: the model, where one was used."""

    method: str
    affine: sitk.Transform
    field: sitk.Image
    network: str | None = None

    @cached_property
    def transform(self) -> sitk.CompositeTransform:
        return compose(self.affine, self.field)


@dataclass(frozen=True)
class RegistrationResult:
    """What a registration gives.

    method, network: what gave the result, and by which model (None without). transform: fixed points to moving points,
    LPS mm, affine included. dvf: its displacements on 2 mm voxels around what both scans show. registered: the moving
    scan on the fixed grid. registered_labels: the moving labels there, or None. scores: per stage "before" (as they
    came), "affine" and "after": Scores. label_scores: per label.
    """

    method: str
    network: str | None
    fallback_reason: str | None
    transform: sitk.CompositeTransform
    dvf: sitk.Image
    registered: sitk.Image
    registered_labels: sitk.Image | None
    scores: dict[str, Scores]
    label_scores: tuple[LabelScore, ...]
    ndv_percent: float
    seconds: dict[str, float]
    warnings: tuple[str, ...] = field(default=())


def check_labels(labels: sitk.Image | None, scan: sitk.Image, name: str) -> None:
    """Check that a label volume lies on its scan's grid.

    Raises
    ------
    InputError
        If it is not of an integer type, or has another size or place.
    """
    if labels is None:
        return
    if labels.GetDimension() != 3 or labels.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"The {name} labels are no 3-D label volume: give one integer a voxel.")
    if "integer" not in labels.GetPixelIDTypeAsString():
        raise InputError(f"The {name} labels are not integers: give a label volume, not a scan.")
    same_place = np.allclose(labels.GetOrigin(), scan.GetOrigin(), atol=0.1) and np.allclose(
        labels.GetDirection(), scan.GetDirection(), atol=1e-3
    )
    if (
        labels.GetSize() != scan.GetSize()
        or not np.allclose(labels.GetSpacing(), scan.GetSpacing(), rtol=1e-3)
        or not same_place
    ):
        raise InputError(
            f"The {name} labels are on another grid than the {name} scan: resample them to the scan "
            "(nearest neighbour) first."
        )


@dataclass(frozen=True)
class _Problem:
    """The pair as every method sees it; `images` are the scans without their tables."""

    fixed: Body
    moving: Body
    options: RegistrationOptions
    stages: Stages

    @property
    def images(self) -> tuple[sitk.Image, sitk.Image]:
        return self.fixed.clean, self.moving.clean


def _prealign(problem: _Problem) -> sitk.AffineTransform:
    """A from our own affine step, or the identity."""
    if not problem.options.affine:
        return sitk.AffineTransform(3)
    with problem.stages.stage("affine") as progress:
        return affine_alignment.align(
            problem.fixed.clean, problem.fixed.mask, problem.moving.clean, problem.moving.mask, progress
        )


def _normalised_pair(problem: _Problem, grid: Grid, affine: sitk.Transform) -> list[np.ndarray]:
    """Both scans on a grid in the fixed space, [k, j, i], [0, 1]; the moving one through the affine."""
    steps = ((problem.fixed, None), (problem.moving, affine))
    return [normalised_on_grid(body.clean, body.mask, grid, transform)[0] for body, transform in steps]


def _by_network(problem: _Problem, affine: sitk.Transform, model: Model) -> Candidate:
    """VoxelMorph, then refinement.

    Raises
    ------
    NetworkError
        If the network does not run.
    """
    stages, options = problem.stages, problem.options
    with stages.stage("grid"):
        grid = common_grid(problem.fixed.mask, problem.moving.mask, affine, model.size, model.spacing_mm)
        pair = _normalised_pair(problem, grid, affine)
    with stages.stage("network"):
        field = Predictor(model, options.thread_count).field(*pair, grid)
    if options.refinement:
        with stages.stage("refinement") as progress:
            box = covering_grid(problem.fixed.mask, SCORE_SPACING_MM)
            field = refine(*problem.images, affine, field, box, options.refinement_options, progress)
    return Candidate("voxelmorph", affine, for_storage(field), model.name)


def _by_niftyreg(problem: _Problem, affine: sitk.AffineTransform | None) -> Candidate:
    """reg_aladin (unless an affine is given) and reg_f3d on isotropic voxels.

    Raises
    ------
    InputError
        If NiftyReg is not installed.
    NiftyRegError
        If it fails or is killed.
    """
    stages, options = problem.stages, problem.options
    spacing = options.niftyreg_spacing_mm
    programs = find_programs(options.niftyreg_folder)
    with stages.stage("grid"):
        fixed, moving = (
            resample(
                smooth_for_spacing(sitk.Cast(body.clean, sitk.sitkFloat32), spacing),
                covering_grid(body.mask, spacing).reference(),
            )
            for body in (problem.fixed, problem.moving)
        )
    if affine is None:
        with stages.stage("affine") as progress:
            affine = aladin(programs, fixed, moving, options.thread_count, progress)
    with stages.stage("niftyreg") as progress:
        field = f3d(programs, fixed, moving, affine, options.thread_count, progress)
    return Candidate("niftyreg", affine, for_storage(field))


class _Scorer:
    """Similarity within the fixed body, where the moving scan has data, on 2 mm voxels."""

    def __init__(self, problem: _Problem):
        self._moving = problem.moving.clean
        self._extent = sitk.Image(self._moving.GetSize(), sitk.sitkUInt8) + 1
        self._extent.CopyInformation(self._moving)
        self._reference = covering_grid(problem.fixed.mask, SCORE_SPACING_MM).reference()
        fixed_hu = sitk.GetArrayFromImage(resample(problem.fixed.clean, self._reference))
        self.body = sitk.GetArrayFromImage(resample(problem.fixed.mask, self._reference, labels=True))
        self._ceiling = ceiling_hu(fixed_hu, self.body)
        self._fixed = normalise(fixed_hu, self._ceiling)

    def scores(self, transform: sitk.Transform | None) -> Scores:
        warped_hu = sitk.GetArrayFromImage(resample(self._moving, self._reference, transform))
        seen = sitk.GetArrayFromImage(resample(self._extent, self._reference, transform, labels=True))
        warped = normalise(warped_hu, self._ceiling)
        mask = (self.body > 0) & (seen > 0)
        if not mask.any():
            return Scores(0.0, 0.0)
        return Scores(ssim(self._fixed, warped, mask), global_ncc(self._fixed, warped, mask))

    def ndv_percent(self, field: sitk.Image) -> float:
        """Folded part of the body, percent, counted on the field's own voxels."""
        body = self._on(field)
        return ndv_percent(field, body)

    def largest_mm(self, field: sitk.Image) -> float:
        """Largest displacement component in the body, mm."""
        values = np.abs(sitk.GetArrayViewFromImage(field)[self._on(field) > 0])
        return float(values.max()) if values.size else 0.0

    def _on(self, field: sitk.Image) -> np.ndarray:
        body = sitk.GetImageFromArray(self.body)
        body.CopyInformation(self._reference)
        return sitk.GetArrayFromImage(resample(body, field, labels=True))


def _doubt(scorer: _Scorer, candidate: Candidate, affine_scores: Scores, model: Model) -> str | None:
    return reason_for_doubt(
        affine_scores,
        scorer.scores(candidate.transform),
        scorer.ndv_percent(candidate.field),
        scorer.largest_mm(candidate.field),
        model.largest_displacement_mm,
    )


def _auto(problem: _Problem, scorer: _Scorer) -> tuple[Candidate, str | None, list[str]]:
    """VoxelMorph, or NiftyReg with the reason for it; a doubtful network result if there is no NiftyReg."""
    reason = tensorflow_missing()
    model = None
    if not reason:
        try:
            model = find_model(problem.options.network)
        except InputError as error:
            reason = str(error)
    candidate = None
    if model is not None:
        affine = _prealign(problem)
        try:
            candidate = _by_network(problem, affine, model)
            reason = _doubt(scorer, candidate, scorer.scores(affine), model)
        except NetworkError as error:
            reason = str(error)
    if not reason:
        return candidate, None, []
    try:
        identity = None if problem.options.affine else sitk.AffineTransform(3)
        return _by_niftyreg(problem, identity), reason, []
    except InputError as error:
        if candidate is None:
            raise InputError(f"{reason}; and {error}") from error
        return candidate, None, [f"Check this result: {reason}. {error}"]


def _choose(problem: _Problem, scorer: _Scorer) -> tuple[Candidate, str | None, list[str]]:
    """The method that was asked for: its answer, the reason for a fallback, warnings."""
    method = problem.options.method
    if method == "auto":
        return _auto(problem, scorer)
    if method == "niftyreg":
        identity = None if problem.options.affine else sitk.AffineTransform(3)
        return _by_niftyreg(problem, identity), None, []
    model = find_model(problem.options.network)
    affine = _prealign(problem)
    candidate = _by_network(problem, affine, model)
    doubt = _doubt(scorer, candidate, scorer.scores(affine), model)
    return candidate, None, [f"Check this result: {doubt}."] if doubt else []


def check_ready(options: RegistrationOptions) -> None:
    """Check, before any work, that the method asked for can run here.

    Raises
    ------
    InputError
        If the options are wrong or what the method needs is not installed; the message says how to get it.
    """
    ok, reason = options.isValid()
    if not ok:
        raise InputError(reason)
    missing = tensorflow_missing()
    if options.method == "niftyreg":
        find_programs(options.niftyreg_folder)
    elif options.method == "voxelmorph":
        if missing:
            raise InputError(f"The network cannot run: {missing}.")
        find_model(options.network)
    elif missing:
        try:
            find_programs(options.niftyreg_folder)
        except InputError as error:
            raise InputError(f"Neither method can run: {missing}; and {error}") from error


def register(
    fixed: sitk.Image,
    moving: sitk.Image,
    options: RegistrationOptions | None = None,
    fixed_labels: sitk.Image | None = None,
    moving_labels: sitk.Image | None = None,
    progress: Callable[[str, float], None] | None = None,
    stages: Stages | None = None,
) -> RegistrationResult:
    """Register the moving scan to the fixed one.

    Parameters
    ----------
    fixed, moving
        CT scans in HU, any grids; they are not changed.
    fixed_labels, moving_labels
        Vertebrae, each on its scan's grid; scored only, they do not steer the registration.
    progress
        Called with a stage's name and the part of it that is done, 0 to 1.
    stages
        The clock to go on with, where the caller has measured stages before.

    Raises
    ------
    InputError
        If an input cannot be used or a method's parts are not installed.
    NiftyRegError, NetworkError
        If the method that was asked for fails.
    """
    options = options or RegistrationOptions()
    stages = stages or Stages(progress)
    check_ready(options)
    validate_ct(fixed, "fixed scan")
    validate_ct(moving, "moving scan")
    check_labels(fixed_labels, fixed, "fixed")
    check_labels(moving_labels, moving, "moving")
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(options.thread_count)

    with stages.stage("body_mask") as report:
        bodies = [
            find_body(image, options.table_removal, lambda part, n=n: report((n + part) / 2))
            for n, image in enumerate((fixed, moving))
        ]
    problem = _Problem(*bodies, options, stages)
    scorer = _Scorer(problem)
    candidate, reason, warnings = _choose(problem, scorer)
    transform = candidate.transform

    with stages.stage("warp") as report:
        registered = resample(moving, fixed, transform)
        report(0.4)
        registered_labels = resample(moving_labels, fixed, transform, labels=True) if moving_labels else None
        grid = common_grid(problem.fixed.mask, problem.moving.mask, candidate.affine)
        dvf = displacement_on(transform, grid.reference())
        report(0.7)
        steps = {"before": None, "affine": candidate.affine, "after": transform}
        scores = {name: scorer.scores(step) for name, step in steps.items()}
        label_scores = score_labels(fixed_labels, moving_labels, steps)
    return RegistrationResult(
        candidate.method,
        candidate.network,
        reason,
        transform,
        dvf,
        registered,
        registered_labels,
        scores,
        label_scores,
        scorer.ndv_percent(candidate.field),
        stages.report(),
        tuple(warnings),
    )
