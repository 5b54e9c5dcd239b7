"""Run one of the paper's experiments on a cohort: its tasks by the engine, its table, its figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from TableRemovalLib.errors import InputError

from ...cohort.checksums import checksums
from ...cohort.cluster import ClusterOptions, connect, packages_missing
from ...cohort.engine import Progress, run_tasks, still_to_do
from ...cohort.ledger import Ledger
from ...cohort.tables import write_table
from ...cohort.task import Record, Task, task_key
from ...methods.network.model_store import shipped_checksums
from ...report.content import checksum
from ...system.files import ready_folder, write_json
from ...system.versions import CODE_VERSION
from ...training.manifest import Entry, read_manifest
from ...training.session import WEIGHTS
from .dealing import complete_rows
from .options import PaperOptions
from .outcome import Outcome, Row
from .plots import save
from .published import STORIES
from .real import follow_up_outcome, follow_up_pairs, follow_up_rows, follow_up_tasks
from .schemes import INCREMENTAL, TRAINED, folds_outcome, folds_trials
from .slices import slices_outcome
from .sweep import sweep_outcome, sweep_trials
from .table_removal import table_removal_outcome, table_removal_trials
from .times import times_outcome, times_trials
from .trained_runs import run_reduction
from .training_curve import curve_outcome
from .trial import Trial, run_trial

Start = Callable[[str, int], None]


@dataclass(frozen=True)
class Simulated:
    """An experiment on simulated follow-ups: its title, its trials, what is made of their rows."""

    title: str
    trials: Callable[[Sequence[Entry], PaperOptions], list[Trial]]
    outcome: Callable[[Sequence[Row], PaperOptions], Outcome]


SIMULATED = {
    "fig7": Simulated("Figure 7: the table removed or not", table_removal_trials, table_removal_outcome),
    "table1": Simulated("Table 1: seconds of a registration", times_trials, times_outcome),
    "fig9": Simulated("Figure 9: training schemes in four folds", folds_trials, folds_outcome),
    "fig11": Simulated("Figure 11: size of the displacement", sweep_trials, sweep_outcome),
}
FOLLOW_UPS = "Figure 10: follow-ups before and after, by patient"
CURVE = "Figure 8: incremental training, volume after volume"
SLICES = "Figures 1, 2, 5 and 6: example slices (window 1800 HU, level 400 HU)"
NAMES = (*SIMULATED, "fig8", "fig10", "slices")
ALONE = ("table1",)
"""What one worker does, with all cores, where nothing else is asked for: its seconds are the result."""
RUNS = {"fig8": (INCREMENTAL,), "fig9": TRAINED, "fig11": TRAINED}
"""Experiment to the training runs that it takes networks from."""


@dataclass(frozen=True)
class Finished:
    """What a run gives: the name of the experiment, its outcome, how many tasks have failed, the files."""

    name: str
    outcome: Outcome
    failed: int
    files: tuple[Path, ...]


def run_experiment(
    name: str,
    manifest: Path,
    folder: Path,
    options: PaperOptions,
    cluster: ClusterOptions,
    progress: Progress | None = None,
    on_start: Start | None = None,
) -> Finished:
    """Run an experiment; what is done already is not done again.

    Parameters
    ----------
    name
        One of NAMES.
    manifest
        Of the cohort.
    folder
        For the results; several experiments may share it.
    options
        How much is done.
    cluster
        Where.
    progress, on_start
        See cohort.run.run_cohort.

    Returns
    -------
    Finished
        Its table is in NAME.json, its rows in NAME.csv and NAME.parquet, its figure in NAME.svg and NAME.png.

    Raises
    ------
    InputError
        If the options or the manifest make no sense, or something that is needed is missing.
    """
    ok, reason = options.isValid()
    if not ok:
        raise InputError(reason)
    if reason := packages_missing():
        raise InputError(reason)
    entries = read_manifest(manifest, scans_once=name not in ("fig10", "slices"))
    if name in ALONE and not (cluster.scheduler or cluster.workers):
        cluster = replace(cluster, workers=1)
    run = _Run(name, ready_folder(folder), options, cluster, progress, on_start)
    if name in SIMULATED:
        return run.simulated(entries)
    if name == "fig10":
        return run.follow_ups(entries)
    if name == "fig8":
        if INCREMENTAL not in options.runs:
            raise InputError("Figure 8 is about a training run: name it with --run incremental=DIR.")
        patients = len({entry.patient for entry in entries})
        return run.finish(CURVE, curve_outcome(Path(options.runs[INCREMENTAL])), [], 0, patients)
    return run.slices(entries)


@dataclass(frozen=True)
class _Run:
    name: str
    folder: Path
    options: PaperOptions
    cluster: ClusterOptions
    progress: Progress | None
    on_start: Start | None

    def simulated(self, entries: Sequence[Entry]) -> Finished:
        experiment = SIMULATED[self.name]
        trials = experiment.trials(entries, self.options)
        if not trials:
            raise InputError("No method is left: check --methods.")
        names = {path for trial in trials for path in (trial.image, trial.labels) if path is not None}
        sums = checksums([Path(name) for name in sorted(names)], self.folder / "checksums.json")
        tasks = [_trial_task(trial, sums) for trial in trials]
        records = self._run(tasks)
        rows, errors = complete_rows(trials, records), [record.error for record in records if record.error]
        if not rows:
            raise InputError(f"On every field a registration has failed: {errors[0]}")
        patients = len({row["patient"] for row in rows})
        outcome = experiment.outcome(rows, self.options)
        return self.finish(experiment.title, outcome, _plain(rows), len(errors), patients)

    def follow_ups(self, entries: Sequence[Entry]) -> Finished:
        pairs = follow_up_pairs(entries, self.options)
        if not pairs:
            raise InputError("There is no follow-up: a patient needs two scans at least.")
        paths = [path for pair in pairs for path in pair.inputs.values()]
        sums = checksums(paths, self.folder / "checksums.json")
        tasks = follow_up_tasks(pairs, self.options, sums, self.folder)
        records = self._run([task for _, _, task in tasks])
        rows = follow_up_rows(tasks, records)
        if not rows:
            raise InputError(f"Every registration has failed: {records[0].error}")
        patients = len({row["patient"] for row in rows})
        outcome = follow_up_outcome(rows, self.options)
        return self.finish(FOLLOW_UPS, outcome, rows, len(records) - len(rows), patients)

    def slices(self, entries: Sequence[Entry]) -> Finished:
        found = slices_outcome(follow_up_pairs(entries, self.options))
        files = [path for name, outcome in found.items() for path in save(outcome, self.folder / name)]
        content = {
            "title": SLICES,
            "story": "",
            "reduction": "",
            "command": self._command(),
            "notes": [],
            "table": [],
            "figures": list(found),
        }
        write_json(content, self.folder / "slices.json")
        return Finished(self.name, Outcome([], lambda figure: None, (1.0, 1.0)), 0, tuple(files))

    def _run(self, tasks: list[Task]) -> list[Record]:
        ledger = Ledger(self.folder / "records.jsonl")
        if not still_to_do(tasks, ledger):
            return ledger.records(task.key for task in tasks)
        with connect(self.cluster) as client:
            if self.on_start:
                self.on_start(client.dashboard_link, len(client.nthreads()))
            return run_tasks(client, tasks, ledger, self.progress)

    def finish(self, title: str, outcome: Outcome, rows: list[Row], failed: int, patients: int) -> Finished:
        stem = self.folder / self.name
        files = [*save(outcome, stem)]
        if rows:
            files += write_table(rows, stem)
        content = {
            "title": title,
            "story": STORIES.get(self.name, ""),
            "reduction": self._reduction(patients),
            "command": self._command(),
            "arguments": self.options.arguments(self.name),
            "notes": list(outcome.notes),
            "table": outcome.table,
            "failed": failed,
            "figures": [self.name],
        }
        files.append(write_json(content, stem.with_suffix(".json")))
        return Finished(self.name, outcome, failed, tuple(files))

    def _runs(self) -> dict[str, Path]:
        return {name: Path(run) for name, run in self.options.runs.items() if name in RUNS.get(self.name, ())}

    def _reduction(self, patients: int) -> str:
        own = [self.options.reduction(self.name, patients), *map(run_reduction, self._runs().values())]
        return "; ".join(words for words in own if words)

    def _command(self) -> str:
        """The command that does all that the paper does."""
        runs = "".join(f" --run {name}=run_{name}" for name in self._runs())
        return f"longct evaluate --experiment {self.name} --manifest cohort/manifest.csv --out results{runs}"


def _trial_task(trial: Trial, sums: dict[Path, str]) -> Task:
    """The task of a trial; its key knows files by their contents, and a trained network by its weights."""
    parts: dict[str, Any] = {
        **asdict(trial),
        "image": sums[Path(trial.image)],
        "labels": sums[Path(trial.labels)] if trial.labels else None,
    }
    weights = Path(trial.method) / WEIGHTS
    parts |= {"method": checksum(weights)} if weights.exists() else {"weights": shipped_checksums()}
    name = f"{trial.scan}, {trial.method}, field {trial.field}"
    return Task(name, task_key(work="trial", trial=parts, version=CODE_VERSION), run_trial, {"trial": trial})


def _plain(rows: list[Row]) -> list[Row]:
    """Rows without the places of files on this machine."""
    return [
        {name: value for name, value in row.items() if name not in ("image", "labels")}
        | {"method": "/".join(Path(row["method"]).parts[-2:])}
        for row in rows
    ]
