"""Random fields, dealt out to the first scans of the patients who take part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from ...cohort.task import Record
from ...training.manifest import Entry, in_time_order, patients
from .options import PaperOptions
from .outcome import Row
from .trial import Trial


def baselines(entries: Sequence[Entry], options: PaperOptions) -> list[Entry]:
    """List the first scan of each patient that takes part.

    Parameters
    ----------
    entries
        Of the manifest.
    options
        Of which the number of patients counts.

    Returns
    -------
    list of Entry
        In the manifest's order of patients.
    """
    names = patients(tuple(entries))[: options.patients]
    return [in_time_order(tuple(entries), name)[0] for name in names]


def trials_of(
    scans: Sequence[Entry],
    fields: Sequence[int],
    options: PaperOptions,
    conditions: Sequence[dict],
    split: str = "",
) -> list[Trial]:
    """Make a trial for each condition and field; the fields are dealt out to the scans, scan by scan.

    Parameters
    ----------
    scans
        One or more.
    fields
        Their numbers.
    options
        Of which NiftyReg's voxels count.
    conditions
        What else a trial is made of, each for all fields.
    split
        The fold.

    Returns
    -------
    list of Trial
        What belongs to one scan and field stands together.
    """
    dealt = sorted((number % len(scans), number, field) for number, field in enumerate(fields))
    return [
        Trial(
            patient=scans[place].patient,
            scan=scans[place].name,
            image=str(scans[place].image.resolve()),
            labels=str(labels.resolve()) if (labels := scans[place].labels) else None,
            field=field,
            split=split,
            niftyreg_spacing_mm=options.niftyreg_spacing_mm,
            **condition,
        )
        for place, _, field in dealt
        for condition in conditions
    ]


def complete_rows(trials: Sequence[Trial], records: Sequence[Record]) -> list[Row]:
    """Make the rows of the fields on which no method has failed, so that tests pair what belongs together.

    Parameters
    ----------
    trials
        All of an experiment.
    records
        What came of each.

    Returns
    -------
    list of dict
        Trial and result; in the trials' order.
    """
    broken = {(trial.scan, trial.field) for trial, record in zip(trials, records, strict=True) if record.error}
    return [
        {**asdict(trial), **record.result}
        for trial, record in zip(trials, records, strict=True)
        if (trial.scan, trial.field) not in broken
    ]
