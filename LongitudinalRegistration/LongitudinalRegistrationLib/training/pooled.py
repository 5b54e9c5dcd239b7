"""Training on random blocks of all scans, a new motion and appearance each: our way, for the default network."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from TableRemovalLib.errors import InputError

from ..grid import NETWORK_SPACING_MM
from ..network.architectures import spacing_of
from . import checkpoint
from .config import TrainingConfig
from .journal import Journal, Tell, mean_scores
from .samples import PreparedScan, batch_of, on_voxels, random_pair

if TYPE_CHECKING:
    from .stepper import Stepper

COLUMNS = ("step", "learning_rate", "loss", "error_voxels", "validation_loss", "validation_error_voxels")
WARM_UP_STEPS = 100


def rate_at(step: int, config: TrainingConfig) -> float:
    """Cosine from the first to the last learning rate, after 100 steps of warming up."""
    first, last = config.learning_rate
    share = 0.5 * (1.0 + np.cos(np.pi * min(1.0, step / config.pooled.steps)))
    return float((last + (first - last) * share) * min(1.0, (step + 1) / WARM_UP_STEPS))


def draw_batch(scans: list[PreparedScan], config: TrainingConfig, count: int, rng):
    """A batch of `count` random pairs on the network's voxels; see batch_of."""
    spacing = spacing_of(config.network)
    shape = tuple(int(n * spacing / NETWORK_SPACING_MM) for n in config.block)
    chosen = rng.integers(len(scans), size=count)
    pairs = [random_pair(scans[n], shape, config.motion, config.appearance, rng) for n in chosen]
    return batch_of([on_voxels(pair, spacing) for pair in pairs])


def train_pooled(
    stepper: Stepper,
    train: list[PreparedScan],
    validation: list[PreparedScan],
    folder: Path,
    config: TrainingConfig,
    tell: Tell | None = None,
) -> dict:
    """Run, or go on, to the last step; the network ends with the weights of the best validation.

    Without validation scans, fixed pairs of the training scans monitor.

    Returns
    -------
    dict
        steps, best_step, best_validation_error_voxels, seconds (of all sessions).
    """
    steps = config.pooled.steps
    judge = np.random.default_rng([config.seed, 1])
    judged = [draw_batch(validation or train, config, 1, judge) for _ in range(config.pooled.validation_pairs)]
    rng, begun = np.random.default_rng([config.seed, 2]), time.monotonic()
    position = {"step": 0, "best": float("inf"), "best_step": 0, "rows": 0, "seconds": 0.0}
    best = stepper.weights()
    if found := checkpoint.resume_run(folder, rng, stepper):
        position, best = found
    earlier, saved = position["seconds"], time.monotonic()
    journal = Journal(folder, COLUMNS, tell, position["rows"], position["step"])
    recent = []
    while position["step"] < steps:
        step = position["step"]
        rate = rate_at(step, config)
        recent.append(stepper.step(*draw_batch(train, config, config.batch, rng), rate))
        position["step"] = step = step + 1
        if not np.isfinite(recent[-1]["loss"]):
            raise InputError(f"The loss is not a number after {step} steps: begin again with a lower learning_rate.")
        if step % config.epoch_steps and step < steps:
            continue
        training, judgement = mean_scores(recent), mean_scores([stepper.evaluate(*pair) for pair in judged])
        recent = []
        if judgement["loss"] < position["best"]:
            position.update(best=judgement["loss"], best_step=step, error=judgement["error"])
            best = stepper.weights()
        journal.write(step, dict(zip(COLUMNS, (step, rate, *training.values(), *judgement.values()), strict=True)))
        journal.say(
            f"step {step} of {steps}, error {training['error']:.3f}, validation {judgement['error']:.3f} voxels",
            step / steps,
        )
        if step == steps or time.monotonic() - saved > 60.0 * config.checkpoint_minutes:
            saved = time.monotonic()
            position.update(rows=journal.rows, seconds=earlier + saved - begun)
            checkpoint.save_run(folder, position, rng, stepper, best)
    journal.close()
    stepper.set_weights(best)
    return {
        "steps": position["step"],
        "best_step": position["best_step"],
        "best_validation_error_voxels": position.get("error"),
        "seconds": round(position["seconds"]),
    }
