"""The paper's training (section 3.3): volume after volume, in time order, each with its deformed copies.

An iteration is one volume: it trains on K deformed copies until the validation no longer gets better, and ends with its
best weights; one that never gets better than it began leaves the weights as they were. "single" is the paper's
comparison: one iteration, on one volume.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..methods.network.architectures.catalogue import spacing_of
from ..scan.grid import NETWORK_SPACING_MM
from . import checkpoint
from .config import TrainingConfig
from .folds import Split
from .journal import Journal, Tell, mean_scores
from .manifest import Entry, in_time_order, patients
from .simulation.copies import DeformedCopy, deformed_copies
from .simulation.samples import PreparedScan, batch_of, on_voxels

if TYPE_CHECKING:
    from .stepper import Stepper

COLUMNS = ("step", "iteration", "volume", "epoch", "learning_rate", "loss", "error_voxels") + (
    "validation_loss",
    "validation_error_voxels",
)


def volumes_in_order(split: Split, config: TrainingConfig) -> list[Entry]:
    """List the volumes of all iterations: patients shuffled (from the seed), each patient's time points in order.

    Parameters
    ----------
    split
        Of which the scans to train on count.
    config
        Its scheme "single" takes one volume, others all, as often as there are passes.

    Returns
    -------
    list of Entry
        One for each iteration.
    """
    names = patients(split.train)
    order = np.random.default_rng([config.seed, 3]).permutation(len(names))
    volumes = [entry for n in order for entry in in_time_order(split.train, names[n])]
    return volumes[:1] if config.scheme == "single" else volumes * config.incremental.passes


def rate_of(iteration: int, iterations: int, config: TrainingConfig) -> float:
    """Find the learning rate of an iteration: linear from the first to the last.

    Parameters
    ----------
    iteration
        From 0.
    iterations
        How many there are.
    config
        With the first and the last rate.

    Returns
    -------
    float
        Of the whole iteration.
    """
    first, last = config.learning_rate
    return first + (last - first) * iteration / max(1, iterations - 1)


def watched_entries(split: Split, config: TrainingConfig) -> tuple[Entry, ...]:
    """Whose deformed copies are set apart: the validation patients, in a fold the left-out ones, else the trained ones.

    Named test patients are never among them.
    """
    return split.validation or (split.test if config.folds else ()) or split.train


def set_apart(
    split: Split, prepare: Callable[[Entry], PreparedScan], config: TrainingConfig
) -> tuple[list[DeformedCopy], list[DeformedCopy]]:
    """Make the deformed validation set and split it once.

    Parameters
    ----------
    split
        Whose watched_entries are deformed.
    prepare
        Reads a scan.
    config
        Seed, number of copies, simulator.

    Returns
    -------
    monitoring, testing
        Copies that monitor the training, and copies that are kept for testing; half each.
    """
    rng, options = np.random.default_rng([config.seed, 4]), config.incremental
    scans = [prepare(entry) for entry in watched_entries(split, config)]
    copies = [
        deformed_copies(scans[n % len(scans)], 1, config.simulator, rng)[0]
        for n in range(options.validation_deformations)
    ]
    order = rng.permutation(len(copies))
    half = len(copies) // 2
    return [copies[n] for n in order[:half]], [copies[n] for n in order[half:]]


class IncrementalTraining:
    """One split's run: the network, where it is, and what it has seen.

    Parameters
    ----------
    prepare
        Entry to PreparedScan.
    folder
        Holds log and checkpoint; with a checkpoint the run goes on from there.
    """

    def __init__(
        self,
        stepper: Stepper,
        split: Split,
        prepare: Callable[[Entry], PreparedScan],
        folder: Path,
        config: TrainingConfig,
        tell: Tell | None = None,
    ) -> None:
        self.stepper, self.config, self.folder, self._prepare = stepper, config, folder, prepare
        self.volumes = volumes_in_order(split, config)
        self._watched = watched_entries(split, config)
        spacing = spacing_of(config.network)
        self._spacing, self._shape = spacing, tuple(int(n * spacing / NETWORK_SPACING_MM) for n in config.block)
        self._monitor, self._kept = set_apart(split, prepare, config)
        self.rng = np.random.default_rng([config.seed, 6])
        self._fresh = stepper.optimizer_state()
        self.position: dict[str, Any] = {
            "iteration": 0,
            "epoch": 0,
            "step": 0,
            "rows": 0,
            "records": [],
            "seconds": 0.0,
        }
        self._best = stepper.weights()
        self._copies: list[DeformedCopy] = []
        if found := checkpoint.resume_run(folder, stepper, self.rng):
            self.position, self._best = found
        self._begun = self._saved = time.monotonic()
        self._earlier = self.position["seconds"]
        self.journal = Journal(folder, COLUMNS, tell, self.position["rows"], self.position["step"])

    def _save(self) -> None:
        self._saved = time.monotonic()
        self.position.update(rows=self.journal.rows, seconds=self._earlier + self._saved - self._begun)
        checkpoint.save_run(self.folder, self.position, self.stepper, self._best, self.rng)

    def _mean(self, copies: list[DeformedCopy], seed: int) -> dict[str, float]:
        """Mean scores of blocks of the copies: the same ones at every call, cut anew, since they would fill memory."""
        rng, scores = np.random.default_rng([self.config.seed, seed]), []
        for n in range(self.config.incremental.validation_steps):
            pair = on_voxels(copies[n % len(copies)].pair(self._shape, rng), self._spacing)
            scores.append(self.stepper.evaluate(*batch_of([pair])))
        return mean_scores(scores)

    def _volume_copies(self) -> list[DeformedCopy]:
        """The K copies of the iteration's volume, the same ones after a resume."""
        number, options = self.position["iteration"], self.config.incremental
        rng = np.random.default_rng([self.config.seed, 8, number])
        scan = self._prepare(self.volumes[number])
        return deformed_copies(scan, options.deformations, self.config.simulator, rng)

    def _begin_iteration(self) -> None:
        start = self._mean(self._monitor, 5)
        self.position.update(
            epoch=0, since_best=0, start=start, best=start, best_epoch=0, best_training={"loss": None, "error": None}
        )
        self._best = self.stepper.weights()
        self.stepper.set_optimizer_state(self._fresh)

    def _epoch(self, rate: float) -> dict[str, float]:
        scores = []
        for _ in range(self.config.epoch_steps):
            chosen = self.rng.integers(len(self._copies), size=self.config.batch)
            pairs = [on_voxels(self._copies[n].pair(self._shape, self.rng), self._spacing) for n in chosen]
            scores.append(self.stepper.step(*batch_of(pairs), rate))
            self.position["step"] += 1
        return mean_scores(scores)

    def _judge(self, training: dict, validation: dict) -> None:
        """Keep the weights if this epoch's validation is the iteration's best."""
        now = self.position
        lowest = now["best_training"]["loss"]
        if np.isfinite(training["loss"]) and (lowest is None or training["loss"] < lowest):
            now["best_training"] = training
        if np.isfinite(validation["loss"]) and validation["loss"] < now["best"]["loss"]:
            now.update(best=validation, best_epoch=now["epoch"], since_best=0)
            self._best = self.stepper.weights()
        else:
            now["since_best"] += 1

    def _end_iteration(self, rate: float) -> None:
        now = self.position
        self.stepper.set_weights(self._best)
        now["records"].append(
            {
                "iteration": now["iteration"] + 1,
                "volume": self.volumes[now["iteration"]].name,
                "epochs": now["epoch"],
                "learning_rate": rate,
                "converged": now["best_epoch"] > 0,
                "start_validation": now["start"],
                "best_training": now["best_training"],
                "best_validation": now["best"],
            }
        )
        now.update(iteration=now["iteration"] + 1, epoch=0)

    def _iteration(self) -> None:
        """One volume, or what is left of it after a resume."""
        now, options = self.position, self.config.incremental
        rate = rate_of(now["iteration"], len(self.volumes), self.config)
        self._copies = self._volume_copies()
        if now["epoch"] == 0:
            self._begin_iteration()
        while now["epoch"] < options.most_epochs and now["since_best"] < options.patience:
            now["epoch"] += 1
            training, validation = self._epoch(rate), self._mean(self._monitor, 5)
            self._judge(training, validation)
            self._log(rate, training, validation)
            if not np.isfinite(training["loss"]):
                break
            if time.monotonic() - self._saved > 60.0 * self.config.checkpoint_minutes:
                self._save()
        self._end_iteration(rate)
        self._save()

    def _log(self, rate: float, training: dict, validation: dict) -> None:
        now, options = self.position, self.config.incremental
        volume = self.volumes[now["iteration"]].name
        row = {
            "step": now["step"],
            "iteration": now["iteration"] + 1,
            "volume": volume,
            "epoch": now["epoch"],
            "learning_rate": rate,
            "loss": training["loss"],
            "error_voxels": training["error"],
            "validation_loss": validation["loss"],
            "validation_error_voxels": validation["error"],
        }
        self.journal.write(now["step"], row)
        done = (now["iteration"] + now["epoch"] / options.most_epochs) / len(self.volumes)
        self.journal.say(
            f"volume {now['iteration'] + 1} of {len(self.volumes)} ({volume}), epoch {now['epoch']}, "
            f"loss {training['loss']:.4f}, validation {validation['loss']:.4f}, {validation['error']:.3f} voxels",
            done,
        )

    def run(self) -> dict:
        """Go through all iterations; what the result file says: one record a volume, and the test score."""
        while self.position["iteration"] < len(self.volumes):
            self._iteration()
        self.journal.close()
        test = self._mean(self._kept, 9)
        return {
            "steps": self.position["step"],
            "iterations": self.position["records"],
            "monitored_on": [entry.name for entry in self._watched],
            "kept_for_testing": test,
            "seconds": round(self.position["seconds"]),
        }
