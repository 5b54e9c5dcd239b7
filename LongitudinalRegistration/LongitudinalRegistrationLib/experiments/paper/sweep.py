"""The experiment on the size of the displacement: fig. 11."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...training.manifest import Entry
from .dealing import baselines, trials_of
from .options import LARGEST_MM, PaperOptions
from .outcome import NAMES, OVERLAP, TITLES, Outcome, Row, spread, tested, values
from .plots import curve
from .schemes import scheme_conditions, scheme_notes
from .solvers import DEFAULT, NIFTYREG
from .statistics import summary, wilcoxon
from .trained_runs import folds_of
from .trial import Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def sweep_trials(entries: Sequence[Entry], options: PaperOptions) -> list[Trial]:
    """Make the trials of fig. 11: displacements from 0 to 25 mm."""
    trials: list[Trial] = []
    scans, count = baselines(entries, options), options.count("fig11")
    for number, delta in enumerate(np.arange(0.0, LARGEST_MM + 1e-6, options.step_mm)):
        for split, own in folds_of(scans, options).items():
            methods = scheme_conditions(options, split, DEFAULT, NIFTYREG)
            conditions = [{"delta_mm": float(delta), **each} for each in methods]
            for scan in own:
                fields = [n for n in range(number * count, (number + 1) * count) if scans[n % len(scans)] is scan]
                trials += trials_of([scan], fields, options, conditions, split)
    return sorted(trials, key=lambda trial: trial.image)


def sweep_outcome(rows: Sequence[Row], options: PaperOptions) -> Outcome:
    """Follow NCC, DSC and SSIM over the size of the displacement."""
    groups = list(dict.fromkeys(row["group"] for row in rows))
    deltas = sorted({row["delta_mm"] for row in rows})
    measures = ("ncc", *OVERLAP)
    table = []
    for delta in (*deltas, None):
        wanted = {} if delta is None else {"delta_mm": delta}
        for measure in measures:
            own = {group: values(rows, f"{measure}_after", group=group, **wanted) for group in groups}
            before = summary(values(rows, f"{measure}_before", group=groups[0], **wanted))
            if not before.n:
                continue
            test = wilcoxon(own[DEFAULT], own[NIFTYREG]) if {DEFAULT, NIFTYREG} <= set(groups) else wilcoxon([], [])
            table.append(
                {
                    "delta, mm": "all" if delta is None else f"{delta:g}",
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

    notes = ("The test compares the default with NiftyReg.", *scheme_notes(options))
    return Outcome(table, draw, (10.0, 3.3), notes)
