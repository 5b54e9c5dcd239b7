"""The experiment on the incremental training: fig. 8, best training and validation NCC of every iteration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from TableRemovalLib.errors import InputError

from .outcome import Outcome, Row
from .statistics import WILCOXON, wilcoxon

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
        Local NCC, which is the loss with its sign turned.

    Raises
    ------
    InputError
        If the run has no iterations.
    """
    splits = {path.parent.name: _iterations(path) for path in sorted(run.glob("*/result.json"))}
    splits = {name: records for name, records in splits.items() if records}
    if not splits:
        raise InputError(f"{run} has no iterations: it is no incremental training run that has ended.")
    table = [_row(name, record) for name, records in splits.items() for record in records]

    def draw(figure: Figure) -> None:
        axes = figure.subplots(1, len(splits), sharey=True, squeeze=False)[0]
        for axis, (name, records) in zip(axes, splits.items(), strict=True):
            numbers = [record["iteration"] for record in records]
            for key, colour, label in LINES:
                axis.plot(numbers, [_ncc(record, key) for record in records], "o-", color=colour, label=label)
            axis.set(title="" if name == "all" else name, xlabel="iteration (volume)")
            axis.grid(alpha=0.3)
        axes[0].set_ylabel("local NCC")
        axes[0].legend(frameon=False)

    return Outcome(table, draw, (4.2 * len(splits), 3.0), _first_and_last(splits))


def _iterations(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8")).get("iterations") or []


def _ncc(record: dict, key: str) -> float:
    loss = record[key]["loss"]
    return float("nan") if loss is None else -loss


def _row(split: str, record: dict) -> Row:
    return {
        "fold": split,
        "iteration": record["iteration"],
        "n": 1,
        **{label: f"{_ncc(record, key):.4f}" for key, _, label in LINES},
        "weights kept": "yes" if record["converged"] else "no",
    }


def _first_and_last(splits: dict[str, list[dict]]) -> tuple[str, ...]:
    """The paired test between the first and the last iteration of every fold."""
    first, last = ([_ncc(records[place], "best_validation") for records in splits.values()] for place in (0, -1))
    found = wilcoxon(first, last)
    rises = ", ".join(f"{a:.4f} to {b:.4f}" for a, b in zip(first, last, strict=True))
    return (f"Best validation NCC, first to last iteration: {rises} ({WILCOXON}, n = {found.n}, p = {found.p:.3f}).",)
