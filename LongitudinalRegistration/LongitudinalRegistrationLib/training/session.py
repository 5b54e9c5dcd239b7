"""A training run from its configuration: data, splits, scheme, results; begun or gone on with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from TableRemovalLib.errors import InputError

from ..network.model_store import tensorflow_missing
from ..network.predict import muted_stderr, quiet_tensorflow
from ..versions import versions
from ..writing import ready_folder, write_atomically, write_json
from . import checkpoint
from .config import TrainingConfig, config_from
from .folds import Split, splits
from .journal import Tell
from .manifest import Entry, read_manifest

CONFIG, RESULT, WEIGHTS = "config.json", "result.json", "best.weights.h5"


@dataclass(frozen=True)
class TrainedSplit:
    """One split's folder, its best weights, and what its scheme reports."""

    name: str
    folder: Path
    weights: Path
    result: dict


def begin(config: TrainingConfig, folder: Path) -> None:
    """Make a run's folder and keep its configuration there.

    Raises
    ------
    InputError
        If the folder holds another run, or the cohort cannot be used.
    """
    splits(read_manifest(config.manifest), config)
    if (Path(folder) / CONFIG).exists():
        raise InputError(
            f"{folder} holds a run already: go on with it (longct train --resume {folder}) or choose another."
        )
    ready_folder(folder)
    write_json(config.content(), Path(folder) / CONFIG)


def kept_config(folder: Path) -> TrainingConfig:
    """The configuration of a run that was begun.

    Raises
    ------
    InputError
        If the folder holds none.
    """
    path = Path(folder) / CONFIG
    if not path.exists():
        raise InputError(f"{folder} holds no training run: give the folder that `longct train --config` wrote to.")
    return config_from(json.loads(path.read_text(encoding="utf-8")), Path(folder), str(path))


def train(folder: Path, tell: Tell | None = None) -> list[TrainedSplit]:
    """Begin or go on with the run in a folder, split by split; what is finished is not done again.

    Parameters
    ----------
    folder
        As left by `begin`.
    tell
        Called with a line of text and the part of the split that is done, 0 to 1.

    Raises
    ------
    InputError
        If the cohort cannot be used or there is no TensorFlow (or other backend of Keras).
    """
    folder = Path(folder)
    config = kept_config(folder)
    if reason := _no_backend():
        raise InputError(f"Nothing can be trained here: {reason}.")
    chosen, scans = splits(read_manifest(config.manifest), config), {}
    return [_train_split(split, folder, config, scans, tell) for split in chosen]


def _no_backend() -> str:
    import os

    return "" if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow" else tensorflow_missing()


def _prepare(entries, scans: dict, tell: Tell | None) -> list:
    from .samples import prepare_scan

    for entry in entries:
        if entry not in scans:
            if tell:
                tell(f"reading {entry.name}", 0.0)
            scans[entry] = prepare_scan(entry.image, entry.name)
    return [scans[entry] for entry in entries]


def _train_split(split: Split, folder: Path, config: TrainingConfig, scans: dict, tell: Tell | None) -> TrainedSplit:
    where = folder / split.name
    weights = where / WEIGHTS
    if (where / RESULT).exists():
        return TrainedSplit(split.name, where, weights, json.loads((where / RESULT).read_text(encoding="utf-8")))
    checkpoint.clear_half_written(ready_folder(where))
    stepper = _make_stepper(config)
    if config.scheme == "pooled":
        from .pooled import train_pooled

        result = train_pooled(
            stepper,
            _prepare(split.train, scans, tell),
            _prepare(split.validation, scans, tell),
            where,
            config,
            tell,
        )
    else:
        from .incremental import train_incrementally

        def prepare(entry: Entry):
            return _prepare([entry], scans, tell)[0]

        result = train_incrementally(stepper, split, prepare, where, config, tell)
    write_atomically(weights, ".weights.h5", stepper.network.save_weights)
    result = {
        "split": split.name,
        **{part: [entry.name for entry in getattr(split, part)] for part in ("train", "validation", "test")},
        **result,
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "versions": versions(),
    }
    write_json(result, where / RESULT)
    return TrainedSplit(split.name, where, weights, result)


def _make_stepper(config: TrainingConfig):
    quiet_tensorflow()
    with muted_stderr():
        import keras

    from ..network.architectures import build_network
    from .stepper import Stepper
    from .warm_start import centre_first_layer

    keras.utils.set_random_seed(config.seed)
    network = build_network(config.network, config.block, leaky_slope=config.leaky_slope)
    if config.initial_weights:
        network.load_weights(config.initial_weights)
    elif config.network == "vxm2":
        centre_first_layer(network)
    return Stepper(network, config.loss)
