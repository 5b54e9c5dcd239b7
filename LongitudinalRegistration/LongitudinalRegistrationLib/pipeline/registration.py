"""Register a follow-up (moving) to a baseline (fixed): scans in, one transform and its scores out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError
from TableRemovalLib.validate import validate_ct

from ..evaluation.scores import LabelScore, Scorer, Scores, common_body_percent, score_labels
from ..field.inverse import InverseConsistency, inverse_consistency
from ..field.transforms import displacement_on
from ..field.warp import warp_image
from ..methods.method import Problem
from ..scan.grid import NETWORK_SPACING_MM, Bounds, Grid, common_box, covering_grid
from ..scan.label_checks import check_label_volume, same_grid
from ..scan.pyramid import ScanPyramid, make_pyramid
from ..system.memory import give_memory_back
from ..system.parallel import bound_threads, together
from .choice import Solution, check_method, solve
from .options import RegistrationOptions
from .stages import Stages
from .warm_up import warm_up

MOST_POINTS, POINTS_MM = 4000, 8.0


@dataclass(frozen=True)
class Registered:
    """What is there before the scores.

    Attributes
    ----------
    transform, dvf_grid
        See RegistrationResult.
    image
        The moving scan on the fixed grid, HU.
    """

    transform: sitk.CompositeTransform
    dvf_grid: Grid
    image: sitk.Image

    @property
    def dvf(self) -> sitk.Image:
        """The transform's displacements T(x) - x on dvf_grid, mm, LPS."""
        return displacement_on(self.transform, self.dvf_grid.reference())


@dataclass(frozen=True)
class RegistrationResult:
    """What a registration gives.

    Attributes
    ----------
    method
        What gave the result: a key of methods.registry.METHODS.
    network
        Name of the model; None without.
    fallback_reason
        Why `auto` fell back; None where it did not.
    transform
        Fixed points to moving points, LPS, mm, affine included.
    dvf_grid
        2 mm voxels around the whole fixed body.
    common_centre
        Middle of the box that both bodies share, LPS mm.
    registered
        The moving scan on the fixed grid, HU.
    registered_labels
        The moving labels there, or None.
    scores
        Per step, "before" (as they came), "affine" and "after".
    label_scores
        Per label.
    ndv_percent
        Folded part of the body.
    inverse_consistency
        How far points of the fixed body end from where they began, there and back; None where there is no inverse.
    common_body_percent
        See scores.common_body_percent.
    largest_mm
        Largest displacement component in the body after the affine step.
    known_mm
        The largest that the model was trained on; None without a model.
    options
        What was asked for.
    seconds
        Per stage, see Stages.report.
    warnings
        For the user, a sentence each.
    expected_error
        How far off the transform is expected to be: image, mm, 8 mm voxels; None where no network says so.
    """

    method: str
    network: str | None
    fallback_reason: str | None
    transform: sitk.CompositeTransform
    dvf_grid: Grid
    common_centre: tuple[float, float, float]
    registered: sitk.Image
    registered_labels: sitk.Image | None
    scores: dict[str, Scores]
    label_scores: tuple[LabelScore, ...]
    ndv_percent: float
    inverse_consistency: InverseConsistency | None
    common_body_percent: float
    largest_mm: float
    known_mm: float | None
    options: RegistrationOptions
    seconds: dict[str, float]
    warnings: tuple[str, ...] = field(default=())
    expected_error: sitk.Image | None = None

    @cached_property
    def dvf(self) -> sitk.Image:
        """The transform's displacements T(x) - x on dvf_grid, mm, LPS."""
        return Registered(self.transform, self.dvf_grid, self.registered).dvf


def check_labels(
    labels: sitk.Image | None, scan: sitk.Image, name: str, scan_name: str = "", other: sitk.Image | None = None
) -> None:
    """Check that a label volume lies on its scan's grid.

    Parameters
    ----------
    name, scan_name
        Of the labels and of the scan, for the message; where the scan has none it is called as the labels.
    other
        The other scan of the pair, to tell labels that were swapped.

    Raises
    ------
    InputError
        If it is no label volume (see check_label_volume), or has another size or place.
    """
    if labels is None:
        return
    check_label_volume(labels, f"The {name} labels")
    if same_grid(labels, scan):
        return
    if other is not None and same_grid(labels, other):
        raise InputError(f"The {name} labels lie on the other scan's grid: swap the two label volumes.")
    raise InputError(
        f"The {name} labels are on another grid than the {scan_name or name} scan: give the labels of this scan; "
        "where they are, resample them to it (nearest neighbour) first."
    )


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
    check_method(options)


def prepare(
    image: sitk.Image,
    options: RegistrationOptions,
    name: str = "scan",
    progress: Callable[[float], None] | None = None,
) -> ScanPyramid:
    """Make a scan ready for registration: its body and its levels. Once a scan, whatever it is registered to.

    Parameters
    ----------
    image
        CT in HU, any grid; it is not changed.
    options
        Of which table removal and the number of threads count.
    name
        What error messages call the scan.
    progress
        Called with the part that is done, 0 to 1.

    Returns
    -------
    ScanPyramid
        Body and levels.

    Raises
    ------
    InputError
        If it is no CT, or holds no body.
    """
    validate_ct(image, name)
    bound_threads(options.thread_count)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(options.thread_count)
    return make_pyramid(image, options.table_removal, progress)


