"""Training runs with folds: who is left out by which fold, and what was less than in the paper."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from TableRemovalLib.errors import InputError

from ...methods.network.architectures.catalogue import spacing_of
from ...training.config import config_from
from ...training.manifest import Entry
from ...training.session import CONFIG
from .options import PaperOptions


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
    """Patient to the fold of a training run that tests on him; that fold must not have seen him."""
    path = run / "splits.json"
    if not path.exists():
        raise InputError(f"{run} holds no training run: give the folder that `longct train` wrote to.")
    left_out: dict[str, str] = {}
    for fold, parts in json.loads(path.read_text(encoding="utf-8")).items():
        tested = {_patient(scan) for scan in parts["test"]}
        seen = tested & {_patient(scan) for scan in (*parts["train"], *parts["validation"])}
        if seen:
            raise InputError(f"{path}: {fold} was trained on patient {min(seen)} and tests on him: train it again.")
        left_out |= dict.fromkeys(tested, fold)
    return left_out


def _patient(scan: str) -> str:
    return scan.rpartition(", ")[0]


def run_reduction(run: Path) -> str:
    """Say in words what a training run did less than, or otherwise than, the paper; empty if nothing.

    Parameters
    ----------
    run
        Folder that `longct train` wrote to.

    Returns
    -------
    str
        A clause.
    """
    content = json.loads((run / CONFIG).read_text(encoding="utf-8"))
    began_with = content.pop("initial_weights", None)  # need not be there any more
    config = config_from(content, run)
    if config.scheme == "pooled":
        return ""
    whole = config_from({"manifest": "", "scheme": config.scheme}, run)
    less = []
    if began_with:
        less.append(f"began with {Path(began_with).name}")
    if config.time_points and config.scheme == "incremental":
        scans = "scan" if config.time_points == 1 else f"{config.time_points} scans"
        less.append(f"saw the first {scans} of each patient only")
    if np.prod(config.block) < np.prod(whole.block):
        size = " x ".join(f"{n * spacing_of(config.network):g}" for n in config.block)
        less.append(f"blocks of {size} mm instead of whole scans")
    if (most := config.incremental.most_epochs) < whole.incremental.most_epochs:
        epochs = f"{most} epoch{'s' * (most > 1)} of {config.epoch_steps} steps a volume"
        less.append(f"{epochs} instead of until {config.incremental.patience} epochs are no better")
    other = []
    if config.leaky_slope != whole.leaky_slope:
        other.append(f"slope {config.leaky_slope:g}")
    if config.clip_norm:
        other.append(f"gradients clipped at {config.clip_norm:g}")
    words = [", ".join([*less[:-2], " and ".join(less[-2:])])] if less else []
    if other:
        words.append(f"{' and '.join(other)}, which the paper does not have")
    return f"the {config.scheme} networks: {'; '.join(words)}" if words else ""
