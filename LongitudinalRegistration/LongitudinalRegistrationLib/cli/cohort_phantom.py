"""What `longct phantom --cohort` does."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from TableRemovalLib.errors import InputError

from ..system.files import results_folder
from .console import Console
from .task_bar import TaskBar

if TYPE_CHECKING:
    from ..phantom.cohort import CohortOptions, PatientPlan
    from ..phantom.cohort.files import PatientFiles


def phantom_cohort(arguments: argparse.Namespace, console: Console) -> None:
    """Make and write a cohort of synthetic patients, with a manifest."""
    from ..phantom import PhantomOptions
    from ..phantom.cohort import CohortOptions, plan_cohort, write_patient, write_tables
    from ..phantom.cohort.files import MANIFEST

    options = CohortOptions(
        arguments.patients,
        arguments.scans if arguments.scans is not None else round(arguments.patients * 88 / 12),
        arguments.folds,
        PhantomOptions(size=arguments.size, slices=arguments.slices),
    )
    plans = plan_cohort(arguments.seed, options)
    if (arguments.out / MANIFEST).exists():
        raise InputError(f"{arguments.out} has a {MANIFEST} already: choose another folder.")
    with results_folder(arguments.out) as folder:
        if arguments.workers or arguments.scheduler:
            written = _by_workers(arguments, plans, options, console)
        else:
            written = []
            for plan in plans:
                written.append(write_patient(folder, arguments.seed, plan, options))
                console.progress("phantom", len(written) / len(plans))
        manifest, lesions = write_tables(folder, written)
    scans = sum(len(patient.scans) for patient in written)
    text = f"{len(plans)} patients, {scans} scans; in {folder}:\n  {manifest.name}\n  {lesions.name}"
    content = {"folder": str(folder), "patients": len(plans), "scans": scans, "manifest": manifest.name}
    console.result(content, text)


def _by_workers(
    arguments: argparse.Namespace, plans: Sequence[PatientPlan], options: CohortOptions, console: Console
) -> list[PatientFiles]:
    from ..cohort.cluster import ClusterOptions
    from ..cohort.phantoms import write_patients

    bar = TaskBar(console, "Scanning")
    cluster = ClusterOptions(arguments.scheduler, arguments.workers, arguments.threads)
    return write_patients(arguments.out, arguments.seed, plans, options, cluster, bar.progress, bar.started)
