"""A cohort, from its manifest to its tables and its page."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from TableRemovalLib.errors import InputError

from ..pipeline.options import RegistrationOptions
from ..pipeline.registration import check_ready
from ..system.files import ready_folder, write_json
from ..system.versions import versions
from ..training.manifest import read_manifest
from .checksums import checksums
from .cluster import ClusterOptions, connect, packages_missing
from .engine import Progress, lost_workers, run_tasks, still_to_do
from .ledger import Ledger
from .pairs import pair_task, pairs_of
from .summary import write_summary
from .tables import Row, finding_rows, pair_row, vertebra_course_rows, vertebra_rows, write_table
from .task import FAILED

LEDGER, SETTINGS, CHECKSUMS, PAGE = "records.jsonl", "cohort.json", "checksums.json", "index.html"


@dataclass(frozen=True)
class CohortResult:
    """What a run of a cohort gives.

    Attributes
    ----------
    rows
        A row a pair, see tables.pair_row.
    done_now
        How many were not done before.
    failed
        How many pairs have failed.
    seconds
        Of the run.
    lost_workers
        How many workers died during the run.
    page
        The summary.
    """

    rows: list[Row]
    done_now: int
    failed: int
    seconds: float
    lost_workers: int
    page: Path


def run_cohort(
    manifest: Path,
    folder: Path,
    options: RegistrationOptions,
    cluster: ClusterOptions,
    keep: str = "transform",
    progress: Progress | None = None,
    on_start: Callable[[str, int], None] | None = None,
    *,
    changes: bool = False,
) -> CohortResult:
    """Register every follow-up of a cohort to its baseline, and score it; what is done already is not done again.

    Parameters
    ----------
    manifest
        CSV file, see training.manifest.
    folder
        For the results.
    options
        Of the registrations.
    cluster
        Where they run.
    keep
        What is kept of each pair, one of registration.KEEP.
    progress
        See engine.run_tasks.
    on_start
        Called once the workers are there, with the address of the dashboard and their number.
    changes
        Whether what has changed is looked for too; findings and vertebrae over time become tables, findings.csv and
        vertebra_course.csv.

    Returns
    -------
    CohortResult
        Tables and page are written.

    Raises
    ------
    InputError
        If the manifest has no pair, the method cannot run, or the workers cannot be had.
    """
    begun = time.monotonic()
    if reason := packages_missing():
        raise InputError(reason)
    check_ready(options)
    pairs, alone = pairs_of(read_manifest(manifest, scans_once=False))
    if not pairs:
        raise InputError(f"{manifest} has no follow-up: a patient needs two scans at least.")
    folder = ready_folder(folder)
    known = checksums([path for pair in pairs for path in pair.inputs.values()], folder / CHECKSUMS)
    tasks = [pair_task(pair, options, keep, known, folder, changes) for pair in pairs]
    ledger = Ledger(folder / LEDGER)
    todo, lost = still_to_do(tasks, ledger), 0
    if todo:
        with connect(cluster) as client:
            if on_start:
                on_start(client.dashboard_link, len(client.nthreads()))
            run_tasks(client, tasks, ledger, progress)
            lost = lost_workers(client)
    records = ledger.records(task.key for task in tasks)
    rows = [pair_row(pair, record) for pair, record in zip(pairs, records, strict=True)]
    write_table(rows, folder / "pairs")
    vertebrae = [row for pair, record in zip(pairs, records, strict=True) for row in vertebra_rows(pair, record)]
    if vertebrae:
        write_table(vertebrae, folder / "vertebrae")
    findings = [row for pair, record in zip(pairs, records, strict=True) for row in finding_rows(pair, record)]
    if findings:
        write_table(findings, folder / "findings")
    course = vertebra_course_rows(pairs, records)
    if course:
        write_table(course, folder / "vertebra_course")
    settings = {
        "options": asdict(options),
        "keep": keep,
        "changes": changes,
        "versions": versions(),
        "patients_with_one_scan": alone,
    }
    write_json(settings, folder / SETTINGS)
    page = write_summary(rows, alone, folder / PAGE)
    failed = sum(record.state == FAILED for record in records)
    return CohortResult(rows, len(todo), failed, time.monotonic() - begun, lost, page)