def finish(
    problem: Problem,
    solution: Solution,
    options: RegistrationOptions,
    fixed_labels: sitk.Image | None = None,
    moving_labels: sitk.Image | None = None,
    on_registered: Callable[[Registered], None] | None = None,
    label_names: Mapping[int, str] | None = None,
) -> RegistrationResult:
    """Make the registered volume of a solution, and score it.

    Parameters
    ----------
    problem
        The pair.
    solution
        Its transform, and the reasons for it.
    options
        As the registration had them.
    fixed_labels, moving_labels
        Vertebrae or lesions, each on its scan's grid; where the baseline has none, the volumes of the follow-up's are
        told.
    on_registered
        Called as soon as transform and registered volume are there, before the scores.
    label_names
        What labels are called, where that is known; see scores.score_labels.

    Returns
    -------
    RegistrationResult
        With the times of all stages.
    """
    candidate, stages = solution.candidate, problem.stages
    fixed, moving = problem.fixed, problem.moving
    transform = candidate.transform
    with stages.stage("warp") as report:
        image = warp_image(moving.image, fixed.image, candidate.affine, candidate.field)
        registered = Registered(transform, covering_grid(fixed.bounds, NETWORK_SPACING_MM), image)
        if on_registered:
            on_registered(registered)
        report(0.5)
        registered_labels = moving_labels and warp_image(
            moving_labels, fixed.image, candidate.affine, candidate.field, labels=True
        )
    with stages.stage("score") as report:
        scorer = Scorer(fixed, moving)
        compared_labels = _compared_with(fixed_labels, moving_labels, fixed.image)
        steps: dict[str, sitk.Transform | None] = {"before": None, "affine": candidate.affine, "after": transform}
        scores, label_scores = together(
            [
                lambda: {name: scorer.scores(step) for name, step in steps.items()},
                partial(score_labels, compared_labels, moving_labels, steps, label_names),
            ]
        )
        report(0.9)
        common = common_body_percent(fixed, moving, candidate.affine)
        consistency = inverse_consistency(transform, _body_points(fixed))
    return RegistrationResult(
        candidate.method,
        candidate.network,
        solution.reason,
        transform,
        registered.dvf_grid,
        _middle(common_box(fixed.bounds, moving.bounds, candidate.affine)),
        registered.image,
        registered_labels,
        scores,
        label_scores,
        candidate.ndv_percent,
        consistency,
        common,
        candidate.largest_mm,
        candidate.known_mm,
        options,
        stages.report(),
        solution.warnings,
        candidate.expected_error,
    )


def _middle(box: Bounds) -> tuple[float, float, float]:
    x, y, z = ((box[0] + box[1]) / 2).tolist()
    return x, y, z


def _body_points(scan: ScanPyramid) -> np.ndarray:
    """Points all over a body, [n, 3], LPS mm, MOST_POINTS at most."""
    level = scan.levels[POINTS_MM]
    found = np.argwhere(level.body)[:, ::-1]
    found = found[:: -(-len(found) // MOST_POINTS) or 1]
    return np.array(level.grid.origin) + level.grid.spacing_mm * found


def _compared_with(
    fixed_labels: sitk.Image | None, moving_labels: sitk.Image | None, fixed: sitk.Image
) -> sitk.Image | None:
    """What the follow-up's labels are compared with: the baseline's, or that none is there."""
    if fixed_labels is not None or moving_labels is None:
        return fixed_labels
    none = sitk.Image(fixed.GetSize(), sitk.sitkUInt8)
    none.CopyInformation(fixed)
    return none


def register(
    fixed: sitk.Image,
    moving: sitk.Image,
    options: RegistrationOptions | None = None,
    fixed_labels: sitk.Image | None = None,
    moving_labels: sitk.Image | None = None,
    progress: Callable[[str, float], None] | None = None,
    stages: Stages | None = None,
    keep_volume: sitk.Image | None = None,
    on_registered: Callable[[Registered], None] | None = None,
) -> RegistrationResult:
    """Register the moving scan to the fixed one.

    Parameters
    ----------
    fixed, moving
        CT scans in HU, any grids; they are not changed.
    options
        None: the defaults.
    fixed_labels, moving_labels
        Vertebrae or lesions, each on its scan's grid; scored only, they do not steer the registration. Where the
        baseline has none, the volumes of the follow-up's are told.
    progress
        Called with a stage's name and the part of it that is done, 0 to 1.
    stages
        The clock to go on with, where the caller has measured stages before.
    keep_volume
        Mask on the fixed scan's grid: lesions whose change of volume the registration must not undo.
    on_registered
        Called as soon as transform and registered volume are there, before the scores.

    Returns
    -------
    RegistrationResult
        Transform, registered volume, scores.

    Raises
    ------
    InputError
        If an input cannot be used or a method's parts are not installed.
    MethodError
        If the method that was asked for fails.
    """
    options = options or RegistrationOptions()
    stages = stages or Stages(progress)
    check_ready(options)
    validate_ct(fixed, "fixed scan")
    validate_ct(moving, "moving scan")
    check_labels(fixed_labels, fixed, "fixed", other=moving)
    check_labels(moving_labels, moving, "moving", other=fixed)
    check_labels(keep_volume, fixed, "keep-volume", "fixed")
    with stages.stage("load") as report:
        warm_up(lambda words, part: report(part))
    with stages.stage("body_mask") as report:
        scans = [
            prepare(image, options, name, partial(_report_half, report, half))
            for half, (image, name) in enumerate(((fixed, "fixed scan"), (moving, "moving scan")))
        ]
    problem = Problem(scans.pop(0), scans.pop(), stages, keep_volume)
    solution = solve(problem, options)
    problem = replace(problem, fixed=problem.fixed.without_levels(), moving=problem.moving.without_levels())
    give_memory_back()
    return finish(problem, solution, options, fixed_labels, moving_labels, on_registered)


def _report_half(report: Callable[[float], None], half: int, part: float) -> None:
    """Tell the progress of the first or the second of two scans."""
    report((half + part) / 2)
