"""Which method registers a pair: the one asked for, or, for `auto`, the network unless there is reason for doubt."""

from __future__ import annotations

from dataclasses import dataclass

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..evaluation.scores import Agreement, body_on, largest_component_mm
from ..evaluation.verdict import AFFINE_DOUBT, reason_for_doubt
from ..field.jacobian import ndv_percent
from ..methods.affine.align import AffineFit
from ..methods.network.model_store import find_model
from ..methods.network.predict import NetworkError
from ..methods.network.runtime import runtime_missing
from ..methods.refinement.agreement import agreement
from .candidates import Candidate, Problem, affine_of, by_network, by_niftyreg, by_refinement, prealign


@dataclass(frozen=True)
class Solution:
    """The answer that is taken.

    reason: why `auto` fell back to NiftyReg, or None; affine, after: how well the scans agree under the affine alone
    and under the whole; ndv_percent: folded part of the body; largest_mm: largest displacement component in the body
    after the affine step; warnings: for the user.
    """

    candidate: Candidate
    affine: Agreement
    after: Agreement
    ndv_percent: float
    largest_mm: float
    reason: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Judged:
    """A candidate, what was measured of it, and why not to trust it, or None."""

    candidate: Candidate
    affine: Agreement
    after: Agreement
    ndv_percent: float
    largest_mm: float
    doubt: str | None

    def solution(self, reason: str | None = None, *warnings: str) -> Solution:
        said = (*self.candidate.warnings, *warnings)
        return Solution(self.candidate, self.affine, self.after, self.ndv_percent, self.largest_mm, reason, said)


def _judge(problem: Problem, candidate: Candidate, fit: AffineFit | None, known_mm: float) -> _Judged:
    with problem.stages.stage("judge"):
        fixed, moving, affine, field = problem.fixed, problem.moving, candidate.affine, candidate.field
        before, after = agreement(fixed, moving, affine), agreement(fixed, moving, affine, field)
        body = body_on(fixed, field)
        folded = ndv_percent(field, body)
        largest = largest_component_mm(field, body)
        doubt = reason_for_doubt(before, after, folded, largest, known_mm)
        if fit is not None and fit.doubtful:
            doubt = f"{AFFINE_DOUBT} (correlation {fit.ncc:.2f})"
    return _Judged(candidate, before, after, folded, largest, doubt)


def _niftyreg(problem: Problem, reason: str | None) -> Solution:
    candidate = by_niftyreg(problem, None if problem.options.affine else sitk.AffineTransform(3))
    return _judge(problem, candidate, None, float("inf")).solution(reason)


def _network(problem: Problem) -> _Judged:
    """VoxelMorph's answer, or the reason why there is none as an exception."""
    model = find_model(problem.options.network)
    fit = prealign(problem)
    return _judge(problem, by_network(problem, affine_of(fit), model), fit, model.largest_displacement_mm)


def _without_network(problem: Problem) -> str:
    """Why the network cannot be used at all; empty if it can."""
    missing = runtime_missing()
    try:
        find_model(problem.options.network)
    except InputError as error:
        return missing or str(error)
    return missing


def _auto(problem: Problem) -> Solution:
    """VoxelMorph, or NiftyReg with the reason for it; a doubtful network result if there is no NiftyReg."""
    reason, judged = _without_network(problem), None
    if not reason:
        try:
            judged = _network(problem)
            reason = judged.doubt
        except NetworkError as error:
            reason = str(error)
    if not reason:
        return judged.solution()
    try:
        return _niftyreg(problem, reason)
    except InputError as error:
        if judged is None:
            raise InputError(f"{reason}; and {error}") from error
        return judged.solution(None, f"Check this result: {reason}. {error}")


def solve(problem: Problem) -> Solution:
    """Register a pair by the method its options name.

    Raises
    ------
    InputError
        If the scans have nothing in common, or what the method needs is not installed.
    NetworkError, NiftyRegError
        If the method that was asked for fails.
    """
    method = problem.options.method
    if method == "auto":
        return _auto(problem)
    if method == "niftyreg":
        return _niftyreg(problem, None)
    if method == "voxelmorph":
        judged = _network(problem)
    else:
        fit = prealign(problem)
        judged = _judge(problem, by_refinement(problem, affine_of(fit)), fit, float("inf"))
    return judged.solution(None, *([f"Check this result: {judged.doubt}."] if judged.doubt else []))
