"""The experiments on simulated follow-ups: fig. 7, table 1, fig. 9 and fig. 11."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from TableRemovalLib.errors import InputError

from ...training.manifest import Entry, in_time_order, patients
from . import published
from .options import LARGEST_MM, PaperOptions
from .outcome import NAMES, TITLES, Outcome, Row, spread, tested, values
from .outcome import published as shown
from .plots import COLOURS, PALE, boxes, curve
from .solvers import DEFAULT, NIFTYREG
from .statistics import summary, wilcoxon
from .trial import Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLE_DELTA_MM, TABLE_SHIFT_MM = 5.0, 2.0
PAPER_DELTA_MM = 11.0
VOXELMORPH, SINGLE, INCREMENTAL = "vxm2", "single", "incremental"
OVERLAP = ("dsc", "ssim")


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


def folds_of(scans: Sequence[Entry], options: PaperOptions) -> dict[str, list[Entry]]:
    """Deal scans into folds: as the training runs did, so that no network is tested on a patient it has seen.

    Parameters
    ----------
    scans
        Of the patients who take part.
    options
        Of which the runs count; without one, the manifest's splits are the folds.

    Returns
    -------
    dict
        Name of the fold to its scans, none of them empty.

    Raises
    ------
    InputError
        If the runs have other folds than each other, or know nothing of a patient.
    """
    left_out = [_left_out(Path(run)) for run in options.runs.values()]
    if any(each != left_out[0] for each in left_out):
        raise InputError("The training runs have other folds than each other: train them with one seed and cohort.")
    fold = left_out[0] if left_out else {scan.patient: scan.split for scan in scans}
    unknown = [scan.patient for scan in scans if scan.patient not in fold]
    if unknown:
        raise InputError(f"No fold of the training runs leaves out patient {unknown[0]}: take their cohort.")
    return {
        name: [scan for scan in scans if fold[scan.patient] == name]
        for name in sorted({fold[scan.patient] for scan in scans})
    }


def _left_out(run: Path) -> dict[str, str]:
    """Patient to the fold of a training run that tests on him."""
    path = run / "splits.json"
    if not path.exists():
        raise InputError(f"{run} holds no training run: give the folder that `longct train` wrote to.")
    content = json.loads(path.read_text(encoding="utf-8"))
    return {scan.rpartition(", ")[0]: fold for fold, parts in content.items() for scan in parts["test"]}


def _trials(
    scans: Sequence[Entry],
    fields: Sequence[int],
    options: PaperOptions,
    conditions: Sequence[dict],
    split: str = "",
) -> list[Trial]:
    """A trial for each condition and field; the fields are dealt out to the scans, scan by scan."""
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


def table_removal_trials(entries: Sequence[Entry], options: PaperOptions) -> list[Trial]:
    """Make the trials of fig. 7: with and without the table, with and without a shift of the patient on it."""
    conditions = [
        {"delta_mm": TABLE_DELTA_MM, "shift_mm": shift, "refined": refined, "method": method, "group": method}
        for shift in (0.0, TABLE_SHIFT_MM)
        for method in options.takes(VOXELMORPH, NIFTYREG)
        for refined in (False, True)
    ]
    return _trials(baselines(entries, options), range(options.count("fig7")), options, conditions)


def table_removal_outcome(rows: Sequence[Row], options: PaperOptions) -> Outcome:
    """Compare original and refined scans, a pair of values for each field."""
    table = []
    groups = list(dict.fromkeys(row["group"] for row in rows))
    for group in groups:
        for shift in (0.0, TABLE_SHIFT_MM):
            for measure in (*OVERLAP, "end_point_error_mm"):
                pair = [
                    values(rows, f"{measure}_after", group=group, shift_mm=shift, refined=refined)
                    for refined in (False, True)
                ]
                before = summary(values(rows, f"{measure}_before", group=group, shift_mm=shift, refined=True))
                found = [summary(part) for part in pair]
                if not found[0].n:
                    continue
                table.append(
                    {
                        "method": NAMES[group],
                        "patient shift, mm": f"± {shift:g}" if shift else "none",
                        "measure": TITLES[measure],
                        "n": found[0].n,
                        "before": spread(before, measure),
                        "original": spread(found[0], measure),
                        "refined": spread(found[1], measure),
                        **tested(wilcoxon(*pair)),
                    }
                )

    def draw(figure: Figure) -> None:
        axes = figure.subplots(2, 2, sharex=True, sharey="row", squeeze=False)
        for row, measure in zip(axes, OVERLAP, strict=True):
            for column, (axis, shift) in enumerate(zip(row, (0.0, TABLE_SHIFT_MM), strict=True)):
                places = []
                for number, group in enumerate(groups):
                    for offset, refined in ((-0.2, False), (0.2, True)):
                        wanted = {"group": group, "shift_mm": shift, "refined": refined}
                        colour = COLOURS[group] if refined else PALE
                        places.append((number + offset, values(rows, f"{measure}_after", **wanted), colour))
                boxes(axis, places, width=0.3)
                axis.set_xticks(range(len(groups)), [NAMES[group].split(" (")[0] for group in groups])
                if not column:
                    axis.set_ylabel(TITLES[measure])
                if measure == OVERLAP[0]:
                    axis.set_title(f"local, {TABLE_DELTA_MM:g} mm" + (f", patient ± {shift:g} mm" if shift else ""))
        figure.suptitle("grey: original scans; coloured: refined scans", fontsize=9)

    return Outcome(table, draw, (7.0, 5.2), ("The scores are taken on the refined scans in both cases.",))


def times_trials(entries: Sequence[Entry], options: PaperOptions) -> list[Trial]:
    """Make the trials of table 1: the same pairs by every method."""
    methods = options.takes(VOXELMORPH, "lkpyramid", "cvpyramid", DEFAULT, NIFTYREG)
    conditions = [{"delta_mm": PAPER_DELTA_MM, "method": method, "group": method} for method in methods]
    return _trials(baselines(entries, options), range(options.count("table1")), options, conditions)


def times_outcome(rows: Sequence[Row], options: PaperOptions) -> Outcome:
    """Compare the seconds of a registration, both scans prepared."""
    groups = list(dict.fromkeys(row["group"] for row in rows))
    slow = values(rows, "seconds", group=NIFTYREG)
    table = []
    for group in groups:
        own = values(rows, "seconds", group=group)
        ratio = summary(slow).mean / summary(own).mean if slow else float("nan")
        table.append(
            {
                "method": NAMES[group],
                "n": summary(own).n,
                "seconds": spread(summary(own), "seconds"),
                "NiftyReg takes": "–" if group == NIFTYREG or not slow else f"{ratio:.0f} times as long",
                "paper": f"about {published.TIMES_FASTER:.0f} times" if group == VOXELMORPH else "–",
                **tested(wilcoxon(own, slow) if slow and group != NIFTYREG else wilcoxon([], [])),
            }
        )

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        boxes(axes, [(n, values(rows, "seconds", group=group), COLOURS[group]) for n, group in enumerate(groups)])
        axes.set_yscale("log")
        axes.set_xticks(range(len(groups)), [NAMES[group].split(" (")[0].replace(", ", ",\n") for group in groups])
        axes.set_ylabel("seconds a registration")

    return Outcome(table, draw, (6.0, 3.2))


def _trained(options: PaperOptions, name: str, split: str) -> str | None:
    """The method of a training scheme: its run's network for a fold; for incremental, the shipped one without a run."""
    if name in options.runs:
        return str((Path(options.runs[name]) / split).resolve())
    return VOXELMORPH if name == INCREMENTAL else None


