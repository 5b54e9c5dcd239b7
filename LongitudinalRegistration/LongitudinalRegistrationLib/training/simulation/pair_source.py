"""Pairs for "pooled" training, drawn by number: the same, whichever process draws them and wherever a run goes on."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from TableRemovalLib.owned_folders import PREFIX, make_owned_folder, remove_owned_folder

from ...methods.network.architectures.catalogue import spacing_of
from ...system.parallel import bound_threads
from ..config import TrainingConfig
from .samples import PreparedScan, batch_of, random_pair

PAIRS, CHOICES = 2, 3
KEPT_BATCHES = 48
AHEAD = 4
PARTS = ("image", "body", "averaged", "averaged_body", "cavity", "lung")

Batch = tuple[np.ndarray, np.ndarray]


def draw_batch(scans: list[PreparedScan], config: TrainingConfig, count: int, rng: np.random.Generator) -> Batch:
    """A batch of `count` random pairs on the network's voxels; see batch_of."""
    spacing, pairs = spacing_of(config.network), []
    lungs = np.cumsum([scan.lung_voxels for scan in scans]) if config.pooled.lung_share else np.zeros(1)
    for _ in range(count):
        in_lung = bool(lungs[-1]) and rng.random() < config.pooled.lung_share
        if in_lung:
            chosen = int(np.searchsorted(lungs, rng.integers(lungs[-1]), side="right"))
        else:
            chosen = int(rng.integers(len(scans)))
        pairs.append(random_pair(scans[chosen], config.block, config.motion, config.appearance, rng, spacing, in_lung))
    return batch_of(pairs)


def numbered_pair(scans: list[PreparedScan], config: TrainingConfig, number: int) -> Batch:
    """The pair of this number, in float16."""
    rng = np.random.default_rng([config.seed, PAIRS, number])
    images, truth = draw_batch(scans, config, 1, rng)
    return images.astype(np.float16), truth.astype(np.float16)


def mirrored(batch: Batch, axes: tuple[int, ...]) -> Batch:
    """Images (n, k, j, i, 2) and truth (n, k, j, i, 4) mirrored along axes 1, 2, 3; the flow along them turns."""
    images, truth = (np.flip(part, axes).copy() for part in batch)
    for axis in axes:
        np.negative(truth[..., 3 - axis], out=truth[..., 3 - axis])
    return images, truth


class PairSource:
    """Batches by step, from workers that draw ahead, or drawn here.

    Parameters
    ----------
    scans
        As from prepare_scan.
    first_step
        The first step that is asked for; then one after the other.
    """

    def __init__(self, scans: list[PreparedScan], config: TrainingConfig, first_step: int = 0) -> None:
        self._config, self._step = config, first_step
        self._pairs: dict[int, Future[Batch] | Batch] = {}
        self._workers: _Workers | None = None
        self._threads = ThreadPoolExecutor(config.batch)
        self._draw: Callable[[int], Future[Batch] | Batch] = lambda number: numbered_pair(scans, config, number)
        if config.pooled.workers:
            workers = self._workers = _Workers(scans, config)
            self._draw = workers.draw
            self._next = workers.thread.submit(self._batch, first_step)

    def batch(self) -> Batch:
        """The batch of the next step."""
        step, self._step = self._step, self._step + 1
        if self._workers is None:
            return self._batch(step)
        ready, self._next = self._next, self._workers.thread.submit(self._batch, step + 1)
        return ready.result()

    def close(self) -> None:
        """End the workers."""
        if self._workers is not None:
            self._workers.close()
        self._threads.shutdown()

    def _batch(self, step: int) -> Batch:
        config = self._config
        if config.pooled.repeats == 1:
            numbers = list(range(step * config.batch, (step + 1) * config.batch))
            axes: list[tuple[int, ...]] = [()] * config.batch
            oldest, newest = numbers[0], numbers[-1]
        else:
            kept = KEPT_BATCHES * config.batch
            newest = config.batch * 4 + step * config.batch // config.pooled.repeats
            oldest = max(0, newest - kept)
            rng = np.random.default_rng([config.seed, CHOICES, step])
            numbers = rng.choice(np.arange(oldest, newest + 1), config.batch, replace=False).tolist()
            axes = [tuple((1 + np.flatnonzero(rng.random(2) < 0.5)).tolist()) for _ in numbers]
        ahead = AHEAD * config.pooled.workers
        for number in range(oldest, newest + ahead + 1) if ahead else numbers:
            if number not in self._pairs:
                self._pairs[number] = self._draw(number)
        pairs = self._threads.map(mirrored, [self._taken(number) for number in numbers], axes)
        for number in [number for number in self._pairs if number < oldest]:
            del self._pairs[number]
        images, truth = (np.concatenate(part) for part in zip(*pairs, strict=True))
        return images, truth

    def _taken(self, number: int) -> Batch:
        pair = self._pairs[number]
        if isinstance(pair, Future):
            pair = self._pairs[number] = pair.result()
        return pair


class _Workers:
    """Processes that draw pairs, and the thread that puts batches together ahead.

    Parameters
    ----------
    scans
        Handed over through files in a temporary folder.
    """

    def __init__(self, scans: list[PreparedScan], config: TrainingConfig) -> None:
        self._folder = make_owned_folder(Path(tempfile.gettempdir()), PREFIX)
        _share(scans, self._folder)
        self._pool = ProcessPoolExecutor(
            config.pooled.workers,
            multiprocessing.get_context("spawn"),
            _start_worker,
            (str(self._folder), [scan.name for scan in scans], config),
        )
        self.thread = ThreadPoolExecutor(1)

    def draw(self, number: int) -> Future[Batch]:
        """Ask for the pair of this number."""
        return self._pool.submit(_work, number)

    def close(self) -> None:
        """End thread and processes, remove the folder."""
        self.thread.shutdown(cancel_futures=True)
        self._pool.shutdown(cancel_futures=True)
        remove_owned_folder(self._folder)


def _share(scans: list[PreparedScan], folder: Path) -> None:
    for number, scan in enumerate(scans):
        for part in PARTS:
            np.save(folder / f"{number}-{part}.npy", getattr(scan, part))


_worker: dict = {}


def _start_worker(folder: str, names: list[str], config: TrainingConfig) -> None:
    """Take the scans up; one thread each, as there are as many workers as cores.

    What they do is free of matrix products for the same reason: numpy would start a thread for every core, in every
    worker, and they would starve the process that trains.
    """
    bound_threads(1)
    scans = []
    for number, name in enumerate(names):
        parts = {part: np.load(f"{folder}/{number}-{part}.npy", mmap_mode="r") for part in PARTS}
        scan = PreparedScan(name, parts.pop("image"), parts.pop("body"))
        scan.__dict__.update(parts)
        scans.append(scan)
    _worker.update(scans=scans, config=config)


def _work(number: int) -> Batch:
    return numbered_pair(_worker["scans"], _worker["config"], number)
