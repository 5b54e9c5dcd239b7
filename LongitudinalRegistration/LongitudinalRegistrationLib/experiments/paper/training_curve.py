"""The experiment on the incremental training: fig. 8, best training and validation score of every iteration.

The score is the loss with its sign turned: local NCC less the field's roughness, as the training weighs it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from TableRemovalLib.errors import InputError

from .outcome import Outcome, Row, spread, tested
from .statistics import summary, wilcoxon

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = (("best_training", "#0072b2", "best training"), ("best_validation", "#d55e00", "best validation"))


def curve_outcome(run: Path) -> Outcome:
    """Read the iterations of a training run, and draw them.

    Parameters
    ----------
    run
        Folder of a run with the incremental scheme.

    Returns
    -------
    Outcome
        A row an iteration, over the folds that have it; tested against the validation before the first one.

    Raises
    ------
    InputError
        If the run has no iterations.
    """
    splits = {path.parent.name: _iterations(path) for path in sorted(run.glob("*/result.json"))}
    splits = {name: records for name, records in splits.items() if records}
    if not splits:
        raise InputError(f"{run} has no iterations: it is no incremental training run that has ended.")
    table = [_row(splits, number) for number in range(max(len(records) for records in splits.values()))]

    def draw(figure: Figure) -> None:
        axes = figure.subplots(1, len(splits), sharey=True, squeeze=False)[0]
        for axis, (name, records) in zip(axes, splits.items(), strict=True):
            numbers = [record["iteration"] for record in records]
            for key, colour, label in LINES:
                axis.plot(numbers, [_score(record, key) for record in records], "o-", color=colour, label=label)
            axis.set(title="" if name == "all" else name, xlabel="iteration (volume)")
            axis.grid(alpha=0.3)
        axes[0].set_ylabel("local NCC − roughness")
        axes[0].legend(frameon=False)

    return Outcome(table, draw, (max(2.6 * len(splits), 4.0), 3.0), _notes(splits))


def _iterations(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8")).get("iterations") or []


def _score(record: dict, key: str) -> float:
    loss = record[key]["loss"]
    return float("nan") if loss is None else -loss


def _row(splits: dict[str, list[dict]], number: int) -> Row:
    """An iteration, over the folds that have so many."""
    there = [records for records in splits.values() if len(records) > number]
    before = [_score(records[0], "start_validation") for records in there]
    found = {label: [_score(records[number], key) for records in there] for key, _, label in LINES}
    return {
        "iteration": number + 1,
        "n": len(there),
        "before training": spread(summary(before), "loss"),
        **{label: spread(summary(scores), "loss") for label, scores in found.items()},
        "weights kept": f"{sum(records[number]['converged'] for records in there)} of {len(there)}",
        **tested(wilcoxon(before, found["best validation"])),
    }


def _notes(splits: dict[str, list[dict]]) -> tuple[str, ...]:
    words = "The score is the loss with its sign turned, local NCC less the field's roughness; n: folds."
    if len(splits) < 6:
        words += f" With {len(splits)} folds no paired test can come below p = {2 * 0.5 ** len(splits):.3f}."
    return (words,)
