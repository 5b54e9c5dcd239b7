"""Who is scanned when, and on which scanner: dates, protocols, folds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from TableRemovalLib.errors import InputError

from ..options import PhantomOptions
from .course import DAYS_A_MONTH

LEAST_SCANS = 2
SHORTEST_MONTHS, LONGEST_MONTHS = 3.0, 12.0
FIRST_DAY = date(2012, 1, 2)


@dataclass(frozen=True)
class Scanner:
    """A scanner and its protocol.

    Attributes
    ----------
    name
        What the manifest calls it.
    slice_factor
        Multiplies the distance of the slices that the options ask for.
    noise_hu
        Standard deviation of the noise in the middle of the patient, HU.
    boxy_table
        Whether the underside of its table is a box; else an arc.
    softness
        Multiplies the width of soft edges: of its reconstruction kernel.
    widening
        Multiplies the side of the picture.
    """

    name: str
    slice_factor: float
    noise_hu: float
    boxy_table: bool
    softness: float
    widening: float


SCANNERS = (
    Scanner("A", 1.0, 15.0, False, 1.0, 1.0),
    Scanner("B", 0.9, 18.0, True, 1.15, 1.07),
    Scanner("C", 1.25, 12.0, False, 1.4, 1.04),
    Scanner("D", 0.75, 22.0, True, 0.95, 1.1),
)


@dataclass(frozen=True)
class CohortOptions:
    """Options of a cohort; the defaults are those of van Eijnatten et al. (2021), section 3.1.

    Attributes
    ----------
    patients, scans
        How many patients, and how many scans of all of them together.
    folds
        Of a cross-validation by patient.
    phantom
        Size, slices and all else of every scan.
    """

    patients: int = 12
    scans: int = 88
    folds: int = 4
    phantom: PhantomOptions = PhantomOptions()

    def isValid(self) -> tuple[bool, str]:
        """(True, "") or (False, one line that says what to change)."""
        if self.patients < 1:
            return False, f"patients must be 1 or more, not {self.patients}."
        if self.scans < LEAST_SCANS * self.patients:
            return False, f"scans must be {LEAST_SCANS * self.patients} or more: a baseline and a follow-up a patient."
        if self.folds < 1:
            return False, f"folds must be 1 or more, not {self.folds}."
        return self.phantom.isValid()


@dataclass(frozen=True)
class Visit:
    """When a patient is scanned, and on which scanner."""

    day: date
    days: int
    scanner: Scanner


@dataclass(frozen=True)
class PatientPlan:
    """What is known of a patient before anything is drawn: name, number, fold (from 1), visits in time order."""

    name: str
    number: int
    fold: int
    visits: tuple[Visit, ...]


def plan_cohort(seed: int, options: CohortOptions) -> tuple[PatientPlan, ...]:
    """Draw who is scanned when, and deal the patients into folds.

    Parameters
    ----------
    seed
        Another number is another cohort.
    options
        Of the cohort.

    Returns
    -------
    tuple of PatientPlan
        Their scans are as many as the options say; follow-ups are 3 to 12 months apart.

    Raises
    ------
    InputError
        If the options are not valid.
    """
    ok, reason = options.isValid()
    if not ok:
        raise InputError(f"Cohort: {reason}")
    rng = np.random.default_rng([seed, 17])
    spare = options.scans - LEAST_SCANS * options.patients
    even = spare // options.patients
    counts = np.full(options.patients, LEAST_SCANS + even - even // 2)
    counts += rng.multinomial(options.scans - counts.sum(), np.full(options.patients, 1.0 / options.patients))
    folds = rng.permutation(options.patients) % options.folds + 1
    digits = max(2, len(str(options.patients)))
    return tuple(
        PatientPlan(f"P{number + 1:0{digits}d}", number, int(folds[number]), _visits(int(counts[number]), rng))
        for number in range(options.patients)
    )


def _visits(count: int, rng: np.random.Generator) -> tuple[Visit, ...]:
    """The scanner changes at about one visit in three."""
    first = FIRST_DAY + timedelta(days=int(rng.integers(0, 700)))
    gaps = rng.uniform(SHORTEST_MONTHS, LONGEST_MONTHS, count - 1) * DAYS_A_MONTH
    days = np.concatenate([[0], np.cumsum(np.round(gaps))]).astype(int)
    scanner = SCANNERS[rng.integers(len(SCANNERS))]
    visits = []
    for passed in days:
        visits.append(Visit(first + timedelta(days=int(passed)), int(passed), scanner))
        if rng.uniform() < 1 / 3:
            scanner = SCANNERS[rng.integers(len(SCANNERS))]
    return tuple(visits)
