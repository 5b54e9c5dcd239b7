"""How much of the paper's experiments is done, and by which methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...methods.network.architectures.catalogue import NETWORKS
from .solvers import DEFAULT, NIFTYREG

PAPER_FIELDS = {"fig7": 50, "table1": 50, "fig9": 50, "fig11": 30}
"""Experiment to the number of random fields: in all, but for fig. 9 in every fold and for fig. 11 at every step."""
PAPER_PATIENTS = 12
PAPER_STEP_MM = 1.0
LARGEST_MM = 25.0
PAPER_SPACING_MM = 2.0


@dataclass(frozen=True)
class PaperOptions:
    """How much is done; the defaults are the paper's.

    Attributes
    ----------
    fields
        Random fields, see PAPER_FIELDS; None: as many as the paper.
    patients
        The first ones of the manifest; None: all.
    step_mm
        Of the displacements in fig. 11.
    niftyreg_spacing_mm
        Voxels that NiftyReg works on.
    methods
        Only these; empty: all of the experiment's.
    runs
        "single" and "incremental" to folders of training runs with folds.
    """

    fields: int | None = None
    patients: int | None = None
    step_mm: float = PAPER_STEP_MM
    niftyreg_spacing_mm: float = PAPER_SPACING_MM
    methods: tuple[str, ...] = ()
    runs: Mapping[str, Path] = field(default_factory=dict)

    def isValid(self) -> tuple[bool, str]:
        """Say whether the options make sense, and if not, what to change."""
        if not 0 < self.step_mm <= LARGEST_MM:
            return False, f"the step must be more than 0 and at most {LARGEST_MM:g} mm."
        known = (*NETWORKS, DEFAULT, NIFTYREG, "single", "incremental")
        for name in self.methods:
            if name not in known:
                return False, f"{name} is no method: there are {', '.join(known)}."
        for name in self.runs:
            if name not in ("single", "incremental"):
                return False, f"a run is called single or incremental, not {name}."
        return True, ""

    def count(self, experiment: str) -> int:
        """Number of random fields of an experiment."""
        return self.fields or PAPER_FIELDS[experiment]

    def takes(self, *methods: str) -> list[str]:
        """Those of an experiment's methods that are asked for."""
        return [name for name in methods if not self.methods or name in self.methods]

    def reduction(self, experiment: str, patients: int) -> str:
        """Say in words what is less than in the paper; empty if nothing is.

        Parameters
        ----------
        experiment
            Its name.
        patients
            How many there were.
        """
        less = []
        if experiment in PAPER_FIELDS and self.count(experiment) < PAPER_FIELDS[experiment]:
            where = {"fig9": " a fold", "fig11": " a step"}.get(experiment, "")
            count = self.count(experiment)
            less.append(f"{count} random field{'s' * (count > 1)}{where} instead of {PAPER_FIELDS[experiment]}")
        if patients < PAPER_PATIENTS:
            less.append(f"{patients} patient{'s' * (patients > 1)} instead of {PAPER_PATIENTS}")
        if experiment == "fig11" and self.step_mm > PAPER_STEP_MM:
            less.append(f"steps of {self.step_mm:g} mm instead of {PAPER_STEP_MM:g}")
        if experiment in (*PAPER_FIELDS, "fig10") and self.niftyreg_spacing_mm > PAPER_SPACING_MM:
            less.append(f"NiftyReg on voxels of {self.niftyreg_spacing_mm:g} mm instead of {PAPER_SPACING_MM:g}")
        return "; ".join(less)

    def arguments(self, experiment: str) -> str:
        """Write what is less than in the paper as arguments of `longct evaluate`; empty if nothing is.

        Parameters
        ----------
        experiment
            Its name.
        """
        given = []
        if experiment in PAPER_FIELDS and self.fields:
            given.append(f"--fields {self.fields}")
        if self.patients:
            given.append(f"--patients {self.patients}")
        if experiment == "fig11" and self.step_mm != PAPER_STEP_MM:
            given.append(f"--step {self.step_mm:g}")
        if self.methods:
            given.append(f"--methods {','.join(self.methods)}")
        if self.niftyreg_spacing_mm != PAPER_SPACING_MM:
            given.append(f"--niftyreg-spacing {self.niftyreg_spacing_mm:g}")
        return " ".join(given)
