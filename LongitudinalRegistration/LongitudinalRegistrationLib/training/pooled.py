"""Training on random blocks of all scans, a new motion and appearance each: our way, for the default network."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from TableRemovalLib.errors import InputError

from . import checkpoint
from .config import TrainingConfig
from .journal import Journal, Tell, mean_scores
from .simulation.pair_source import PairSource, draw_batch
from .simulation.samples import PreparedScan, stretched

if TYPE_CHECKING:
    from .stepper import Stepper

COLUMNS = (
    "step",
    "learning_rate",
    "loss",
    "error_voxels",
    "validation_loss",
    "validation_error_voxels",
    "seconds",
    "waited",
)
WARM_UP_STEPS = 100
STRETCHES = 10


def rate_at(step: int, config: TrainingConfig, seconds: float = 0.0) -> float:
    """Find the learning rate: 100 steps of warming up, then a cosine from the first to the last rate.

    Parameters
    ----------
    step
        Steps done.
    config
        With the rates, and how many steps or minutes a run has.
    seconds
        That the run has taken.

    Returns
    -------
    float
        For the next step.
    """
    first, last = config.learning_rate
    done = step / config.pooled.steps
    if config.pooled.minutes:
        done = max(done, seconds / (60.0 * config.pooled.minutes))
    share = 0.5 * (1.0 + np.cos(np.pi * min(1.0, done)))
    return float((last + (first - last) * share) * min(1.0, (step + 1) / WARM_UP_STEPS))


def with_stretched(scans: list[PreparedScan], config: TrainingConfig) -> list[PreparedScan]:
    """Add stretched copies, the same ones whenever a run goes on.

    Parameters
    ----------
    scans
        To train on.
    config
        Says how many copies of each.

    Returns
    -------
    list of PreparedScan
        The scans, then the copies of each.
    """
    copies = []
    for number, scan in enumerate(scans):
        for copy in range(config.pooled.stretched):
            copies.append(stretched(scan, np.random.default_rng([config.seed, STRETCHES, number, copy])))
    return [*scans, *copies]


def train_pooled(
    stepper: Stepper,
    train: list[PreparedScan],
    validation: list[PreparedScan],
    folder: Path,
    config: TrainingConfig,
    tell: Tell | None = None,
) -> dict:
    """Run, or go on, to the last step; the network ends with the weights of the best validation.

    Without validation scans, fixed pairs of the training scans monitor. The log says of every row how many seconds all
    sessions have taken, and which share of the time since the row before was spent waiting for pairs: near 0, the
    device is what limits the run, else what draws them.

    Returns
    -------
    dict
        steps, best_step, best_validation_error_voxels, seconds (of all sessions).
    """
    steps, limit = config.pooled.steps, 60.0 * config.pooled.minutes or np.inf
    begun = time.monotonic()
    position: dict[str, Any] = {"step": 0, "best": float("inf"), "best_step": 0, "rows": 0, "seconds": 0.0}
    best = stepper.weights()
    if found := checkpoint.resume_run(folder, stepper):
        position, best = found
    earlier, saved = position["seconds"], time.monotonic()
    journal = Journal(folder, COLUMNS, tell, position["rows"], position["step"])
    seconds, waited, row_began = earlier, 0.0, begun
    recent: list[dict[str, float]] = []
    train = with_stretched(train, config)
    with closing(PairSource(train, config, position["step"])) as source:
        judge = np.random.default_rng([config.seed, 1])
        judged = [draw_batch(validation or train, config, 1, judge) for _ in range(config.pooled.validation_pairs)]
        while position["step"] < steps and seconds < limit:
            rate = rate_at(position["step"], config, seconds)
            asked = time.monotonic()
            batch = source.batch()
            waited += time.monotonic() - asked
            recent.append(stepper.step(*batch, rate))
            now = time.monotonic()
            seconds = earlier + now - begun
            position["step"] = step = position["step"] + 1
            if not np.isfinite(recent[-1]["loss"]):
                raise InputError(
                    f"The loss is not a number after {step} steps: begin again with a lower learning_rate."
                )
            done = step == steps or seconds >= limit
            if step % config.epoch_steps and not done:
                continue
            training, judgement = mean_scores(recent), mean_scores([stepper.evaluate(*pair) for pair in judged])
            if judgement["loss"] < position["best"]:
                position.update(best=judgement["loss"], best_step=step, error=judgement["error"])
                best = stepper.weights()
            row = (step, rate, *training.values(), *judgement.values(), seconds, waited / (now - row_began))
            recent, waited, row_began = [], 0.0, time.monotonic()
            journal.write(step, dict(zip(COLUMNS, row, strict=True)))
            journal.say(
                f"step {step} of {steps}, error {training['error']:.3f}, validation {judgement['error']:.3f} voxels",
                max(step / steps, seconds / limit),
            )
            if done or time.monotonic() - saved > 60.0 * config.checkpoint_minutes:
                saved = time.monotonic()
                position.update(rows=journal.rows, seconds=earlier + saved - begun)
                checkpoint.save_run(folder, position, stepper, best)
    journal.close()
    stepper.set_weights(best)
    return {
        "steps": position["step"],
        "best_step": position["best_step"],
        "best_validation_error_voxels": position.get("error"),
        "seconds": round(position["seconds"]),
    }
