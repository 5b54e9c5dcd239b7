"""The course of a disease: bone metastases that grow or heal, day by day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy import L5, T10, Patient
from ..skeleton import LYTIC, SCLEROTIC, Lesion

RESPONDS, PROGRESSES = "responds", "progresses"
DAYS_A_MONTH = 365.25 / 12.0
LEAST_RADIUS_MM, LARGEST_RADIUS_MM = 2.0, 15.0
MOST_SCLEROSIS = 0.9


@dataclass(frozen=True)
class Metastasis:
    """A bone metastasis over time.

    Attributes
    ----------
    lesion
        As at the baseline, or as on the day when it appears.
    course
        RESPONDS or PROGRESSES.
    onset_days
        Days after the baseline when it appears; 0: it is there at the baseline.
    time_months
        How fast it goes: the volume doubles in this time, or the radius falls to 1/e of what it loses.
    """

    lesion: Lesion
    course: str
    onset_days: int
    time_months: float

    def on_day(self, days: int) -> Lesion | None:
        """Show the lesion some days after the baseline.

        Parameters
        ----------
        days
            Since the baseline.

        Returns
        -------
        Lesion or None
            None before it appears. A lytic lesion that responds becomes dense from the outside.
        """
        if days < self.onset_days:
            return None
        passed = (days - self.onset_days) / DAYS_A_MONTH / self.time_months
        if self.course == PROGRESSES:
            factor, sclerosis = 2.0 ** (passed / 3.0), 0.0
        else:
            factor = 0.5 + 0.5 * np.exp(-passed)
            sclerosis = MOST_SCLEROSIS * (1.0 - np.exp(-passed)) if self.lesion.kind == LYTIC else 0.0
        radius = self.lesion.radius_mm
        bounded = float(np.clip(radius * factor, LEAST_RADIUS_MM, LARGEST_RADIUS_MM))
        return self.lesion.grown(bounded / radius, float(sclerosis))


def draw_course(patient: Patient, last_day: int, rng: np.random.Generator) -> tuple[Metastasis, ...]:
    """Draw a patient's metastases: two to five, in vertebrae of their own, all of which respond or all progress.

    Where the disease progresses, one more may appear during the time that is followed.

    Parameters
    ----------
    patient
        The patient.
    last_day
        Day of the last scan after the baseline.
    rng
        What is drawn from.

    Returns
    -------
    tuple of Metastasis
        At least one is lytic.
    """
    course = str(rng.choice([RESPONDS, PROGRESSES]))
    labelled = [vertebra for vertebra in patient.vertebrae if T10 <= vertebra.number <= L5]
    chosen = rng.permutation(len(labelled))[: rng.integers(2, 6)]
    found = []
    for number, index in enumerate(chosen):
        vertebra = labelled[index]
        kind = LYTIC if number == 0 or rng.uniform() < 0.6 else SCLEROTIC
        half = np.array([vertebra.width, vertebra.depth, vertebra.height]) / 2.0
        lesion = Lesion(vertebra, kind, rng.uniform(-0.35, 0.35, 3) * half, float(rng.uniform(4.5, 8.0)))
        late = course == PROGRESSES and number == len(chosen) - 1 and number > 1
        onset = int(rng.uniform(0.2, 0.8) * last_day) if late else 0
        found.append(Metastasis(lesion, course, onset, float(rng.uniform(6.0, 18.0))))
    return tuple(found)
