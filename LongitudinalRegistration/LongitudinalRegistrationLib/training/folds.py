"""Which patients train, which are left out: cross-validation by patient (paper, section 3.3)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from TableRemovalLib.errors import InputError

from .config import TrainingConfig
from .manifest import Entry, in_time_order, patients


@dataclass(frozen=True)
class Split:
    """Scans to train on, to monitor with (may be empty) and to test on; no patient is in two of them."""

    name: str
    train: tuple[Entry, ...]
    validation: tuple[Entry, ...]
    test: tuple[Entry, ...]


def _of(entries: tuple[Entry, ...], chosen: Collection[str]) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.patient in chosen)


def splits(entries: tuple[Entry, ...], config: TrainingConfig) -> tuple[Split, ...]:
    """One split, or one a fold.

    With folds the patients are shuffled (from the run's seed) and dealt out; each fold tests on its own and trains on
    the others.

    Parameters
    ----------
    entries
        The manifest.
    config
        Of which time points, folds, patients left out and seed count.

    Returns
    -------
    tuple of Split
        One, or one for each fold.

    Raises
    ------
    InputError
        If there are fewer patients than folds, a named patient is not in the manifest, or none is left to train on.
    """
    names = patients(entries)
    if config.time_points:
        entries = tuple(entry for name in names for entry in in_time_order(entries, name)[: config.time_points])
    if config.folds:
        if len(names) < config.folds:
            raise InputError(f"{config.folds} folds need as many patients; the manifest has {len(names)}.")
        order = np.random.default_rng([config.seed, 7]).permutation(len(names))
        parts = [{names[n] for n in order[fold :: config.folds]} for fold in range(config.folds)]
        return tuple(
            Split(f"fold{number + 1}", _of(entries, set(names) - part), (), _of(entries, part))
            for number, part in enumerate(parts)
        )
    left_out = [*config.validation_patients, *config.test_patients]
    for name in left_out:
        if name not in names:
            raise InputError(f"Patient {name} is not in the manifest; there are {', '.join(names)}.")
    if len(left_out) != len(set(left_out)):
        raise InputError("A patient is in validation_patients and in test_patients: it can be in one of them only.")
    train = _of(entries, set(names) - set(left_out))
    if not train:
        raise InputError("No patient is left to train on: shorten validation_patients or test_patients.")
    return (Split("all", train, _of(entries, config.validation_patients), _of(entries, config.test_patients)),)
