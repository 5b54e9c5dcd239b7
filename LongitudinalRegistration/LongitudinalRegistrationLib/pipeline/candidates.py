"""One method's answer to a registration, and what speaks for and against it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import SimpleITK as sitk

from ..evaluation.scores import Agreement, body_on, largest_component_mm
from ..evaluation.verdict import AFFINE_DOUBT, reason_for_doubt
from ..field.jacobian import ndv_percent
from ..field.transforms import compose, for_storage
from ..methods.affine.align import AffineFit, align
from ..methods.method import Problem, Start
from ..methods.refinement.agreement import agreement
from ..methods.registry import METHODS, make_method
from ..scan.grid import common_box
from .options import RegistrationOptions


@dataclass(frozen=True)
class Candidate:
    """One method's answer: T(x) = A(x + u(x)), fixed points to moving points, LPS, mm.

    Attributes
    ----------
    method
        A key of methods.registry.METHODS.
    affine
        A.
    field
        u: vector image, float64, LPS, mm, on voxels of 4 mm or more.
    network, known_mm, warnings, expected_error
        See methods.method.Answer.
    before, after
        How well the scans agree under the affine alone, and under the whole.
    ndv_percent
        Folded part of the body.
    largest_mm
        Largest displacement component in the body after the affine step.
    doubt
        Why it should not be trusted, in words; None where nothing speaks against it.
    """

    method: str
    affine: sitk.AffineTransform
    field: sitk.Image
    network: str | None
    known_mm: float | None
    warnings: tuple[str, ...]
    before: Agreement
    after: Agreement
    ndv_percent: float
    largest_mm: float
    doubt: str | None
    expected_error: sitk.Image | None = None

    @cached_property
    def transform(self) -> sitk.CompositeTransform:
        """T as one ITK transform."""
        return compose(self.affine, self.field)


def candidate_of(name: str, problem: Problem, options: RegistrationOptions) -> Candidate:
    """Register a pair by one method, and judge its answer.

    Parameters
    ----------
    name
        A key of methods.registry.METHODS.

    Raises
    ------
    InputError
        If the scans have nothing in common, or what the method needs is not installed.
    MethodError
        If the method fails.
    """
    method, fit, start = make_method(name, options), None, None
    if not METHODS[name].independent:
        fit = _prealign(problem) if options.affine else None
        start = Start(sitk.AffineTransform(3) if fit is None else fit.transform)
        common_box(problem.fixed.bounds, problem.moving.bounds, start.affine)
    elif not options.affine:
        start = Start(sitk.AffineTransform(3))
    answer = method.register(problem, start)
    field = for_storage(answer.field)
    with problem.stages.stage("judge"):
        fixed, moving = problem.fixed, problem.moving
        before, after = agreement(fixed, moving, answer.affine), agreement(fixed, moving, answer.affine, field)
        body = body_on(fixed, field)
        folded, largest = ndv_percent(field, body), largest_component_mm(field, body)
        doubt, expected_error = reason_for_doubt(before, after, folded, largest, answer.known_mm), answer.expected_error
        if doubt is None and brings_nothing(before, after):
            field, after, folded, largest, expected_error = _zero_like(field), before, 0.0, 0.0, None
        if fit is not None and fit.doubtful:
            doubt = f"{AFFINE_DOUBT} (correlation {fit.ncc:.2f})"
    return Candidate(
        name,
        answer.affine,
        field,
        answer.network,
        answer.known_mm,
        answer.warnings,
        before,
        after,
        folded,
        largest,
        doubt,
        expected_error,
    )


def brings_nothing(before: Agreement, after: Agreement) -> bool:
    """Say whether scans agree as well under the affine alone as under the whole, by either measure.

    What a field moves is then not seen in the scans, and the affine alone is the answer: a scan stays where it is when
    it is registered to itself.

    Parameters
    ----------
    before, after
        Under the affine alone, and under the whole.

    Examples
    --------
    >>> brings_nothing(Agreement(1.0, 1.0), Agreement(0.999, 1.0))
    True
    >>> brings_nothing(Agreement(0.9, 0.8), Agreement(0.9, 0.9))
    False
    """
    return after.ncc <= before.ncc and after.local_ncc <= before.local_ncc


def _zero_like(field: sitk.Image) -> sitk.Image:
    """Make a field of zeros on the voxels of another one."""
    zero = sitk.Image(field.GetSize(), sitk.sitkVectorFloat64, 3)
    zero.CopyInformation(field)
    return zero


def _prealign(problem: Problem) -> AffineFit:
    with problem.stages.stage("affine") as progress:
        return align(problem.fixed, problem.moving, progress)
