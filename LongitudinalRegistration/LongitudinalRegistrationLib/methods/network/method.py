"""Registration by a trained network."""

from __future__ import annotations

from typing import Protocol

from TableRemovalLib.errors import InputError

from ..method import Answer, Problem, Start
from .model_store import find_model
from .predict import NetworkError, loaded_predictor
from .runtime import runtime_missing


class NetworkOptions(Protocol):
    """What the network takes of the options of a registration."""

    @property
    def network(self) -> str:
        """Name of the model."""
        ...

    @property
    def thread_count(self) -> int:
        """Threads to use."""
        ...


class Network:
    """The network that the options name; see method.Method."""

    def __init__(self, options: NetworkOptions):
        self._options = options

    def missing(self) -> str:
        """Why it cannot run here: no runtime, or no model."""
        if missing := runtime_missing(self._options.network):
            return missing
        try:
            find_model(self._options.network)
        except InputError as error:
            return str(error)
        return ""

    def load(self) -> None:
        """Load the model into the runtime, once in a process."""
        loaded_predictor(find_model(self._options.network), self._options.thread_count)

    def register(self, problem: Problem, start: Start | None) -> Answer:
        """Predict the field after an affine step; a field of the start is not used.

        Raises
        ------
        NetworkError
            If the network does not run, or there is no start.
        InputError
            If the model is missing or damaged.
        """
        if start is None:
            raise NetworkError("the network needs an affine step before it")
        model = find_model(self._options.network)
        stages, level = problem.stages, problem.fixed.levels[model.spacing_mm]
        with stages.stage("load"):
            predictor = loaded_predictor(model, self._options.thread_count)
        with stages.stage("grid"):
            fixed = problem.fixed.normalised(model.spacing_mm)
            moving = problem.moving.normalised_through(level.grid, start.affine)
        with stages.stage("network"):
            found = predictor.predict(fixed, moving, level.grid)
        return Answer(
            start.affine, found.field, model.name, model.largest_displacement_mm, expected_error=found.expected_error
        )
