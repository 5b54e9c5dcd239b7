"""The methods by name. What they are made of is imported when it is used: it may not be installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING

from .method import Answer, Method, Problem, Start

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class Entry:
    """A method that can be asked for.

    Attributes
    ----------
    title
        What users know it by.
    steps
        Its classes (see method.Method), "module:class" within this package; each starts where the one before ended.
    independent
        Whether it has an affine step of its own, and gives its result as it is, whatever `auto` would think of it.
    network
        Name of its model; None: the one that the options name.
    """

    title: str
    steps: tuple[str, ...]
    independent: bool = False
    network: str | None = None


_NETWORK_AND_REFINEMENT = "network.method:Network", "refinement.method:Refinement"

METHODS = {
    "cost-volume": Entry("Cost-volume network", _NETWORK_AND_REFINEMENT),
    "vxm2": Entry("VoxelMorph (paper)", _NETWORK_AND_REFINEMENT, network="vxm2"),
    "niftyreg": Entry("NiftyReg", ("niftyreg.method:NiftyReg",), independent=True),
    "refinement": Entry("Refinement alone", ("refinement.method:Refinement",)),
}
AUTO = "auto"
FIRST, FALLBACK = "cost-volume", "niftyreg"
"""What `auto` tries, and what it takes where that cannot be trusted."""
NAMES = (AUTO, *METHODS)
"""All that a user can choose."""
_FORMER = {"voxelmorph": "cost-volume"}


def current_name(name: str) -> str:
    """The name that a method has now: scripts, scenes and reports may hold a former one.

    Examples
    --------
    >>> current_name("voxelmorph"), current_name("niftyreg")
    ('cost-volume', 'niftyreg')
    """
    return _FORMER.get(name, name)


def title_of(name: str) -> str:
    """What users know a method by; an unknown name as it is."""
    entry = METHODS.get(current_name(name))
    return entry.title if entry else name


class Chain:
    """A method of several steps."""

    def __init__(self, steps: Sequence[Method]):
        self._steps = tuple(steps)

    def missing(self) -> str:
        """Why a step cannot run here; empty if all can."""
        return next(filter(None, (step.missing() for step in self._steps)), "")

    def load(self) -> None:
        """Load every step; see Method.load."""
        for step in self._steps:
            step.load()

    def register(self, problem: Problem, start: Start | None) -> Answer:
        """The last step's field, what each step has to say, the error that was expected last; see Method.register."""
        answer = self._steps[0].register(problem, start)
        for step in self._steps[1:]:
            found = step.register(problem, Start(answer.affine, answer.field, answer.expected_error))
            answer = Answer(
                found.affine,
                found.field,
                found.network or answer.network,
                answer.known_mm if found.known_mm is None else found.known_mm,
                (*answer.warnings, *found.warnings),
                found.expected_error or answer.expected_error,
            )
        return answer


def make_method(name: str, options: DataclassInstance) -> Method:
    """Make a method of METHODS.

    Parameters
    ----------
    options
        Of the registration, pipeline.options.RegistrationOptions; each step says in its own module what it takes.
    """
    entry = METHODS[name]
    own = options if entry.network is None else replace(options, network=entry.network)
    return Chain([_step(path)(own) for path in entry.steps])


def _step(path: str) -> type:
    module, _, name = path.partition(":")
    return getattr(import_module(f".{module}", __package__), name)
