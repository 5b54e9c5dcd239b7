"""The experiment on real follow-ups, or on those of a phantom cohort: fig. 10, before and after, by patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...cohort.pairs import Pair, pair_task, pairs_of
from ...cohort.tables import pair_row
from ...cohort.task import Record, Task
from ...pipeline.options import RegistrationOptions
from ...training.manifest import Entry, patients
from .options import PaperOptions
from .outcome import NAMES, TITLES, Outcome, Row, spread, tested, values
from .plots import COLOURS, PALE, boxes
from .solvers import DEFAULT, NIFTYREG
from .statistics import summary, wilcoxon

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS: dict[str, dict[str, Any]] = {
    "vxm2": {"method": "vxm2", "refinement": False},
    DEFAULT: {"method": "cost-volume"},
    NIFTYREG: {"method": "niftyreg"},
}
MEASURES = ("dsc", "ssim", "end_point_error_mm")
ALL = "all"


def follow_up_pairs(entries: Sequence[Entry], options: PaperOptions) -> list[Pair]:
    """List the pairs of the patients who take part."""
    chosen = set(patients(tuple(entries))[: options.patients])
    return pairs_of([entry for entry in entries if entry.patient in chosen])[0]


def follow_up_tasks(
    pairs: Sequence[Pair], options: PaperOptions, checksums: Mapping[Path, str], folder: Path
) -> list[tuple[str, Pair, Task]]:
    """Make a task for each method and pair: the affine step comes before each of them."""
    found = []
    for name in options.takes(*METHODS):
        asked = RegistrationOptions(**METHODS[name], niftyreg_spacing_mm=options.niftyreg_spacing_mm)
        found += [(name, pair, pair_task(pair, asked, "nothing", checksums, folder)) for pair in pairs]
    return found


def follow_up_rows(tasks: Sequence[tuple[str, Pair, Task]], records: Sequence[Record]) -> list[Row]:
    """Make the rows of fig. 10; failed pairs are left out."""
    return [
        {"group": name, **pair_row(pair, record)}
        for (name, pair, _), record in zip(tasks, records, strict=True)
        if not record.error
    ]


def follow_up_outcome(rows: Sequence[Row], options: PaperOptions) -> Outcome:
    """Compare before and after, by patient, and over all pairs by a paired test."""
    groups = list(dict.fromkeys(row["group"] for row in rows))
    names = list(dict.fromkeys(row["patient"] for row in rows))
    table = []
    for group in groups:
        for patient in (*names, ALL):
            wanted = {"group": group} if patient == ALL else {"group": group, "patient": patient}
            for measure in MEASURES:
                before, after = (values(rows, f"{measure}_{step}", **wanted) for step in ("before", "after"))
                if not summary(after).n:
                    continue
                table.append(
                    {
                        "method": NAMES[group],
                        "patient": patient,
                        "measure": TITLES[measure],
                        "n": summary(after).n,
                        "before": spread(summary(before), measure),
                        "after": spread(summary(after), measure),
                        **tested(wilcoxon(before, after)),
                    }
                )

    def draw(figure: Figure) -> None:
        shown = [measure for measure in ("dsc", "ssim") if summary(values(rows, f"{measure}_after")).n]
        axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        width = 0.8 / (len(groups) + 1)
        for axis, measure in zip(axes, shown, strict=True):
            for number, patient in enumerate(names):
                own = [("before", groups[0], PALE), *(("after", group, COLOURS[group]) for group in groups)]
                for place, (step, group, colour) in enumerate(own):
                    at = number + (place - len(groups) / 2) * width
                    boxes(
                        axis,
                        [(at, values(rows, f"{measure}_{step}", group=group, patient=patient), colour)],
                        0.8 * width,
                    )
            axis.set_ylabel(TITLES[measure])
        for colour, label in ((PALE, "before"), *((COLOURS[group], NAMES[group].split(" (")[0]) for group in groups)):
            axes[0].plot([], [], "s", color=colour, label=label)
        axes[0].legend(frameon=False, ncols=4, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0))
        axes[-1].set_xticks(range(len(names)), names)
        axes[-1].set_xlabel("patient")

    return Outcome(table, draw, (9.0, 5.0))
