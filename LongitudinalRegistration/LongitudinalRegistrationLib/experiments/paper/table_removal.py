"""The experiment on table removal: fig. 7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...training.manifest import Entry
from .dealing import baselines, trials_of
from .options import PaperOptions
from .outcome import NAMES, OVERLAP, TITLES, Outcome, Row, spread, tested, values
from .plots import COLOURS, PALE, boxes
from .solvers import NIFTYREG, VOXELMORPH
from .statistics import summary, wilcoxon
from .trial import Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLE_DELTA_MM, TABLE_SHIFT_MM = 5.0, 2.0


def table_removal_trials(entries: Sequence[Entry], options: PaperOptions) -> list[Trial]:
    """Make the trials of fig. 7: with and without the table, with and without a shift of the patient on it."""
    conditions = [
        {"delta_mm": TABLE_DELTA_MM, "shift_mm": shift, "refined": refined, "method": method, "group": method}
        for shift in (0.0, TABLE_SHIFT_MM)
        for method in options.takes(VOXELMORPH, NIFTYREG)
        for refined in (False, True)
    ]
    return trials_of(baselines(entries, options), range(options.count("fig7")), options, conditions)


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
