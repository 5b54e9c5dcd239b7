"""Two scans of one procedural patient and the exact motion between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from .anatomy import Patient, make_patient
from .deformation import true_transform
from .options import PhantomOptions
from .organs import ScanState
from .scanner import (
    PhantomScan,
    ScanPlan,
    draw_position,
    field_of_view_mm,
    grid_around,
    make_subject,
    part_of,
    render_scan,
    straight_position,
)
from .skeleton import Lesion, draw_lesions, draw_new_lesions


@dataclass(frozen=True)
class PhantomPair:
    """Baseline, follow-up, and the true transform from baseline points to follow-up points (LPS mm)."""

    baseline: PhantomScan
    followup: PhantomScan
    true_transform: sitk.Transform


def make_phantom(
    seed: int, options: PhantomOptions | None = None, progress: Callable[[float], None] | None = None
) -> PhantomPair:
    """Make the two scans of a patient; the same seed and options give the same voxels.

    Parameters
    ----------
    seed
        Number of the patient.
    options
        None: the defaults.
    progress
        Called with the part that is done, 0 to 1.

    Returns
    -------
    PhantomPair
        Two scans, and the true transform between them.

    Raises
    ------
    InputError
        If the options are not valid.
    """
    options = options or PhantomOptions()
    valid, reason = options.isValid()
    if not valid:
        raise InputError(f"Phantom: {reason}")
    report = progress or (lambda fraction: None)
    patient_rng, motion_rng, table_rng = (np.random.default_rng([seed, part]) for part in range(3))
    patient = make_patient(patient_rng, options)
    lesions = tuple(draw_lesions(patient, patient_rng))
    subject = make_subject(patient, patient_rng)
    report(0.03)
    scans = _plan_scans(patient, lesions, options, motion_rng, seed)
    rendered = []
    for number, scan in enumerate(scans):
        start = 0.05 + 0.45 * number
        rendered.append(render_scan(subject, scan, options, table_rng, part_of(report, start, 0.45)))
    transform = true_transform(scans[0].map, scans[1].map, rendered[0].image)
    report(1.0)
    return PhantomPair(rendered[0], rendered[1], transform)


def _plan_scans(
    patient: Patient, lesions: tuple[Lesion, ...], options: PhantomOptions, rng: np.random.Generator, seed: int
) -> tuple[ScanPlan, ScanPlan]:
    gravity = -1.0 if options.position == "prone" else 1.0
    follow_map, shift = draw_position(patient, options, rng)
    phases = (
        ScanState(105.0, 110.0, 130.0, 95.0, seed * 7 + 1, gravity),
        ScanState(215.0, 55.0, 165.0, 55.0, seed * 7 + 2, gravity),
    )
    order = rng.permutation(2)
    fov = field_of_view_mm(patient, options)
    first = grid_around(patient, options, fov, np.zeros(3), 1.0, 0.0)
    second = grid_around(patient, options, fov * rng.uniform(1.04, 1.1), shift, 0.9, rng.uniform(4.0, 10.0))
    grown = tuple(lesion.grown(options.lesion_growth) for lesion in lesions)
    new = draw_new_lesions(patient, options, lesions, np.random.default_rng([seed, 3]))
    return (
        ScanPlan(first, straight_position(options), phases[order[0]], lesions, False, 15.0, (seed, 3)),
        ScanPlan(second, follow_map, phases[order[1]], (*grown, *new), True, 18.0, (seed, 3)),
    )