def _schemes(options: PaperOptions, split: str, *others: str) -> list[dict]:
    found = []
    for name in options.takes(SINGLE, INCREMENTAL):
        method = _trained(options, name, split)
        if method:
            found.append({"method": method, "group": name})
    return found + [{"method": name, "group": name} for name in options.takes(*others)]


def folds_trials(entries: Sequence[Entry], options: PaperOptions) -> list[Trial]:
    """Make the trials of fig. 9: in every fold its own patients, by networks that were trained on the others."""
    trials: list[Trial] = []
    for number, (split, own) in enumerate(folds_of(baselines(entries, options), options).items()):
        count = options.count("fig9")
        conditions = [{"delta_mm": PAPER_DELTA_MM, **each} for each in _schemes(options, split, DEFAULT, NIFTYREG)]
        trials += _trials(own, range(number * count, (number + 1) * count), options, conditions, split)
    return trials


def _scheme_notes(options: PaperOptions) -> tuple[str, ...]:
    if INCREMENTAL in options.runs:
        return ()
    return (
        "incremental is the shipped vxm2, trained volume after volume on other scans than these; a network trained on "
        "a single volume takes part where `--run single=DIR` names a run.",
    )


def folds_outcome(rows: Sequence[Row], options: PaperOptions) -> Outcome:
    """Compare the training schemes and NiftyReg, fold by fold and over all."""
    groups = list(dict.fromkeys(row["group"] for row in rows))
    folds = sorted({row["split"] for row in rows})
    reference = INCREMENTAL if INCREMENTAL in groups else groups[0]
    table = []
    for group in groups:
        for measure in OVERLAP:
            own, other = (values(rows, f"{measure}_after", group=name) for name in (group, reference))
            if not summary(own).n:
                continue
            by_fold = [
                spread(summary(values(rows, f"{measure}_after", group=group, split=fold)), measure) for fold in folds
            ]
            table.append(
                {
                    "method": NAMES[group],
                    "measure": TITLES[measure],
                    "n": summary(own).n,
                    "before": spread(summary(values(rows, f"{measure}_before", group=group)), measure),
                    **dict(zip([fold or "all" for fold in folds], by_fold, strict=True)),
                    "all folds": spread(summary(own), measure),
                    "paper": shown(published.FOUR_FOLDS.get(group, {}).get(measure)),
                    "against": "–" if group == reference else NAMES[reference],
                    **tested(wilcoxon(own, other) if group != reference else wilcoxon([], [])),
                }
            )

    def draw(figure: Figure) -> None:
        axes = figure.subplots(1, 2)
        for axis, measure in zip(axes, OVERLAP, strict=True):
            width = 0.8 / len(groups)
            for number, group in enumerate(groups):
                places = [
                    (n + (number - (len(groups) - 1) / 2) * width, fold_values, COLOURS[group])
                    for n, fold in enumerate(folds)
                    if (fold_values := values(rows, f"{measure}_after", group=group, split=fold))
                ]
                boxes(axis, places, width=0.8 * width)
                axis.plot([], [], "s", color=COLOURS[group], alpha=0.5, label=NAMES[group].split(" (")[0])
            axis.set_xticks(range(len(folds)), [fold or "all" for fold in folds])
            axis.set_ylabel(TITLES[measure])
        axes[0].legend(frameon=False, fontsize=8)

    return Outcome(table, draw, (8.5, 3.4), _scheme_notes(options))


