"""The experiment on the training schemes: fig. 9, incremental and single volume in four folds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...training.manifest import Entry
from . import published
from .dealing import baselines, trials_of
from .options import PaperOptions
from .outcome import NAMES, OVERLAP, TITLES, Outcome, Row, spread, tested, values
from .outcome import published as shown
from .plots import COLOURS, boxes
from .solvers import DEFAULT, NIFTYREG, VOXELMORPH
from .statistics import summary, wilcoxon
from .trained_runs import folds_of
from .trial import PAPER_DELTA_MM, Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SINGLE, INCREMENTAL = TRAINED = "single", "incremental"


def _trained(options: PaperOptions, name: str, split: str) -> str | None:
    """The method of a training scheme: its run's network for a fold; for incremental, the shipped one without a run."""
    if name in options.runs:
        return str((Path(options.runs[name]) / split).resolve())
    return VOXELMORPH if name == INCREMENTAL else None


def scheme_conditions(options: PaperOptions, split: str, *others: str) -> list[dict]:
    """List the methods of a fold: the networks of the training schemes, then others.

    Parameters
    ----------
    options
        Of which methods and runs count.
    split
        The fold.
    *others
        Methods that are the same in every fold.

    Returns
    -------
    list of dict
        "method" and "group" of a trial.
    """
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
        methods = scheme_conditions(options, split, DEFAULT, NIFTYREG)
        conditions = [{"delta_mm": PAPER_DELTA_MM, **each} for each in methods]
        trials += trials_of(own, range(number * count, (number + 1) * count), options, conditions, split)
    return trials


def scheme_notes(options: PaperOptions) -> tuple[str, ...]:
    """Say what the networks of the training schemes are, and what chose them."""
    if INCREMENTAL in options.runs:
        return (
            "A fold's networks were trained on the patients of the other folds. As in the paper, the epoch that is "
            "kept is the best on deformed copies of the fold's own patients; what is scored is deformed otherwise.",
        )
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

    return Outcome(table, draw, (8.5, 3.4), scheme_notes(options))
