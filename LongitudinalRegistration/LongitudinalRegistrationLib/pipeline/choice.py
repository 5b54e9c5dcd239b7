"""Which method registers a pair: the one asked for, or, for `auto`, its first one unless there is reason for doubt."""

from __future__ import annotations

from dataclasses import dataclass

from TableRemovalLib.errors import InputError

from ..methods.method import MethodError, Problem
from ..methods.registry import AUTO, FALLBACK, FIRST, METHODS, make_method
from .candidates import Candidate, candidate_of
from .options import RegistrationOptions


@dataclass(frozen=True)
class Solution:
    """The answer that is taken.

    Attributes
    ----------
    candidate
        The answer, by which method, and what was measured of it.
    reason
        Why `auto` fell back to another method than its first; None where it did not.
    warnings
        For the user, a sentence each, the candidate's among them.
    """

    candidate: Candidate
    reason: str | None = None
    warnings: tuple[str, ...] = ()


def check_method(options: RegistrationOptions) -> None:
    """Check, before any work, that the method asked for can run here.

    Raises
    ------
    InputError
        If what it needs is not installed; the message says how to get it.
    """
    if options.method != AUTO:
        if missing := make_method(options.method, options).missing():
            raise InputError(missing)
        return
    reasons = [make_method(name, options).missing() for name in (FIRST, FALLBACK)]
    if all(reasons):
        raise InputError(f"Neither method can run: {'; and '.join(reasons)}")


def load_method(options: RegistrationOptions) -> None:
    """Load what the method (of `auto`: its first) needs; what goes wrong with that is told when it is used."""
    method = make_method(FIRST if options.method == AUTO else options.method, options)
    if method.missing():
        return
    try:
        method.load()
    except MethodError:
        return


def solve(problem: Problem, options: RegistrationOptions) -> Solution:
    """Register a pair by the method that the options name.

    Raises
    ------
    InputError
        If the scans have nothing in common, or what the method needs is not installed.
    MethodError
        If the method that was asked for fails.
    """
    if options.method == AUTO:
        return _auto(problem, options)
    candidate = candidate_of(options.method, problem, options)
    told = candidate.doubt and not METHODS[options.method].independent
    return _taken(candidate, f"Check this result: {candidate.doubt}." if told else None)


def _taken(candidate: Candidate, warning: str | None = None, reason: str | None = None) -> Solution:
    return Solution(candidate, reason, (*candidate.warnings, *([warning] if warning else [])))


def _auto(problem: Problem, options: RegistrationOptions) -> Solution:
    """The first method's answer, or the other's with the reason for it; a doubtful one if the other cannot run."""
    reason, candidate = make_method(FIRST, options).missing(), None
    if not reason:
        try:
            candidate = candidate_of(FIRST, problem, options)
            reason = candidate.doubt or ""
        except MethodError as error:
            reason = str(error)
    if candidate is not None and not reason:
        return _taken(candidate)
    try:
        return _taken(candidate_of(FALLBACK, problem, options), reason=reason)
    except InputError as error:
        if candidate is None:
            raise InputError(f"{reason}; and {error}") from error
        return _taken(candidate, f"Check this result: {reason}. {error}")
