"""The scans of a patient of the cohort, each with exact truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..anatomy import Patient, make_patient
from ..deformation import true_transform
from ..options import PhantomOptions
from ..organs import ScanState
from ..scanner import (
    PhantomScan,
    ScanPlan,
    draw_position,
    field_of_view_mm,
    grid_around,
    make_subject,
    render_scan,
    straight_position,
)
from ..skeleton import Lesion
from .course import Metastasis, draw_course
from .plan import CohortOptions, PatientPlan, Scanner, Visit


@dataclass(frozen=True)
class SeenLesion:
    """A metastasis that is there on the day of a scan.

    Attributes
    ----------
    number
        Of the patient's metastases, from 1.
    metastasis
        Its whole course.
    lesion
        What it is on that day.
    centre_mm
        (3,), float64, LPS, in the baseline's space.
    radius_mm
        On that day; the vertebra's border may cut some off.
    """

    number: int
    metastasis: Metastasis
    lesion: Lesion
    centre_mm: np.ndarray
    radius_mm: float


@dataclass(frozen=True)
class CohortScan:
    """A scan of a patient.

    Attributes
    ----------
    visit
        When, and on which scanner.
    scan
        Images on one grid.
    truth
        Baseline points to points of this scan, LPS, mm; the identity for the baseline.
    lesions
        Those that have appeared.
    """

    visit: Visit
    scan: PhantomScan
    truth: sitk.Transform
    lesions: tuple[SeenLesion, ...]


def patient_scans(seed: int, plan: PatientPlan, options: CohortOptions) -> Iterator[CohortScan]:
    """Scan a patient, one visit after the other; the same seed, plan and options give the same voxels.

    Parameters
    ----------
    seed
        Of the cohort.
    plan
        From plan_cohort.
    options
        Of the cohort.

    Yields
    ------
    CohortScan
        The baseline first.
    """
    rng = np.random.default_rng([seed, plan.number, 0])
    patient = make_patient(rng, options.phantom)
    course = draw_course(patient, plan.visits[-1].days, rng)
    subject = make_subject(patient, rng)
    baseline: tuple[ScanPlan, sitk.Image] | None = None
    for number, visit in enumerate(plan.visits):
        visit_rng = np.random.default_rng([seed, plan.number, 1, number])
        seen = tuple(_seen(course, visit.days, patient, options.phantom))
        lesions = tuple(each.lesion for each in seen)
        scan_plan = _scan_plan(patient, (seed, plan.number, number), visit.scanner, lesions, options.phantom, visit_rng)
        scan = render_scan(subject, scan_plan, options.phantom, visit_rng, lambda part: None)
        truth: sitk.Transform = sitk.Transform(3, sitk.sitkIdentity)
        if baseline is None:
            baseline = scan_plan, scan.image
        else:
            truth = true_transform(baseline[0].map, scan_plan.map, baseline[1])
        yield CohortScan(visit, scan, truth, seen)


def _seen(course: tuple[Metastasis, ...], days: int, patient: Patient, options: PhantomOptions) -> Iterator[SeenLesion]:
    to_scan = np.linalg.inv(straight_position(options).matrix) * patient.scale
    for number, metastasis in enumerate(course, start=1):
        lesion = metastasis.on_day(days)
        if lesion is not None:
            centre = to_scan @ (lesion.vertebra.centre + lesion.vertebra.frame @ lesion.offset)
            yield SeenLesion(number, metastasis, lesion, centre, lesion.radius_mm * patient.scale)


def _scan_plan(
    patient: Patient,
    key: tuple[int, int, int],
    scanner: Scanner,
    lesions: tuple[Lesion, ...],
    options: PhantomOptions,
    rng: np.random.Generator,
) -> ScanPlan:
    """Plan the scan of a key (seed, patient, visit); at the first visit the patient lies straight."""
    seed, number, visit = key
    position, shift = straight_position(options), np.zeros(3)
    if visit:
        position, shift = draw_position(patient, options, rng)
    late = float(rng.uniform())  # from the arterial (0) to the portal venous phase (1)
    state = ScanState(
        arterial_hu=215.0 - 110.0 * late,
        venous_hu=55.0 + 55.0 * late,
        cortex_hu=165.0 - 35.0 * late,
        parenchyma_hu=55.0 + 40.0 * late,
        gas_seed=int(rng.integers(2**31)),
        gravity=-1.0 if options.position == "prone" else 1.0,
    )
    fov = field_of_view_mm(patient, options) * scanner.widening
    cut = rng.uniform(0.0, 8.0) if visit else 0.0
    grid = grid_around(patient, options, fov, shift, scanner.slice_factor, cut)
    return ScanPlan(
        grid,
        position,
        state,
        lesions,
        scanner.boxy_table,
        scanner.noise_hu,
        (seed, number, 3),
        scanner.softness,
    )
