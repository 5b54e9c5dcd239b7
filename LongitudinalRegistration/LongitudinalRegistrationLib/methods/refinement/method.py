"""Registration by refinement: of the field that the start brings, or from the affine step on."""

from __future__ import annotations

from typing import Protocol

import SimpleITK as sitk

from ..method import Answer, Problem, Start
from .options import RefinementOptions
from .refine import refine


class RefinementChoice(Protocol):
    """What the refinement takes of the options of a registration."""

    @property
    def refinement(self) -> bool:
        """Whether a field that is there is refined; without one, the refinement is what was asked for."""
        ...

    @property
    def refinement_options(self) -> RefinementOptions:
        """How much work it does."""
        ...


class Refinement:
    """The refinement; see method.Method."""

    def __init__(self, options: RefinementChoice):
        self._wanted, self._options = options.refinement, options.refinement_options

    def missing(self) -> str:
        """Nothing ever is."""
        return ""

    def load(self) -> None:
        """Nothing is to be loaded: the kernels are warm already (see pipeline.warm_up)."""

    def register(self, problem: Problem, start: Start | None) -> Answer:
        """Improve the start's field; where that is not wanted, give it as it is."""
        start = start or Start(sitk.AffineTransform(3))
        if start.field is not None and not self._wanted:
            return Answer(start.affine, start.field)
        with problem.stages.stage("refinement") as progress:
            found = refine(
                problem.fixed,
                problem.moving,
                start.affine,
                start.field,
                self._options,
                problem.keep_volume,
                progress,
                start.expected_error,
            )
        budget = f"its budget of {self._options.budget_seconds:g} s"
        late = f"The refinement was stopped after {found.steps} steps, for {budget}."
        return Answer(start.affine, found.field, warnings=() if found.in_time else (late,))
