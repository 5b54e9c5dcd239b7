"""A short training run of the vxm-2 network on random blocks with known fields.

    python -m LongitudinalRegistrationLib.training.first_training --out DIR --steps N SCAN [SCAN ...]

It checkpoints and, called again with the same folder, goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

SOFT_TISSUE_LEVEL = 0.78


@dataclass(frozen=True)
class TrainingOptions:
    """steps: gradient steps in all; delta_mm: largest displacement component at the end, first_delta_mm: at the
    start; lesson: part of the steps in which small blocks are only shifted, which teaches the network to match;
    ramp: part of the steps by which the fields have become local and large; ncc_from: part of the steps after
    which local NCC joins the end-point and diffusion losses."""

    steps: int = 12000
    learning_rate: float = 6e-4
    delta_mm: float = 12.0
    first_delta_mm: float = 4.0
    lesson: float = 0.12
    ramp: float = 0.6
    ncc_from: float = 0.85
    diffusion: float = 1.0
    seed: int = 1


@dataclass(frozen=True)
class Difficulty:
    """The pairs of one step: voxels a side, pairs, largest component in mm, part of it that is a translation."""

    block: int
    batch: int
    delta_mm: float
    shift: float


def difficulty_at(step: int, options: TrainingOptions) -> Difficulty:
    """From shifts of small blocks to local fields of large ones."""
    done = step / options.steps
    if done < options.lesson:
        return Difficulty(32, 4, options.first_delta_mm, 1.0)
    part = min(1.0, (done - options.lesson) / (options.ramp - options.lesson))
    delta = options.first_delta_mm + part * (options.delta_mm - options.first_delta_mm)
    return Difficulty(64, 1, delta, 0.9 * (1.0 - part) + 0.1)


def rate_at(step: int, options: TrainingOptions) -> float:
    """Cosine decay to 2 % of the first learning rate, after 100 steps of warming up."""
    decay = 0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * min(1.0, step / options.steps)))
    return options.learning_rate * decay * min(1.0, (step + 1) / 100)


def centre_first_layer(network, level: float = SOFT_TISSUE_LEVEL, gain: float = 6.0) -> None:
    """Start the first convolution as if its input were gain * (intensity - level).

    On [0, 1] against the 99th percentile, soft tissue is crowded around 0.8; without this the first thousands
    of steps only learn to take that level away.
    """
    first = next(layer for layer in network.layers if hasattr(layer, "kernel"))
    kernel, _ = first.get_weights()
    kernel = gain * kernel
    first.set_weights([kernel, -level * kernel.sum(axis=(0, 1, 2, 3))])


class FirstTraining:
    """Network, optimiser and position of one run in one folder."""

    def __init__(self, folder: Path, options: TrainingOptions):
        import keras
        import tensorflow as tf

        from ..network.spatial_transformer import UpsampleFlow
        from ..network.vxm2 import build_vxm2

        self.folder, self.options = folder, options
        self.network = build_vxm2((None, None, None))
        centre_first_layer(self.network)
        self.optimizer = keras.optimizers.Adam(options.learning_rate, clipnorm=1.0)
        self.optimizer.build(self.network.trainable_variables)
        self.upsample = UpsampleFlow()
        self.checkpoint = tf.train.Checkpoint(
            network=self.network, optimizer=self.optimizer, step=tf.Variable(0, dtype=tf.int64)
        )
        self.manager = tf.train.CheckpointManager(self.checkpoint, str(folder / "checkpoints"), max_to_keep=2)
        self.checkpoint.restore(self.manager.latest_checkpoint)
        self._compiled = {with_ncc: tf.function(self._make_step(with_ncc)) for with_ncc in (False, True)}

    @property
    def step(self) -> int:
        return int(self.checkpoint.step.numpy())

    def _make_step(self, with_ncc: bool):
        import tensorflow as tf

        from ..network.losses import diffusion_loss, end_point_loss, local_ncc_loss
        from ..network.spatial_transformer import warp

        def run(fixed, moving, flow, body):
            with tf.GradientTape() as tape:
                half = self.network(tf.concat([fixed, moving], axis=-1), training=True)
                full = self.upsample(half)
                error = end_point_loss(flow, full, body)
                loss = error + self.options.diffusion * diffusion_loss(half)
                if with_ncc:
                    loss += local_ncc_loss(fixed, warp(moving, full))
            variables = self.network.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            distance = tf.norm(flow - full, axis=-1, keepdims=True)
            start = tf.norm(flow, axis=-1, keepdims=True)
            total = tf.reduce_sum(body) + 1e-6
            return tf.reduce_sum(distance * body) / total, tf.reduce_sum(start * body) / total

        return run

    def train_step(self, pairs) -> tuple[float, float]:
        """One gradient step on a batch of pairs; mean end-point error and mean displacement, voxels."""
        self.optimizer.learning_rate = rate_at(self.step, self.options)
        with_ncc = self.step >= self.options.ncc_from * self.options.steps
        fixed, moving, body = (
            np.stack([getattr(pair, name) for pair in pairs])[..., None].astype(np.float32)
            for name in ("fixed", "moving", "body")
        )
        flow = np.stack([pair.flow for pair in pairs])
        error, start = self._compiled[with_ncc](fixed, moving, flow, body)
        self.checkpoint.step.assign_add(1)
        return float(error), float(start)

    def save(self) -> None:
        """Checkpoint, and the weights alone."""
        self.manager.save()
        self.network.save_weights(self.folder / "vxm2_half.weights.h5")


def train(scans, folder: Path, options: TrainingOptions) -> None:
    """Run to the last step; one line of `log.csv` every 50 steps (step, delta, shift, error, start, seconds)."""
    from .samples import random_pair

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "options.json").write_text(json.dumps(asdict(options), indent=2))
    run = FirstTraining(folder, options)
    recent, begun = [], time.monotonic()
    while run.step < options.steps:
        rng = np.random.default_rng([options.seed, run.step])
        now = difficulty_at(run.step, options)
        chosen = rng.integers(len(scans), size=now.batch)
        recent.append(run.train_step([random_pair(scans[n], now.block, now.delta_mm, rng, now.shift) for n in chosen]))
        if run.step % 50 == 0:
            error, start = np.mean(recent, axis=0)
            seconds = time.monotonic() - begun
            line = f"{run.step},{now.delta_mm:.1f},{now.shift:.2f},{error:.4f},{start:.4f},{seconds:.0f}"
            print(line, flush=True)
            with open(folder / "log.csv", "a") as log:
                log.write(line + "\n")
            recent = []
        if run.step % 500 == 0:
            run.save()
    run.save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=TrainingOptions.steps)
    parser.add_argument("--seed", type=int, default=TrainingOptions.seed)
    arguments = parser.parse_args()
    from .samples import prepare_scan

    scans = [prepare_scan(path) for path in arguments.scans]
    train(scans, arguments.out, TrainingOptions(steps=arguments.steps, seed=arguments.seed))


if __name__ == "__main__":
    main()
