"""A cohort of phantoms made by the workers of a cluster: a task a patient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from TableRemovalLib.errors import InputError

from ..phantom.cohort.files import PatientFiles, write_patient
from ..phantom.cohort.plan import CohortOptions, PatientPlan
from ..system.files import ready_folder
from .cluster import ClusterOptions, connect
from .engine import Progress, run_tasks
from .ledger import Ledger
from .task import FAILED, Task, task_key

LEDGER = "records.jsonl"


def phantom_patient(folder: str, seed: int, plan: PatientPlan, options: CohortOptions) -> dict[str, Any]:
    """Scan a patient and write the scans; the task of a worker.

    Parameters
    ----------
    folder
        Of the cohort.
    seed
        Of the cohort.
    plan
        Of the patient.
    options
        Of the cohort.

    Returns
    -------
    dict
        "scans" and "lesions": rows of the manifest and of the table of lesions.
    """
    return asdict(write_patient(Path(folder), seed, plan, options))


def write_patients(
    folder: Path,
    seed: int,
    plans: Sequence[PatientPlan],
    options: CohortOptions,
    cluster: ClusterOptions,
    progress: Progress | None = None,
    on_start: Callable[[str, int], None] | None = None,
) -> list[PatientFiles]:
    """Have all patients of a cohort scanned; who is done already is not scanned again.

    Parameters
    ----------
    folder
        Of the cohort; all workers see it.
    seed, plans, options
        See phantom.cohort.
    cluster
        Where.
    progress, on_start
        See cohort.run.run_cohort.

    Returns
    -------
    list of PatientFiles
        In the plans' order.

    Raises
    ------
    InputError
        If a patient could not be scanned or written.
    """
    own = str(ready_folder(folder).resolve())
    tasks = []
    for plan in plans:
        key = task_key(work="phantom", seed=seed, plan=repr(plan), options=options, folder=own)
        arguments = {"folder": own, "seed": seed, "plan": plan, "options": options}
        tasks.append(Task(plan.name, key, phantom_patient, arguments))
    with connect(cluster) as client:
        if on_start:
            on_start(client.dashboard_link, len(client.nthreads()))
        records = run_tasks(client, tasks, Ledger(folder / LEDGER), progress)
    for record in records:
        if record.state == FAILED:
            raise InputError(f"{record.name}: {record.error}")
    return [PatientFiles(tuple(each.result["scans"]), tuple(each.result["lesions"])) for each in records]
