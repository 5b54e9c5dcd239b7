"""Pictures of a training run: its curves, and the best errors of every iteration (the paper's figure 8)."""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from TableRemovalLib.errors import InputError

from ..system.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRAINING_COLOUR, VALIDATION_COLOUR = "#0072b2", "#d55e00"


def drawing_missing() -> str:
    """Why nothing can be drawn, in words; empty if matplotlib is there."""
    return "" if find_spec("matplotlib") else "matplotlib is not installed (pip install matplotlib)"


def _rows(split: Path) -> list[dict]:
    with open(split / "log.csv", newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _curves(axes: Axes, rows: list[dict], title: str) -> None:
    steps = [int(row["step"]) for row in rows]
    for name, colour, label in (
        ("error_voxels", TRAINING_COLOUR, "training"),
        ("validation_error_voxels", VALIDATION_COLOUR, "validation"),
    ):
        axes.plot(steps, [float(row[name]) for row in rows], color=colour, label=label, linewidth=1.5)
    axes.set(title=title, xlabel="step", ylabel="mean end-point error, voxels")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def _iterations(axes: Axes, records: list[dict], title: str) -> None:
    """Best training and validation loss of every volume; hollow where the iteration left the weights as they were."""
    numbers = [record["iteration"] for record in records]
    for name, colour, label in (
        ("best_training", TRAINING_COLOUR, "best training"),
        ("best_validation", VALIDATION_COLOUR, "best validation"),
    ):
        values = [float("nan") if record[name]["loss"] is None else record[name]["loss"] for record in records]
        axes.plot(numbers, values, color=colour, label=label, linewidth=1.5)
        for number, value, record in zip(numbers, values, records, strict=True):
            axes.plot(number, value, "o", color=colour, mfc=colour if record["converged"] else "white")
    axes.set(title=title, xlabel="volume", ylabel="loss", xticks=numbers)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def plot_run(run: Path, path: Path) -> Path:
    """Draw every split of a run: its curves, and for the paper's scheme the best losses of every volume.

    Parameters
    ----------
    run
        Folder of the run.
    path
        Of the PNG.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    InputError
        If the run has no log yet.
    """
    from matplotlib.figure import Figure

    splits = sorted(log.parent for log in Path(run).glob("*/log.csv"))
    splits = [split for split in splits if _rows(split)]
    if not splits:
        raise InputError(f"{run} has no log yet.")
    records = {}
    for split in splits:
        result = split / "result.json"
        if result.exists():
            found = json.loads(result.read_text(encoding="utf-8")).get("iterations")
            records.update({split: found} if found else {})
    columns = 2 if records else 1
    figure = Figure(figsize=(6.4 * columns, 3.8 * len(splits)), layout="constrained")
    axes = figure.subplots(len(splits), columns, squeeze=False)
    for row, split in zip(axes, splits, strict=True):
        name = "" if split.name == "all" else f"{split.name}: "
        _curves(row[0], _rows(split), f"{name}error while training")
        if split in records:
            _iterations(row[1], records[split], f"{name}best loss of every volume")
    return write_atomically(path, ".png", lambda name: figure.savefig(name, dpi=110))
