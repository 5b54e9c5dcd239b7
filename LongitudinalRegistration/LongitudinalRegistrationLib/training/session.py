"""A training run from its configuration: data, splits, scheme, results; begun or gone on with."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import SimpleITK as sitk
from TableRemovalLib.errors import InputError

from ..methods.network.architectures.catalogue import network_options
from ..methods.network.keras_passes import muted_stderr, quiet_tensorflow
from ..methods.network.runtime import tensorflow_missing
from ..system.files import ready_folder, write_atomically, write_json
from ..system.versions import versions
from .config import TrainingConfig, config_from
from .folds import Split, splits
from .journal import Tell
from .manifest import Entry, read_manifest

if TYPE_CHECKING:
    import keras
    import numpy as np

    from .simulation.samples import PreparedScan
    from .stepper import Stepper

CONFIG, SPLITS, RESULT, WEIGHTS = "config.json", "splits.json", "result.json", "best.weights.h5"
PARTS = ("train", "validation", "test")
Scans = dict[Entry, "PreparedScan"]
"""What has been prepared so far."""
Score = Callable[[tuple[Entry, ...], Path, TrainingConfig], dict]


@dataclass(frozen=True)
class TrainedSplit:
    """One split: its best weights, and what its scheme reports."""

    name: str
    weights: Path
    result: dict


def begin(config: TrainingConfig, folder: Path) -> None:
    """Make a run's folder and keep its configuration there.

    Raises
    ------
    InputError
        If the folder holds another run, or the cohort cannot be used.
    """
    entries = read_manifest(config.manifest)
    chosen = splits(entries, config)
    check_readable(entries)
    if (Path(folder) / CONFIG).exists():
        raise InputError(
            f"{folder} holds a run already: go on with it (longct train --resume {folder}) or choose another."
        )
    ready_folder(folder)
    write_json(splits_content(chosen), Path(folder) / SPLITS)
    write_json(config.content(), Path(folder) / CONFIG)


def check_readable(entries: tuple[Entry, ...]) -> None:
    """Look at the header of every file of a cohort before any work starts; DICOM folders are left for later.

    Raises
    ------
    InputError
        If one is no 3-D image; it is named.
    """
    for entry in entries:
        if entry.image.is_dir():
            continue
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(entry.image))
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise InputError(f"{entry.name}: {entry.image} cannot be read as an image.") from error
        if reader.GetDimension() != 3 or reader.GetNumberOfComponents() != 1:
            raise InputError(f"{entry.name}: {entry.image} is no 3-D scan of one value a voxel.")


def splits_content(chosen: tuple[Split, ...]) -> dict:
    """The splits as JSON content: name to scans that train, validate and test."""
    return {split.name: {part: [e.name for e in getattr(split, part)] for part in PARTS} for split in chosen}


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


def train(folder: Path, tell: Tell | None = None, score: Score | None = None) -> list[TrainedSplit]:
    """Begin or go on with the run in a folder, split by split; what is finished is not done again.

    Parameters
    ----------
    folder
        As left by `begin`.
    tell
        Called with a line of text and the part of the split that is done, 0 to 1.
    score
        Called with the test scans of a split, its weights and the configuration; what it gives is kept with the
        result. None: the scans are not scored.

    Raises
    ------
    InputError
        If the cohort cannot be used or there is no TensorFlow (or other backend of Keras).
    """
    folder = Path(folder)
    config = kept_config(folder)
    if reason := _no_backend():
        raise InputError(f"Nothing can be trained here: {reason}.")
    chosen = splits(read_manifest(config.manifest), config)
    scans: Scans = {}
    if splits_content(chosen) != json.loads((folder / SPLITS).read_text(encoding="utf-8")):
        raise InputError(
            f"The cohort {config.manifest} is not the one that this run began with ({folder / SPLITS}): "
            "put it back, or begin a new run."
        )
    return [_train_split(split, folder, config, scans, tell, score) for split in chosen]


def _no_backend() -> str:
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend == "tensorflow":
        return tensorflow_missing()
    missing = [name for name in (backend, "keras") if find_spec(name) is None]
    return f"{' and '.join(missing)} not installed" if missing else ""


def _prepare(entries: Iterable[Entry], scans: Scans, tell: Tell | None) -> list[PreparedScan]:
    from .simulation.samples import prepare_scan

    for entry in entries:
        if entry not in scans:
            if tell:
                tell(f"reading {entry.name}", 0.0)
            try:
                scans[entry] = prepare_scan(entry.image, entry.name)
            except InputError as error:
                raise InputError(f"{entry.name} ({entry.image}): {error}") from error
    return [scans[entry] for entry in entries]


def _train_split(
    split: Split, folder: Path, config: TrainingConfig, scans: Scans, tell: Tell | None, score: Score | None
) -> TrainedSplit:
    where = folder / split.name
    weights = where / WEIGHTS
    if (where / RESULT).exists():
        return TrainedSplit(split.name, weights, json.loads((where / RESULT).read_text(encoding="utf-8")))
    ready_folder(where)
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
        from .incremental import IncrementalTraining

        def prepare(entry: Entry) -> PreparedScan:
            return _prepare([entry], scans, tell)[0]

        result = IncrementalTraining(stepper, split, prepare, where, config, tell).run()
    write_atomically(weights, ".weights.h5", stepper.network.save_weights)
    result = {
        "split": split.name,
        **splits_content((split,))[split.name],
        **result,
        "test_scores": _test_scores(split, weights, config, tell, score),
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "versions": versions(),
    }
    write_json(result, where / RESULT)
    return TrainedSplit(split.name, weights, result)


def _test_scores(
    split: Split, weights: Path, config: TrainingConfig, tell: Tell | None, score: Score | None
) -> dict | None:
    """Scores on the split's test scans.

    None where nobody scores or there are none, or where Keras does not run on TensorFlow, which the scores need.
    """
    if not score or not split.test or os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return None
    if tell:
        tell(f"scoring {split.name} on {len(split.test)} scans", 1.0)
    return score(split.test, weights, config)


def _make_stepper(config: TrainingConfig) -> Stepper:
    quiet_tensorflow()
    with muted_stderr():
        import keras

    from .stepper import Stepper
    from .warm_start import centre_first_layer

    if config.compute == "bfloat16":
        _check_bfloat16(config)
    keras.utils.set_random_seed(config.seed)
    network = _build(config, config.compute)
    if config.initial_weights:
        network.load_weights(config.initial_weights)
    elif config.network == "vxm2" and config.centred_first_layer:
        centre_first_layer(network)
    return Stepper(network, config.loss, config.clip_norm)


def _build(config: TrainingConfig, compute: str) -> keras.Model:
    from ..methods.network.build import build_network

    options = network_options(config.network, config.leaky_slope, config.flow_resolution)
    return build_network(config.network, config.block, compute=compute, **options)


def _check_bfloat16(config: TrainingConfig) -> None:
    import keras

    from .gradient_check import batch_gradients, wrong_in_bfloat16

    def gradients_in(compute: str) -> list[np.ndarray]:
        keras.utils.set_random_seed(config.seed)
        return batch_gradients(_build(config, compute), config.loss, config.block, config.batch, config.seed)

    if wrong := wrong_in_bfloat16(gradients_in):
        raise InputError(f'Nothing was trained: {wrong}. Set "compute": "float32".')