def sweep_trials(entries: Sequence[Entry], options: PaperOptions) -> list[Trial]:
    """Make the trials of fig. 11: displacements from 0 to 25 mm."""
    trials: list[Trial] = []
    scans, count = baselines(entries, options), options.count("fig11")
    for number, delta in enumerate(np.arange(0.0, LARGEST_MM + 1e-6, options.step_mm)):
        for split, own in folds_of(scans, options).items():
            fields = [number * count + n for n in range(count) if scans[n % len(scans)] in own]
            conditions = [{"delta_mm": float(delta), **each} for each in _schemes(options, split, DEFAULT, NIFTYREG)]
            trials += _trials(own, fields, options, conditions, split)
    return sorted(trials, key=lambda trial: trial.image)


def sweep_outcome(rows: Sequence[Row], options: PaperOptions) -> Outcome:
    """Follow NCC, DSC and SSIM over the size of the displacement."""
    groups = list(dict.fromkeys(row["group"] for row in rows))
    deltas = sorted({row["delta_mm"] for row in rows})
    measures = ("ncc", *OVERLAP)
    table = []
    for delta in deltas:
        for measure in measures:
            own = {group: values(rows, f"{measure}_after", group=group, delta_mm=delta) for group in groups}
            before = summary(values(rows, f"{measure}_before", group=groups[0], delta_mm=delta))
            if not before.n:
                continue
            test = wilcoxon(own[DEFAULT], own[NIFTYREG]) if {DEFAULT, NIFTYREG} <= set(groups) else wilcoxon([], [])
            table.append(
                {
                    "delta, mm": f"{delta:g}",
                    "measure": TITLES[measure],
                    "n": before.n,
                    "before": spread(before, measure),
                    **{NAMES[group].split(" (")[0]: spread(summary(own[group]), measure) for group in groups},
                    **tested(test),
                }
            )

    def draw(figure: Figure) -> None:
        axes = figure.subplots(1, 3, sharex=True)
        for axis, measure in zip(axes, measures, strict=True):
            for group in groups:
                found = [summary(values(rows, f"{measure}_after", group=group, delta_mm=delta)) for delta in deltas]
                means, deviations = (
                    np.array([getattr(each, name) for each in found]) for name in ("mean", "deviation")
                )
                curve(axis, deltas, means, deviations, group, NAMES[group].split(" (")[0])
            before = [
                summary(values(rows, f"{measure}_before", group=groups[0], delta_mm=delta)).mean for delta in deltas
            ]
            axis.plot(deltas, before, "--", color="#777777", linewidth=1, label="before")
            axis.set(xlabel="largest displacement component, mm", ylabel=TITLES[measure])
        axes[0].legend(frameon=False, fontsize=8)

    notes = ("The test compares the default with NiftyReg.", *_scheme_notes(options))
    return Outcome(table, draw, (10.0, 3.3), notes)
