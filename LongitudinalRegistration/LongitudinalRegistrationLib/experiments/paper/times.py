"""The experiment on speed: table 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...training.manifest import Entry
from . import published
from .dealing import baselines, trials_of
from .options import PaperOptions
from .outcome import NAMES, Outcome, Row, spread, tested, values
from .plots import COLOURS, boxes
from .solvers import DEFAULT, NIFTYREG, VOXELMORPH
from .statistics import summary, wilcoxon
from .trial import PAPER_DELTA_MM, Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def times_trials(entries: Sequence[Entry], options: PaperOptions) -> list[Trial]:
    """Make the trials of table 1: the same pairs by every method."""
    methods = options.takes(VOXELMORPH, "lkpyramid", "cvpyramid", DEFAULT, NIFTYREG)
    conditions = [{"delta_mm": PAPER_DELTA_MM, "method": method, "group": method} for method in methods]
    return trials_of(baselines(entries, options), range(options.count("table1")), options, conditions)


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

    return Outcome(table, draw, (6.0, 3.2), (_machine(rows),))


def _machine(rows: Sequence[Row]) -> str:
    """Say on what the seconds were measured, and whether they can be trusted."""
    threads, cores = (max(int(row[name]) for row in rows) for name in ("threads", "cores"))
    loads = [float(row["load"]) for row in rows]
    words = f"{threads} thread{'s' * (threads > 1)} on a machine of {cores} cores"
    if not max(loads):
        return f"{words}."
    words += f", whose load was {min(loads):.1f} to {max(loads):.1f}"
    busy = max(loads) > cores + 1
    return f"{words}: it was busy with other work, so the seconds are upper limits." if busy else f"{words}."
